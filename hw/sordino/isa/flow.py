"""Where programs go: every path that a program's text allows.

Every operation says where the program goes on after it (`Instruction.ways`). This module puts these
steps together to paths. Paths take both ways of every BRANCH, LOOP and INPUT. From a RETURN they go
on after every CALL of a subroutine that the RETURN belongs to.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from sordino.isa.instruction import Control, Instruction

__all__ = ["Facts", "decides", "fixpoint", "successors"]

_CALLER = -1
"""In place of the address that a RETURN finds."""

Facts = frozenset[int]
"""Facts that may hold at an address, each a number whose meaning the caller chooses."""


class _Edge(NamedTuple):
    """A way on from an instruction: where to, _CALLER for a return; for a call also where back."""

    to: int
    back: int | None = None


def _edges(address: int, instruction: Instruction) -> list[_Edge]:
    """Every way on; ValueError for one that neither keeps the stack nor pushes nor pops once."""
    found = []
    for pc, _, stack in instruction.ways(Control(address, stack=(_CALLER,))):
        if pc == _CALLER and not stack:
            found.append(_Edge(_CALLER))
        elif pc != _CALLER and stack[:1] == (_CALLER,) and len(stack) <= 2:
            found.append(_Edge(pc, *stack[1:]))
        else:
            raise ValueError(
                f"{instruction.mnemonic}: wanted ways that keep the stack, push one address or pop "
                f"one and go there, got address {pc} and stack {stack}"
            )
    return found


def decides(instruction: Instruction) -> bool:
    """Whether the program may go on elsewhere than at the next address after an instruction."""
    elsewhere = -3
    return any(to != elsewhere + 1 for to, _ in _edges(elsewhere, instruction))


def successors(program: Sequence[Instruction]) -> list[list[int]]:
    """List, for each address of the program, the addresses that may come right after it."""
    edges = [_edges(address, instruction) for address, instruction in enumerate(program)]
    # Within a subroutine a call leads to where its subroutine returns.
    inside = [[to if back is None else back for to, back in following] for following in edges]
    callers: dict[int, list[int]] = defaultdict(list)
    for following in edges:
        for to, back in following:
            if back is not None:
                callers[to].append(back)
    returning: dict[int, set[int]] = defaultdict(set)
    for entry, after in callers.items():
        for address in _reached(entry, inside):
            if _CALLER in inside[address]:
                returning[address].update(after)
    found = []
    for address, following in enumerate(edges):
        after_it = [to for to, _ in following if to != _CALLER] + sorted(returning[address])
        found.append([n for n in after_it if n < len(program)])
    return found


def _reached(entry: int, inside: Sequence[Sequence[int]]) -> set[int]:
    """Addresses of a subroutine."""
    found, pending = set[int](), [entry]
    while pending:
        address = pending.pop()
        if 0 <= address < len(inside) and address not in found:
            found.add(address)
            pending += inside[address]
    return found


def fixpoint(
    program: Sequence[Instruction],
    entries: Iterable[int],
    start: Facts,
    transfer: Callable[[int, Facts], Facts],
) -> list[Facts | None]:
    """List, for each address, the facts that may hold when it is reached; None if it never is.

    `start` holds at the addresses `entries`. `transfer(address, facts)` returns the facts that hold
    after the instruction, if `facts` held before it. With more facts before it must not return
    fewer; so the repetition ends.
    """
    following = successors(program)
    arriving: list[Facts | None] = [None] * len(program)
    pending = []
    for entry in entries:
        arriving[entry] = start | (arriving[entry] or frozenset())
        pending.append(entry)
    while pending:
        address = pending.pop()
        leaving = transfer(address, arriving[address] or frozenset())
        for to in following[address]:
            known = arriving[to]
            if known is None or not leaving <= known:
                arriving[to] = leaving | (known or frozenset())
                pending.append(to)
    return arriving
