"""Stages: what a program does in a frame beside its main loop."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Protocol

from sordino.compiler.program.facts import network_of, tokens_of
from sordino.compiler.program.frames import OTHER_BANK
from sordino.compiler.program.writer import Writer
from sordino.image.section.networks import ImageNetwork
from sordino.isa.choices import Condition
from sordino.isa.operations import Branch as BranchOperation
from sordino.isa.operations import Emit, Set
from sordino.isa.registers import REFUSED

__all__ = ["ENCODING", "Beside", "Choose", "Stage"]

ENCODING = ("main", "encode")
"""The entry points of a transducer that run its stages."""


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
    first one runs, and where the chosen one is of a segment that is not checked.
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
        first, end = f"{prefix}{self.register}.first", f"{prefix}{self.register}.end"
        if any(writer.graph.network(name).segment for name in self.networks):
            writer.builder.label(first)
        for name, label in zip(self.networks, ("", *chosen), strict=True):
            if label:
                writer.builder.label(label)
                writer.use(name, first)
            writer.run(name, repeat(OTHER_BANK))
            writer.end_block()
            if name != self.networks[-1]:
                writer.builder.jump(end)
        writer.builder.label(end)

    def described(self, writer: Writer, entries: Mapping[str, str]) -> Mapping[str, ImageNetwork]:
        """Nothing: the branches are parts of the network that chooses."""
        return {}


@dataclass(frozen=True)
class Beside:
    """Run one network in every frame, and emit what its Argmax found.

    network  its name
    token    the register, of an Argmax in the network; empty: nothing is emitted
    channel  the channel of the tokens

    Where the network is of a segment that is not checked, it is left out in that frame: nothing is
    emitted, the register holds REFUSED, and what else it computes stays as it was.
    """

    network: str
    token: str = ""
    channel: int = 0

    @property
    def registers(self) -> Sequence[str]:
        """The one of the token."""
        return (self.token,) if self.token else ()

    @property
    def networks(self) -> Sequence[str]:
        """The one network."""
        return (self.network,)

    def start(self, writer: Writer) -> None:
        """Nothing: all is computed anew in each frame."""

    def write(self, writer: Writer, prefix: str) -> None:
        """Write the network and what it emits."""
        end = f"{prefix}{self.network}.end"
        segment = writer.graph.network(self.network).segment
        if self.token:
            writer.graph.check_found(self.network, self.token)
            if segment:
                register = writer.register(self.token)
                writer.builder.emit(Set, self.network, register=register, value=REFUSED)
        with writer.part(self.network):
            writer.use(self.network, end)
            writer.run(self.network, repeat(OTHER_BANK))
            if self.token:
                register = writer.register(self.token)
                writer.emit(Emit, self.network, register=register, channel=self.channel)
            writer.end_block()
        if segment:
            writer.builder.label(end)

    def described(self, writer: Writer, entries: Mapping[str, str]) -> Mapping[str, ImageNetwork]:
        """The one network."""
        found = network_of(
            writer,
            (self.network,),
            entries={role: name for role, name in entries.items() if role in ENCODING},
            program=writer.parts(self.network),
            tokens=tokens_of(writer, self.network, self.token, self.channel),
        )
        return {self.network: found}
