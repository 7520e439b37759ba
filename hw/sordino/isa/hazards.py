"""What an instruction reads and writes, and what must not be at work together.

Both follow from the meaning of the operations' fields. An engine makes one record for each
instruction that is done (retires). The record holds the contents of the regions that `writes`
returns, in that order, as they are right after the instruction.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from sordino.arch import Config
from sordino.isa.fields import Store, Words
from sordino.isa.flow import Facts, decides, fixpoint
from sordino.isa.instruction import ALL_UNITS, Instruction, Unit

__all__ = [
    "Hazard",
    "Region",
    "claims",
    "conflict",
    "hazards",
    "in_flight",
    "waits",
    "with_overlap",
    "writes",
]

_BANKS = (Store.BANK0, Store.BANK1)
_TABLES = (Store.VALUE_TABLE, Store.RUN_TABLE)


@dataclass(frozen=True)
class Region:
    """`count` words of `store` from `base`; in an accumulator bank a word is a row of all lanes."""

    store: Store
    base: int
    count: int


Hazard = tuple[int, int, Region]
"""Two addresses and a region: an instruction, another one that may be at work when the first one
begins, and a region that both touch."""


def _regions(i: Instruction, config: Config, *, written: bool) -> Iterator[Region]:
    for name in i.meant(Words):
        words = i.FIELDS[name].meaning
        assert isinstance(words, Words)
        if words.writes if written else words.reads:
            yield Region(*i.uses(name, config))


def writes(instruction: Instruction, config: Config) -> tuple[Region, ...]:
    """The regions that `instruction` writes, as a record holds them. Table slots are left out.

    PC (count 1) is the address of the next instruction, and TOKEN (count 1) the emitted token. An
    INPUT that finds the end of input writes the PC alone, and its record holds that. The rows of a
    bank come last.
    """
    found = [r for r in _regions(instruction, config, written=True) if r.store not in _TABLES]
    found.sort(key=lambda region: region.store in _BANKS)
    if instruction.emits:
        found.append(Region(Store.TOKEN, 0, 1))
    if not instruction.unit and decides(instruction):
        found.append(Region(Store.PC, 0, 1))
    return tuple(found)


def claims(
    instruction: Instruction, config: Config
) -> tuple[tuple[Region, ...], tuple[Region, ...]]:
    """The regions that `instruction` reads, and those that it writes, for finding conflicts.

    An accumulator bank counts as a whole, since only one unit at a time can reach it. Program
    counter and tokens are left out, since only the sequencer uses them.
    """

    def whole(region: Region) -> Region:
        if region.store in _BANKS:
            return Region(region.store, 0, config.rows_per_lane)
        return region

    read = _regions(instruction, config, written=False)
    written = _regions(instruction, config, written=True)
    return tuple(map(whole, read)), tuple(map(whole, written))


def _common(a: tuple[Region, ...], b: tuple[Region, ...]) -> Region | None:
    """A region that is in both."""
    for x in a:
        for y in b:
            base = max(x.base, y.base)
            end = min(x.base + x.count, y.base + y.count)
            if x.store is y.store and base < end:
                return Region(x.store, base, end - base)
    return None


def conflict(first: Instruction, second: Instruction, config: Config) -> Region | None:
    """A region that one instruction writes and the other reads or writes; None if there is none."""
    first_reads, first_writes = claims(first, config)
    second_reads, second_writes = claims(second, config)
    return (
        _common(first_writes, second_writes)
        or _common(first_writes, second_reads)
        or _common(first_reads, second_writes)
    )


def waits(instruction: Instruction) -> Unit:
    """The units that must be idle before `instruction` begins, its own among them."""
    return instruction.unit | instruction.awaits | (ALL_UNITS & ~instruction.overlaps)


def in_flight(program: Sequence[Instruction], entries: Iterable[int]) -> list[Facts]:
    """List, for each address, the instructions that may be at work when the one there begins.

    Instructions are named by their addresses. Those that the one there waits for are left out.
    Nothing is at work at `entries`.
    """

    def remaining(address: int, arriving: Facts) -> Facts:
        idle = waits(program[address])
        return frozenset(n for n in arriving if not program[n].unit & idle)

    def leaving(address: int, arriving: Facts) -> Facts:
        i = program[address]
        begun = {address} if i.unit and not i.blocks else set()
        return remaining(address, arriving) | begun

    found = fixpoint(program, entries, frozenset(), leaving)
    return [remaining(address, facts or frozenset()) for address, facts in enumerate(found)]


def hazards(
    program: Sequence[Instruction], entries: Iterable[int], config: Config
) -> Iterator[Hazard]:
    """Every pair of instructions that conflict and may be at work at the same time."""

    @cache
    def common(a: int, b: int) -> Region | None:
        return conflict(program[a], program[b], config)

    for at, others in enumerate(in_flight(program, entries)):
        for other in sorted(others):
            region = common(other, at)
            if region is not None:
                yield at, other, region


def with_overlap(
    program: Sequence[Instruction], entries: Iterable[int], config: Config
) -> tuple[Instruction, ...]:
    """The program with as many units in every `overlaps` as are free of hazards.

    What `overlaps` named before does not matter.
    """
    starts = tuple(entries)
    best = [i.replace(overlaps=ALL_UNITS) for i in program]
    while pairs := list(hazards(best, starts, config)):
        for at, other, _ in pairs:
            best[at] = best[at].replace(overlaps=best[at].overlaps & ~best[other].unit)
    # What waits anyway is not said again.
    return tuple(i.replace(overlaps=ALL_UNITS & ~waits(i)) for i in best)
