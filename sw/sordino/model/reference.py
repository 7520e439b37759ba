"""The RNN-T in floating point: what a model says before anything is quantised.

Network: A. Graves, "Sequence transduction with recurrent neural networks", 2012; LSTM cells with
PyTorch's gate order (i, f, g, o) and parameter names.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sordino.errors import InputError
from sordino.layers.cells import cell_kind
from sordino.layers.elementwise.total import Total
from sordino.layers.layer import State
from sordino.layers.linear import Linear
from sordino.layers.recurrent import Recurrent
from sordino.meta.sizes import check_sizes
from sordino.meta.table import Meta
from sordino.model.reduction import TimeReduction
from sordino.speech.text import spell

__all__ = ["FloatRnnt", "Predicted"]

_Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Predicted:
    """A prediction network after some tokens.

    half    (joint,): its half of the joint
    layers  h and c of each layer, each (hidden,)
    """

    half: _Array
    layers: tuple[State, ...]


class FloatRnnt:
    """A recurrent neural network transducer in float64, decoded greedily or step by step.

    `arrays` has PyTorch's names (`encoder.{layer}.weight_ih`, …, `prediction.embedding.weight`,
    `prediction.{layer}.…`, `joint.{encoder,prediction,output}.{weight,bias}`); `meta` is what
    `sordino.meta.table.Meta` says. Raises `InputError` where an array is missing, shapes do not fit
    each other, or meta is another or states other sizes.
    """

    def __init__(self, arrays: Mapping[str, ArrayLike], meta: Meta | Mapping[str, Any]) -> None:
        read = meta if isinstance(meta, Meta) else Meta.read(meta)
        self.tokens = list(read.tokens)
        self.blank, self.max_symbols = read.blank, read.max_symbols_per_frame
        self._sum = Total(read.joint.activation, read.joint.relu_fraction)
        try:
            self._encoder, self._prediction = (
                _stack(arrays, part, layers or _depth(arrays, part))
                for part, layers in (
                    ("encoder", read.encoder.layers),
                    ("prediction", read.prediction.layers),
                )
            )
            self._reduction = TimeReduction.from_meta(read.encoder, len(self._encoder))
            self._embedding = np.asarray(arrays["prediction.embedding.weight"], dtype=np.float64)
            self._joint_encoder = _linear(arrays, "joint.encoder")
            self._joint_prediction = _linear(arrays, "joint.prediction")
            self._output = _linear(arrays, "joint.output")
        except KeyError as error:
            raise InputError(f"wanted {error} in the model, got none; export it again") from None
        self._check_widths()
        check_sizes(read, {name: np.shape(array) for name, array in arrays.items()})

    def _check_widths(self) -> None:
        sizes = [("embedding rows", len(self._embedding), len(self.tokens))]
        sizes += [("output rows", len(self._output.weight), len(self.tokens))]
        for name, stack, width in (
            ("encoder", self._encoder, self.dim),
            ("prediction", self._prediction, self._embedding.shape[1]),
        ):
            for number, layer in enumerate(stack):
                if name == "encoder" and number:
                    width = self._reduction.width(number, width)
                sizes.append((f"{name}.{number} inputs", layer.inputs, width))
                sizes.append((f"{name}.{number} gates", len(layer.weight_ih), len(layer.weight_hh)))
                layer.check(f"{name}.{number}", None)
                width = layer.width
            joint = self._joint_encoder if name == "encoder" else self._joint_prediction
            sizes.append((f"joint.{name} inputs", joint.weight.shape[1], width))
            sizes.append((f"joint.{name} rows", len(joint.weight), self._output.weight.shape[1]))
        for name, got, wanted in sizes:
            if got != wanted:
                raise InputError(f"wanted {wanted} {name} in the model, got {got}")

    @property
    def dim(self) -> int:
        """Width of the encoder's input."""
        return self._encoder[0].inputs

    def encode(self, x: ArrayLike) -> NDArray[np.float64]:
        """The encoder's states (T, hidden) for an input of shape (T, dim).

        With time reduction there are ceil(T / factor): the last group is filled up with zeros.
        """
        states = np.asarray(x, dtype=np.float64)
        if states.ndim != 2 or states.shape[1] != self.dim:
            raise InputError(f"wanted input of shape (frames, {self.dim}), got {states.shape}")
        for number, layer in enumerate(self._encoder):
            if number and number == self._reduction.after:
                states = self._reduction.stack(states)
            states = layer.run(states)
        return states

    def transcribe(self, x: ArrayLike) -> list[int]:
        """Greedy decoding of (T, dim): tokens without blanks, at most `max_symbols` a frame.

        The prediction network starts from zero state and the blank's embedding; ties go to the
        lowest token. Raises `InputError` for another shape.
        """
        return self.decode(self.encoder_half(x))

    def decode(self, encoded: _Array) -> list[int]:
        """`transcribe` after the encoder, from `encoder_half`'s vectors (T, joint)."""
        state, found = self.start(), list[int]()
        for frame in encoded:
            for _ in range(self.max_symbols):
                token = int(self.logits(frame, state).argmax())
                if token == self.blank:
                    break
                found.append(token)
                state = self.advance(state, token)
        return found

    def encoder_half(self, x: ArrayLike) -> _Array:
        """The encoder's half of the joint (T, joint) for an input (T, dim), as `encode`."""
        return self._joint_encoder(self.encode(x))

    def start(self) -> Predicted:
        """The prediction network before the first token."""
        layers = tuple(layer.start() for layer in self._prediction)
        return self.advance(Predicted(np.zeros(0), layers), self.blank)

    def advance(self, state: Predicted, token: int) -> Predicted:
        """The prediction network after one more token."""
        x, after = self._embedding[token], []
        for layer, before in zip(self._prediction, state.layers, strict=True):
            x, now = layer.step((x,), before)
            after.append(now)
        return Predicted(self._joint_prediction(x), tuple(after))

    def logits(self, encoded: _Array, state: Predicted) -> _Array:
        """The joint's output (tokens,) for one of `encoder_half`'s vectors, not normalised."""
        units, _ = self._sum.step((encoded, state.half), ())
        return self._output(units)

    def text(self, tokens: Sequence[int]) -> str:
        """The words that tokens spell, single spaces between them."""
        return spell(self.tokens[token] for token in tokens)


def _linear(arrays: Mapping[str, ArrayLike], name: str, suffix: str = "") -> Linear:
    weight = np.asarray(arrays[f"{name}.weight{suffix}"], dtype=np.float64)
    bias = np.asarray(arrays[f"{name}.bias{suffix}"], dtype=np.float64)
    if weight.ndim != 2 or bias.shape != weight.shape[:1]:
        raise InputError(
            f"wanted {name}.weight{suffix} as a matrix with a bias per row, "
            f"got shapes {weight.shape} and {bias.shape}"
        )
    return Linear(weight, bias)


def _depth(arrays: Mapping[str, ArrayLike], name: str) -> int:
    """Layers that the arrays have, one at least: that one is then missed by its name."""
    return max(1, sum(f"{name}.{number}.weight_hh" in arrays for number in range(len(arrays))))


def _cell(arrays: Mapping[str, ArrayLike], name: str) -> Recurrent:
    own = {n.removeprefix(f"{name}."): np.asarray(a, np.float64) for n, a in arrays.items()}
    ih, hh = (_linear(arrays, name, suffix) for suffix in ("_ih", "_hh"))
    kind = cell_kind(name, {n: array.shape for n, array in own.items() if "." not in n})
    own |= {"weight_ih": ih.weight, "weight_hh": hh.weight, "bias_ih": ih.bias, "bias_hh": hh.bias}
    return kind(**{one.name: own[one.name] for one in fields(kind)})


def _stack(arrays: Mapping[str, ArrayLike], name: str, layers: int) -> list[Recurrent]:
    return [_cell(arrays, f"{name}.{number}") for number in range(layers)]
