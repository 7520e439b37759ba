"""What of a single instruction the exact machine refuses, and in which words."""

import numpy as np
import pytest

from sordino.image.checks.verify import verify
from sordino.isa.choices import Function, Space
from sordino.isa.instruction import Instruction
from sordino.isa.operations import (
    ISA,
    Add,
    Argmax,
    Branch,
    Call,
    Cell,
    Copy,
    Drain,
    Embed,
    Fill,
    Gru,
    Input,
    Jump,
    Loop,
    Matvec,
    Multiply,
    Set,
    Table,
)
from sordino.testing.images.programs import random_config, random_program
from tests.hw.image.faulty import image, make, refused


@pytest.mark.parametrize("operation", ISA.operations, ids=lambda o: o.mnemonic)
def test_valid_instructions_pass(operation: type[Instruction]) -> None:
    verify(image(make(operation)))


@pytest.mark.parametrize("seed", range(10))
def test_random_programs_pass(seed: int) -> None:
    rng = np.random.default_rng(seed)
    verify(random_program(rng, random_config(rng)))


FULL = {
    "a product in place of its factor": make(Multiply, count=9, activation=3, destination=3),
    "a product over the other memory's words": make(Multiply, count=9, state=4, destination=13),
    "a sum in place of both operands": make(Add, count=9, a=3, b=3, destination=3, wide=1),
    "a sum over the other memory's words": make(Add, count=9, a=4, b=3, destination=5),
    "no second operand": make(Add, count=9, b=65535, alone=1),
    "the last word of each memory": make(
        Add, a=49, b=39, destination=39, from_activation=1, wide=1
    ),
    "exactly adjacent ranges": make(Copy, source=7, destination=10, count=3),
    "exactly all activation words": make(Input, destination=0, count=50),
    "exactly the last state word": make(Add, a=39, b=0),
    "exactly all rows": make(Fill, space=Space.BANK0, count=3),
    "exactly all parameters": make(Cell, units=3, parameters=5),
    "exactly all parameters of a GRU": make(Gru, units=3, parameters=5, state=37, destination=47),
}


@pytest.mark.parametrize("name", FULL)
def test_exact_fits_pass(name: str) -> None:
    verify(image(FULL[name]))


def word_range(name: str, what: str, first: int, last: int, available: int) -> str:
    return (
        f"does not fit: {what}: {name} takes words {first} to {last}, the configuration has "
        f"{available}; raise {what} to {last + 1}"
    )


def row_range(first: int, last: int, available: int) -> str:
    return word_range("bank", R, first, last, available).replace("words", "rows")


def parameters(what: str, first: int, last: int) -> str:
    return (
        f"{what} take parameter words {first} to {last}, the parameter section has 8; compile again"
    )


A, S, R = "activation_words", "state_words", "rows_per_lane"
REFUSALS = [
    (make(Jump, target=4), "target is address 4, wanted 0 to 3"),
    (make(Call, target=9), "target is address 9, wanted 0 to 3"),
    (make(Loop, target=9), "target is address 9, wanted 0 to 3"),
    (make(Branch, target=9), "target is address 9, wanted 0 to 3"),
    (make(Input, end=9), "end is address 9, wanted 0 to 3"),
    (make(Input, count=0), "count is 0, wanted at least 1"),
    (make(Input, destination=50), word_range("destination", A, 50, 50, 50)),
    (make(Input, destination=1, count=50), word_range("destination", A, 1, 50, 50)),
    (make(Table, source=2), "source is 2, the image has 2 tables"),
    (
        make(Table, source=1, slot=2),
        "does not fit: value_slots: slot is 2, the configuration has 2; raise value_slots to 3",
    ),
    (
        make(Table, source=0, slot=2, runs=1),
        "does not fit: run_slots: slot is 2, the configuration has 2; raise run_slots to 3",
    ),
    (make(Matvec, matrix=1), "matrix is 1, the directory has 1 entries"),
    (make(Matvec, slot=1), "no TABLE of the program loads value slot 1"),
    (make(Matvec, run_slot=1), "no TABLE of the program loads run slot 1"),
    (make(Matvec, rows=0), "rows is 0, wanted at least 1"),
    (make(Matvec, columns=0), "columns is 0, wanted at least 1"),
    (make(Matvec, source=45), word_range("source", A, 45, 50, 50)),
    (make(Matvec, rows=4), row_range(0, 3, 3)),
    (make(Cell, units=0), "units is 0, wanted at least 1"),
    (make(Cell, units=4), row_range(0, 3, 3)),
    (make(Cell, state=38), word_range("state", S, 38, 40, 40)),
    (make(Cell, destination=48), word_range("destination", A, 48, 50, 50)),
    (make(Cell, parameters=6), parameters("biases", 6, 8)),
    (make(Cell, shift=0), "shift is 0, wanted 1 to 63"),
    (make(Gru, units=4), row_range(0, 3, 3)),
    (make(Gru, state=38), word_range("state", S, 38, 40, 40)),
    (make(Gru, destination=48), word_range("destination", A, 48, 50, 50)),
    (make(Gru, parameters=6), parameters("biases", 6, 8)),
    (make(Gru, shift=0), "shift is 0, wanted 1 to 63"),
    (make(Drain, rows=0), "rows is 0, wanted at least 1"),
    (make(Drain, rows=4), row_range(0, 3, 3)),
    (make(Drain, destination=43), word_range("destination", A, 43, 50, 50)),
    (make(Drain, destination=33, wide=1), word_range("destination", S, 33, 40, 40)),
    (make(Drain, parameters=7), parameters("biases", 7, 8)),
    (make(Drain, shift=0), "shift is 0, wanted 1 to 63"),
    (
        make(Drain, wide=1, function=Function.RELU),
        "function is RELU, a wide DRAIN wants NONE",
    ),
    (make(Argmax, rows=4), row_range(0, 3, 3)),
    (make(Argmax, parameters=5), parameters("entries", 5, 8)),
    (make(Add, count=0), "count is 0, wanted at least 1"),
    (make(Add, a=40), word_range("a", S, 40, 40, 40)),
    (make(Add, b=40), word_range("b", S, 40, 40, 40)),
    (make(Add, destination=50), word_range("destination", A, 50, 50, 50)),
    (make(Add, shift=0), "shift is 0, wanted 1 to 63"),
    (make(Add, b=40), word_range("b", S, 40, 40, 40)),
    (make(Add, a=50, from_activation=1), word_range("a", A, 50, 50, 50)),
    (make(Add, destination=40, wide=1), word_range("destination", S, 40, 40, 40)),
    (make(Add, wide=1, function=Function.RELU), "function is RELU, a wide ADD wants NONE"),
    (make(Add, wide=1, shift=0), "shift is 0, wanted 1 to 63"),
    (
        make(Add, count=3, a=4, destination=2, wide=1),
        "3 words to 2 overlap those of `a` from 4, wanted the same range or ranges apart",
    ),
    (
        make(Add, count=3, a=4, destination=6, from_activation=1, alone=1),
        "3 words to 6 overlap those of `a` from 4, wanted the same range or ranges apart",
    ),
    (
        make(Add, count=3, a=6, b=4, destination=6, from_activation=1, wide=1),
        "3 words to 6 overlap those of `b` from 4, wanted the same range or ranges apart",
    ),
    (make(Multiply, state=40), word_range("state", S, 40, 40, 40)),
    (make(Multiply, activation=50), word_range("activation", A, 50, 50, 50)),
    (make(Multiply, destination=40, wide=1), word_range("destination", S, 40, 40, 40)),
    (make(Multiply, shift=0), "shift is 0, wanted 1 to 63"),
    (
        make(Multiply, count=3, activation=4, destination=2),
        "3 words to 2 overlap those of `activation` from 4, wanted the same range or ranges apart",
    ),
    (
        make(Multiply, count=3, state=4, destination=6, wide=1),
        "3 words to 6 overlap those of `state` from 4, wanted the same range or ranges apart",
    ),
    (make(Embed, destination=50), word_range("destination", A, 50, 50, 50)),
    (make(Fill, count=0), "count is 0, wanted at least 1"),
    (make(Fill, count=51), word_range("destination", A, 0, 50, 50)),
    (make(Fill, space=Space.STATE, count=41), word_range("destination", S, 0, 40, 40)),
    (
        make(Fill, space=Space.BANK0, count=4),
        word_range("destination", R, 0, 3, 3).replace("words", "rows"),
    ),
    (
        make(Fill, space=Space.BANK1, count=4),
        word_range("destination", R, 0, 3, 3).replace("words", "rows"),
    ),
    (make(Copy, source=50), word_range("source", A, 50, 50, 50)),
    (make(Copy, destination=50), word_range("destination", A, 50, 50, 50)),
    (make(Copy, space=Space.STATE, source=40), word_range("source", S, 40, 40, 40)),
    (
        make(Copy, count=3, destination=2),
        "3 words from 0 overlap those from 2, wanted ranges apart",
    ),
    (
        make(Copy, count=3, source=4, destination=2),
        "3 words from 4 overlap those from 2, wanted ranges apart",
    ),
    (make(Copy, space=Space.BANK0), "space is BANK0, wanted ACTIVATION or STATE"),
]


@pytest.mark.parametrize(("instruction", "message"), REFUSALS, ids=[m for _, m in REFUSALS])
def test_refused_instructions(instruction: Instruction, message: str) -> None:
    text = refused(image(instruction))
    assert text == f"instruction 2 ({instruction.mnemonic}): {message}"


@pytest.mark.parametrize("function", [Function.TANH, Function.SIGMOID])
def test_an_addition_with_a_curve_needs_no_shift(function: Function) -> None:
    verify(image(make(Add, function=function, shift=0)))


def test_fields_must_fit_the_word() -> None:
    wrong = Set(register=8)
    assert refused(image(wrong)) == (
        "instruction 2: SET: field 'register': 8 does not fit, wanted 0 to 7"
    )
    assert refused(image(make(Drain, function=4))) == (
        "instruction 2: DRAIN: field 'function': 4 does not fit, wanted 0 to 3"
    )
