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

import json
import re
from collections.abc import Mapping
from typing import Any

from sordino.arith import WEIGHT
from sordino.errors import InputError
from sordino.files import decode_text
from sordino.meta.entries import Choice, Entry, Map, Number, Table, Text, Texts, Whole, shown

__all__ = ["ACTIVATIONS", "CODEBOOKS", "DELTAS", "FEATURES", "FEATURE_KIND", "FRONT_END", "MEANS"]
__all__ += ["META", "MOST_META", "MOST_STACKED", "QUANTISE", "mean_weights", "parse_meta"]

MOST_META = 1 << 24
"""Bytes of meta at most."""
ACTIVATIONS = ("tanh", "relu")
"""What a joint may apply to the sum of its halves."""
CODEBOOKS = ("uniform", "lloyd-max")
"""Evenly spaced around zero, or where they are nearest to the weights (`lloyd_max`)."""
MEANS = ("utterance", "running")
"""What a cepstral mean can be taken over."""
FEATURE_KIND = "sphinx-mfcc"
MOST_STACKED = 16
"""Frames that time reduction puts side by side at most."""
DELTAS = (
    "delta = 3*(2*(x[t+2]-x[t-2])+(x[t+1]-x[t-1]))/10 on edge-padded x; "
    "delta-delta the same of delta; concatenated [x, delta, delta2] = 39"
)
_UNITS = Whole(1, 1 << 20)
_SHARE = Number(0, 1)
_WEIGHTS = ("utterance_mean_weight", "global_mean_weight")
_MEAN_TEXT = re.compile(
    r"x - (\d+(?:\.\d+)?)\*utterance_mean - (\d+(?:\.\d+)?)\*global_mean, then / global_std"
)

FRONT_END = Table(
    (
        Entry("sample_rate", Whole(1000, 192_000), "Hz; recordings are resampled to it", 16000),
        Entry("pre_emphasis", _SHARE, "share of the sample before that is subtracted", 0.97),
        Entry("window_seconds", Number(0.001, 1), "length of a frame", 0.025625),
        Entry("frame_rate", Whole(1, 1000), "frames a second", 100),
        Entry("fft_size", Whole(2, 1 << 16), "samples of the transform; a window fits it", 512),
        Entry("filters", Whole(1, 1024), "mel filters", 40),
        Entry("lowest", Number(0, 96_000), "Hz, where the filters begin", 130.0),
        Entry("highest", Number(0, 96_000), "Hz, where they end", 6800.0),
        Entry("cepstra", Whole(1, 1024), "cepstra of a frame, at most as many as filters", 13),
    )
)
"""How a recording becomes cepstra."""

FEATURES = Table(
    (
        Entry("kind", Choice((FEATURE_KIND,)), "how cepstra are computed", required=True),
        Entry("cepstra", _UNITS, "must be the front end's"),
        Entry("stack", Whole(1, 1024), "frames in one input vector", 3),
        Entry("dim", _UNITS, "width of an input vector: must be 3 · cepstra · stack"),
        Entry(
            "utterance_mean_weight",
            _SHARE,
            "share of the utterance's mean that is subtracted; with global_mean_weight it "
            "usually makes 1",
            0.7,
        ),
        Entry("global_mean_weight", _SHARE, "share of the tensor `features.mean`", 0.3),
        Entry("mean_over", Choice(MEANS), "what the utterance's mean is taken over", MEANS[0]),
        Entry(
            "prior_frames",
            Number(0, 100_000),
            "frames at `features.mean` with which a running mean begins",
            100.0,
        ),
        Entry("fraction_bits", Whole(0, 15), "fraction bits of the int8 input", 5),
        Entry(
            "mean_subtraction",
            Text(),
            "the two weights as a sentence: `x - A*utterance_mean - B*global_mean, then / "
            "global_std`",
        ),
        Entry("deltas", Choice((DELTAS,)), "how deltas are computed, the only way there is"),
        Entry("front_end", FRONT_END, "where it is not the usual one"),
    )
)
"""How recordings become the encoder's input."""

QUANTISE = Table(
    (
        Entry("bits", Whole(2, WEIGHT.bits), "bits of a weight", WEIGHT.bits),
        Entry("codebook", Choice(CODEBOOKS), "where a matrix's values lie", CODEBOOKS[0]),
        Entry(
            "layers",
            Map(Whole(2, WEIGHT.bits)),
            "bits of the matrices whose names fit a pattern, as in the shell; the first holds",
            {},
        ),
    )
)
"""What the weights were trained for."""

_ENCODER = Table(
    (
        Entry("layers", _UNITS, "must be as many as the tensors have"),
        Entry("inputs", _UNITS, "width of an input vector; must be the tensors'"),
        Entry("hidden", _UNITS, "units of every layer; must be the tensors'"),
        Entry(
            "time_reduction",
            Table(
                (
                    Entry("after", _UNITS, "encoder layers before the reduction", required=True),
                    Entry("factor", Whole(2, MOST_STACKED), "frames side by side", required=True),
                )
            ),
            "outputs of some frames side by side are one input of the rest of the layers",
        ),
    )
)

_PREDICTION = Table(
    (
        Entry("layers", _UNITS, "must be as many as the tensors have"),
        Entry("embedding", _UNITS, "width of a token's embedding; must be the tensor's"),
        Entry("hidden", _UNITS, "units of every layer; must be the tensors'"),
        Entry(
            "start",
            Choice(("blank embedding, zero state",)),
            "how decoding begins, the only way there is",
        ),
    )
)

_JOINT = Table(
    (
        Entry(
            "activation",
            Choice(ACTIVATIONS),
            "function of the sum of the two halves (encoder and prediction)",
            required=True,
        ),
        Entry("dim", _UNITS, "width of the joint; must be the tensors'"),
        Entry(
            "relu_fraction",
            Whole(0, 11),
            "fraction bits of a ReLU joint's int8; left out, its sums are scaled to fit",
            4,
        ),
    )
)

META = Table(
    (
        Entry(
            "tokens",
            Texts(),
            "text of each, one a row of the embedding and of the joint's output",
            required=True,
        ),
        Entry("blank", Whole(0, (1 << 20) - 1), "number of the token that stands for none", 0),
        Entry("max_symbols_per_frame", Whole(1, 0xFFFF), "tokens in one frame at most", 5),
        Entry("joint", _JOINT, "the joint network", required=True),
        Entry("encoder", _ENCODER, "the encoder's LSTM layers"),
        Entry("prediction", _PREDICTION, "the prediction network's LSTM layers"),
        Entry(
            "gate_order",
            Choice(("i f g o", "i f g o (PyTorch)")),
            "order of the gates in the LSTMs' rows, the only one there is",
            remedy="write it so, and permute the rows of every layer if it is another order",
        ),
        Entry(
            "features",
            FEATURES,
            "how recordings become input, with the tensors `features.mean` and `features.std`; "
            "without it an image takes no recordings",
        ),
        Entry("quantise", QUANTISE, "what the weights were trained for; the compiler takes it"),
        Entry("licence", Text(), "of the model, such as an SPDX identifier; images carry it"),
        Entry("license", Text(), "the same in the other spelling"),
        Entry("recipe", Text(), "name of the training; for readers"),
        Entry("notes", Text(), "anything else; for readers"),
    )
)
"""All of a model's meta."""


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
        return json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"wanted {what} as JSON, got something else ({error}); correct it"
        ) from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        seen: set[str] = set()
        twice = ""
        for name, _ in pairs:
            if name in seen:
                twice = name
                break
            seen.add(name)
        raise ValueError(f"the name {shown(twice)} twice in an object")
    return found


def _no_constant(text: str) -> Any:
    raise ValueError(f"{text}, which is no number")


def mean_weights(features: Mapping[str, Any]) -> dict[str, float]:
    """The weights of both means that meta's `features` say, in numbers or as `mean_subtraction`.

    None where it says neither. Raises `InputError` where one is missing or the two ways differ.
    """
    said = {name: float(features[name]) for name in _WEIGHTS if name in features}
    if len(said) == 1 and sum(said.values()) + _missing(said) != 1:
        (name,) = _WEIGHTS[1:] if _WEIGHTS[0] in said else _WEIGHTS[:1]
        raise InputError(
            f"wanted meta features.{name} too, since with its default, {_missing(said):g}, the two "
            f"weights do not make 1, got {next(iter(said))} alone; give both"
        )
    if (text := features.get("mean_subtraction")) is None:
        return said
    if (match := _MEAN_TEXT.fullmatch(text)) is None:
        raise InputError(
            "wanted meta features.mean_subtraction as 'x - A*utterance_mean - B*global_mean, "
            f"then / global_std', got {shown(text)}; correct it"
        )
    written = dict(zip(_WEIGHTS, map(float, match.groups()), strict=True))
    if any(written[name] != weight for name, weight in said.items()) or max(written.values()) > 1:
        raise InputError(
            "wanted meta features.mean_subtraction with the two mean weights, from 0 to 1, got "
            f"{shown(text)}; correct it or leave it out"
        )
    return written


def _missing(said: Mapping[str, float]) -> float:
    """The default of the weight that is not said."""
    return float(sum(FEATURES.default(name) for name in _WEIGHTS if name not in said))
