"""What an instruction reads and writes, and what must not be at work together.

All of it follows from the meaning of the operations' fields. Every engine's retire record holds the
regions of `writes`: their contents right after the instruction, in order.
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
"""Address of an instruction, of one that may be at work when it begins, what they both touch."""


def _regions(i: Instruction, config: Config, *, written: bool) -> Iterator[Region]:
    for name in i.meant(Words):
        words = i.FIELDS[name].meaning
        assert isinstance(words, Words)
        if words.writes if written else words.reads:
            yield Region(*i.uses(name, config))


def writes(instruction: Instruction, config: Config) -> tuple[Region, ...]:
    """Regions that `instruction` writes, and that are in a record: tables are not.

    PC (count 1) is the address of the next instruction, TOKEN (count 1) the emitted token. An
    INPUT that finds the end of input writes nothing but the PC, and is recorded as such. The rows
    of a bank come last.
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
    """(Reads, writes) of `instruction` that others must keep away from while it is at work.

    An accumulator bank counts as a whole: while one unit works on some of its rows the others are
    out of reach. Program counter and tokens, which are the sequencer's alone, are left out.
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
    """A region that one of them writes and the other reads or writes; None if there is none."""
    first_reads, first_writes = claims(first, config)
    second_reads, second_writes = claims(second, config)
    return (
        _common(first_writes, second_writes)
        or _common(first_writes, second_reads)
        or _common(first_reads, second_writes)
    )


def waits(instruction: Instruction) -> Unit:
    """The units that are idle when `instruction` begins, its own among them."""
    return instruction.unit | instruction.awaits | (ALL_UNITS & ~instruction.overlaps)


def in_flight(program: Sequence[Instruction], entries: Iterable[int]) -> list[Facts]:
    """The instructions that may be at work when the one at each address begins, by address.

    Instructions that it waits for are left out. Nothing is at work at `entries`.
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
    """Every pair of instructions that may be at work together and must not."""

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
    """The program with as much in `overlaps` as is free of hazards, whatever it had before."""
    starts = tuple(entries)
    best = [i.replace(overlaps=ALL_UNITS) for i in program]
    while pairs := list(hazards(best, starts, config)):
        for at, other, _ in pairs:
            best[at] = best[at].replace(overlaps=best[at].overlaps & ~best[other].unit)
    # What waits anyway is not said again.
    return tuple(i.replace(overlaps=ALL_UNITS & ~waits(i)) for i in best)
