"""A program's path from what it decides: how many vectors come, and what each ARGMAX finds."""

from collections.abc import Iterator, Sequence

import numpy as np

from sordino.cycles.trace import Trace
from sordino.isa.image import Image
from sordino.isa.instructions import REGISTERS, STACK_DEPTH, Condition, Instruction, Opcode

__all__ = ["decisions_of", "follow", "holds", "plain_stretches"]

_REGISTER_MASK = 0xFFFF


def decisions_of(image: Image, tokens: Sequence[Sequence[int]]) -> list[int]:
    """What the ARGMAX of a greedy RNN-T finds, given the tokens of each frame.

    A blank ends a frame unless it has as many tokens as it may have.
    """
    blank, most = int(image.host["blank"]), int(image.host["max_symbols"])
    found: list[int] = []
    for frame in tokens:
        if len(frame) > most or blank in frame:
            raise ValueError(f"wanted at most {most} tokens a frame, no blank, got {list(frame)}")
        found += frame
        if len(frame) < most:
            found.append(blank)
    return found


def holds(instruction: Instruction, value: int) -> bool:
    """Whether BRANCH's comparison holds for a register of this value."""
    match Condition(instruction.condition):
        case Condition.EQ:
            return value == instruction.value
        case Condition.NE:
            return value != instruction.value
        case Condition.LT:
            return value < instruction.value
        case _:
            return value >= instruction.value


def follow(image: Image, vectors: int, decisions: Sequence[int], *, entry: str = "main") -> Trace:
    """The path of a run that reads `vectors` input vectors, with these results of ARGMAX.

    It ends with HALT, or where the stack over- or underflows. ValueError if the decisions do not
    suffice.
    """
    return _Follower(image, vectors, decisions).run(image.entry(entry))


class _Follower:
    def __init__(self, image: Image, vectors: int, decisions: Sequence[int]) -> None:
        self.program = image.program
        self.vectors = vectors
        self.decisions: Iterator[int] = iter(decisions)
        self.registers = [0] * REGISTERS
        self.stack: list[int] = []
        self.ended = False
        self.plain = plain_stretches(image.program)

    def run(self, pc: int) -> Trace:
        passed, ended = list[int](), list[int]()
        program = self.program
        while True:
            end = self.plain[pc]
            passed.extend(range(pc, end))
            pc = end
            following = self.control(pc, program[pc])
            if following is None:
                break
            if self.ended:
                ended.append(len(passed))
                self.ended = False
            passed.append(pc)
            if program[pc].opcode is Opcode.HALT:
                break
            pc = following
        return Trace(np.array(passed, np.int64), np.array(ended, np.int64))

    def control(self, pc: int, i: Instruction) -> int | None:
        """Execute what may change the path; the next address, or None for a stop."""
        registers = self.registers
        match i.opcode:
            case Opcode.SET:
                registers[i.register] = i.value
            case Opcode.ARGMAX:
                found = next(self.decisions, None)
                if found is None:
                    raise ValueError(f"no decision is left for the ARGMAX at address {pc}")
                registers[i.register] = found
            case Opcode.LOOP:
                left = registers[i.register] = registers[i.register] - 1 & _REGISTER_MASK
                return i.target if left else pc + 1
            case Opcode.BRANCH:
                return i.target if holds(i, registers[i.register]) else pc + 1
            case Opcode.INPUT:
                if not self.vectors:
                    self.ended = True
                    return i.end
                self.vectors -= 1
            case Opcode.JUMP:
                return i.target
            case Opcode.CALL:
                if len(self.stack) == STACK_DEPTH:
                    return None
                self.stack.append(pc + 1)
                return i.target
            case Opcode.RETURN:
                return self.stack.pop() if self.stack else None
        return pc + 1


_CONTROL = (
    *(Opcode.HALT, Opcode.SET, Opcode.JUMP, Opcode.CALL, Opcode.RETURN, Opcode.LOOP),
    *(Opcode.BRANCH, Opcode.INPUT, Opcode.ARGMAX),
)


def plain_stretches(program: Sequence[Instruction]) -> list[int]:
    """For each address the next one, itself included, whose instruction is not plain.

    Plain ones only go on to the next, with the same registers.
    """
    ends = [len(program)] * (len(program) + 1)
    for pc in range(len(program) - 1, -1, -1):
        ends[pc] = pc if program[pc].opcode in _CONTROL else ends[pc + 1]
    return ends
