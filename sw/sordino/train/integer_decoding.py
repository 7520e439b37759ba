"""What the machine will say, in NumPy, for many utterances at once.

The compiler's integers and the contract's arithmetic (`sordino.arith`) without image, memories and
instructions: the same tokens as the exact machine in a fraction of its time, so that training can
count the machine's word errors and not only its own.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sordino.arch import QUAD
from sordino.compiler.numbers.precision import Precision
from sordino.compiler.passes.rounded import quantise_model
from sordino.golden.cells import lstm
from sordino.golden.vector import add, drain
from sordino.isa.choices import Function
from sordino.layers.base.integers import QuantisedLayer, QuantisedMatrix
from sordino.model.rnnt import EMBEDDING, RnntModel

__all__ = ["IntegerDecoder", "IntegerLstm", "IntegerMatrix"]

_Ints = NDArray[np.int64]
_EXACT32 = 1 << 24
"""Integers up to this are exact in float32."""


class IntegerMatrix:
    """Exact products with one matrix, by floating-point matrix products that cannot round."""

    def __init__(self, matrix: QuantisedMatrix) -> None:
        bound = np.abs(matrix.values.astype(np.int64)).sum(axis=1).max() * matrix.x_max
        self._type: type[np.floating[Any]] = np.float32 if bound < _EXACT32 else np.float64
        self._turned: NDArray[Any] = matrix.values.T.astype(self._type)
        self._shift = matrix.shift

    def __call__(self, x: _Ints) -> _Ints:
        """Accumulators (…, rows) of x (…, columns)."""
        products: NDArray[Any] = np.matmul(x.astype(self._type), self._turned)
        return np.asarray(products.astype(np.int64) << self._shift)


class IntegerLstm:
    """An LSTM in integers, many utterances at once."""

    def __init__(self, layer: QuantisedLayer) -> None:
        self.inputs, self._recurrent = (IntegerMatrix(m) for m in layer.matrices)
        self._biases = layer.bias.reshape(QUAD, 1, -1)
        self._multiplier, self._shift = layer.multiplier, layer.shift
        self.units = len(layer.bias) // QUAD

    def start(self, count: int) -> _Ints:
        """Zero hidden and cell states of `count` utterances; (2, count, units)."""
        return np.zeros((2, count, self.units), np.int64)

    def step(self, products: _Ints, state: _Ints) -> _Ints:
        """The next state, from the input's products (count, 4 · units) and the state before."""
        gates = (products + self._recurrent(state[0])).reshape(-1, QUAD, self.units)
        c, h = lstm(
            gates.transpose(1, 0, 2),
            self._biases,
            state[1],
            multiplier=self._multiplier,
            shift=self._shift,
        )
        return np.stack([h, c])


class _Half:
    """One half of the joint: int16."""

    def __init__(self, layer: QuantisedLayer) -> None:
        (self._matrix,) = (IntegerMatrix(m) for m in layer.matrices)
        self._layer = layer

    def __call__(self, h: _Ints) -> _Ints:
        return drain(
            self._matrix(h),
            self._layer.bias,
            wide=True,
            function=Function.NONE,
            multiplier=self._layer.multiplier,
            shift=self._layer.shift,
        )


class IntegerDecoder:
    """A model in the machine's integers, as `compile_model` would make them.

    Nothing is pruned; `precision` (bits everywhere, where it is a whole number) and
    `accumulator_bits` are the compiler's and the configuration's. Raises CompileError where the
    compiler would.
    """

    def __init__(
        self, model: RnntModel, precision: Precision | int, accumulator_bits: int = 32
    ) -> None:
        quantised = quantise_model(model, precision, accumulator_bits)
        nodes, graph = quantised.nodes, quantised.graph
        table = nodes[EMBEDDING].table
        assert table is not None
        self._model, self._embedding = model, table.astype(np.int64)
        self._encoder, self._prediction = (
            [IntegerLstm(nodes[name]) for name in graph.recurrent(graph.network(part))]
            for part in ("encoder", "prediction")
        )
        self._encoder_half, self._predicted = (
            _Half(nodes[f"joint.{part}"]) for part in ("encoder", "prediction")
        )
        (output,) = nodes["joint.output"].matrices
        self._unit = nodes["joint.output"].unit
        self._output, self._output_bias = IntegerMatrix(output), nodes["joint.output"].bias
        self._relu = (nodes["joint"].multiplier, nodes["joint"].shift)

    def _encode(self, x: _Ints) -> _Ints:
        """The encoder's hidden states (B, T, units) over inputs (B, T, dim)."""
        for layer in self._encoder:
            products, state = layer.inputs(x), layer.start(len(x))
            hidden = np.empty((*x.shape[:2], layer.units), np.int64)
            for t in range(x.shape[1]):
                state = layer.step(products[:, t], state)
                hidden[:, t] = state[0]
            x = hidden
        return x

    def _predict(self, tokens: _Ints, states: list[_Ints], active: _Ints) -> _Ints:
        """The joint's half after a token each; the states of the active utterances go on."""
        x = self._embedding[tokens]
        for layer, state in zip(self._prediction, states, strict=True):
            state[:, active] = layer.step(layer.inputs(x), state[:, active])
            x = state[0, active]
        return self._predicted(x)

    def _sums(self, encoded: _Ints, predicted: _Ints) -> _Ints:
        """The joint's accumulators, (…, tokens)."""
        relu = self._model.activation == "relu"
        multiplier, shift = self._relu if relu else (0, 0)
        function = Function.RELU if relu else Function.TANH
        hidden = add(encoded, predicted, function=function, multiplier=multiplier, shift=shift)
        return np.asarray(self._output(hidden) + self._output_bias)

    def _choose(self, encoded: _Ints, predicted: _Ints) -> _Ints:
        """The tokens with the largest accumulators, lowest first where equal."""
        return np.asarray(self._sums(encoded, predicted).argmax(axis=-1))

    def transcribe(self, inputs: Sequence[NDArray[np.int8]]) -> list[list[int]]:
        """Tokens of each input (frames, dim), as the machine emits them."""
        if not inputs:
            return []
        frames = np.array([len(x) for x in inputs])
        padded = np.zeros((len(inputs), frames.max(), self._model.inputs), np.int64)
        for row, x in zip(padded, inputs, strict=True):
            row[: len(x)] = x
        encoded = self._encoder_half(self._encode(padded))
        everyone = np.arange(len(inputs))
        states = [layer.start(len(inputs)) for layer in self._prediction]
        blank = self._model.blank
        predicted = self._predict(np.full(len(inputs), blank), states, everyone)
        found: list[list[int]] = [[] for _ in inputs]
        for t in range(int(frames.max())):
            active = everyone[frames > t]
            for _ in range(self._model.max_symbols):
                tokens = self._choose(encoded[active, t], predicted[active])
                active, tokens = active[tokens != blank], tokens[tokens != blank]
                if not len(active):
                    break
                for number, token in zip(active.tolist(), tokens.tolist(), strict=True):
                    found[number].append(token)
                predicted[active] = self._predict(tokens, states, active)
        return found
