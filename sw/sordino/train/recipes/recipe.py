"""Recipes: everything that decides what a training makes, as a TOML file with one table a class."""

import hashlib
import json
import os
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from sordino.errors import InputError
from sordino.files import read_text
from sordino.model.rnnt import MOST_BLANK_PENALTY
from sordino.speech.corpora.datasets import Split
from sordino.train.recipes.checks import one_of, plain_name, shown, within
from sordino.train.recipes.methods import (
    ContextRecipe,
    DiscriminativeRecipe,
    QuantiseRecipe,
    SparsifyRecipe,
    TeacherRecipe,
)
from sordino.train.recipes.mix import DataRecipe
from sordino.train.recipes.room import RoomRecipe
from sordino.train.recipes.shape import FeatureRecipe, NetworkRecipe

__all__ = [
    "AugmentRecipe",
    "ContextRecipe",
    "DataRecipe",
    "DiscriminativeRecipe",
    "FeatureRecipe",
    "NetworkRecipe",
    "QuantiseRecipe",
    "Recipe",
    "RoomRecipe",
    "ScheduleRecipe",
    "SparsifyRecipe",
    "TeacherRecipe",
    "digest_of",
    "load_recipe",
    "without_ancestors",
]

_PRECISIONS = ("float32", "bfloat16")


def _range(recipe: object, name: str) -> None:
    low, high = getattr(recipe, name)
    if not 0.5 <= low <= 1 <= high <= 2:
        raise InputError(
            f"wanted {name} as [low, high] with 0.5 ≤ low ≤ 1 ≤ high ≤ 2, got {[low, high]}"
        )


@dataclass(frozen=True, kw_only=True)
class AugmentRecipe:
    """What is done to the cepstra of an utterance each time it is used; all zero: nothing.

    tempo         [slowest, fastest]: time is stretched by a factor drawn between them
    warp          [low, high]: the frequency axis is stretched by a factor drawn between them, as
                  another speaker's vocal tract would
    gain          deviations from the utterance's mean are scaled by 1 ± this at most
    offset        standard deviation of a shift of each cepstrum, in the data's deviations
    noise         noise in every cepstrum of every frame: its standard deviation is drawn up to this
    time_masks    stretches of input vectors that are zeroed
    time_mask     input vectors in a stretch at most
    band_masks    bands of mel filters that are set to the utterance's mean
    band_mask     filters in a band at most
    join          probability that a further utterance follows in the same example
    join_frames   only after utterances of at most this many frames of 10 ms
    extra         utterances of further corpora (`also`) in an epoch for each of the
                  data's own, drawn anew every time
    """

    tempo: tuple[float, float] = (1.0, 1.0)
    warp: tuple[float, float] = (1.0, 1.0)
    gain: float = 0.0
    offset: float = 0.0
    noise: float = 0.0
    time_masks: int = 0
    time_mask: int = 8
    band_masks: int = 0
    band_mask: int = 8
    join: float = 0.0
    join_frames: int = 270
    extra: float = 0.5

    def __post_init__(self) -> None:
        _range(self, "tempo")
        _range(self, "warp")
        within(self, "gain", 0, 0.9)
        within(self, "offset", 0, 10)
        within(self, "noise", 0, 10)
        within(self, "time_masks", 0, 100)
        within(self, "time_mask", 1, 1000)
        within(self, "band_masks", 0, 100)
        within(self, "band_mask", 1, 1000)
        within(self, "join", 0, 1)
        within(self, "join_frames", 0, 100_000)
        within(self, "extra", 0, 100)


@dataclass(frozen=True, kw_only=True)
class ScheduleRecipe:
    """How the network is trained: AdamW, warm-up, then half a cosine to zero.

    seed            of everything that is drawn; the same seed, data and number of threads give the
                    same model
    epochs          passes over the training split
    ctc_epochs      of these, the first ones use the CTC loss alone, as a warm start
    ctc_weight      of the CTC loss beside the transducer's afterwards
    batch           utterances in a step
    learning_rate   at its highest
    warmup          steps until then
    weight_decay    of AdamW, on matrices
    clip            largest norm of the gradient
    dropout         of the inputs of layers
    weight_noise    standard deviation of the noise added to all matrices, new in every step
    average         decay a step of the running mean of the weights, which is what is exported; 0:
                    the last weights are
    start_share     share that the weights of --start have in those exported (M. Wortsman et al.,
                    "Robust fine-tuning of zero-shot models", CVPR 2022, arXiv:2109.01903)
    blank_penalty   nats that the exported network's score of blank is lower by. Greedy decoding
                    writes a label only where it is likelier than blank in one frame, though its
                    probability may lie spread over several: a network that is unsure leaves out
                    words
    precision       of the matrix products: float32, or bfloat16 (fast where the processor has it)
    measure         split on which word errors are counted; `tuning`, AN4's speakers to choose on,
                    are not trained on then
    measure_epochs  epochs from one count to the next; the last epoch is always measured
    """

    seed: int = 1
    epochs: int = 100
    ctc_epochs: int = 0
    ctc_weight: float = 0.3
    batch: int = 16
    learning_rate: float = 2e-3
    warmup: int = 300
    weight_decay: float = 1e-2
    clip: float = 3.0
    dropout: float = 0.2
    weight_noise: float = 0.0
    average: float = 0.0
    start_share: float = 0.0
    blank_penalty: float = 0.0
    precision: str = "float32"
    measure: Split = "dev"
    measure_epochs: int = 10

    def __post_init__(self) -> None:
        within(self, "seed", 0, 2**32 - 1)
        within(self, "epochs", 1, 100_000)
        within(self, "ctc_epochs", 0, self.epochs)
        within(self, "ctc_weight", 0, 100)
        within(self, "batch", 1, 4096)
        within(self, "learning_rate", 1e-9, 10)
        within(self, "warmup", 0, 10**9)
        within(self, "weight_decay", 0, 10)
        within(self, "clip", 1e-9, 1e9)
        within(self, "dropout", 0, 0.9)
        within(self, "weight_noise", 0, 10)
        within(self, "average", 0, 0.999999)
        within(self, "start_share", 0, 1)
        within(self, "blank_penalty", -MOST_BLANK_PENALTY, MOST_BLANK_PENALTY)
        one_of(self, "precision", _PRECISIONS)
        one_of(self, "measure", get_args(Split))
        within(self, "measure_epochs", 1, 100_000)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """A whole training; the tables are named as the fields here.

    name          of the recipe
    description   what it is for
    licence       of the models that it makes, such as an SPDX identifier; it goes with them
    start         name of the training whose weights it goes on from; empty: it begins anew
    also          further corpora that it is trained on, by name, each with the command that makes
                  it (or empty)
    """

    name: str
    description: str = ""
    licence: str = ""
    start: str = ""
    also: dict[str, str] = field(default_factory=dict)
    data: DataRecipe = field(default_factory=DataRecipe)
    features: FeatureRecipe = field(default_factory=FeatureRecipe)
    network: NetworkRecipe = field(default_factory=NetworkRecipe)
    augment: AugmentRecipe = field(default_factory=AugmentRecipe)
    room: RoomRecipe = field(default_factory=RoomRecipe)
    schedule: ScheduleRecipe = field(default_factory=ScheduleRecipe)
    quantise: QuantiseRecipe = field(default_factory=QuantiseRecipe)
    sparsify: SparsifyRecipe = field(default_factory=SparsifyRecipe)
    teacher: TeacherRecipe = field(default_factory=TeacherRecipe)
    context: ContextRecipe = field(default_factory=ContextRecipe)
    discriminative: DiscriminativeRecipe = field(default_factory=DiscriminativeRecipe)

    def __post_init__(self) -> None:
        if not self.name.strip() or not self.name.isprintable():
            raise InputError(f"wanted a name that can be read in one line, got {shown(self.name)}")
        if self.start:
            plain_name("start", self.start)
        for corpus, command in self.also.items():
            plain_name("a corpus in also", corpus)
            if not command.isprintable():
                raise InputError(f"wanted one line for also.{corpus}, got {shown(command)}")
        self.data.check(self.also)
        if self.data.mix and self.augment.extra != AugmentRecipe.extra:
            raise InputError(
                f"wanted either [[data.mix]] or extra in the recipe, got both; write extra = "
                f"{AugmentRecipe.extra:g} where a base says otherwise"
            )

    def to_dict(self) -> dict[str, Any]:
        """All fields as JSON-able values, those left out in the file among them."""
        return asdict(self)

    @property
    def reads_unlabelled(self) -> bool:
        """Whether recordings without transcripts are of use: as context, or for a teacher."""
        return bool(self.context.utterances) or not self.teacher.labels

    @property
    def digest(self) -> str:
        """A hash of what the recipe says of the training itself, as `digest_of` has it."""
        return digest_of(self.to_dict())


def without_ancestors(values: Mapping[str, Any]) -> dict[str, Any]:
    """A recipe as plain values, without the names of what it goes on from.

    A mix of corpora that is empty is left out, too, and a room that changes nothing: recipes from
    before there were any stay equal.
    """
    own = {name: value for name, value in values.items() if name not in ("start", "also")}
    if isinstance(data := own.get("data"), Mapping) and not data.get("mix"):
        del own["data"]
    if isinstance(room := own.get("room"), Mapping) and _changes_nothing(room):
        del own["room"]
    if isinstance(teacher := own.get("teacher"), Mapping):
        own["teacher"] = {name: value for name, value in teacher.items() if name != "name"}
    return own


def _changes_nothing(room: Mapping[str, Any]) -> bool:
    """Whether a [room] as plain values, of a file or of a recipe, is the one without entries."""
    return json.dumps(room, sort_keys=True) == json.dumps(asdict(RoomRecipe()), sort_keys=True)


def digest_of(values: Mapping[str, Any]) -> str:
    """A hash of a recipe as plain values, not of how its file is laid out.

    Names of ancestors and corpora are left out: a training knows those by their contents.
    """
    own = json.dumps(without_ancestors(values), sort_keys=True)
    return hashlib.sha256(own.encode()).hexdigest()


def load_recipe(path: str | Path) -> Recipe:
    """The recipe in a TOML file.

    `base = "OTHER.toml"`, a file beside it, gives all that the file itself does not say but name
    and description: `start = ""` begins anew where the base does not.

    Raises InputError, in one line, for a file that cannot be read, unknown or missing entries,
    and values of another kind or out of range.
    """
    values = _read(Path(path), ())
    try:
        recipe: Recipe = _build(Recipe, values, "the recipe")
        return recipe
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def _read(path: Path, above: tuple[Path, ...]) -> dict[str, Any]:
    """The entries of a file over those of its base."""
    if (place := Path(os.path.realpath(path))) in above:
        raise InputError(f"wanted a base that ends somewhere, but {path} is its own; correct it")
    try:
        values = tomllib.loads(read_text(path, "recipe"))
    except InputError:
        raise
    except (ValueError, RecursionError) as error:  # ValueError: also of numbers that never end
        raise InputError(f"wanted a recipe as TOML, but {path} is not: {error}") from None
    base = values.pop("base", None)
    if base is None:
        return values
    if not isinstance(base, str) or not base.isprintable():
        raise InputError(f"{path}: wanted base as the name of a file, got {shown(base)}")
    inherited = _read(path.parent / base, (*above, place))
    for part in ("name", "description"):
        inherited.pop(part, None)
    return _over(inherited, values)


def _over(below: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    merged = dict(below)
    for name, value in values.items():
        both = name != "also" and isinstance(value, dict) and isinstance(merged.get(name), dict)
        merged[name] = _over(merged[name], value) if both else value
    return merged


def _build(kind: Any, values: object, where: str) -> Any:
    if not isinstance(values, dict):
        raise InputError(f"wanted {where} as a table, got {shown(values)}")
    known = {f.name: f.type for f in fields(kind)}
    if unknown := values.keys() - known.keys():
        raise InputError(
            f"wanted entries of {where} among {', '.join(known)}, got {shown(sorted(unknown)[0])}"
        )
    if kind is Recipe and "name" not in values:
        raise InputError("wanted a name in the recipe, got none")
    return kind(**{name: _value(known[name], value, name) for name, value in values.items()})


def _value(kind: Any, value: object, name: str) -> Any:
    if get_origin(kind) is tuple:
        inner = get_args(kind)
        if inner[1:] == (...,):
            if not isinstance(value, list):
                raise InputError(f"wanted tables [[{name}]], got {shown(value)}")
            return tuple(_value(inner[0], v, name) for v in value)
        if not isinstance(value, list) or len(value) != len(inner):
            raise InputError(f"wanted {name} as a list of {len(inner)} numbers, got {shown(value)}")
        return tuple(_value(k, v, name) for k, v in zip(inner, value, strict=True))
    if get_origin(kind) is dict:
        if not isinstance(value, dict):
            raise InputError(f"wanted {name} as a table, got {shown(value)}")
        return {key: _value(get_args(kind)[1], v, f"{name}.{key}") for key, v in value.items()}
    if get_origin(kind) is Literal:
        kind = str
    if kind not in (int, float, str, bool):
        return _build(kind, value, f"[{name}]")
    if kind is float and type(value) is int and abs(value) <= sys.float_info.max:
        return float(value)
    if type(value) is not kind or value != value:
        names = {int: "a whole number", float: "a number", str: "text", bool: "true or false"}
        raise InputError(f"wanted {name} as {names[kind]}, got {shown(value)}")
    return value
