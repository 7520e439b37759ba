"""Facts are carried along the paths that can be executed, and along no others."""

import numpy as np
import pytest

from sordino.arch import PRESETS
from sordino.isa.fields import ADDRESS
from sordino.isa.hazards import Effect, Region, fixpoint, in_flight, waits, writes, written_from
from sordino.isa.instruction import STACK_DEPTH, Control, Instruction
from sordino.isa.operations import (
    Add,
    Branch,
    Call,
    Copy,
    Halt,
    Input,
    Jump,
    Loop,
    Matvec,
    Return,
    Set,
    Table,
    Use,
)

CONFIG = PRESETS["tiny"]
Program = list[Instruction]
_DRAWN = (
    *(Call, Call, Call, Return, Return, Jump, Loop, Branch, Use, Input, Halt, Set),
    *(Table, Matvec, Matvec, Copy, Add),
)


def preceding(program: Program, entries: list[int]) -> list[frozenset[int]]:
    """For each address, those of the instructions that may come right before."""
    everything = frozenset(range(len(program)))
    effects = [Effect(everything, frozenset({address})) for address in everything]
    return fixpoint(program, entries, frozenset(), effects)


def executed(program: Program, entries: list[int]) -> tuple[list[set[int]], list[set[int]], bool]:
    """By trying all ways with the real stack: what precedes and what is in flight at an address.

    Also whether a call finds the stack full, which ends a path.
    """
    preceding: list[set[int]] = [set() for _ in program]
    flying: list[set[int]] = [set() for _ in program]
    full = False
    seen = set()
    todo: list[tuple[int, tuple[int, ...], frozenset[int]]]
    todo = [(entry, (), frozenset()) for entry in entries]
    while todo:
        state = todo.pop()
        if state in seen or state[0] >= len(program):
            continue
        seen.add(state)
        pc, stack, flight = state
        i = program[pc]
        flight = frozenset(n for n in flight if not program[n].unit & waits(i))
        flying[pc] |= flight
        if i.unit and not i.blocks:
            flight |= {pc}
        full |= isinstance(i, Call) and len(stack) == STACK_DEPTH
        for way in i.ways(Control(pc, stack=stack)):
            if way.pc < len(program):
                preceding[way.pc].add(pc)
            todo.append((way.pc, way.stack, flight))
    return preceding, flying, full


def followed(program: Program, entries: list[int]) -> None:
    """Compare with all paths; beyond a full stack the facts may be more than those."""
    *wanted, full = executed(program, entries)
    visited = {*entries, *(address for address, before in enumerate(wanted[0]) if before)}
    regions = {region for address in visited for region in writes(program[address], CONFIG)}
    found_regions = set[Region]().union(*(written_from(program, e, CONFIG) for e in entries))
    assert regions <= found_regions
    assert full or regions == found_regions
    found = [preceding(program, entries), in_flight(program, entries)]
    for known, facts in zip(wanted, found, strict=True):
        if full:
            assert all(map(set.issubset, known, facts)), f"{entries} of {program}"
        else:
            assert known == facts, f"{entries} of {program}"


@pytest.mark.parametrize("seed", range(200))
def test_random_calls_and_returns(seed: int) -> None:
    """Recursion, shared tails, calls into the middle, returns at top level, all by chance."""
    rng = np.random.default_rng(seed)
    size = int(rng.integers(3, 11))
    program: Program = []
    for _ in range(size):
        operation = _DRAWN[rng.integers(len(_DRAWN))]
        targets = {name: int(rng.integers(size)) for name in operation.meant(ADDRESS.kind)}
        program.append(operation(overlaps=int(rng.integers(8)), **targets))
    followed(program, [0])
    followed(program, [0, int(rng.integers(size))])


@pytest.mark.parametrize("seed", range(100))
def test_random_subroutines(seed: int) -> None:
    """A program and three subroutines that branch, and call any of those that stand behind them."""
    rng = np.random.default_rng(seed)
    size, parts = 6, 4
    program: Program = []
    for part in range(parts):
        for _ in range(size - 1):
            operation = (Call, Call, Branch, Table, Matvec, Copy)[rng.integers(6)]
            targets = {
                Call: {"target": size * int(rng.integers(part + 1, parts + 1))},
                Branch: {"target": size * part + int(rng.integers(size))},
            }
            fields = targets.get(operation, {})
            program.append(operation(overlaps=int(rng.integers(8)), **fields))
        program.append(Return() if part else Jump(target=0))
    program += [Copy(overlaps=7), Return(overlaps=7)]
    assert not executed(program, [0])[2]
    followed(program, [0])
    followed(program, [0, size])


def test_a_return_goes_only_to_callers_of_its_subroutine() -> None:
    program = [Call(target=3), Call(target=5), Halt(), Copy(), Return(), Copy(), Return()]
    assert preceding(program, [0])[1:3] == [{4}, {6}]


def test_subroutines_that_share_a_tail_return_to_the_callers_of_both() -> None:
    program = [Call(target=3), Call(target=4), Halt(), Jump(target=4), Copy(), Return()]
    assert preceding(program, [0])[1:3] == [{5}, {5}]


def test_facts_go_back_to_the_call_that_they_came_from() -> None:
    """The same subroutine within another one, too."""
    program = [
        *(Matvec(overlaps=7), Call(target=8, overlaps=7), Set(overlaps=7), Halt()),
        *(Table(overlaps=7), Call(target=8, overlaps=7), Set(overlaps=7), Halt()),
        *(Call(target=10, overlaps=7), Return(overlaps=7)),
        *(Copy(overlaps=7), Return(overlaps=7)),
    ]
    found = in_flight(program, [0, 4])
    assert (found[2], found[6]) == ({0, 10}, {4, 10})
    assert found[9] == found[11] == {0, 4, 10}


def test_subroutines_that_all_call_each_other_are_followed_to_an_end() -> None:
    """Of four calls in the stack there are 29 ** 4 sorts, which nobody could follow one by one."""
    count, size = 29, 32
    program: Program = []
    for part in range(count):
        program += [Branch(target=size * (part + 1) - 1), Table()]
        program += [Call(target=size * other) for other in range(count)]
        program.append(Return())
    program = [i.replace(overlaps=7) for i in program]
    tables = {size * part + 1 for part in range(count)}
    found = in_flight(program, [0])
    assert found[::size] == [tables] * count


class Skip(Instruction, opcode=30):
    """A call that returns to the instruction after the next."""

    target: 16 = ADDRESS

    def ways(self, control: Control) -> tuple[Control, ...]:
        return (control._replace(pc=self.target, stack=(*control.stack, control.pc + 2)),)


def test_a_call_that_returns_elsewhere_is_followed_there() -> None:
    program = [Skip(target=4), Halt(), Call(target=6), Halt(), Skip(target=7), Halt()]
    program += [Return(), Return()]
    followed(program, [0])
    assert preceding(program, [0])[2:4] == [{6}, {6}]
    assert preceding(program, [0])[6] == {2, 7}


class Peek(Instruction, opcode=30):
    """Go where the latest call came from, and leave the address on the stack."""

    def ways(self, control: Control) -> tuple[Control, ...]:
        return (control.at(control.stack[-1]),)


class Twice(Instruction, opcode=30):
    """Push two addresses."""

    def ways(self, control: Control) -> tuple[Control, ...]:
        return (control.next()._replace(stack=(*control.stack, 0, 0)),)


@pytest.mark.parametrize("operation", [Peek, Twice])
def test_other_uses_of_the_stack_are_refused(operation: type[Instruction]) -> None:
    with pytest.raises(ValueError, match=f"^{operation.mnemonic}: wanted ways that keep the stack"):
        in_flight([operation(), Halt()], [0])
