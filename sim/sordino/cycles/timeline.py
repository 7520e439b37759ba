"""When each unit works on what: one frame of a greedy RNN-T, cycle by cycle."""

from dataclasses import asdict, dataclass
from typing import Any

from sordino.cycles.durations import Durations
from sordino.cycles.issue import Issuer, Passage
from sordino.cycles.path import decisions_of, follow
from sordino.cycles.schedule import COUNTED
from sordino.image.image import Image

__all__ = ["Timeline", "Work", "frame_timeline"]

_SETTLED = 2
"""Frames before the one that is shown: units are then at work as in every later one."""


@dataclass(frozen=True)
class Work:
    """One instruction on one unit, from cycle `begin` (its start) to `end`, that left out.

    unit     as its counter is named: matvec, vector or table
    address  in the program
    layer    its label
    """

    unit: str
    address: int
    layer: str
    begin: int
    end: int


@dataclass(frozen=True)
class Timeline:
    """A frame from the cycle in which its INPUT begins, which is 0, to the next one's.

    cycles  of the frame
    tokens  emitted in it, and in the frames before
    work    in program order; what is still at work from the frame before begins below 0
    """

    cycles: int
    tokens: int
    work: tuple[Work, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def frame_timeline(
    image: Image, tokens: int = 0, *, durations: Durations | None = None
) -> Timeline:
    """A frame that emits so many tokens, after others like it; every cycle is the circuit's.

    With time reduction it is the first input vector of a group to the next group's, and likewise of
    a chunk, in which every frame emits so many. ValueError for
    an image without the tables of a greedy RNN-T, or more tokens than a frame may have.
    """
    durations = durations or Durations(image)
    program = image.program
    host = image.network
    chunk = host.chunk
    factor = host.time_reduction * chunk
    frame = [0 if host.blank else 1] * tokens
    groups = _SETTLED + 2
    trace = follow(image, groups * factor, decisions_of(image, [frame] * (groups * chunk)))
    ended, passage = set(trace.ended.tolist()), Passage(Issuer(durations))
    found, inputs = list[Work](), list[int]()
    for index, address in enumerate(trace.addresses.tolist()):
        step = passage.take(address, 0 if index in ended else None)
        if step.turn.blocks:
            inputs.append(step.begins)
        if step.turn.unit is not None:
            unit, start = COUNTED[step.turn.unit], step.start
            layer = program[address].layer
            found.append(Work(unit, address, layer, start, start + step.duration))
    first, last = inputs[_SETTLED * factor], inputs[(_SETTLED + 1) * factor]
    return Timeline(
        last - first,
        tokens,
        tuple(
            Work(w.unit, w.address, w.layer, w.begin - first, w.end - first)
            for w in found
            if w.begin < last and w.end > first
        ),
    )
