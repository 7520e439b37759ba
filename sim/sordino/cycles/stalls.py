"""Where the cycles of a run went, layer by layer, and why lanes did not work."""

from dataclasses import asdict, dataclass, fields
from typing import Any

from sordino.cycles.schedule import Unit, instruction_cycles
from sordino.cycles.trace import Profile

__all__ = ["LayerStalls", "layer_stalls"]


@dataclass(frozen=True, kw_only=True)
class LayerStalls:
    """Of one layer's instructions: whose cycles, and what each group did in those of MATVEC.

    cycles          all; the sum of the next four
    matvec          from MATVECs' start to their done
    vector, table   the same of the other units
    control         what the sequencer takes for every instruction

    Group cycles; their sum is `matvec` times groups:

    places          places walked, padding not among them
    padding         padding places
    wait_broadcast  a place waited for a column that one column a cycle cannot bring earlier
    wait_fifo       a place waited for a column that waited for room in a FIFO
    imbalance       done with its places before the busiest group
    overhead        decoder start and settling, 16 cycles a MATVEC
    """

    name: str
    cycles: int
    matvec: int
    vector: int
    table: int
    control: int
    places: int
    padding: int
    wait_broadcast: int
    wait_fifo: int
    imbalance: int
    overhead: int

    def as_dict(self) -> dict[str, Any]:
        """Fields by name."""
        return asdict(self)


_FIELDS = tuple(field.name for field in fields(LayerStalls) if field.name != "name")


def layer_stalls(profile: Profile) -> list[LayerStalls]:
    """One entry a label of the program that was executed, in program order, then the whole."""
    program = profile.durations.image.program
    labels = [instruction.layer or "control" for instruction in program]
    sums = {label: dict.fromkeys(_FIELDS, 0) for label in [*labels, "all"]}
    for (address, run_table), times in profile.times.items():
        for name, n in _spent(profile, address, run_table).items():
            for label in (labels[address], "all"):
                sums[label][name] += times * n
    for address, times in profile.ended.items():
        duration = profile.durations.short_input(address, 0)
        for label in (labels[address], "all"):
            sums[label]["vector"] += times * duration
            sums[label]["control"] += times * instruction_cycles(0)
            sums[label]["cycles"] += times * instruction_cycles(duration)
    return [LayerStalls(name=name, **n) for name, n in sums.items() if n["cycles"]]


def _spent(profile: Profile, address: int, run_table: int | None) -> dict[str, int]:
    """One execution of an instruction."""
    durations = profile.durations
    duration, unit = durations.at(address, run_table), durations.units[address]
    spent = {"cycles": instruction_cycles(duration), "control": instruction_cycles(0)}
    if unit is not Unit.SEQUENCER:
        spent[unit.name.lower()] = duration
    if unit is Unit.MATVEC:
        one = durations.matvec(address, run_table)
        spent |= {
            "places": int(one.walked.sum()) - one.padding,
            "padding": one.padding,
            "wait_broadcast": one.wait_broadcast,
            "wait_fifo": one.wait_x - one.wait_broadcast,
            "imbalance": one.imbalance,
            "overhead": one.overhead,
        }
    return spent
