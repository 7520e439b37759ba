"""What the exact machine refuses to execute, and in which words."""

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sordino.arch import Config
from sordino.golden.machine import Golden
from sordino.image.checks.verify import verify
from sordino.image.host import HostSection
from sordino.image.image import Image, ImageError
from sordino.image.tans import Symbol
from sordino.isa.choices import Function, Space
from sordino.isa.instruction import Instruction, Unit
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
    Emit,
    Fill,
    Gru,
    Halt,
    Input,
    Jump,
    Loop,
    Matvec,
    Multiply,
    Set,
    Table,
)
from sordino.testing.images.builder import empty_rooms
from sordino.testing.images.programs import ProgramBuilder, random_config, random_program

CONFIG = Config(
    lanes=4,
    group=2,
    x_fifo=8,
    lane_words=100,
    group_words=90,
    rows_per_lane=3,
    activation_words=50,
    state_words=40,
    parameter_words=30,
    program_words=16,
    tables=4,
    matrices=2,
)
STATES = CONFIG.states


def image(*code: Instruction, **changes: Any) -> Image:
    """A valid image: a matrix of 2 rows and 6 columns, 8 parameter words; `code` before HALT."""
    builder = ProgramBuilder(CONFIG)
    builder.matrix(np.ones((2, 4, 6), np.int8))
    builder.ints(np.arange(32))
    tables = (
        Table(source=0, runs=1),
        Table(source=1, slot=0),
    )
    made = replace(builder.image(), program=(*tables, *code, Halt()))
    host = made.host.changed(segments=empty_rooms(made.program))
    return replace(made, **{"host": host, **changes})


def make(operation: type[Instruction], **fields: Any) -> Instruction:
    """A valid instruction with changes."""
    valid: dict[type[Instruction], dict[str, Any]] = {
        Input: {"count": 1},
        Matvec: {"columns": 6, "rows": 2},
        Cell: {"units": 3, "multiplier": 1, "shift": 1},
        Gru: {"units": 3, "multiplier": 1, "shift": 1},
        Drain: {"rows": 2, "multiplier": 1, "shift": 1},
        Argmax: {"rows": 2},
        Add: {"count": 1, "multiplier": 1, "shift": 1},
        Multiply: {"count": 1, "multiplier": 1, "shift": 1},
        Embed: {"count": 1},
        Fill: {"count": 1},
        Copy: {"count": 1, "destination": 1},
    }
    return operation(**{**valid.get(operation, {}), **fields})


def refused(wrong: Image) -> str:
    with pytest.raises(ImageError) as caught:
        verify(wrong)
    with pytest.raises(ImageError, match=f"^{re.escape(str(caught.value))}$"):
        Golden(wrong)
    assert "\n" not in str(caught.value)
    return str(caught.value)


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


@pytest.mark.parametrize("operation", [Set, Call, Loop, Branch])
def test_the_program_must_not_run_out(operation: type[Instruction]) -> None:
    wrong = replace(image(), program=(operation(),))
    assert refused(wrong) == (
        f"instruction 0 ({operation.mnemonic}): the program ends after it, wanted HALT, "
        "JUMP or RETURN last"
    )


def test_embedding_rows_follow_the_registers() -> None:
    embed = make(Embed, register=3, parameters=2, stride=2, count=20)

    def with_value(value: int) -> Image:
        return image(Set(register=3, value=value), embed)

    verify(with_value(2))
    assert refused(with_value(3)) == (
        "instruction 3 (EMBED): row 3 (the most that register 3 may hold) take parameter words 8 "
        "to 9, the parameter section has 8; compile again"
    )
    loop = Loop(register=3, target=0)
    assert "row 65535 (the most" in refused(image(embed, loop))
    verify(image(embed, Loop(register=4, target=0)))


def test_embedding_rows_follow_argmax() -> None:
    def with_index(index: int) -> Image:
        indices = np.stack([np.zeros(4), [-1, 0, index, 1]], axis=1).astype("<i4").tobytes()
        argmax = make(Argmax, rows=1, register=5)
        embed = make(Embed, register=5, stride=1)
        return image(argmax, embed, parameters=indices)

    verify(with_index(1))
    assert "row 2 (the most that register 5 may hold)" in refused(with_index(2))
    assert refused(with_index(65536)) == (
        "instruction 2 (ARGMAX): index 65536, wanted at most 65535"
    )


def test_the_range_comes_before_what_is_in_it() -> None:
    """Parameters that are not all there are the fault, not the indices in the rest of them."""
    indices = np.full((16, 2), 70000, "<i4").tobytes()
    assert refused(image(make(Argmax, rows=3, parameters=6), parameters=indices)) == (
        "instruction 2 (ARGMAX): entries take parameter words 6 to 11, the parameter section has "
        "8; compile again"
    )
    embed = make(Embed, register=3, parameters=100, stride=2)
    assert refused(image(Set(register=3, value=7), embed)).startswith(
        "instruction 3 (EMBED): row 7 (the most that register 3 may hold) take parameter words 114"
    )
    assert "does not fit: activation_words" in refused(image(embed.replace(count=900)))


def test_embedding_of_a_branch_register_is_no_write() -> None:
    branch = Branch(register=3, value=60000, target=0)
    verify(image(make(Embed, register=3, stride=2), branch))


@pytest.mark.parametrize(
    ("symbols", "message"),
    [
        ((Symbol(127, 1, STATES),), "table 1 holds values 127 to 128, wanted int8 values alone"),
        ((Symbol(-129, 0, STATES),), "table 1 holds values -129 to -129, wanted int8 values alone"),
        (
            (Symbol(0, 0, STATES, padding=True),),
            "table 1 holds a padding symbol, wanted int8 values alone",
        ),
        (
            (Symbol(0, 0, STATES - 1), Symbol(97, 6, 1, mirrored=True)),
            "table 1 holds values 97 to 128, wanted int8 values alone",
        ),
        (
            (Symbol(-128, 7, STATES),),
            "table 1 holds a symbol of 128 values, wanted 64 at most",
        ),
    ],
)
def test_value_tables_hold_int8(symbols: tuple[Symbol, ...], message: str) -> None:
    wrong = replace(image(), tables=(image().tables[0], symbols))
    assert refused(wrong) == f"instruction 1 (TABLE): {message}"


def test_run_tables_hold_no_negative_run() -> None:
    wrong = replace(image(), tables=((Symbol(-1, 2, STATES),), image().tables[1]))
    assert refused(wrong) == "instruction 0 (TABLE): table 0 holds run -1, wanted none below 0"
    mirrored = (Symbol(0, 0, STATES - 1), Symbol(2, 2, 1, mirrored=True))
    wrong = replace(image(), tables=(mirrored, image().tables[1]))
    assert refused(wrong) == "instruction 0 (TABLE): table 0 holds a mirrored symbol, wanted runs"


def test_tables_must_expand() -> None:
    wrong = replace(image(), tables=((Symbol(0, 0, 3),), image().tables[1]))
    assert refused(wrong) == "table 0: wanted frequencies to be positive and sum to 256, got [3]"


def does_not_fit(what: str, setting: str, needed: int, available: int) -> str:
    return (
        f"does not fit: {setting}: {what} need {needed}, the configuration has {available}; "
        f"raise {setting} to {needed}"
    )


def test_sections_must_fit_the_configuration() -> None:
    base = image()
    halt = (Halt(),)
    assert refused(replace(base, program=halt * 17)) == does_not_fit(
        "instructions", "program_words", 17, 16
    )
    assert refused(replace(base, parameters=bytes(16 * 31))) == does_not_fit(
        "words of parameters", "parameter_words", 31, 30
    )
    assert refused(replace(base, tables=base.tables * 3)) == does_not_fit(
        "decoder tables", "tables", 6, 4
    )
    assert refused(replace(base, matrices=base.matrices * 3)) == does_not_fit(
        "matrices", "matrices", 3, 2
    )
    assert refused(replace(base, parameters=bytes(17))) == (
        "parameter section is not a whole number of 128-bit words"
    )
    assert refused(replace(base, program=())) == (
        "the program has no instructions; it should at least HALT"
    )


def test_streams_must_fit_the_configuration() -> None:
    base, entry = image(), image().matrices[0]
    groups = replace(
        base,
        matrices=(replace(entry, position_bits=(1, 16 * 90 + 1)),),
        positions=(bytes(2), bytes(182)),
    )
    assert refused(groups) == does_not_fit("position streams of group 1", "group_words", 91, 90)
    lanes = replace(
        base,
        matrices=(replace(entry, value_bits=(1, 1, 16 * 101, 1)),),
        values=(bytes(2), bytes(2), bytes(202), bytes(2)),
    )
    assert refused(lanes) == does_not_fit("value streams of lane 2", "lane_words", 101, 100)


def test_directory_must_agree_with_the_streams() -> None:
    base, entry = image(), image().matrices[0]
    wrong = replace(
        base, matrices=(replace(entry, position_bits=(16 * 7, entry.position_bits[1])),)
    )
    held = len(base.positions[0]) // 2
    assert refused(wrong) == (
        f"group 0: the directory counts 7 words of position streams, there are {held}; "
        "compile again"
    )
    assert refused(replace(base, values=base.values[:3])) == (
        "wanted value streams of 4 lanes, got 3"
    )
    short = replace(base, matrices=(replace(entry, places=(1,)),))
    assert refused(short) == (
        "matrix 0: wanted places and bits of 2 groups and bits of 4 lanes, got (1, 2, 4); "
        "compile again"
    )


def test_hazards_are_refused() -> None:
    """An instruction at work must not be disturbed on any path; where one waits it is not."""
    matvec = make(Matvec, bank=1)
    drain = make(Drain, bank=1)
    verify(image(matvec, drain))
    racing = Drain(overlaps=Unit.ARRAY, **drain.fields)
    message = (
        "instruction 3 (DRAIN): MATVEC at 2 may still be at work on BANK1 0 to 2; take ARRAY out "
        "of overlaps"
    )
    with pytest.raises(ImageError, match=f"^{re.escape(message)}$"):
        verify(image(matvec, racing))
    verify(image(matvec, Set(overlaps=Unit.TABLE), racing))
    # Around a loop, from a subroutine, on one way of a branch.
    loop = make(Loop, target=2).fields
    with pytest.raises(ImageError, match=r"^instruction 2 \(DRAIN\): MATVEC at 3 may"):
        verify(image(racing, matvec, Loop(overlaps=7, **loop)))
    verify(image(racing, matvec, make(Loop, target=2)))
    branch = Branch(target=4)
    with pytest.raises(ImageError, match=r"^instruction 4 \(DRAIN\): MATVEC at 3 may"):
        verify(image(branch, matvec, racing))


def test_entry_points_are_addresses() -> None:
    wrong = replace(image(make(Emit)), host=HostSection(entries={"joint": 4}))
    assert refused(wrong) == "entry point 'joint' is address 4, wanted 0 to 3"


def test_all_settings_that_are_too_small_are_said_at_once() -> None:
    """With their numbers, which are enough."""
    wrong = image(make(Add, a=60, b=0), make(Input, destination=70))
    wrong = replace(wrong, parameters=bytes(16 * 31), tables=wrong.tables * 3)
    message = refused(wrong)
    raised = dict(re.findall(r"raise (\w+) to (\d+)", message))
    assert raised.keys() == {"parameter_words", "tables", "state_words", "activation_words"}
    config = replace(CONFIG, **{name: int(n) for name, n in raised.items()})
    verify(replace(wrong, config=config))


def test_thousands_are_separated() -> None:
    config = replace(CONFIG, activation_words=2000)
    wrong = replace(image(make(Input, destination=1999, count=3)), config=config)
    assert refused(wrong).endswith(
        "destination takes words 1,999 to 2,001, the configuration has 2,000; "
        "raise activation_words to 2002"
    )
