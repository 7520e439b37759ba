"""Names of a model's tensors, as files spell them."""

import re
from collections.abc import Iterable

from sordino.errors import InputError

__all__ = ["BIASES", "OTHERS", "STATISTICS", "canonical", "layers_of"]

BIASES = ("bias_ih", "bias_hh")
"""Tensors that a recurrent layer may lack."""
STATISTICS = ("features.mean", "features.std")
OTHERS = (
    "prediction.embedding.weight",
    *(f"joint.{p}.{k}" for p in ("encoder", "prediction", "output") for k in ("weight", "bias")),
)
_CANONICAL = re.compile(
    r"(encoder|prediction)\.(\d{1,4})\.((?:weight|bias)_[ih]h|weight_hr)(?:_l0)?", re.ASCII
)
_PYTORCH = re.compile(
    r"(encoder|prediction)\.(?:(?:lstm|rnn)\.)?((?:weight|bias)_[ih]h|weight_hr)_l(\d{1,4})",
    re.ASCII,
)


def canonical(name: str) -> str:
    """The name that the toolkit uses; InputError, saying why, where there is none."""
    if (known := _known(name)) is not None:
        return known
    reason, advice = "such a layer", "leave it out if the model does without it"
    if "_reverse" in name:
        reason, advice = "bidirectional layers", "train layers that look back alone"
    elif "." in name:
        for at in (n for n, c in enumerate(name, 1) if c == "."):
            if _known(name[at:]) is not None:
                raise InputError(
                    f"wanted tensors named as in docs/meta.md, got {name[:80]!r}; take "
                    f"{name[:at][:40]!r} off the names"
                )
    raise InputError(
        f"wanted an RNN-T of LSTM layers, got tensor {name[:80]!r}: {reason} cannot be compiled; "
        + advice
    )


def layers_of(part: str, names: Iterable[str]) -> int:
    """Layers of the encoder or the prediction network that canonical names speak of."""
    numbers = [int(m[2]) for m in map(_CANONICAL.fullmatch, names) if m and m[1] == part]
    return 1 + max(numbers, default=0)


def _known(name: str) -> str | None:
    if name in OTHERS or name in STATISTICS:
        return name
    if match := _CANONICAL.fullmatch(name):
        return f"{match[1]}.{int(match[2])}.{match[3]}"
    if match := _PYTORCH.fullmatch(name):
        return f"{match[1]}.{int(match[3])}.{match[2]}"
    return None
