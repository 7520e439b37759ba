"""The greedy RNN-T loop over chunks of frames.

All vectors of a chunk are taken first. Then, layer by layer, every piece of W is multiplied by all
frames' vectors before the next piece is read, to rows of the accumulator banks that each frame has
of its own; U and CELL follow frame by frame. So does the encoder's half of the joint. Then come the
symbols of each frame. Where the input ends inside a chunk, the encoder works on what is left of the
chunk before, and nobody looks at it.
"""

from sordino.compiler.layout.chunk import bank_place, bank_rows, shared
from sordino.compiler.layout.contents import slot_count
from sordino.compiler.program.layer_code import cell, half_sums
from sordino.compiler.program.schedule import SYMBOLS, Scheduler
from sordino.compiler.program.table_plan import UNKNOWN
from sordino.isa.choices import Condition
from sordino.isa.operations import Branch, Input, Set

__all__ = ["ChunkScheduler"]

_FRAMES = 2
"""Register: frames of the chunk that the input had."""


class ChunkScheduler(Scheduler):
    """A `Scheduler` for models without time reduction that `encode_chunked` has placed.

    Entry points for a host that searches take a frame at a time.
    """

    def _bank_rows(self) -> int:
        rows = (bank_rows(layer, self.chunk) for layer in shared(self.placed))
        return max(super()._bank_rows(), *rows)

    def _frame(self, entry: str = "") -> None:
        if entry:
            super()._frame(entry)
            return
        self.pads = []
        emit = self.builder.emit
        self.builder.label("chunk")
        for frame in range(self.chunk):
            to, count = self.at.x + frame * self.model.inputs, self.model.inputs
            end = f"end.{frame}" if frame else "stop"
            emit(Input, "input", destination=to, count=count, end=end)
        emit(Set, "input", register=_FRAMES, value=self.chunk)
        self.builder.label("encoder")
        for number in range(len(self.at.encoder)):
            self._layer(number)
        self._encoder_halves()
        self._end_block(UNKNOWN, self.tables.for_symbol)

    def _symbol(self) -> None:
        emit = self.builder.emit
        for frame in range(self.chunk):
            emit(Set, "joint", register=SYMBOLS, value=self.model.max_symbols)
            following = f"next.{frame}"
            self._symbols(f"symbol.{frame}", following, self.tables.for_symbol, frame)
            self.builder.label(following)
            if frame < self.chunk - 1:
                last = {"register": _FRAMES, "condition": Condition.EQ, "value": frame + 1}
                emit(Branch, "chunk", **last, target="stop")
        self.builder.jump("chunk")
        for frame in range(1, self.chunk):
            self.builder.label(f"end.{frame}")
            emit(Set, "input", register=_FRAMES, value=frame)
            self.builder.jump("encoder")
        self.builder.label("stop")
        self.builder.halt()

    def _shared(self, number: int, sources: list[int]) -> None:
        """W of a layer, the joint's half behind the last, times the vectors of all frames."""
        layer = shared(self.placed)[number]
        for piece, matrix in enumerate(layer.numbers(0, 0)):
            streamed = self.streamed[matrix]
            for frame, source in enumerate(sources):
                again = int(frame > 0 and streamed)
                part, place = slice(piece, piece + 1), bank_place(layer, frame)
                self._matvec(layer, 0, 0, source, part=part, from_ring=again, **place)

    def _layer(self, number: int) -> None:
        """A layer of the encoder for all frames."""
        frames = [self.at.encoder[number].in_chunk(n, self.chunk) for n in range(self.chunk)]
        self._shared(number, [lstm.source for lstm in frames])
        for frame, lstm in enumerate(frames):
            placed = lstm.placed
            place = bank_place(placed, frame)
            self._matvec(placed, 0, 1, lstm.h, **place)
            self.block.append(cell(lstm, placed.layout.tiles[0], **place))

    def _encoder_halves(self) -> None:
        """The encoder's half of the joint for all frames, to state memory."""
        last, half = self.at.encoder[-1], self.at.halves[0]
        placed = half.placed
        outs = [last.in_chunk(frame, self.chunk).out for frame in range(self.chunk)]
        self._shared(len(self.at.encoder), outs)
        for frame in range(self.chunk):
            offset = frame * slot_count(placed.layout)
            place = bank_place(placed, frame)
            tile = placed.layout.tiles[0]
            self.block.append(half_sums(half, tile, offset=offset, **place))
