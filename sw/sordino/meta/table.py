"""What a model's meta may say: a JSON object beside the tensors, with the entries below.

Meta that is not understood is never ignored. At every level an entry is refused that is not known,
of another kind or out of its range. A size that the tensors do not have is refused, too. Whole
numbers may be written as 3.0; true and false are no numbers. A name stands in an object once.

Where a model file holds its meta depends on the kind of file:

* `.npz`: the array `meta`, one text.
* `.safetensors`: the metadata `meta`.
* A PyTorch state dict: the entry `meta`, a text or the object itself.

The option `--meta FILE` takes the meta from a JSON file instead.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from sordino.arith import WEIGHT
from sordino.errors import InputError
from sordino.files import decode_text
from sordino.image.host import CODEBOOKS, Stacking
from sordino.image.section.features import FeatureSettings
from sordino.schema.kinds import TEXT, Choice, Many, Map, Whole, shown
from sordino.schema.record import Nested, Record, declare
from sordino.schema.text import parse_json

__all__ = ["ACTIVATIONS", "DELTAS", "MOST_META", "EncoderMeta", "FeaturesMeta", "JointMeta"]
__all__ += ["Meta", "PredictionMeta", "QuantiseMeta", "parse_meta"]

MOST_META = 1 << 24
"""Bytes of meta at most."""
ACTIVATIONS = ("tanh", "relu")
"""What a joint may apply to the sum of its halves."""
DELTAS = (
    "delta = 3*(2*(x[t+2]-x[t-2])+(x[t+1]-x[t-1]))/10 on edge-padded x; "
    "delta-delta the same of delta; concatenated [x, delta, delta2] = 39"
)
_UNITS = Whole(1, 1 << 20)
_BITS = Whole(2, WEIGHT.bits)
_WEIGHTS = ("utterance_mean_weight", "global_mean_weight")
_MEAN_TEXT = re.compile(
    r"x - (\d+(?:\.\d+)?)\*utterance_mean - (\d+(?:\.\d+)?)\*global_mean, then / global_std"
)


@dataclass(frozen=True, kw_only=True)
class FeaturesMeta(FeatureSettings):
    """How recordings become the encoder's input."""

    STATED: ClassVar[frozenset[str]] = frozenset({"kind"})
    cepstra: int | None = declare(_UNITS, "must be the front end's", None)
    dim: int | None = declare(
        _UNITS, "width of an input vector: must be 3 · cepstra · stack", default=None
    )
    mean_subtraction: str | None = declare(
        TEXT,
        "the two weights as a sentence: `x - A*utterance_mean - B*global_mean, then / global_std`",
        default=None,
    )
    deltas: str | None = declare(
        Choice((DELTAS,)), "how deltas are computed, the only way there is", default=None
    )

    def mean_weights(self) -> dict[str, float]:
        """The weights of both means that are stated, in numbers or as `mean_subtraction`.

        None where neither is. Raises `InputError` where one is missing or the two ways differ.
        """
        said = {name: float(getattr(self, name)) for name in _WEIGHTS if self.states(name)}
        if len(said) == 1 and self.utterance_mean_weight + self.global_mean_weight != 1:
            (name,) = set(_WEIGHTS) - said.keys()
            raise InputError(
                f"wanted meta features.{name} too, since with its default, "
                f"{getattr(self, name):g}, the two weights do not make 1, got "
                f"{next(iter(said))} alone; give both"
            )
        if (text := self.mean_subtraction) is None:
            return said
        if (match := _MEAN_TEXT.fullmatch(text)) is None:
            raise InputError(
                "wanted meta features.mean_subtraction as 'x - A*utterance_mean - B*global_mean, "
                f"then / global_std', got {shown(text)}; correct it"
            )
        written = dict(zip(_WEIGHTS, map(float, match.groups()), strict=True))
        if any(written[name] != said[name] for name in said) or max(written.values()) > 1:
            raise InputError(
                "wanted meta features.mean_subtraction with the two mean weights, from 0 to 1, got "
                f"{shown(text)}; correct it or leave it out"
            )
        return written


@dataclass(frozen=True, kw_only=True)
class QuantiseMeta(Record):
    """What the weights were trained for."""

    bits: int = declare(_BITS, "bits of a weight", WEIGHT.bits)
    codebook: str = declare(Choice(CODEBOOKS), "where a matrix's values lie", CODEBOOKS[0])
    layers: Mapping[str, int] = declare(
        Map(_BITS),
        "bits of the matrices whose names fit a pattern, as in the shell; the first holds",
        default={},
    )


@dataclass(frozen=True, kw_only=True)
class EncoderMeta(Record):
    """The encoder's LSTM layers."""

    layers: int | None = declare(_UNITS, "must be as many as the tensors have", None)
    inputs: int | None = declare(_UNITS, "width of an input vector; must be the tensors'", None)
    hidden: int | None = declare(_UNITS, "units of every layer; must be the tensors'", None)
    time_reduction: Stacking | None = declare(
        Nested(Stacking),
        "outputs of some frames side by side are one input of the rest of the layers",
        default=None,
    )


@dataclass(frozen=True, kw_only=True)
class PredictionMeta(Record):
    """The prediction network's LSTM layers."""

    layers: int | None = declare(_UNITS, "must be as many as the tensors have", None)
    embedding: int | None = declare(
        _UNITS, "width of a token's embedding; must be the tensor's", default=None
    )
    hidden: int | None = declare(_UNITS, "units of every layer; must be the tensors'", None)
    start: str | None = declare(
        Choice(("blank embedding, zero state",)),
        "how decoding begins, the only way there is",
        default=None,
    )


@dataclass(frozen=True, kw_only=True)
class JointMeta(Record):
    """The joint network."""

    activation: str = declare(
        Choice(ACTIVATIONS), "function of the sum of the two halves (encoder and prediction)"
    )
    dim: int | None = declare(_UNITS, "width of the joint; must be the tensors'", None)
    relu_fraction: int = declare(
        Whole(0, 11),
        "fraction bits of a ReLU joint's int8; left out, its sums are scaled to fit",
        default=4,
    )


@dataclass(frozen=True, kw_only=True)
class Meta(Record):
    """All of a model's meta."""

    tokens: tuple[str, ...] = declare(
        Many(TEXT, "strings"),
        "text of each, one a row of the embedding and of the joint's output",
    )
    blank: int = declare(
        Whole(0, (1 << 20) - 1), "number of the token that stands for none", default=0
    )
    max_symbols_per_frame: int = declare(Whole(1, 0xFFFF), "tokens in one frame at most", 5)
    joint: JointMeta = declare(Nested(JointMeta), "the joint network")
    encoder: EncoderMeta = declare(
        Nested(EncoderMeta), "the encoder's LSTM layers", default=EncoderMeta()
    )
    prediction: PredictionMeta = declare(
        Nested(PredictionMeta), "the prediction network's LSTM layers", default=PredictionMeta()
    )
    gate_order: str | None = declare(
        Choice(("i f g o", "i f g o (PyTorch)")),
        "order of the gates in the LSTMs' rows, the only one there is",
        default=None,
        remedy="write it so, and permute the rows of every layer if it is another order",
    )
    features: FeaturesMeta | None = declare(
        Nested(FeaturesMeta),
        "how recordings become input, with the tensors `features.mean` and `features.std`; "
        "without it an image takes no recordings",
        default=None,
    )
    quantise: QuantiseMeta = declare(
        Nested(QuantiseMeta),
        "what the weights were trained for; the compiler takes it",
        default=QuantiseMeta(),
    )
    licence: str | None = declare(
        TEXT, "of the model, such as an SPDX identifier; images carry it", default=None
    )
    license: str | None = declare(TEXT, "the same in the other spelling", None)
    recipe: str | None = declare(TEXT, "name of the training; for readers", None)
    notes: str | None = declare(TEXT, "anything else; for readers", None)


def parse_meta(contents: bytes | str, what: str = "meta") -> Any:
    """The value in JSON text of at most MOST_META bytes; `what` names it in errors.

    Raises InputError for anything but JSON: also for names that stand twice in an object, and for
    NaN and infinity, which JSON does not have.
    """
    if len(contents) > MOST_META:
        raise InputError(
            f"wanted {what} of at most {MOST_META:,} bytes, got {len(contents):,}; shorten it"
        )
    text = decode_text(contents, what) if isinstance(contents, bytes) else contents
    try:
        return parse_json(text)
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"wanted {what} as JSON, got something else ({error}); correct it"
        ) from None
