"""The proof that accumulators cannot overflow: its bound is reached, and never passed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sordino.compiler.limits.errors import CompileError
from sordino.compiler.passes.proof import prove
from sordino.layers.base.formats import HIDDEN_FORMAT, features
from sordino.layers.base.integers import Numbers, QuantisedLayer, QuantisedMatrix
from sordino.layers.linear import Linear
from sordino.model.random_rnnt import random_lstm


@given(st.integers(0, 2**32 - 1), st.sampled_from([2, 5, 8]))
@settings(max_examples=25, deadline=None)
def test_no_input_reaches_beyond_the_bound(seed: int, bits: int) -> None:
    layer = random_lstm(seed, 3, 4, 5.0).quantise(
        "l", [features(5), HIDDEN_FORMAT], HIDDEN_FORMAT, Numbers(lambda _: bits, 32)
    )
    bound = prove(layer, 32)
    rows = np.zeros(12, np.int64)
    for matrix in layer.matrices:
        worst = np.where(matrix.values < 0, -128, 127).astype(np.int64)
        rows += (matrix.values.astype(np.int64) * worst).sum(axis=1) << matrix.shift
    assert (rows + np.abs(layer.bias)).max() <= bound.value
    needed = bound.value.bit_length() + 1
    if needed > 2:
        with pytest.raises(
            CompileError, match=f"l: row {bound.row} .*accumulator_bits to {needed}"
        ):
            prove(layer, needed - 1)
    prove(layer, needed)


def one_row(weights: list[int], bias: int, shift: int = 0) -> QuantisedLayer:
    values = np.array([weights], np.int8)
    matrix = QuantisedMatrix(name="l.weight", values=values, step=1.0, shift=shift, x_max=128)
    return QuantisedLayer(
        name="l",
        kind=Linear(values.astype(float), np.array([float(bias)])),
        result=HIDDEN_FORMAT,
        matrices=(matrix,),
        bias=np.array([bias]),
        unit=1.0,
    )


@pytest.mark.parametrize(
    ("weights", "bias", "shift", "bound"),
    [
        ([1, 1], 0, 0, 2 * 128),
        ([127, -127], 5, 0, 127 * 128 + 127 * 128 + 5),
        ([3], -7, 2, 4 * 3 * 128 + 7),
        ([0, 0], -1, 0, 1),
    ],
)
def test_a_bound_worked_by_hand(weights: list[int], bias: int, shift: int, bound: int) -> None:
    assert prove(one_row(weights, bias, shift), 32).value == bound
