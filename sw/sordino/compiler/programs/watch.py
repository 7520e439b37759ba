"""A watch: a token when a score has been high for some frames in a row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat

from sordino.compiler.program.facts import network_of
from sordino.compiler.program.frames import OTHER_BANK
from sordino.compiler.program.writer import Writer
from sordino.compiler.programs.stages import ENCODING
from sordino.errors import InputError
from sordino.image.section.networks import ImageNetwork, NetworkTokens
from sordino.isa.choices import Condition
from sordino.isa.fields import REGISTER_HIGH
from sordino.isa.operations import Branch, Count, Emit, Jump, Read, Set, Write
from sordino.layers.base.places import Where
from sordino.layers.heads import score_scale

__all__ = ["Watch"]

_ZERO = (REGISTER_HIGH + 1) // 2
"""What a register holds for a state word of 0."""


@dataclass(frozen=True)
class Watch:
    """Run a network each frame and emit a token when one of its scores stays high.

    network    its name; its last layer is `Scores`
    output     number of the score
    threshold  what the score has to reach
    frames     so many frames in a row; the token is emitted in the last of them
    token      what is emitted
    channel    its channel

    Where the network is of a segment that is not checked, no score is high in that frame.

    The count of frames is a word of state memory: it lasts from one START to the next, until the
    program clears its state.
    """

    network: str
    output: int = 0
    threshold: float = 0.0
    frames: int = 1
    token: int = 1
    channel: int = 0

    @property
    def registers(self) -> Sequence[str]:
        """One, for the score, for the count and for the token."""
        return ("watch",)

    @property
    def networks(self) -> Sequence[str]:
        """The one network."""
        return (self.network,)

    def limit(self, writer: Writer) -> int:
        """The least value of a register at which the score reaches the threshold."""
        fraction, _, _ = score_scale(self._scores(writer).site.sums.layer)
        steps = -int(-self.threshold * 2.0**fraction // 1)
        return min(max(steps + _ZERO, 0), REGISTER_HIGH)

    def _scores(self, writer: Writer) -> Where:
        return writer.at.nodes[writer.graph.network(self.network).nodes[-1]]

    def start(self, writer: Writer) -> None:
        """Write the count of 0 that a run begins with."""
        self._count(writer)

    def _count(self, writer: Writer) -> None:
        register = writer.register("watch")
        word = writer.word(f"{self.network}.count")
        writer.emit(Set, self.network, register=register, value=_ZERO)
        writer.emit(Write, self.network, register=register, state=word)

    def write(self, writer: Writer, prefix: str) -> None:
        """Write the network, the comparison and the count."""
        scores = self._scores(writer)
        order = scores.site.sums.layout.order.tolist()
        if self.output not in order:
            raise InputError(
                f"wanted one of the {len(order)} scores of {self.network}, got {self.output}; "
                "scores count from 0"
            )
        slot = order.index(self.output)
        low, end = f"{prefix}{self.network}.low", f"{prefix}{self.network}.end"
        with writer.part(self.network):
            self._write(writer, scores.out.base + slot, low, end)
        writer.builder.label(end)

    def _write(self, writer: Writer, score: int, low: str, end: str) -> None:
        """Write the network, and what follows where the word of its score is high or low."""
        register, emit = writer.register("watch"), writer.builder.emit
        word = writer.word(f"{self.network}.count")
        writer.use(self.network, low)
        writer.run(self.network, repeat(OTHER_BANK))
        writer.emit(Read, self.network, register=register, state=score)
        writer.end_block()
        limit = {"condition": Condition.LT, "value": self.limit(writer)}
        emit(Branch, self.network, register=register, **limit, target=low)
        writer.emit(Read, self.network, register=register, state=word)
        writer.emit(Count, self.network, register=register, step=1)
        writer.emit(Write, self.network, register=register, state=word)
        writer.end_block()
        often = {"condition": Condition.NE, "value": _ZERO + self.frames}
        emit(Branch, self.network, register=register, **often, target=end)
        emit(Set, self.network, register=register, value=self.token)
        emit(Emit, self.network, register=register, channel=self.channel)
        emit(Jump, self.network, target=end)
        writer.builder.label(low)
        self._count(writer)
        writer.end_block()

    def described(self, writer: Writer, entries: Mapping[str, str]) -> Mapping[str, ImageNetwork]:
        """The watch, with the count of frames as what it keeps."""
        found = network_of(
            writer,
            (self.network,),
            entries={role: name for role, name in entries.items() if role in ENCODING},
            words=(f"{self.network}.count",),
            program=writer.parts(self.network),
            tokens=NetworkTokens(channel=self.channel, numbers=(self.token, 1)),
        )
        return {self.network: found}
