"""Networks that run when a host asks for them, while a program waits for its next frame."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat

from sordino.compiler.program.facts import input_of, network_of, tokens_of
from sordino.compiler.program.frames import OTHER_BANK
from sordino.compiler.program.table_plan import Slots
from sordino.compiler.program.writer import Writer
from sordino.errors import InputError
from sordino.image.section.networks import ImageNetwork
from sordino.isa.choices import Condition
from sordino.isa.operations import Branch, Emit, Input, Set, Take
from sordino.isa.registers import REFUSED

__all__ = ["Served", "served_networks", "write_served"]


@dataclass(frozen=True)
class Served:
    """One network, once for a request, on one vector of a channel of its own.

    network  its name
    channel  the channel of its input and of what it emits
    token    the register that is emitted, of an Argmax in the network; empty: none is
    """

    network: str
    channel: int
    token: str = ""

    def __post_init__(self) -> None:
        if self.channel < 1:
            raise InputError(
                f"wanted a channel of its own for {self.network}, from 1 on, got {self.channel}; "
                "0 is the program's"
            )


def write_served(writer: Writer, serves: Sequence[Served], back: str, wanted: Slots) -> None:
    """Write what follows a request: at the label `request`; then the program goes on at `back`.

    There it finds the tables that are `wanted`. An unknown request is forgotten, and so is one for
    a network whose channel has ended. A network whose segment is not checked does not run: REFUSED
    is emitted on its channel.
    """
    builder, number = writer.builder, writer.register("request")
    builder.label("request")
    builder.emit(Take, "request", register=number)
    for value, one in enumerate(serves, 1):
        asked = {"condition": Condition.EQ, "value": value}
        builder.emit(Branch, "request", register=number, **asked, target=f"serve.{one.network}")
    builder.jump(back)
    for one in serves:
        builder.label(f"serve.{one.network}")
        graph = writer.graph
        source = graph.source(graph.network(one.network))
        if one.token:
            graph.check_found(one.network, one.token)
        to, width = writer.at.inputs[source].base, graph.widths[source]
        fields = {"destination": to, "count": width, "channel": one.channel}
        refused = f"serve.{one.network}.refused"
        with writer.part(one.network):
            builder.emit(Input, "input", **fields, end=back)
            writer.use(one.network, refused)
            writer.run(one.network, repeat(OTHER_BANK))
            if one.token:
                register = writer.register(one.token)
                writer.emit(Emit, "token", register=register, channel=one.channel)
            writer.end_block(wanted=wanted)
        builder.jump(back)
        if graph.network(one.network).segment:
            # No table was loaded on this way: those that are wanted are there.
            register = writer.register(one.token or "request")
            builder.label(refused)
            builder.emit(Set, "refused", register=register, value=REFUSED)
            builder.emit(Emit, "refused", register=register, channel=one.channel)
            builder.jump(back)


def served_networks(
    writer: Writer, serves: Sequence[Served], entries: Mapping[str, str]
) -> dict[str, ImageNetwork]:
    """What is said of the networks that a host may ask for while a program of `entries` waits."""
    return {
        one.network: network_of(
            writer,
            (one.network,),
            entries=entries,
            request=number,
            program=writer.parts(one.network),
            input=input_of(writer, one.network, one.channel),
            tokens=tokens_of(writer, one.network, one.token, one.channel),
        )
        for number, one in enumerate(serves, 1)
    }
