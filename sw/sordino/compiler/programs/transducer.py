"""The greedy RNN-T loop, and its parts for a host that searches.

For every frame: the encoder and its half of the joint; then, at most `max_symbols` times, the
joint. A blank ends the frame; another token is emitted and advances the prediction network. The
prediction network starts from zero state with the blank's embedding. The host pushes feature
vectors and pops tokens; at the end of input the program halts.

For a host that searches the parts of the loop stand once more behind it, as entry points that end
in HALT. Between their runs the host reads and writes memories of the machine. Hypotheses share it:
the host keeps a copy of the prediction network's state for each of them; the encoder's state stays
where it is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any

from sordino.compiler.limits.errors import CompileError
from sordino.compiler.passes.chunk import bank_rows, shared
from sordino.compiler.program.chunks import write_chunk
from sordino.compiler.program.facts import input_of, network_of, tokens_of
from sordino.compiler.program.frames import OTHER_BANK, Frames
from sordino.compiler.program.table_plan import UNKNOWN, Slots
from sordino.compiler.program.writer import Writer
from sordino.compiler.programs.ends import EndPoint
from sordino.compiler.programs.serve import Served, served_networks, write_served
from sordino.compiler.programs.stages import Stage
from sordino.image.section.networks import ImageNetwork, Search
from sordino.isa.choices import Condition
from sordino.isa.operations import Branch, Call, Emit, Input, Loop, Return, Set
from sordino.layers.heads import score_scale
from sordino.layers.layout.contents import embedding_rows, slot_count

__all__ = ["NAME", "Transducer"]

NAME = "transducer"
"""What an image calls it, unless a program of several has another name for it."""


@dataclass(frozen=True)
class Transducer:
    """A program for a graph with the networks of `sordino.model.rnnt.RnntModel.graph`.

    stages  what is done behind the encoder in every frame; the encoder's half of the joint is a
            result of the encoder or of a stage
    serves  what a host may ask for while the program waits for a frame: request n runs the nth
            network, counted from 1, once
    ends    what runs behind the tokens of every frame, to say where the utterance ends

    Entry points are the loop, `main`, and its parts:

    reset    clears memories and loads the tables that keep their slots; before all others
    encode   takes the input vectors of a step of the encoder, to its half of the joint
    advance  takes a token's embedding, to the prediction network's next state and half of the joint
    score    from both halves to the joint's outputs

    and with `ends` one more, which runs that once:

    endpoint  takes nothing, to what is emitted on its channel

    and, where its context is the encoder, another one:

    follow    the loop of an utterance behind another one, whose encoder's state is there; without
              input it prepares for the other entry points
    """

    blank: int
    max_symbols: int
    stages: tuple[Stage, ...] = ()
    serves: tuple[Served, ...] = ()
    ends: EndPoint | None = None

    @property
    def registers(self) -> Mapping[str, int]:
        """The token, tokens left in the frame, frames of a chunk, and those of the stages."""
        names = ["token", "symbols", "frames"]
        names += [name for stage in self.stages for name in stage.registers]
        if self.ends is not None:
            names += self.ends.registers
        if self.serves:
            names += ["request", *(one.token for one in self.serves if one.token)]
        return {name: number for number, name in enumerate(dict.fromkeys(names))}

    @property
    def networks(self) -> Sequence[str]:
        """The most frequent ones first."""
        staged = [name for stage in self.stages for name in stage.networks]
        behind = () if self.ends is None else (self.ends.network,)
        served = (one.network for one in self.serves)
        return ("joint", "encoder", *staged, *behind, "prediction", *served)

    @property
    def entries(self) -> Sequence[str]:
        """The loop and its parts."""
        ends = self.ends
        more = () if ends is None else (ends.ENTRY, ends.FOLLOW) if ends.keeps else (ends.ENTRY,)
        return ("main", "reset", "encode", "advance", "score", *more)

    def write(self, writer: Writer) -> None:
        """Write the whole program; CompileError for a chunk with anything beside the loop."""
        if writer.chunk > 1 and (self.stages or self.serves or self.ends):
            raise CompileError(
                "wanted a chunk of a transducer without stages, requests and end-pointer, got "
                "some, which a chunk has no place for; leave chunk out"
            )
        _Writing(self, writer).run()

    def described(self, writer: Writer) -> Mapping[str, ImageNetwork]:
        """The transducer, watches of its frames, and what is served between them."""
        entries = {name: name for name in self.entries}
        beside = dict[str, ImageNetwork]()
        for stage in self.stages:
            beside |= stage.described(writer, entries)
        if self.ends is not None:
            beside |= self.ends.described(writer, entries)
        beside |= served_networks(writer, self.serves, {"main": "main"})
        own = [name for name in (*self.networks, "advance", "score") if name not in beside]
        tokens = tokens_of(writer, "joint", "token", blank=self.blank, most=self.max_symbols)
        found = network_of(
            writer,
            own,
            entries=entries,
            input=input_of(writer, "encoder"),
            tokens=tokens,
            search=self._search(writer),
        )
        return {NAME: found, **beside}

    def _search(self, writer: Writer) -> Search:
        """Where a host that searches finds everything."""
        graph, nodes = writer.graph, writer.at.nodes
        prediction = graph.network("prediction")
        embedding = nodes[prediction.nodes[0]]
        halves = nodes[graph.network("joint").nodes[0]].sources
        recurrent = graph.recurrent(prediction)
        state = [(graph.by_name[name].previous, nodes[name]) for name in recurrent]
        table = embedding.site.layer.table
        assert table is not None
        scores, token = (nodes[graph.network(n).nodes[-1]] for n in ("score", "joint"))
        outputs = scores.site.sums
        encoded, predicted = ((half.base, half.stride) for half in halves)
        return Search(
            frames=graph.reduction(graph.network("encoder"))[1],
            embedding=(embedding.at["table"], embedding_rows(table)[1], table.shape[1]),
            hidden=tuple((w.previous.base, graph.widths[n]) for n, w in state),
            cells=tuple((w.at["state"], w.site.outputs) for _, w in state),
            predicted=predicted,
            encoded=encoded,
            scores=(scores.out.base, slot_count(outputs.layout)),
            index_table=token.at["entries"],
            fraction=score_scale(outputs.layer)[0],
        )


class _Writing:
    """The parts of the loop, written one after the other.

    for_frame, for_symbol  the tables that are loaded before a frame, and before the joint
    """

    def __init__(self, program: Transducer, writer: Writer) -> None:
        self.program, self.writer = program, writer
        self.builder = writer.builder
        self.token, self.symbols, self.left = (
            writer.register(name) for name in ("token", "symbols", "frames")
        )
        self.frames = frames = Frames(writer, "encoder")
        frames.request = "request" if program.serves else ""
        (output, *_) = writer.placed.of(writer.graph.network("joint"))
        first = frames.first.first_matrix
        for_symbol, for_frame = writer.tables.pair(output.first_matrix, first, frames.carried)
        self.for_symbol, self.for_frame = for_symbol, for_frame
        # The end-pointer has the tables of the joint's output.
        self.for_ends = [{**one, **other} for one, other in zip(for_symbol, for_frame, strict=True)]
        frames.before = for_frame

    def run(self) -> None:
        """Write everything."""
        self._start()
        if self.writer.chunk > 1:
            self._chunks()
        else:
            self._frames()
        self._predict()
        self.frames.padding()
        if self.program.serves:
            write_served(self.writer, self.program.serves, "frame", self.for_frame)
        self._entry_points()

    def _clear(self) -> None:
        rows, chunk = self.writer.bank_rows(), self.writer.chunk
        if chunk > 1:
            rows = max(rows, *(bank_rows(one, chunk) for one in shared(self.writer.placed)))
        self.writer.clear(rows)
        for stage in self.program.stages:
            stage.start(self.writer)
        if self.program.ends is not None:
            self.program.ends.start(self.writer)

    def _start(self) -> None:
        """The beginning of a run; then predict from the blank."""
        self.builder.label("main")
        self._clear()
        self._predict_blank()

    def _predict_blank(self) -> None:
        self.writer.emit(Set, "start", register=self.token, value=self.program.blank)
        self.writer.end_block()
        self.builder.emit(Call, target="predict")
        self.writer.end_block(wanted=self.for_frame)

    def _follow(self, ends: EndPoint) -> None:
        """The beginning of an utterance behind another one, before its first frame.

        What the encoder keeps stays where it is, the product in its bank included.
        """
        self.builder.label(ends.FOLLOW)
        self.writer.clear_networks(("prediction", ends.network))
        ends.start(self.writer)
        self._predict_blank()
        self.builder.jump("frame")

    def _frames(self) -> None:
        """A frame, its symbols, the next frame; and the end."""
        held = self._stages(self.frames.write("frame", "", self.for_frame, "stop"), "")
        most = self.program.max_symbols
        self.writer.emit(Set, "joint", register=self.symbols, value=most)
        self.writer.end_block(held, self.for_symbol)
        ends = self.program.ends
        if ends is None:
            self._symbols("symbol", "frame", self.for_frame)
        else:
            self._symbols("symbol", "after", self.for_ends)
            with self.writer.part(ends.network):
                ends.count_run(self.writer, self.symbols, most)
                ends.write(self.writer, "after.", self.for_ends, self.for_frame)
        self.builder.jump("frame")
        self._stop()

    def _stages(self, held: Slots, prefix: str) -> Slots:
        """Write the stages; returns what the tables are by then."""
        if not self.program.stages:
            return held
        self.writer.end_block(held)
        for stage in self.program.stages:
            stage.write(self.writer, prefix)
        return UNKNOWN

    def _stop(self) -> None:
        self.builder.label("stop")
        self.builder.halt()

    def _chunks(self) -> None:
        """A chunk of frames, the symbols of each of them, the next chunk; and the end."""
        emit, chunk = self.builder.emit, self.writer.chunk
        write_chunk(self.frames, "frames")
        self.writer.end_block(wanted=self.for_symbol)
        for frame in range(chunk):
            emit(Set, "joint", register=self.symbols, value=self.program.max_symbols)
            following = f"next.{frame}"
            self._symbols(f"symbol.{frame}", following, self.for_symbol, frame)
            self.builder.label(following)
            if frame < chunk - 1:
                last: dict[str, Any] = {"condition": Condition.EQ, "value": frame + 1}
                emit(Branch, "chunk", register=self.left, **last, target="stop")
        self.builder.jump("chunk")
        for frame in range(1, chunk):
            self.builder.label(f"end.{frame}")
            emit(Set, "input", register=self.left, value=frame)
            self.builder.jump("encoder")
        self._stop()

    def _symbols(self, label: str, following: str, wanted: Slots, frame: int = 0) -> None:
        """Emit tokens from the halves of the joint until one is blank; tables `wanted` after it."""
        emit = self.builder.emit
        self.builder.label(label)
        self.writer.run("joint", repeat(OTHER_BANK), frame)
        self.writer.end_block(self.for_symbol, wanted)
        blank = {"condition": Condition.EQ, "value": self.program.blank}
        emit(Branch, "blank", register=self.token, **blank, target=following)
        emit(Emit, "token", register=self.token)
        emit(Call, target="predict")
        emit(Loop, "joint", register=self.symbols, target=label)
        self.writer.end_block(wanted=wanted)

    def _predict(self) -> None:
        self.builder.label("predict")
        self.writer.run("prediction", repeat(OTHER_BANK))
        self.writer.end_block(wanted=self.for_symbol)
        self.builder.emit(Return)

    def _entry_points(self) -> None:
        """All entry points but main."""
        writer = self.writer
        self.builder.label("reset")
        self._clear()
        self._end()
        held = self.frames.write("encode", "encode.", UNKNOWN, "stop")
        held = self._stages(held, "encode.")
        self._end(held)
        self.frames.padding("encode.")
        self.builder.label("advance")
        embedding = writer.at.nodes[writer.graph.network("prediction").nodes[0]]
        to, width = embedding.out.base, embedding.site.outputs
        self.builder.emit(Input, "embedding", destination=to, count=width, end="stop")
        writer.run("advance", repeat(OTHER_BANK))
        self._end()
        self.builder.label("score")
        writer.run("score", repeat(OTHER_BANK))
        self._end()
        if self.program.ends is not None:
            self.program.ends.write_entry(writer)
            self._end()
            if self.program.ends.keeps:
                self._follow(self.program.ends)

    def _end(self, held: Slots = UNKNOWN) -> None:
        self.writer.end_block(held)
        self.builder.halt()
