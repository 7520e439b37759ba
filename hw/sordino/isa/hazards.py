"""Where programs go, and what must not be at work together on the way.

Every operation says where the program goes on after it (`Instruction.ways`). Here these steps are
put together to paths. Paths take all ways of every BRANCH, LOOP, USE and INPUT. From a RETURN they
go on after the CALL that they came through, as the machine does.

What an instruction reads and writes follows from the meaning of its operation's fields. An engine
makes one record for each instruction that is done (retires). The record holds the contents of the
regions that `writes` returns, in that order, as they are right after the instruction.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from sordino.arch import Config
from sordino.isa.fields import Store, Words
from sordino.isa.instruction import ALL_UNITS, Control, Instruction, Unit

__all__ = [
    "Effect",
    "Facts",
    "Hazard",
    "Region",
    "claims",
    "conflict",
    "decides",
    "fixpoint",
    "hazards",
    "in_flight",
    "waits",
    "with_overlap",
    "writes",
    "written_from",
]

# Where programs go.

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


class Effect(NamedTuple):
    """What steps of a program do to facts: those in `drops` end, then those in `adds` hold."""

    drops: Facts = frozenset()
    adds: Facts = frozenset()

    def of(self, facts: Facts) -> Facts:
        """The facts that may hold after the steps, if `facts` may hold before them."""
        return facts - self.drops | self.adds

    def then(self, later: "Effect") -> "Effect":
        """The effect of these steps and of `later` ones after them."""
        return Effect(self.drops | later.drops, later.of(self.adds))

    def either(self, other: "Effect | None") -> "Effect":
        """The effect where these steps or the `other` ones, if there are any, are taken."""
        if other is None:
            return self
        return Effect(self.drops & other.drops, self.adds | other.adds)


class _Place(NamedTuple):
    """An address, and the first one of the subroutine (or the program) that it is reached in."""

    first: int
    address: int


def _within(
    program: Sequence[Instruction], entries: Iterable[int], effects: Sequence[Effect]
) -> tuple[dict[_Place, Effect], dict[int, set[_Place]]]:
    """What a subroutine does from its first address to each place; and each subroutine's calls.

    A subroutine does the same to facts wherever it is called. So it is followed once, not once for
    each stack, and what it does as a whole stands for the call.
    """
    edges = [_edges(address, instruction) for address, instruction in enumerate(program)]
    before: dict[_Place, Effect] = {}
    whole: dict[int, Effect] = {}
    calls: dict[int, set[_Place]] = defaultdict(set)
    pending: set[_Place] = set()

    def arrive(first: int, address: int, effect: Effect) -> None:
        place = _Place(first, address)
        known = before.get(place)
        joined = effect.either(known)
        if 0 <= address < len(program) and joined != known:
            before[place] = joined
            pending.add(place)

    for entry in entries:
        arrive(entry, entry, Effect())
    while pending:
        place = pending.pop()
        first, address = place
        after = before[place].then(effects[address])
        for to, back in edges[address]:
            if to == _CALLER:
                known = whole.get(first)
                whole[first] = after.either(known)
                if whole[first] != known:
                    pending |= calls[first]
            elif back is None:
                arrive(first, to, after)
            else:
                calls[to].add(place)
                arrive(to, to, Effect())
                if to in whole:
                    arrive(first, back, after.then(whole[to]))
    return before, calls


def fixpoint(
    program: Sequence[Instruction],
    entries: Iterable[int],
    start: Facts,
    effects: Sequence[Effect],
) -> list[Facts]:
    """List, for each address, the facts that may hold when it is reached; none if it never is.

    `start` holds at the addresses `entries`, and `effects` says what each instruction does. What a
    call brings into a subroutine goes back to that call alone. So the result is exact for programs
    that may take every way of a BRANCH, LOOP, USE or INPUT and nest calls without end.

    The work is bounded: S entries and subroutines in a program of N instructions make S N places at
    most. For F facts, what is known of a place changes at most 2 F + 1 times.
    """
    starts = tuple(entries)
    before, calls = _within(program, starts, effects)
    called: dict[int, list[tuple[int, Effect]]] = defaultdict(list)
    for to, places in calls.items():
        for place in places:
            called[place.first].append((to, before[place].then(effects[place.address])))
    at_first: dict[int, Facts] = {}
    pending = [(entry, start) for entry in starts]
    while pending:
        first, facts = pending.pop()
        known = at_first.get(first)
        if known is None or not facts <= known:
            at_first[first] = known = facts | (known or frozenset())
            pending += [(to, effect.of(known)) for to, effect in called[first]]
    found: list[Facts] = [frozenset()] * len(program)
    for (first, address), effect in before.items():
        found[address] |= effect.of(at_first[first])
    return found


# What must not be at work together.

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


def written_from(program: Sequence[Instruction], entry: int, config: Config) -> frozenset[Region]:
    """Every region that a run from address `entry` may write, whatever ways it takes."""
    reached = fixpoint(program, (entry,), frozenset({0}), [Effect()] * len(program))
    steps = zip(program, reached, strict=True)
    return frozenset(region for i, facts in steps if facts for region in writes(i, config))


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

    begun = [frozenset({n} if i.unit and not i.blocks else ()) for n, i in enumerate(program)]
    working = frozenset().union(*begun)

    @cache
    def done(idle: Unit) -> Facts:
        return frozenset(n for n in working if program[n].unit & idle)

    effects = [Effect(done(waits(i)), new) for i, new in zip(program, begun, strict=True)]
    found = fixpoint(program, entries, frozenset(), effects)
    return [facts - effect.drops for facts, effect in zip(found, effects, strict=True)]


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
