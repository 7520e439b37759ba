"""A small recurrent language model over words, in numpy.

K. Cho et al., "Learning phrase representations using RNN encoder–decoder for statistical machine
translation", 2014: one layer of gated recurrent units, whose gates stand as in PyTorch.
"""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from sordino.errors import InputError
from sordino.files import write_atomically
from sordino.rerank.ngram_words import LETTER

__all__ = ["END", "UNKNOWN", "NeuralWords", "Recurrent", "load_neural", "save_neural"]

END, UNKNOWN = 0, 1
"""What has these numbers before the words: the end, which is also the begin, and unknown words."""
_MOST_BYTES = 1 << 24
_VERSION = "1"
_DTYPES = {"F16", "F32"}
_ARRAYS = ("inputs", "hidden", "bias", "outputs", "output_bias")
_Array = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class NeuralWords:
    """The network's numbers, for a hidden layer of H units and V words with end and unknown one.

    words    those from number 2 on
    inputs   (V, 3 H): what a word adds to the reset gate, the update gate and the new value
    hidden   (3 H, H), bias (3 H): the same for the hidden layer
    outputs  (V, H), output_bias (V): before the softmax

    InputError for shapes that do not fit and numbers that are none.
    """

    words: tuple[str, ...]
    inputs: _Array
    hidden: _Array
    bias: _Array
    outputs: _Array
    output_bias: _Array

    def __post_init__(self) -> None:
        size, count = self.hidden.shape[-1] if self.hidden.ndim else 0, len(self.words) + 2
        wanted = {
            "inputs": (count, 3 * size),
            "hidden": (3 * size, size),
            "bias": (3 * size,),
            "outputs": (count, size),
            "output_bias": (count,),
        }
        for name, shape in wanted.items():
            array = getattr(self, name)
            if array.shape != shape or not size:
                raise InputError(
                    f"wanted {name} of shape {shape} in the neural language model, got "
                    f"{array.shape}; train it again"
                )
            if not np.isfinite(array).all():
                raise InputError(
                    f"wanted numbers as {name} of the neural language model, got some that are "
                    "none; train it again"
                )
        if len(set(self.words)) < len(self.words):
            raise InputError("wanted each word of the neural language model once, got one twice")


class _State:
    """The hidden layer, and what is next after it."""

    def __init__(self, hidden: _Array, logs: NDArray[np.float64]) -> None:
        self.hidden, self.logs = hidden, logs


class Recurrent:
    """A network's natural logarithms; a word that it lacks is its unknown one, spelled."""

    def __init__(self, numbers: NeuralWords) -> None:
        self._net = numbers
        self._numbers = {word: n for n, word in enumerate(numbers.words, start=2)}
        self._first = self._step(np.zeros(numbers.hidden.shape[1], np.float32), END)

    def start(self) -> _State:
        """The state before the first word."""
        return self._first

    def say(self, state: _State, word: str) -> tuple[_State, float]:
        """The state after one more word, and the nats for it."""
        number = self._numbers.get(word, UNKNOWN)
        nats = float(state.logs[number])
        if number == UNKNOWN:
            nats += LETTER * (len(word) + 1)
        return self._step(state.hidden, number), nats

    def finish(self, state: _State) -> float:
        """The nats for an end here."""
        return float(state.logs[END])

    def _step(self, hidden: _Array, number: int) -> _State:
        net, size = self._net, len(hidden)
        own, given = net.hidden @ hidden + net.bias, net.inputs[number]
        gates = _sigmoid(own[: 2 * size] + given[: 2 * size])
        new = np.tanh(given[2 * size :] + gates[:size] * own[2 * size :])
        after = new + gates[size:] * (hidden - new)
        scores = (net.outputs @ after + net.output_bias).astype(np.float64)
        scores -= scores.max()
        return _State(after, scores - math.log(np.exp(scores).sum()))


def _sigmoid(x: _Array) -> _Array:
    found: _Array = 0.5 * (1 + np.tanh(0.5 * x))
    return found


def save_neural(path: str | Path, numbers: NeuralWords) -> int:
    """Write a network as safetensors with half the digits; returns the bytes."""
    tensors = {name: np.ascontiguousarray(getattr(numbers, name), np.float16) for name in _ARRAYS}
    metadata = {"format": _VERSION, "words": json.dumps(numbers.words)}
    return write_atomically(path, save(tensors, metadata))


def load_neural(path: str | Path) -> NeuralWords:
    """Read a network; InputError, in one line, for a file that is none or is damaged."""
    path = Path(path)
    try:
        if path.stat().st_size > _MOST_BYTES:
            _refuse(path, f"more than {_MOST_BYTES:,} bytes")
        with safe_open(str(path), framework="numpy") as file:
            metadata = file.metadata() or {}
            kinds = {name: file.get_slice(name).get_dtype() for name in file.keys()}  # noqa: SIM118
            if other := sorted(set(kinds.values()) - _DTYPES):
                _refuse(
                    path, f"arrays of {', '.join(other)}, not of {' or '.join(sorted(_DTYPES))}"
                )
            arrays = {name: file.get_tensor(name) for name in kinds}
    except OSError as error:
        said = error.strerror or error  # safetensors has no code for some
        raise InputError(f"cannot read neural language model {path}: {said}") from None
    except SafetensorError as error:
        _refuse(path, " ".join(str(error).split())[:100])
    words = _words(metadata.get("words", ""))
    if metadata.get("format") != _VERSION or words is None or arrays.keys() != set(_ARRAYS):
        _refuse(path, "other arrays, or another version")
    try:
        return NeuralWords(words, **{name: arrays[name].astype(np.float32) for name in _ARRAYS})
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def _refuse(path: Path, got: str) -> NoReturn:
    raise InputError(
        f"wanted a neural language model as safetensors in {path}, got {got}; copy or train it "
        "again"
    )


def _words(text: str) -> tuple[str, ...] | None:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, list) or not all(isinstance(word, str) for word in found):
        return None
    return tuple(found)
