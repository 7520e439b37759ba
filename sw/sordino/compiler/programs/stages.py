"""Stages: what a program does in a frame beside its main loop."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Protocol

from sordino.compiler.program.frames import OTHER_BANK
from sordino.compiler.program.writer import Writer
from sordino.image.section.networks import ImageNetwork
from sordino.isa.choices import Condition
from sordino.isa.operations import Branch as BranchOperation

__all__ = ["Choose", "Stage"]


class Stage(Protocol):
    """A part of a frame, behind the network that runs every frame.

    It may use one accumulator bank, `OTHER_BANK`, and leaves it empty.
    """

    @property
    def registers(self) -> Sequence[str]:
        """Names of the registers that it uses."""

    @property
    def networks(self) -> Sequence[str]:
        """Names of the networks that it runs."""

    def start(self, writer: Writer) -> None:
        """Write to the block what a run begins with, beside cleared state."""

    def write(self, writer: Writer, prefix: str) -> None:
        """Write blocks; `prefix` begins all labels. No table is known before and after it."""

    def described(self, writer: Writer, entries: Mapping[str, str]) -> Mapping[str, ImageNetwork]:
        """What is said of networks that a host sees beside that of a program with `entries`.

        All others of the stage are parts of the network that it belongs to.
        """


@dataclass(frozen=True)
class Choose:
    """Run one of several networks: that whose number is in a register.

    An Argmax of the network before puts it there. Where the number is beyond the last network, the
    first one runs.
    """

    register: str
    networks: tuple[str, ...]

    @property
    def registers(self) -> Sequence[str]:
        """The one that chooses."""
        return (self.register,)

    def start(self, writer: Writer) -> None:
        """Nothing: a network before the branch sets the register."""

    def write(self, writer: Writer, prefix: str) -> None:
        """Write a branch to each network but the first, and all networks."""
        number, emit = writer.register(self.register), writer.builder.emit
        chosen = [f"{prefix}{self.register}.{name}" for name in self.networks[1:]]
        for value, label in enumerate(chosen, 1):
            equal = {"condition": Condition.EQ, "value": value}
            emit(BranchOperation, self.register, register=number, **equal, target=label)
        end = f"{prefix}{self.register}.end"
        for name, label in zip(self.networks, ("", *chosen), strict=True):
            if label:
                writer.builder.label(label)
            writer.run(name, repeat(OTHER_BANK))
            writer.end_block()
            if name != self.networks[-1]:
                writer.builder.jump(end)
        writer.builder.label(end)

    def described(self, writer: Writer, entries: Mapping[str, str]) -> Mapping[str, ImageNetwork]:
        """Nothing: the branches are parts of the network that chooses."""
        return {}
