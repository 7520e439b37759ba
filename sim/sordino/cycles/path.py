"""A program's path from what it decides: how many vectors come, what ARGMAX and READ find."""

from collections.abc import Collection, Iterator, Sequence

import numpy as np

from sordino.cycles.trace import Trace
from sordino.image.image import Image
from sordino.isa.instruction import REGISTERS, Control, Instruction
from sordino.isa.operations import Halt, Use

__all__ = ["decisions_of", "follow", "plain_stretches"]


_LOWEST = 0
"""What READ leaves of the least word."""


def decisions_of(image: Image, tokens: Sequence[Sequence[int]]) -> list[int]:
    """What the ARGMAX of a greedy RNN-T finds, given the tokens of each frame.

    A blank ends a frame unless it has as many tokens as it may have. The score of an end-pointer is
    the lowest in every frame.
    """
    ends = any(one.ends is not None for one in image.host.networks.values())
    blank, most = image.network.blank, image.network.max_symbols
    found: list[int] = []
    for frame in tokens:
        if len(frame) > most or blank in frame:
            raise ValueError(f"wanted at most {most} tokens a frame, no blank, got {list(frame)}")
        found += frame
        if len(frame) < most:
            found.append(blank)
        if ends:
            found.append(_LOWEST)
    return found


def follow(
    image: Image,
    vectors: int,
    decisions: Sequence[int],
    *,
    entry: str = "main",
    checked: Collection[int] | None = None,
) -> Trace:
    """The path of a run that reads `vectors` input vectors, with these results of ARGMAX.

    `checked` are the numbers of the segments that are loaded all the time, by default those that
    the image has contents for. The path ends with HALT, or where the stack over- or underflows.
    ValueError if the decisions do not suffice.
    """
    if checked is None:
        checked = {room.number for room in image.rooms if room.filled}
    return _Follower(image, vectors, decisions, checked).run(image.entry(entry))


class _Follower:
    def __init__(
        self, image: Image, vectors: int, decisions: Sequence[int], checked: Collection[int]
    ) -> None:
        self.program = image.program
        self.vectors, self.checked = vectors, checked
        self.decisions: Iterator[int] = iter(decisions)
        self.ended = False
        self.plain = plain_stretches(image.program)

    def run(self, pc: int) -> Trace:
        passed, ended = list[int](), list[int]()
        program = self.program
        control = Control(pc, (0,) * REGISTERS)
        while True:
            end = self.plain[control.pc]
            passed.extend(range(control.pc, end))
            control = control.at(end)
            i = program[end]
            following = self.way(control, i)
            if following is None and not isinstance(i, Halt):
                break
            if self.ended:
                ended.append(len(passed))
                self.ended = False
            passed.append(end)
            if following is None:
                break
            control = following
        return Trace(np.array(passed, np.int64), np.array(ended, np.int64))

    def way(self, control: Control, i: Instruction) -> Control | None:
        """Where the program goes on, with what the registers hold then; None where it stops."""
        ways = i.ways(control)
        if not ways:
            return None
        following = ways[0]
        if isinstance(i, Use):
            following = ways[i.segment not in self.checked]
        elif len(ways) > 1:
            # An INPUT: of all others the way is known, as all registers are.
            self.ended = not self.vectors
            self.vectors -= not self.ended
            following = ways[self.ended]
        for register, value in enumerate(following.registers):
            if value is None:
                decision = next(self.decisions, None)
                if decision is None:
                    raise ValueError(
                        f"no decision is left for the {i.mnemonic} at address {control.pc}"
                    )
                following = following.holding(register, decision)
        return following


def plain_stretches(program: Sequence[Instruction]) -> list[int]:
    """The next address from each one on, itself included, whose instruction is not plain.

    Plain ones only go on to the next, with the same registers.
    """
    ends = [len(program)] * (len(program) + 1)
    for pc in range(len(program) - 1, -1, -1):
        ends[pc] = ends[pc + 1] if program[pc].plain else pc
    return ends
