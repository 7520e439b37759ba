"""An end-pointer behind the tokens of each frame: one score, two decisions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat

from sordino.compiler.program.facts import network_of
from sordino.compiler.program.frames import OTHER_BANK
from sordino.compiler.program.table_plan import UNKNOWN, Slots
from sordino.compiler.program.writer import Writer
from sordino.image.section.networks import CONTEXTS, EndLevel, Ends, ImageNetwork, NetworkTokens
from sordino.isa.choices import Condition
from sordino.isa.fields import REGISTER_HIGH
from sordino.isa.operations import Branch, Count, Emit, Jump, Read, Set, Write
from sordino.layers.embedding import Embedding
from sordino.layers.heads import score_scale
from sordino.layers.layer import kind_of

__all__ = ["FINAL", "SPECULATIVE", "EndPoint"]

SPECULATIVE, FINAL = 1, 2
"""The tokens: the end is likely; the utterance ends."""
_TEXTS = ("speculative", "final")
_ZERO = (REGISTER_HIGH + 1) // 2
"""What a register holds for a state word of 0."""
_SILENT = 2
"""The least number of a run that is a frame without a token, after one."""


@dataclass(frozen=True)
class EndPoint:
    """Run a network behind the tokens of each frame, and emit a token when its score stays high.

    network      its name; its last layer is `Scores` of one score
    runs         numbers of the register `run` that it tells apart: 0 before the first token, 1 in a
                 frame with one, then one more for each frame without
    speculative, final  when each is emitted: once, in the last of its frames in a row. Frames with
                 a token, and frames before the first one, are low; those after the level's longest
                 run without a token are high
    channel      of the tokens
    context      what the encoder keeps from one utterance to the next

    The counts are registers in `main`. A host that searches runs the entry point `endpoint` once a
    frame instead, behind its search: there run and counts are words of state memory.
    """

    network: str
    runs: int
    speculative: EndLevel
    final: EndLevel
    channel: int = 1
    context: str = CONTEXTS[0]

    ENTRY, FOLLOW = "endpoint", "follow"
    """The entry points of a host that searches, and of an utterance that follows another one."""

    @property
    def keeps(self) -> bool:
        """Whether the encoder keeps its state from one utterance to the next."""
        return self.context != CONTEXTS[0]

    @property
    def registers(self) -> Sequence[str]:
        """Frames since the last token, two counts, and the score."""
        return ("run", "likely", "ended", "score")

    @property
    def kept(self) -> Mapping[str, str]:
        """The registers that last from frame to frame, and the words that hold them."""
        return {name: f"{self.network}.{name}" for name in self.registers[:3]}

    def start(self, writer: Writer) -> None:
        """Write to the block what a run begins with, of a host that searches."""
        zero = writer.register("score")
        writer.emit(Set, self.network, register=zero, value=0)
        for word in self.kept.values():
            writer.emit(Write, self.network, register=zero, state=writer.word(word))

    def count_run(self, writer: Writer, symbols: int, most: int) -> None:
        """Write, at the label `after`, how long ago the last token was.

        Register `symbols` holds `most` where the frame had none.
        """
        emit, run = writer.builder.emit, writer.register("run")
        none: dict[str, int | Condition] = {"condition": Condition.EQ, "value": most}
        writer.builder.label("after")
        emit(Branch, self.network, register=symbols, **none, target="after.none")
        emit(Set, self.network, register=run, value=1)
        emit(Jump, self.network, target="after.run")
        writer.builder.label("after.none")
        before: dict[str, int | Condition] = {"condition": Condition.EQ, "value": 0}
        emit(Branch, self.network, register=run, **before, target="after.run")
        emit(Count, self.network, register=run, step=1)
        writer.builder.label("after.run")

    def write(
        self, writer: Writer, prefix: str, held: Slots = UNKNOWN, wanted: Slots = UNKNOWN
    ) -> None:
        """Write the network and what it decides; `prefix` begins all labels.

        It finds the tables that are `held`, and leaves those that are `wanted`.
        """
        emit, name = writer.builder.emit, self.network
        looked_up = self._run(writer, prefix, held, wanted)
        talking = {"condition": Condition.LT, "value": _SILENT}
        emit(Branch, name, register=writer.register("run"), **talking, target=f"{prefix}talking")
        for level, count, token in (
            (self.speculative, "likely", SPECULATIVE),
            (self.final, "ended", FINAL),
        ):
            self._decide(writer, f"{prefix}{count}", level, writer.register(count), token)
        emit(Jump, name, target=f"{prefix}decided")
        if looked_up:
            writer.builder.label(f"{prefix}long")
            emit(Set, name, register=writer.register("run"), value=self.runs - 1)
            emit(Jump, name, target=f"{prefix}row")
        writer.builder.label(f"{prefix}talking")
        for count in ("likely", "ended"):
            emit(Set, name, register=writer.register(count), value=0)
        writer.builder.label(f"{prefix}decided")

    def _run(self, writer: Writer, prefix: str, held: Slots, wanted: Slots) -> bool:
        """Write the network, to its score in a register; whether it looks a row up."""
        run, name = writer.register("run"), self.network
        *layers, scores = writer.at.of(writer.graph.network(name))
        rows = [one for one in layers if isinstance(kind_of(one.site.layer), Embedding)]
        for where in rows:
            # The BRANCH right before is what bounds the number of the row.
            writer.builder.label(f"{prefix}row")
            many = {"condition": Condition.GE, "value": self.runs}
            writer.builder.emit(Branch, name, register=run, **many, target=f"{prefix}long")
            kind_of(where.site.layer).emit(writer, where, 0, repeat(OTHER_BANK))
            writer.end_block(held, held)
        for where in (*layers, scores):
            if where not in rows:
                kind_of(where.site.layer).emit(writer, where, 0, repeat(OTHER_BANK))
        place = scores.out.base + scores.site.sums.layout.order.tolist().index(0)
        writer.emit(Read, name, register=writer.register("score"), state=place)
        writer.end_block(held, wanted)
        return bool(rows)

    def _decide(self, writer: Writer, label: str, level: EndLevel, count: int, token: int) -> None:
        """Write a decision; the register `count` holds the frames in a row so far."""
        emit, name, score = writer.builder.emit, self.network, writer.register("score")
        low = {"condition": Condition.LT, "value": self.limit(writer, level)}
        if level.longest is not None:
            # A run of 1 is a frame with a token.
            long = {"condition": Condition.GE, "value": level.longest + 1}
            emit(Branch, name, register=writer.register("run"), **long, target=f"{label}.high")
        emit(Branch, name, register=score, **low, target=f"{label}.low")
        if level.longest is not None:
            writer.builder.label(f"{label}.high")
        emit(Count, name, register=count, step=1)
        often = {"condition": Condition.NE, "value": level.frames}
        emit(Branch, name, register=count, **often, target=f"{label}.end")
        said = writer.register("token")  # which the frame needs no longer
        emit(Set, name, register=said, value=token)
        emit(Emit, name, register=said, channel=self.channel)
        emit(Jump, name, target=f"{label}.end")
        writer.builder.label(f"{label}.low")
        emit(Set, name, register=count, value=0)
        writer.builder.label(f"{label}.end")

    def limit(self, writer: Writer, level: EndLevel) -> int:
        """The least value of a register at which the score reaches a threshold."""
        nodes = writer.graph.network(self.network).nodes
        fraction, _, _ = score_scale(writer.at.nodes[nodes[-1]].site.sums.layer)
        steps = -int(-level.threshold * 2.0**fraction // 1)
        return min(max(steps + _ZERO, 0), REGISTER_HIGH)

    def write_entry(self, writer: Writer) -> None:
        """Write the entry point of a host that searches, but its end."""
        writer.builder.label(self.ENTRY)
        with writer.part(self.network):
            for name, word in self.kept.items():
                register, state = writer.register(name), writer.word(word)
                writer.emit(Read, self.network, register=register, state=state)
            writer.end_block()
            self.write(writer, f"{self.ENTRY}.")
            for name, word in list(self.kept.items())[1:]:
                register, state = writer.register(name), writer.word(word)
                writer.emit(Write, self.network, register=register, state=state)

    def described(self, writer: Writer, entries: Mapping[str, str]) -> Mapping[str, ImageNetwork]:
        """The one network, and what a host must know of it."""
        ends = Ends(
            speculative=self.speculative,
            final=self.final,
            run=writer.word(self.kept["run"]),
            runs=self.runs,
            context=self.context,
        )
        found = network_of(
            writer,
            (self.network,),
            entries={
                role: entries[role] for role in ("main", self.ENTRY, self.FOLLOW) if role in entries
            },
            words=tuple(self.kept.values()),
            program=writer.parts(self.network),
            tokens=NetworkTokens(
                channel=self.channel, numbers=(SPECULATIVE, len(_TEXTS)), texts=_TEXTS, most=2
            ),
            ends=ends,
        )
        return {self.network: found}
