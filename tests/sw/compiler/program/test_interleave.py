"""The order of basic blocks, and tables loaded in time."""

import random
from typing import Any

import pytest

from sordino.arch import PRESETS
from sordino.compiler.program.interleave import TablePlan, interleave
from sordino.isa import timing
from sordino.isa.hazards import conflict
from sordino.isa.instruction import Instruction
from sordino.isa.operations import Add, Argmax, Cell, Drain, Embed, Matvec, Set, Table

CONFIG = PRESETS["small"]
NAMES = {n: f"matrix {n}" for n in range(9)}


def matvec(matrix: int, **fields: Any) -> Instruction:
    layer = NAMES[matrix] if matrix == 2 else ""
    return Matvec(layer, **{"columns": 10, "rows": 1, "matrix": matrix, **fields})


def cycles(instruction: Instruction) -> int:
    return {Matvec: 100, Table: 30}.get(type(instruction), 20)


def test_a_recurrent_product_runs_beside_the_cell_before_it() -> None:
    """And the tables beside the products that come before theirs."""
    table = [Table(source=n, slot=n % 2) for n in range(3)]
    first = matvec(0, source=0, bank=0, slot=0)
    cell = Cell(bank=0, units=4, state=0, destination=100)
    recurrent = matvec(1, source=200, bank=1, slot=1)
    second = matvec(2, source=100, bank=1, slot=0)
    last = Cell(bank=1, units=4, state=50, destination=200)
    block = [table[0], first, cell, table[1], recurrent, table[2], second, last]
    order = interleave(block, cycles, CONFIG)
    assert order.block == (table[0], first, table[1], recurrent, cell, table[2], second, last)
    # A table, three products and a cell, each with what it takes to begin.
    begins = timing.UNIT_START + timing.UNIT_FREE
    assert order.cycles == 30 + 3 * 100 + 20 + 5 * begins


def test_an_empty_block() -> None:
    assert interleave([], cycles, CONFIG).block == ()
    assert interleave([], cycles, CONFIG).cycles == 0


def random_instruction(rng: random.Random) -> Instruction:
    at = lambda: rng.randrange(0, 60, 10)  # noqa: E731
    bank, slot = rng.randrange(2), rng.randrange(2)
    return rng.choice(
        [
            matvec(rng.randrange(9), source=at(), bank=bank, slot=slot),
            Table(source=1, slot=slot),
            Cell(bank=bank, units=10, state=at(), destination=at()),
            Drain(bank=bank, rows=1, destination=at(), wide=slot),
            Add(a=at(), b=at(), destination=at(), count=10),
            Set(register=rng.randrange(2), value=rng.randrange(9)),
            Embed(register=rng.randrange(2), destination=at(), count=10),
            Argmax(bank=bank, rows=1, register=rng.randrange(2)),
        ]
    )


@pytest.mark.parametrize("seed", range(30))
def test_what_depends_on_each_other_stays_in_order(seed: int) -> None:
    rng = random.Random(seed)
    block = [random_instruction(rng) for _ in range(rng.randrange(1, 25))]
    times = {id(i): rng.randrange(1, 300) for i in block}
    order = interleave(block, lambda i: times[id(i)], CONFIG)
    position = {id(i): n for n, i in enumerate(order.block)}
    assert sorted(position) == sorted(times)
    for n, later in enumerate(block):
        for earlier in block[:n]:
            same = earlier.unit is later.unit
            if same or conflict(earlier, later, CONFIG):
                assert position[id(earlier)] < position[id(later)]
    begins = timing.UNIT_START + timing.UNIT_FREE
    one_after_the_other = sum(
        begins + times[id(i)] if i.unit else timing.SEQUENCER_CYCLES for i in block
    )
    longest = max((times[id(i)] for i in block if i.unit), default=0)
    assert longest < order.cycles
    assert order.cycles <= one_after_the_other


def plan_of(often: list[int], slots: int, *, runs: bool = False) -> TablePlan:
    """Matrix k has table k, but matrix 8 that of matrix 5."""
    return TablePlan.make([*range(8), 5], often, slots, runs=runs)


@pytest.mark.parametrize(
    ("slots", "pinned", "shared"),
    [
        (1, {}, (0,)),
        (2, {}, (0, 1)),
        (3, {5: 0}, (1, 2)),
        (4, {5: 0, 7: 1}, (2, 3)),
        (5, {5: 0, 7: 1, 2: 2, 1: 3, 3: 4}, ()),
    ],
)
@pytest.mark.parametrize("runs", [False, True])
def test_which_tables_stay(
    slots: int, pinned: dict[int, int], shared: tuple[int, ...], runs: bool
) -> None:
    plan = plan_of([5, 8, 7, 2, 1, 3], slots, runs=runs)
    assert (plan.pinned, plan.shared) == (pinned, shared)


def test_what_a_block_may_expect() -> None:
    assert plan_of([5, 7, 2], 2).keep(7, 1) == {1: 7}
    assert plan_of([5, 7, 2], 2).keep(8, 0) == {0: 5}
    assert plan_of([5, 7, 2, 3], 3).keep(5, 0) == {}, "it is there anyway"
    assert plan_of([5, 7, 2, 3], 3).keep(7, 0) == {1: 7}
    assert plan_of([5, 7, 2], 1).keep(7, 1) == {}, "nothing else would have room"


def slots_of(block: list[Instruction], runs: bool) -> list[tuple[str, int, int]]:
    """TablePlans with their slots, and matrices with those that they read."""
    assert all(i.runs == runs for i in block if isinstance(i, Table))
    field = "run_slot" if runs else "slot"
    assert not any(
        i.fields["slot" if runs else "run_slot"] for i in block if "run_slot" in i.fields
    )
    return [
        ("T", i.source, i.slot) if isinstance(i, Table) else ("M", i.matrix, i.fields[field])
        for i in block
    ]


@pytest.mark.parametrize("runs", [False, True])
def test_tables_take_turns(runs: bool) -> None:
    plan = plan_of([5, 7, 2], 2, runs=runs)
    block = [matvec(5), matvec(7), matvec(7), matvec(2)]
    assert slots_of(plan.insert(block, NAMES, {}, {}, 0), runs) == [
        ("T", 5, 0),
        ("M", 5, 0),
        ("T", 7, 1),
        ("M", 7, 1),
        ("M", 7, 1),
        ("T", 2, 0),
        ("M", 2, 0),
    ]
    assert slots_of(plan.insert(block[:1], NAMES, {}, {}, 1), runs) == [("T", 5, 1), ("M", 5, 1)]


def test_a_slot_that_holds_another_matrixs_equal_table_is_not_loaded() -> None:
    plan = plan_of([5, 7, 8, 2], 2)
    block = [matvec(5), matvec(7), matvec(8), matvec(2)]
    assert slots_of(plan.insert(block, NAMES, {}, {}, 0), False) == [
        ("T", 5, 0),
        ("M", 5, 0),
        ("T", 7, 1),
        ("M", 7, 1),
        ("M", 8, 0),
        ("T", 2, 1),
        ("M", 2, 1),
    ]


def test_tables_of_the_block_before_and_for_the_next() -> None:
    plan = plan_of([5, 7, 2], 2)
    assert slots_of(plan.insert([matvec(7), matvec(2)], NAMES, {1: 7}, {1: 5}, 1), False) == [
        ("M", 7, 1),
        ("T", 2, 0),
        ("M", 2, 0),
        ("T", 5, 1),
    ]
    assert slots_of(plan.insert([matvec(7)], NAMES, {1: 7}, {1: 7}, 0), False) == [("M", 7, 1)]


def test_pinned_tables_are_not_loaded() -> None:
    plan = plan_of([5, 7, 2, 3], 3)
    block = plan.insert([matvec(5), matvec(2, shift=3)], NAMES, {}, {1: 7}, 0)
    assert slots_of(block, False) == [("M", 5, 0), ("T", 2, 1), ("M", 2, 1), ("T", 7, 1)]
    assert block[2].shift == 3
    assert [i.layer for i in block] == ["", "matrix 2", "matrix 2", "matrix 7"]


@pytest.mark.parametrize(
    ("slots", "pinned", "shared"),
    [
        (1, {}, (0,)),
        (2, {}, (0, 1)),
        (3, {5: 0}, (1, 2)),
        (4, {5: 0, 2: 1, 1: 2}, (3,)),
        (6, {5: 0, 2: 1, 1: 2}, (3, 4)),
    ],
)
def test_tables_of_segments_do_not_stay(
    slots: int, pinned: dict[int, int], shared: tuple[int, ...]
) -> None:
    plan = TablePlan.make([*range(8), 5], [6, 5, 8, 2, 1, 7], slots, runs=False, apart=6)
    assert (plan.pinned, plan.shared) == (pinned, shared)
