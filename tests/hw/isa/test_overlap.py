"""What may be at work together: conflicts of two instructions, and paths through a program."""

import pytest

from sordino.arch import PRESETS
from sordino.isa.effects import Region, Store, conflict
from sordino.isa.instructions import Instruction, Opcode, Unit
from sordino.isa.overlap import hazards, in_flight, waits, with_overlap

CONFIG = PRESETS["small"]  # 16 lanes, 4 quads, 256 rows
make = Instruction.make
ALL = Unit.ARRAY | Unit.VECTOR | Unit.TABLE

MATVEC = make(Opcode.MATVEC, source=100, columns=50, rows=4, slot=1, bank=1)
CELL = make(Opcode.CELL, bank=0, units=20, state=40, destination=200)
TABLE = make(Opcode.TABLE, source=3, slot=0)
ARGMAX = make(Opcode.ARGMAX, bank=0, rows=1, register=3)
EMBED = make(Opcode.EMBED, register=3, destination=100, count=8)
ADD = make(Opcode.ADD, a=10, b=50, destination=0, count=10)
WIDE = make(Opcode.DRAIN, bank=0, rows=2, destination=60, wide=1)

CONFLICTS = [
    (MATVEC, CELL, None),
    (MATVEC, TABLE, None),
    (MATVEC, ADD, None),
    (CELL, TABLE, None),
    # x is being read.
    (MATVEC, make(Opcode.INPUT, destination=149, count=9), Region(Store.ACTIVATION, 149, 1)),
    (MATVEC, make(Opcode.INPUT, destination=150, count=9), None),
    (MATVEC, make(Opcode.INPUT, destination=91, count=9), None),
    (MATVEC, make(Opcode.INPUT, destination=91, count=10), Region(Store.ACTIVATION, 100, 1)),
    (EMBED, MATVEC, Region(Store.ACTIVATION, 100, 8)),
    # Other rows of the same bank are out of reach.
    (
        MATVEC,
        make(Opcode.FILL, space=3, destination=200, count=1),
        Region(Store.BANK1, 200, 1),
    ),
    (MATVEC, make(Opcode.FILL, space=2, destination=0, count=9), None),
    (MATVEC, make(Opcode.CELL, bank=1, units=1), Region(Store.BANK1, 0, 256)),
    # Tables.
    (MATVEC, make(Opcode.TABLE, source=3, slot=1), Region(Store.TABLE, 1, 1)),
    (MATVEC, make(Opcode.TABLE, source=0, runs=1), Region(Store.TABLE, 16, 1)),
    (MATVEC, make(Opcode.TABLE, source=0, slot=1, runs=1), None),
    (MATVEC, make(Opcode.TABLE, source=0, slot=3, runs=1), None),
    (
        make(Opcode.MATVEC, run_slot=1),
        make(Opcode.TABLE, slot=1, runs=1),
        Region(Store.TABLE, 17, 1),
    ),
    (make(Opcode.TABLE, slot=1), make(Opcode.TABLE, slot=1, runs=1), None),
    (TABLE, make(Opcode.MATVEC, columns=1, rows=1, slot=0), Region(Store.TABLE, 0, 1)),
    # Registers: read after write, write after read, write after write.
    (ARGMAX, make(Opcode.BRANCH, register=3), Region(Store.REGISTER, 3, 1)),
    (ARGMAX, make(Opcode.BRANCH, register=2), None),
    (ARGMAX, make(Opcode.EMIT, register=3), Region(Store.REGISTER, 3, 1)),
    (ARGMAX, make(Opcode.LOOP, register=3), Region(Store.REGISTER, 3, 1)),
    (ARGMAX, make(Opcode.SET, register=3), Region(Store.REGISTER, 3, 1)),
    (EMBED, make(Opcode.SET, register=3), Region(Store.REGISTER, 3, 1)),
    # State memory.
    (WIDE, ADD, None),
    (WIDE, make(Opcode.ADD, a=0, b=85, count=10), Region(Store.STATE, 85, 7)),
    (
        CELL,
        make(Opcode.COPY, space=1, source=59, destination=0, count=2),
        Region(Store.STATE, 59, 1),
    ),
    (CELL, make(Opcode.COPY, space=0, source=59, destination=0, count=2), None),
    (make(Opcode.JUMP), make(Opcode.CALL), None),
]


@pytest.mark.parametrize(("first", "second", "region"), CONFLICTS)
def test_conflicts(first: Instruction, second: Instruction, region: Region | None) -> None:
    found, mirrored = conflict(first, second, CONFIG), conflict(second, first, CONFIG)
    assert (found is None) == (mirrored is None) == (region is None)
    if region is not None:
        assert found is not None
        assert found.store is region.store
        assert found.base <= region.base
        assert found.base + found.count >= region.base + region.count


@pytest.mark.parametrize(
    ("opcode", "always"),
    [
        (Opcode.HALT, ALL),
        (Opcode.INPUT, Unit.ARRAY | Unit.VECTOR),
        (Opcode.MATVEC, Unit.ARRAY),
        (Opcode.TABLE, Unit.TABLE),
        (Opcode.CELL, Unit.VECTOR),
        (Opcode.EMIT, Unit.NONE),
    ],
)
def test_what_an_instruction_waits_for(opcode: Opcode, always: Unit) -> None:
    assert waits(make(opcode)) == ALL
    assert waits(make(opcode, beside=ALL)) == always
    assert waits(make(opcode, beside=Unit.VECTOR)) == always | Unit.ARRAY | Unit.TABLE


def beside_all(*program: Instruction) -> list[Instruction]:
    return [make(i.opcode, beside=ALL, **i.fields) for i in program]


def test_in_flight_follows_every_path() -> None:
    program = beside_all(
        MATVEC,  # 0
        make(Opcode.BRANCH, target=4),
        TABLE,  # 2
        make(Opcode.JUMP, target=5),
        CELL,  # 4
        make(Opcode.CALL, target=8),  # 5
        make(Opcode.INPUT, count=1, end=7),  # 6
        make(Opcode.HALT),
        make(Opcode.LOOP, target=0),  # 8
        make(Opcode.RETURN),  # 9
    )
    found = in_flight(program, [0])
    assert [sorted(f) for f in found] == [
        # The array is idle when 0 begins once more, others need not be.
        [2, 4],
        [0, 2, 4],
        [0, 4],
        [0, 2, 4],
        [0, 2],
        [0, 2, 4],
        [2],
        [],
        [0, 2, 4],
        [0, 2, 4],
    ]


def test_nothing_is_in_flight_where_no_path_leads() -> None:
    program = beside_all(make(Opcode.HALT), CELL, MATVEC, make(Opcode.HALT))
    assert in_flight(program, [0]) == [frozenset()] * 4
    assert in_flight(program, [1])[2] == {1}


def test_hazards_say_who_and_what() -> None:
    program = [
        MATVEC,
        make(Opcode.FILL, space=3, count=2, beside=Unit.ARRAY),
        make(Opcode.HALT),
    ]
    assert list(hazards(program, [0], CONFIG)) == [(1, 0, Region(Store.BANK1, 0, 256))]
    program[1] = make(Opcode.FILL, space=3, count=2, beside=Unit.VECTOR | Unit.TABLE)
    assert not list(hazards(program, [0], CONFIG))


def test_with_overlap_waits_for_conflicts_and_for_nothing_else() -> None:
    program = (
        TABLE,
        make(Opcode.MATVEC, source=100, columns=50, rows=4, slot=0, bank=0),  # table
        make(Opcode.TABLE, source=4, slot=1),  # nothing
        make(Opcode.MATVEC, source=0, columns=50, rows=4, slot=1, bank=1),  # table
        CELL,  # bank 0 is the first MATVEC's, which is done
        make(Opcode.TABLE, source=5, slot=0),  # nothing
        make(Opcode.MATVEC, source=200, columns=9, rows=4, slot=0, bank=1),  # CELL and table
        ARGMAX,  # bank 0, nothing
        make(Opcode.BRANCH, register=3, target=9),  # ARGMAX
        make(Opcode.HALT),
    )
    best = with_overlap(program, [0], CONFIG)
    array, vector, table = Unit.ARRAY, Unit.VECTOR, Unit.TABLE
    assert [i.beside for i in best] == [
        array | vector,
        vector,
        array | vector,
        vector,
        array | table,
        array | vector,
        Unit.NONE,
        array | table,
        array | table,
        Unit.NONE,
    ]
    assert [(i.opcode, i.fields) for i in best] == [(i.opcode, i.fields) for i in program]
    assert not list(hazards(best, [0], CONFIG))
    assert with_overlap(best, [0], CONFIG) == best


def test_with_overlap_looks_around_loops() -> None:
    """What the end of a loop leaves at work is waited for at its beginning."""
    program = (
        make(Opcode.FILL, space=2, count=1),
        make(Opcode.MATVEC, source=0, columns=5, rows=1, bank=0),
        make(Opcode.LOOP, register=1, target=0),
        make(Opcode.HALT),
    )
    best = with_overlap(program, [0], CONFIG)
    assert Unit.ARRAY not in best[0].beside
    straight = with_overlap((*program[:2], program[3]), [0], CONFIG)
    assert Unit.ARRAY in straight[0].beside
