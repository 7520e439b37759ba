"""A program that runs one network for each input vector."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import ClassVar

from sordino.compiler.program.facts import input_of, network_of, tokens_of
from sordino.compiler.program.frames import OTHER_BANK, Frames
from sordino.compiler.program.table_plan import UNKNOWN
from sordino.compiler.program.writer import Writer
from sordino.image.section.networks import ImageNetwork
from sordino.isa.operations import Emit, Input, Set
from sordino.isa.registers import REFUSED

__all__ = ["EveryFrame", "OnDemand"]


@dataclass(frozen=True)
class _OneNetwork:
    """A program of one network.

    network  its name
    token    the register that is emitted, of an Argmax in the network; empty: none is
    """

    network: str
    token: str = ""

    ENTRIES: ClassVar[tuple[str, ...]] = ()

    @property
    def entries(self) -> Sequence[str]:
        """The entry points of the program."""
        return self.ENTRIES

    @property
    def registers(self) -> Mapping[str, int]:
        """The register that is emitted, if any."""
        return {self.token: 0} if self.token else {}

    @property
    def networks(self) -> Sequence[str]:
        """The one network."""
        return (self.network,)

    def described(self, writer: Writer) -> Mapping[str, ImageNetwork]:
        """The one network, by its name."""
        found = network_of(
            writer,
            (self.network,),
            entries={name: name for name in self.entries},
            input=input_of(writer, self.network),
            tokens=tokens_of(writer, self.network, self.token),
        )
        return {self.network: found}

    def refuse(self, writer: Writer) -> None:
        """Write, at the label `refused`, what is emitted where the network did not run."""
        writer.builder.label("refused")
        if self.token:
            register = writer.register(self.token)
            writer.builder.emit(Set, "refused", register=register, value=REFUSED)
            writer.builder.emit(Emit, "refused", register=register)


@dataclass(frozen=True)
class EveryFrame(_OneNetwork):
    """One network for each input vector, from START to the end of input.

    network  its name
    token    the register that is emitted each frame, of an Argmax in the network; empty: none is

    `main` clears the state and runs until the input ends; `go` runs on with the state.
    Where the network is of a segment that is not checked, it does not run, and REFUSED is emitted.
    """

    ENTRIES: ClassVar[tuple[str, ...]] = ("main", "go")

    def write(self, writer: Writer) -> None:
        """Write the loop."""
        if self.token:
            writer.graph.check_found(self.network, self.token)
        frames = Frames(writer, self.network)
        segment = writer.graph.network(self.network).segment
        frames.refused = "refused" if segment else ""
        writer.builder.label("main")
        writer.clear(writer.bank_rows())
        writer.end_block()
        writer.builder.label("go")
        held = frames.write("frame", "", UNKNOWN, "stop")
        if self.token:
            writer.emit(Emit, "token", register=writer.register(self.token))
        writer.end_block(held)
        writer.builder.jump("frame")
        if segment:
            self.refuse(writer)
            writer.builder.jump("frame")
        writer.builder.label("stop")
        writer.builder.halt()
        frames.padding()


@dataclass(frozen=True)
class OnDemand(_OneNetwork):
    """One network once for each START, on one input vector.

    network  its name
    token    the register that is emitted, of an Argmax in the network; empty: none is

    `reset` clears the state and loads tables; `run`, after it, takes a vector.
    Where the network is of a segment that is not checked, it does not run, and REFUSED is emitted.
    """

    ENTRIES: ClassVar[tuple[str, ...]] = ("reset", "run")

    def write(self, writer: Writer) -> None:
        """Write both entry points."""
        builder, graph = writer.builder, writer.graph
        if self.token:
            graph.check_found(self.network, self.token)
        builder.label("reset")
        writer.clear(writer.bank_rows())
        writer.end_block()
        builder.halt()
        builder.label("run")
        source = graph.source(graph.network(self.network))
        to, width = writer.at.inputs[source], graph.widths[source]
        builder.emit(Input, "input", destination=to.base, count=width, end="stop")
        writer.use(self.network, "refused")
        writer.run(self.network, repeat(OTHER_BANK))
        if self.token:
            writer.emit(Emit, "token", register=writer.register(self.token))
        writer.end_block()
        if graph.network(self.network).segment:
            builder.jump("stop")
            self.refuse(writer)
        builder.label("stop")
        builder.halt()
