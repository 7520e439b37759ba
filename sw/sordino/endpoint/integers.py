"""The end-pointer in the machine's integers, over many utterances at once."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from sordino.golden.vector import drain
from sordino.isa.choices import Function
from sordino.layers.base.formats import HIDDEN_FORMAT, SUMS_FORMAT
from sordino.layers.base.integers import Numbers
from sordino.layers.heads import score_scale
from sordino.layers.linear import Linear
from sordino.layers.lstm import Lstm
from sordino.layers.numbers.units import round_weight
from sordino.train.integer_decoding import IntegerLstm, IntegerMatrix

__all__ = ["IntegerEndpointer"]

_Array = NDArray[np.float64]


class IntegerEndpointer:
    """The scores of an end-pointer, as the machine computes them.

    tensors  by their names in an end-pointer's file
    bits     of its weights
    """

    def __init__(
        self, tensors: Mapping[str, NDArray[np.floating]], bits: int, accumulator_bits: int = 32
    ) -> None:
        given = {name: np.asarray(tensor, np.float64) for name, tensor in tensors.items()}
        numbers = Numbers(lambda _name: bits, accumulator_bits)
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        lstm = Lstm(*(given[f"endpoint.{name}"] for name in names))
        output = Linear(given["endpoint.output.weight"], given["endpoint.output.bias"])
        both = [HIDDEN_FORMAT, HIDDEN_FORMAT]
        self._lstm = IntegerLstm(lstm.quantise("endpoint", both, HIDDEN_FORMAT, numbers))
        self._out = output.quantise("endpoint.output", [HIDDEN_FORMAT], SUMS_FORMAT, numbers)
        self._matrix = IntegerMatrix(self._out.matrices[0])
        self.fraction, self._multiplier, self._shift = score_scale(self._out)
        """Fraction bits of the scores."""
        self.table = round_weight(given["endpoint.run.weight"], HIDDEN_FORMAT.step, 8)
        self.nonzeros = sum(
            int(np.count_nonzero(m.values))
            for layer in (lstm.quantise("endpoint", both, HIDDEN_FORMAT, numbers), self._out)
            for m in layer.matrices
        )
        """Weights that are not zero."""

    def scores(
        self, inputs: Sequence[NDArray[np.int8]], runs: Sequence[NDArray[np.int64]]
    ) -> list[_Array]:
        """The score of each frame, of inputs (T, width) without the run, and of runs (T,)."""
        sizes = [len(x) for x in inputs]
        width = inputs[0].shape[1] + self.table.shape[1]
        x = np.zeros((len(inputs), max(sizes), width), np.int64)
        for row, own, run in zip(x, inputs, runs, strict=True):
            row[: len(own), : own.shape[1]] = own
            row[: len(own), own.shape[1] :] = self.table[run]
        state = self._lstm.start(len(inputs))
        products = self._lstm.inputs(x)
        found = np.empty(x.shape[:2], np.int64)
        for t in range(x.shape[1]):
            state = self._lstm.step(products[:, t], state)
            found[:, t] = drain(
                self._matrix(state[0]),
                self._out.bias,
                wide=True,
                function=Function.NONE,
                multiplier=self._multiplier,
                shift=self._shift,
            )[:, 0]
        return [row[:size] * 2.0**-self.fraction for row, size in zip(found, sizes, strict=True)]
