"""The vector unit's arithmetic against the exact machine: CELL, GRU, DRAIN, ADD and MULTIPLY."""

import numpy as np
import pytest

from sordino.arch import VECTOR_GATES
from sordino.isa.choices import Function
from sordino.isa.instruction import Instruction
from sordino.isa.operations import CELLS, Add, Cell, Drain, Gru, Multiply
from sordino.testing.benches.vector_bench import (
    check_vector,
)

LANES = (4, 8, 16)
pytestmark = pytest.mark.parametrize("vector_gates", VECTOR_GATES)


FUNCTIONS = ("wide", *Function.__members__)


def shift_for(lanes_bits: int, spread: float) -> int:
    """A shift that leaves values of about 16 bits, some of them saturating."""
    return max(1, int(lanes_bits + np.log2(spread)))


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize("units", [1, 3, 17, 28])
@pytest.mark.parametrize("operation", CELLS, ids=lambda o: o.mnemonic)
def test_units(operation: type[Instruction], lanes: int, units: int, vector_gates: int) -> None:
    units = min(units, 7 * lanes // 4)
    for seed, spread in enumerate((1.0, 2.0**-8, 2.0**-14)):
        instruction = operation(
            bank=seed % 2,
            units=units,
            parameters=5,
            state=7,
            destination=11,
            multiplier=40000 + seed,
            shift=shift_for(31, spread),
        )
        check_vector(
            lanes, instruction, seed=seed + units, spread=spread, vector_gates=vector_gates
        )


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_drain(lanes: int, function: str, vector_gates: int) -> None:
    wide = function == "wide"
    for seed, rows in enumerate((1, 2, 7)):
        spread = 2.0 ** (-7 * seed)
        instruction = Drain(
            bank=seed % 2,
            rows=rows,
            parameters=3,
            destination=9,
            wide=wide,
            function=Function.NONE if wide else Function[function],
            multiplier=65535 - seed,
            shift=shift_for(31 if wide or function in ("TANH", "SIGMOID") else 39, spread),
        )
        check_vector(lanes, instruction, seed=seed, spread=spread, vector_gates=vector_gates)


@pytest.mark.parametrize("accumulator_bits", [24, 29])
def test_narrow_accumulators_with_biases_of_32_bits(
    accumulator_bits: int, vector_gates: int
) -> None:
    fields = {"parameters": 3, "multiplier": 50001, "shift": 31, "destination": 60}
    check_vector(
        8,
        Cell(bank=0, units=13, state=20, **fields),
        Gru(bank=1, units=12, state=21, **fields),
        Drain(bank=1, rows=7, wide=1, **fields),
        seed=accumulator_bits,
        accumulator_bits=accumulator_bits,
        vector_gates=vector_gates,
    )


@pytest.mark.parametrize("count", [1, 3, 17, 90])
@pytest.mark.parametrize("function", list(Function))
def test_add(count: int, function: Function, vector_gates: int) -> None:
    for a, b, multiplier, shift in ((2, 96, 32768, 23), (40, 40, 65535, 30), (99, 1, 1, 1)):
        instruction = Add(
            a=a,
            b=b,
            destination=100,
            count=count,
            function=function,
            multiplier=multiplier,
            shift=shift,
        )
        check_vector(4, instruction, seed=count, vector_gates=vector_gates)


SUMS = {
    "to state": {"a": 2, "b": 96, "destination": 30, "wide": 1},
    "in place of its first": {"a": 2, "b": 96, "destination": 2, "wide": 1},
    "in place of its second": {"a": 2, "b": 96, "destination": 96, "wide": 1},
    "twice the same, in its place": {"a": 7, "b": 7, "destination": 7, "wide": 1},
    "with an activation": {"a": 2, "b": 96, "destination": 100, "from_activation": 1},
    "in place of its activation": {"a": 2, "b": 96, "destination": 2, "from_activation": 1},
    "state, and an activation, to state": {
        "a": 2, "b": 96, "destination": 96, "from_activation": 1, "wide": 1
    },
    "state to activation": {"a": 90, "b": 3, "destination": 100, "alone": 1},
    "state to state": {"a": 90, "b": 3, "destination": 90, "alone": 1, "wide": 1},
    "activation to state": {"a": 9, "destination": 95, "from_activation": 1, "alone": 1, "wide": 1},
    "activation to activation": {"a": 9, "destination": 9, "from_activation": 1, "alone": 1},
}  # fmt: skip


@pytest.mark.parametrize("count", [1, 3, 17, 28])
@pytest.mark.parametrize("name", SUMS)
def test_sums(name: str, count: int, vector_gates: int) -> None:
    fields: dict[str, int] = SUMS[name]
    functions = [Function.NONE] if "wide" in fields else list(Function)
    for function in functions:
        for multiplier, shift in ((32768, 23), (32768, 15), (65535, 30), (1, 1), (65535, 1)):
            instruction = Add(
                count=count, multiplier=multiplier, shift=shift, function=function, **fields
            )
            assert not instruction.wrong()
            check_vector(4, instruction, seed=count, vector_gates=vector_gates)


PRODUCTS = {
    "to activation": {"state": 2, "activation": 6, "destination": 100},
    "to state": {"state": 2, "activation": 6, "destination": 95, "wide": 1},
    "in place of its activation": {"state": 7, "activation": 9, "destination": 9},
    "in place of its state": {"state": 4, "activation": 6, "destination": 4, "wide": 1},
}


@pytest.mark.parametrize("count", [1, 3, 17, 90])
@pytest.mark.parametrize("name", PRODUCTS)
def test_multiply(count: int, name: str, vector_gates: int) -> None:
    for multiplier, shift in ((32768, 23), (65535, 30), (1, 1)):
        fields = {"count": count, "multiplier": multiplier, "shift": shift, **PRODUCTS[name]}
        check_vector(4, Multiply(**fields), seed=count, vector_gates=vector_gates)
