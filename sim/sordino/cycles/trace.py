"""Paths through a program, and their time."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from sordino.cycles.durations import Durations
from sordino.cycles.schedule import Unit, instruction_cycles
from sordino.isa.image import Image
from sordino.isa.instructions import Opcode

__all__ = ["Profile", "Trace", "time_trace"]


@dataclass(frozen=True, eq=False)
class Trace:
    """A run as its path.

    addresses  int64: of every retired instruction, in order
    ended      int64: which of these (indices) are an INPUT that met the end of input at once
    """

    addresses: NDArray[np.int64]
    ended: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))


@dataclass
class Profile:
    """How often each instruction retired, and what that took.

    times  by address and run table; an INPUT that met the end of input is in `ended` instead
    """

    durations: Durations
    times: Counter[tuple[int, int | None]] = field(default_factory=Counter)
    ended: Counter[int] = field(default_factory=Counter)

    def table(self) -> NDArray[np.int64]:
        """For each program address: times retired and cycles, (n, 2), as `Rtl.profile`."""
        out = np.zeros((len(self.durations.image.program), 2), np.int64)
        for (address, run_table), times in self.times.items():
            cycles = instruction_cycles(self.durations.at(address, run_table))
            out[address] += times, times * cycles
        for address, times in self.ended.items():
            cycles = instruction_cycles(self.durations.short_input(address, 0))
            out[address] += times, times * cycles
        return out

    def counters(self) -> dict[str, int]:
        """The timed counters of what retired; nobody waits for features or tokens."""
        durations, busy, wait_x = self.durations, dict.fromkeys(Unit, 0), 0
        for (address, run_table), times in self.times.items():
            unit = durations.units[address]
            busy[unit] += times * durations.at(address, run_table)
            if unit is Unit.MATVEC:
                wait_x += times * durations.matvec(address, run_table).wait_x
        for address, times in self.ended.items():
            busy[Unit.VECTOR] += times * durations.short_input(address, 0)
        return {
            "cycles": int(self.table()[:, 1].sum()),
            "matvec": busy[Unit.MATVEC],
            "vector": busy[Unit.VECTOR],
            "table": busy[Unit.TABLE],
            "wait_x": wait_x,
            "wait_input": 0,
            "wait_token": 0,
        }


def time_trace(image: Image, trace: Trace, *, durations: Durations | None = None) -> Profile:
    """The time of a path, without values.

    Pass the same `durations` for every trace of an image, so that its matrices are looked at only
    once. The path is the caller's: whether the program can take it is not checked.
    """
    profile = Profile(durations or Durations(image))
    size, addresses = len(image.program), trace.addresses
    ended = np.zeros(len(addresses), np.bool_)
    ended[trace.ended] = True
    profile.ended.update(addresses[ended].tolist())
    loads = np.array([i.opcode is Opcode.TABLE and bool(i.runs) for i in image.program], np.bool_)
    run_table: int | None = None
    for begin, end in _pieces(np.flatnonzero(loads[addresses]), len(addresses)):
        first = int(addresses[begin])
        if loads[first]:
            run_table = image.program[first].source
        part = addresses[begin:end][~ended[begin:end]]
        counts = np.bincount(part, minlength=size)
        for address in np.flatnonzero(counts).tolist():
            profile.times[address, run_table] += int(counts[address])
    return profile


def _pieces(starts: NDArray[np.int64], length: int) -> Sequence[tuple[int, int]]:
    """Ranges that begin at 0 and at every start."""
    bounds = sorted({0, *starts.tolist(), length})
    return list(pairwise(bounds))
