"""Where the cycles of a run went, by instruction and by layer, and why lanes did not work."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from typing import Any

from sordino.cycles.matvec import MatvecCycles
from sordino.cycles.schedule import COUNTED
from sordino.cycles.trace import Profile
from sordino.isa import timing
from sordino.isa.instruction import UNITS, Unit
from sordino.isa.operations import Matvec

__all__ = ["GROUP_CAUSES", "LIMITERS", "Stalls", "instruction_stalls", "layer_stalls"]


@dataclass(frozen=True, kw_only=True)
class Stalls:
    """The cycles of an instruction, or of a layer's: the machine's, and each group's.

    Of the machine, as `Rtl.profile` gives every cycle to one instruction:

    cycles          all; the sum of the next four
    matvec          MATVECs at work
    vector, table   the other units at work and no MATVEC, no vector instruction
    control         nobody at work: the sequencer reads and begins what is next

    hidden          further cycles in which they were at work, and that are another's
    stream          cycles of MATVECs whose beats alone take longer than the busiest group's places

    Of the groups, in a run that no limit ended; the sum is `matvec` times groups:

    places          places walked, padding not among them
    padding         padding places
    wait_broadcast  a place waited for a column that one column a cycle cannot bring earlier
    wait_fifo       a place waited for a column that waited for room in a FIFO
    wait_stream     the next words of a stream were not in their ring yet
    imbalance       done with its places before the busiest group
    overhead        start, decoder start and settling: of a MATVEC UNIT_START + MATVEC_OVERHEAD
    """

    name: str
    times: int
    cycles: int
    matvec: int
    vector: int
    table: int
    control: int
    hidden: int
    stream: int
    places: int
    padding: int
    wait_broadcast: int
    wait_fifo: int
    wait_stream: int
    imbalance: int
    overhead: int

    @property
    def limiter(self) -> str:
        """What took most of the cycles, one of LIMITERS; the first where two took as much."""
        if not self.cycles:
            return "hidden"
        parts = self._parts()
        return max(parts, key=lambda name: parts[name])

    def _parts(self) -> dict[str, float]:
        """Cycles by what they went to; of MATVEC's, starts and settling are control."""
        groups = sum(getattr(self, name) for name in GROUP_CAUSES)
        overhead = self.overhead * self.matvec / groups if groups else 0.0
        stream = min(self.stream, self.matvec - overhead)
        return {
            "lanes": self.matvec - overhead - stream,
            "stream": stream,
            "cell": float(self.vector),
            "table": float(self.table),
            "control": self.control + overhead,
        }

    def as_dict(self) -> dict[str, Any]:
        """Fields by name, and the limiter."""
        return {**asdict(self), "limiter": self.limiter}


GROUP_CAUSES = (
    "places",
    "padding",
    "wait_broadcast",
    "wait_fifo",
    "wait_stream",
    "imbalance",
    "overhead",
)
"""Fields of `Stalls` that say what groups did."""
LIMITERS = {
    "lanes": "the busiest group goes from place to place, or waits for its column of x",
    "stream": "weights come over the bus, and groups wait for them",
    "cell": "the vector unit is at work and the lanes are not",
    "table": "decoder tables are loaded and nothing else is done",
    "control": "instructions begin, decoders start, products settle",
    "hidden": "all of it is behind something else",
}
"""What may take most of a layer's cycles."""

_FIELDS = tuple(field.name for field in fields(Stalls) if field.name != "name")
_COUNTER = dict(zip(UNITS, COUNTED, strict=True))


def instruction_stalls(profile: Profile) -> list[Stalls]:
    """One entry for every program address that took time; its name is the address."""
    return [_made(str(address), spent) for address, spent in _by_address(profile)]


def layer_stalls(profile: Profile) -> list[Stalls]:
    """One entry a label of the program that was executed, in program order, then the whole.

    `times` is that of its most frequent instruction.
    """
    program = profile.durations.image.program
    sums: dict[str, Counter[str]] = {i.layer or "control": Counter() for i in program}
    whole = Counter[str]()
    for address, spent in _by_address(profile):
        for total in (sums[program[address].layer or "control"], whole):
            times = max(total["times"], spent["times"])
            total.update(spent)
            total["times"] = times
    return [_made(name, n) for name, n in [*sums.items(), ("all", whole)] if n["times"]]


def _made(name: str, spent: Counter[str]) -> Stalls:
    return Stalls(name=name, **{field: spent[field] for field in _FIELDS})


def _by_address(profile: Profile) -> Iterator[tuple[int, Counter[str]]]:
    """The stalls in the order of the program."""
    durations = profile.durations
    program = durations.image.program
    found = [Counter[str]() for _ in program]
    for (address, decoded), times in profile.times.items():
        found[address]["times"] += times
        if program[address].unit is not Unit.NONE:
            found[address]["hidden"] += times * (timing.UNIT_START + durations.at(address, decoded))
        if isinstance(program[address], Matvec):
            groups = _groups(durations.matvec(address, decoded))
            found[address].update({name: times * n for name, n in groups.items()})
    for address, times in profile.ended.items():
        found[address]["times"] += times
        found[address]["hidden"] += times * (timing.UNIT_START + durations.short_input(0))
    for address, cycles in profile.exposed.items():
        found[address][_COUNTER[program[address].unit]] += cycles
        found[address]["hidden"] -= cycles
    for address, cycles in profile.issuing.items():
        found[address]["control"] += cycles
    for address, spent in enumerate(found):
        spent["cycles"] = spent["control"] + sum(spent[name] for name in COUNTED)
        if spent["cycles"] or spent["times"]:
            yield address, spent


def _groups(one: MatvecCycles) -> dict[str, int]:
    """What the groups do in one MATVEC."""
    return {
        "places": int(one.walked.sum()) - one.padding,
        "padding": one.padding,
        "wait_broadcast": one.wait_broadcast,
        "wait_fifo": one.wait_x - one.wait_broadcast,
        "wait_stream": one.wait_stream,
        "stream": one.stream,
        "imbalance": one.imbalance,
        "overhead": one.overhead + timing.UNIT_START * len(one.walked),
    }
