"""A program over a dealt graph: memories given out, instructions ordered, labels resolved."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from sordino.codec import EncodedMatrices
from sordino.compiler.limits.errors import CompileError
from sordino.compiler.limits.limits import Limits
from sordino.compiler.passes.addresses import allocate
from sordino.compiler.passes.place import PlacedGraph
from sordino.compiler.program.facts import with_shares
from sordino.compiler.program.writer import Writer
from sordino.image.section.networks import ImageNetwork
from sordino.isa.hazards import with_overlap
from sordino.isa.instruction import REGISTERS, Instruction

__all__ = ["Program", "Scheduled", "schedule"]


class Program(Protocol):
    """Which networks run when."""

    @property
    def registers(self) -> Mapping[str, int]:
        """Numbers of registers by name."""

    @property
    def networks(self) -> Sequence[str]:
        """The networks whose matrices it multiplies, the most frequent one first."""

    @property
    def entries(self) -> Sequence[str]:
        """Labels that are entry points."""

    def write(self, writer: Writer) -> None:
        """Write the whole program."""

    def described(self, writer: Writer) -> Mapping[str, ImageNetwork]:
        """What a host must know of its networks, by name, once it is written; the main one first.

        `sordino.compiler.program.facts` finds it.
        """


@dataclass(frozen=True)
class Scheduled:
    """A program, its labels by address, its parameter memory, and what is said of its networks.

    apart  of each segment the first one and the number of its words of parameter memory
    """

    program: tuple[Instruction, ...]
    labels: dict[str, int]
    parameters: bytes
    networks: dict[str, ImageNetwork]
    apart: Mapping[str, tuple[int, int]]


def schedule(
    program: Program,
    placed: PlacedGraph,
    encoded: EncodedMatrices,
    limits: Limits,
    chunk: int = 1,
) -> Scheduled:
    """Write a program; DoesNotFit where `limits` or the memories are too small.

    `chunk` frames are computed at once by networks that run every frame.
    """
    if len(program.registers) > REGISTERS:
        raise CompileError(
            f"{len(program.registers)} registers do not fit: the program needs "
            f"{', '.join(program.registers)}, machines have {REGISTERS}; leave a part of it out"
        )
    at = allocate(placed, chunk)
    writer = Writer(
        placed,
        encoded,
        at,
        registers=program.registers,
        often=tuple(program.networks),
        chunk=chunk,
    )
    program.write(writer)
    at.memory.need(limits, len(writer.builder))
    limits.check()
    labels = writer.builder.labels
    entries = [labels[name] for name in program.entries]
    finished = with_overlap(writer.builder.finish(), entries, encoded.config)
    parameters = bytes(at.memory.parameters.contents)
    networks = with_shares(program.described(writer))
    return Scheduled(finished, labels, parameters, networks, at.apart)
