"""What may be at work together: conflicts of two instructions, and paths through a program."""

import pytest

from sordino.arch import PRESETS
from sordino.isa.fields import Store
from sordino.isa.hazards import Region, conflict, hazards, in_flight, waits, with_overlap
from sordino.isa.instruction import Instruction, Unit
from sordino.isa.operations import (
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
    Halt,
    Input,
    Jump,
    Loop,
    Matvec,
    Return,
    Set,
    Table,
)

CONFIG = PRESETS["small"]  # 16 lanes, 4 quads, 256 rows
ALL = Unit.ARRAY | Unit.VECTOR | Unit.TABLE

MATVEC = Matvec(source=100, columns=50, rows=4, slot=1, bank=1)
CELL = Cell(bank=0, units=20, state=40, destination=200)
TABLE = Table(source=3, slot=0)
ARGMAX = Argmax(bank=0, rows=1, register=3)
EMBED = Embed(register=3, destination=100, count=8)
ADD = Add(a=10, b=50, destination=0, count=10)
WIDE = Drain(bank=0, rows=2, destination=60, wide=1)

CONFLICTS = [
    (MATVEC, CELL, None),
    (MATVEC, TABLE, None),
    (MATVEC, ADD, None),
    (CELL, TABLE, None),
    # x is being read.
    (MATVEC, Input(destination=149, count=9), Region(Store.ACTIVATION, 149, 1)),
    (MATVEC, Input(destination=150, count=9), None),
    (MATVEC, Input(destination=91, count=9), None),
    (MATVEC, Input(destination=91, count=10), Region(Store.ACTIVATION, 100, 1)),
    (EMBED, MATVEC, Region(Store.ACTIVATION, 100, 8)),
    # Other rows of the same bank are out of reach.
    (
        MATVEC,
        Fill(space=3, destination=200, count=1),
        Region(Store.BANK1, 200, 1),
    ),
    (MATVEC, Fill(space=2, destination=0, count=9), None),
    (MATVEC, Cell(bank=1, units=1), Region(Store.BANK1, 0, 256)),
    # Tables.
    (MATVEC, Table(source=3, slot=1), Region(Store.VALUE_TABLE, 1, 1)),
    (MATVEC, Table(source=0, runs=1), Region(Store.RUN_TABLE, 0, 1)),
    (MATVEC, Table(source=0, slot=1, runs=1), None),
    (MATVEC, Table(source=0, slot=3, runs=1), None),
    (
        Matvec(run_slot=1),
        Table(slot=1, runs=1),
        Region(Store.RUN_TABLE, 1, 1),
    ),
    (Table(slot=1), Table(slot=1, runs=1), None),
    (TABLE, Matvec(columns=1, rows=1, slot=0), Region(Store.VALUE_TABLE, 0, 1)),
    # Registers: read after write, write after read, write after write.
    (ARGMAX, Branch(register=3), Region(Store.REGISTER, 3, 1)),
    (ARGMAX, Branch(register=2), None),
    (ARGMAX, Emit(register=3), Region(Store.REGISTER, 3, 1)),
    (ARGMAX, Loop(register=3), Region(Store.REGISTER, 3, 1)),
    (ARGMAX, Set(register=3), Region(Store.REGISTER, 3, 1)),
    (EMBED, Set(register=3), Region(Store.REGISTER, 3, 1)),
    # State memory.
    (WIDE, ADD, None),
    (WIDE, Add(a=0, b=85, count=10), Region(Store.STATE, 85, 7)),
    (
        CELL,
        Copy(space=1, source=59, destination=0, count=2),
        Region(Store.STATE, 59, 1),
    ),
    (CELL, Copy(space=0, source=59, destination=0, count=2), None),
    (Jump(), Call(), None),
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
    ("operation", "always"),
    [
        (Halt, ALL),
        (Input, Unit.ARRAY | Unit.VECTOR),
        (Matvec, Unit.ARRAY),
        (Table, Unit.TABLE),
        (Cell, Unit.VECTOR),
        (Emit, Unit.NONE),
    ],
)
def test_what_an_instruction_waits_for(operation: type[Instruction], always: Unit) -> None:
    assert waits(operation()) == ALL
    assert waits(operation(overlaps=ALL)) == always
    assert waits(operation(overlaps=Unit.VECTOR)) == always | Unit.ARRAY | Unit.TABLE


def overlapping_all(*program: Instruction) -> list[Instruction]:
    return [i.replace(overlaps=ALL) for i in program]


def test_in_flight_follows_every_path() -> None:
    program = overlapping_all(
        MATVEC,  # 0
        Branch(target=4),
        TABLE,  # 2
        Jump(target=5),
        CELL,  # 4
        Call(target=8),  # 5
        Input(count=1, end=7),  # 6
        Halt(),
        Loop(target=0),  # 8
        Return(),  # 9
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
    program = overlapping_all(Halt(), CELL, MATVEC, Halt())
    assert in_flight(program, [0]) == [frozenset()] * 4
    assert in_flight(program, [1])[2] == {1}


def test_hazards_say_who_and_what() -> None:
    program = [
        MATVEC,
        Fill(space=3, count=2, overlaps=Unit.ARRAY),
        Halt(),
    ]
    assert list(hazards(program, [0], CONFIG)) == [(1, 0, Region(Store.BANK1, 0, 256))]
    program[1] = Fill(space=3, count=2, overlaps=Unit.VECTOR | Unit.TABLE)
    assert not list(hazards(program, [0], CONFIG))


def test_networks_that_share_a_subroutine_meet_no_hazards_of_each_other() -> None:
    """No run has the MATVEC of one network and the FILL of the other one."""
    program = overlapping_all(
        *(Matvec(source=100, columns=50, rows=4, bank=0), Call(target=8)),
        *(Fill(space=3, count=2), Halt()),
        *(Matvec(source=100, columns=50, rows=4, bank=1), Call(target=8)),
        *(Fill(space=2, count=2), Halt()),
        *(Set(register=1), Return()),
    )
    assert not list(hazards(program, [0, 4], CONFIG))
    assert Unit.ARRAY in with_overlap(program, [0, 4], CONFIG)[6].overlaps
    program[6] = Fill(space=3, count=2, overlaps=ALL)
    assert [pair[:2] for pair in hazards(program, [0, 4], CONFIG)] == [(6, 4)]


def test_what_another_entry_leaves_at_work_does_not_come_back_from_a_call() -> None:
    program = overlapping_all(
        *(Matvec(source=100, columns=50, rows=4, bank=0), Call(target=6), Halt()),
        *(Call(target=6), Fill(space=2, count=2), Halt()),
        *(Set(register=1), Return()),
    )
    assert not list(hazards(program, [0, 3], CONFIG))


def test_with_overlap_waits_for_conflicts_and_for_nothing_else() -> None:
    program = (
        TABLE,
        Matvec(source=100, columns=50, rows=4, slot=0, bank=0),  # table
        Table(source=4, slot=1),  # nothing
        Matvec(source=0, columns=50, rows=4, slot=1, bank=1),  # table
        CELL,  # bank 0 is the first MATVEC's, which is done
        Table(source=5, slot=0),  # nothing
        Matvec(source=200, columns=9, rows=4, slot=0, bank=1),  # CELL and table
        ARGMAX,  # bank 0, nothing
        Branch(register=3, target=9),  # ARGMAX
        Halt(),
    )
    best = with_overlap(program, [0], CONFIG)
    array, vector, table = Unit.ARRAY, Unit.VECTOR, Unit.TABLE
    assert [i.overlaps for i in best] == [
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
    assert [(type(i), i.fields) for i in best] == [(type(i), i.fields) for i in program]
    assert not list(hazards(best, [0], CONFIG))
    assert with_overlap(best, [0], CONFIG) == best


def test_with_overlap_looks_around_loops() -> None:
    """What the end of a loop leaves at work is waited for at its beginning."""
    program = (
        Fill(space=2, count=1),
        Matvec(source=0, columns=5, rows=1, bank=0),
        Loop(register=1, target=0),
        Halt(),
    )
    best = with_overlap(program, [0], CONFIG)
    assert Unit.ARRAY not in best[0].overlaps
    straight = with_overlap((*program[:2], program[3]), [0], CONFIG)
    assert Unit.ARRAY in straight[0].overlaps
