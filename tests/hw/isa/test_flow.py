"""Every path that can be executed is among those that `successors` knows."""

import numpy as np
import pytest

from sordino.isa.fields import ADDRESS
from sordino.isa.hazards import in_flight, successors, waits
from sordino.isa.instruction import Control, Instruction
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
)

Program = list[Instruction]
_DRAWN = (
    *(Call, Call, Call, Return, Return, Jump, Loop, Branch, Input, Halt, Set),
    *(Table, Matvec, Matvec, Copy, Add),
)


def executed(program: Program, entries: list[int]) -> tuple[list[set[int]], list[set[int]]]:
    """By trying all ways with the real stack: addresses that follow, and what is in flight."""
    following: list[set[int]] = [set() for _ in program]
    flying: list[set[int]] = [set() for _ in program]
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
        for way in i.ways(Control(pc, stack=stack)):
            following[pc].add(way.pc)
            todo.append((way.pc, way.stack, flight))
    return following, flying


def covered(program: Program, entries: list[int]) -> None:
    following, flying = executed(program, entries)
    known = zip(successors(program), in_flight(program, entries), strict=True)
    for address, (after, flight) in enumerate(known):
        inside = {n for n in following[address] if n < len(program)}
        assert inside <= set(after), f"{address} of {program}"
        assert flying[address] <= flight, f"{address} of {program}"


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
    covered(program, [0])
    covered(program, [0, int(rng.integers(size))])


def test_a_return_goes_only_to_callers_of_its_subroutine() -> None:
    program = [Call(target=3), Call(target=5), Halt(), Copy(), Return(), Copy(), Return()]
    assert [successors(program)[at] for at in (4, 6)] == [[1], [2]]


def test_subroutines_that_share_a_tail_return_to_the_callers_of_both() -> None:
    program = [Call(target=3), Call(target=4), Halt(), Jump(target=4), Copy(), Return()]
    assert successors(program)[5] == [1, 2]


class Skip(Instruction, opcode=30):
    """A call that returns to the instruction after the next."""

    target: 16 = ADDRESS

    def ways(self, control: Control) -> tuple[Control, ...]:
        return (control._replace(pc=self.target, stack=(*control.stack, control.pc + 2)),)


def test_a_call_that_returns_elsewhere_is_followed_there() -> None:
    program = [Skip(target=4), Halt(), Call(target=6), Halt(), Skip(target=7), Halt()]
    program += [Return(), Return()]
    covered(program, [0])
    assert [successors(program)[at] for at in (6, 7)] == [[2, 3], [6]]


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
        successors([operation(), Halt()])
