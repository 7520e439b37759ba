"""The greedy RNN-T loop as a program.

For every frame: the encoder's layers and its half of the joint; then, at most `max_symbols`
times, the joint. A blank ends the frame; another token is emitted and advances the prediction
network. The prediction network starts from zero state with the blank's embedding. The host pushes
feature vectors and pops tokens; at the end of input the program halts.

Blocks are written so that the units can overlap. Encoder layers (their tiles, where they have
some) alternate between the accumulator banks, and each begins with its recurrent product, which
runs beside the CELL of the layer before. The recurrent product of the first layer is computed at
the end of the frame before, beside the joint's element-wise work, and stays in its bank; all that
follows until the next frame works in the other one. Tables are loaded while a MATVEC runs.

An encoder of one wide layer has no other layer's product to hide its CELLs. It has two tiles, and
U of the first is cut by columns: those of the first tile's units, which are known first, are
multiplied beside the second tile's CELL.

With time reduction a pass through the program is a group of frames: the layers before it are
unrolled, and the last of them writes its outputs side by side where the next layer reads them, so
that stacking takes no time. The first product of the next frame runs beside the last CELL of this
one. Where the input ends inside a group, zeros stand for the outputs that are missing.

For a host that searches the parts of the loop stand once more behind it, as entry points that end
in HALT: `sordino.compiler.program.search`.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle, islice, repeat
from typing import Any

from sordino.codec import EncodedMatrices
from sordino.compiler.layout.addresses import Addresses, LstmAddresses
from sordino.compiler.layout.contents import slot_count
from sordino.compiler.layout.place import PlacedLayer, PlacedModel
from sordino.compiler.limits.limits import Limits
from sordino.compiler.numbers.quantise import QuantisedModel
from sordino.compiler.program.interleave import interleave
from sordino.compiler.program.layer_code import cell, half_sums
from sordino.compiler.program.search import ENTRIES, locate, score_scale
from sordino.compiler.program.table_plan import UNKNOWN, Slots, TablePlans
from sordino.image.host import Search
from sordino.isa import timing
from sordino.isa.choices import Condition, Function, Space
from sordino.isa.hazards import with_overlap
from sordino.isa.instruction import Instruction, Unit
from sordino.isa.operations import (
    Add,
    Argmax,
    Branch,
    Call,
    Copy,
    Drain,
    Embed,
    Emit,
    Fill,
    Input,
    Loop,
    Matvec,
    Return,
    Set,
)
from sordino.isa.text.program import Banks, ProgramBuilder
from sordino.model.rnnt import RnntModel

__all__ = ["OTHER_BANK", "SYMBOLS", "TOKEN", "Scheduled", "Scheduler"]

TOKEN, SYMBOLS = 0, 1
_FIRST_BANK, OTHER_BANK = 1, 0
"""That of the first encoder layer, which holds its recurrent product between frames."""
_MOST_WORDS = 0xFFFF
"""Of one FILL."""


@dataclass(frozen=True)
class Scheduled:
    """A program, its labels by address, its parameter memory, and where a search finds things."""

    program: tuple[Instruction, ...]
    labels: dict[str, int]
    parameters: bytes
    search: Search


class Scheduler:
    """Allocates memories and writes the program; CompileError for what does not fit."""

    def __init__(
        self,
        model: RnntModel,
        quantised: QuantisedModel,
        placed: PlacedModel,
        encoded: EncodedMatrices,
        chunk: int = 1,
    ) -> None:
        self.model, self.quantised, self.placed = model, quantised, placed
        self.config, self.reduction = encoded.config, model.time_reduction
        self.chunk = chunk
        self.streamed = [matrix.streamed for matrix in encoded.matrices]
        self.places = [max(matrix.places) for matrix in encoded.matrices]
        self.builder = ProgramBuilder()
        self.at = Addresses(model.inputs, quantised, placed, model.time_reduction, chunk)
        self.memory = self.at.memory
        self.block: list[Instruction] = []
        self.names = {
            number: layer.layer.matrices[piece.matrix].name
            for layer in placed.layers
            for number, piece in layer.numbered
        }
        self.tables = TablePlans(encoded, self.config, placed, self.names, self.reduction.after)

    def run(self, limits: Limits) -> Scheduled:
        """The program with its memories; DoesNotFit where `limits` or these are too small."""
        self._start()
        self._frame()
        self._symbol()
        self._predict()
        self._padding()
        self._entry_points()
        self.memory.need(limits, len(self.builder))
        limits.check()
        labels = self.builder.labels
        entries = [labels[name] for name in ENTRIES]
        program = with_overlap(self.builder.finish(), entries, self.config)
        search = locate(self.at, score_scale(self.quantised.joint_output)[0])
        return Scheduled(program, labels, bytes(self.memory.parameters.contents), search)

    def _emit(self, operation: type[Instruction], layer: str = "", **fields: Any) -> None:
        """Append to the block."""
        self.block.append(operation(layer, **fields))

    def _end_block(self, held: Slots = UNKNOWN, wanted: Slots = UNKNOWN) -> None:
        """Write the block in its best order; tables as in `TablePlan.insert`."""
        ways = self.tables.ways(self.block, held, wanted)
        orders = [interleave(block, self._cycles, self.config) for block in ways]
        for i in min(orders, key=lambda order: order.cycles).block:
            self.builder.append(i)
        self.block = []

    def _cycles(self, i: Instruction) -> int:
        """The rough cycles of an instruction."""
        if isinstance(i, Matvec):
            return max(int(self.places[i.matrix]), int(i.columns)) + timing.MATVEC_OVERHEAD
        if i.unit in (Unit.NONE, Unit.VECTOR):
            return timing.VECTOR_OVERHEAD + (i.element_count(self.config) if i.unit else 0)
        return int(i.duration(self.config) or 0)

    def _start(self) -> None:
        """The beginning of a run; then predict from the blank."""
        self.builder.label("main")
        self._clear()
        self._emit(Set, "start", register=TOKEN, value=self.model.blank)
        self._end_block()
        self.builder.emit(Call, target="predict")
        self._end_block(wanted=self.tables.for_frame)

    def _clear(self) -> None:
        """Clear what keeps its contents between runs, load tables that keep their slots."""
        rows = self._bank_rows()
        for space, words in (
            (Space.ACTIVATION, self.memory.activation.used),
            (Space.STATE, self.at.scores),
            (Space.BANK0, rows),
            (Space.BANK1, rows),
        ):
            for first in range(0, words, _MOST_WORDS):
                count = min(words - first, _MOST_WORDS)
                self._emit(Fill, "clear", space=space, destination=first, count=count)
        self.block += self.tables.pinned()

    def _bank_rows(self) -> int:
        """Rows of the banks that are used."""
        return max(tile.rows for layer in self.placed.layers for tile in layer.layout.tiles)

    def _frame(self, entry: str = "") -> None:
        """The encoder: layers before a time reduction frame by frame, then the rest.

        As an `entry` point it ends there, and expects no tables.
        """
        self.builder.label(entry or "frame")
        prefix = f"{entry}." if entry else ""
        held = UNKNOWN if entry else self.tables.for_frame
        banks = Banks(_FIRST_BANK)
        self.pads: list[tuple[int, int]] = []
        for step in range(self.reduction.factor):
            if step:
                first = self.at.encoder[0].in_frame(step)
                self._matvec(first.placed, 0, 1, first.h, banks.ahead)
                self._end_block(held, self.tables.for_frame)
                held = self.tables.for_frame
                self.pads.append((step, banks.ahead))
            end = f"{prefix}pad.{step}" if step else "stop"
            inputs = self.model.inputs
            self.builder.emit(Input, "input", destination=self.at.x, count=inputs, end=end)
            for number in range(self.reduction.after):
                self._lstm(self.at.encoder[number].in_frame(step), banks, carried=number == 0)
        if self.reduction.after:
            self._end_block(held, self.tables.for_rest)
            held = self.tables.for_rest
            self.builder.label(f"{prefix}rest")
        self._rest(banks)
        if entry:
            self._end_block(held)
            self.builder.halt()
        else:
            self._emit(Set, "joint", register=SYMBOLS, value=self.model.max_symbols)
            self._end_block(held, self.tables.for_symbol)

    def _rest(self, banks: Iterator[int]) -> None:
        """The layers after the reduction and the encoder's half of the joint."""
        after = self.reduction.after
        for number in range(after, len(self.at.encoder)):
            self._lstm(self.at.encoder[number], banks, carried=number == 0)
        # The last tile is in the other bank.
        tiles = len(self.placed.joint_encoder.layout.tiles)
        banks = islice(cycle((OTHER_BANK, _FIRST_BANK)), 1 - tiles % 2, None)
        first = self.at.encoder[0].in_frame(0)
        if first.placed.cut:
            self._matvec(first.placed, 0, 1, first.h, _FIRST_BANK, slice(1))
        self._half(0, self.at.encoder[-1].h, banks)
        self._matvec(first.placed, 0, 1, first.h, _FIRST_BANK, slice(-1, None))

    def _padding(self, prefix: str = "") -> None:
        """Where the input ends inside a group: its other outputs are zeros, the rest follows."""
        for step, bank in self.pads:
            self.builder.label(f"{prefix}pad.{step}")
            stacked = self.at.encoder[self.reduction.after - 1].in_frame(step)
            units = len(stacked.placed.layout.order)
            space = (Space.BANK0, Space.BANK1)[bank]
            rows = self.placed.encoder[0].layout.tiles[0].rows
            # The bank first: what is still at work when the rest begins must not be in its way.
            for to, first, count in (
                (space, 0, rows),
                (Space.ACTIVATION, stacked.out, (self.reduction.factor - step) * units),
            ):
                self._emit(Fill, "padding", space=to, destination=first, count=count)
            self._end_block(wanted=self.tables.for_rest)
            self.builder.jump(f"{prefix}rest")

    def _symbol(self) -> None:
        """The symbols of a frame, and the end."""
        self._symbols("symbol", "frame", self.tables.for_frame)
        self.builder.jump("frame")
        self.builder.label("stop")
        self.builder.halt()

    def _symbols(self, label: str, following: str, wanted: Slots, frame: int = 0) -> None:
        """Emit tokens from the halves of the joint until one is blank; tables `wanted` after it."""
        emit, placed = self.builder.emit, self.placed.joint_output
        self.builder.label(label)
        self._joint(frame)
        self._emit(
            Argmax,
            placed.name,
            bank=OTHER_BANK,
            rows=placed.layout.tiles[0].rows,
            parameters=self.at.index_table,
            register=TOKEN,
        )
        self._end_block(self.tables.for_symbol, wanted)
        blank = {"register": TOKEN, "condition": Condition.EQ, "value": self.model.blank}
        emit(Branch, "blank", **blank, target=following)
        emit(Emit, "token", register=TOKEN)
        emit(Call, target="predict")
        emit(Loop, "joint", register=SYMBOLS, target=label)
        self._end_block(wanted=wanted)

    def _joint(self, frame: int = 0) -> None:
        """Both halves to the outputs' accumulators; the encoder's of a frame of a chunk."""
        relu = self.model.activation == "relu"
        self._emit(
            Add,
            "joint",
            a=self.at.halves[0].state + frame * slot_count(self.placed.joint_encoder.layout),
            b=self.at.halves[1].state,
            destination=self.at.joint,
            count=len(self.placed.joint_output.columns[0]),
            function=Function.RELU if relu else Function.TANH,
            multiplier=self.quantised.relu_multiplier if relu else 0,
            shift=self.quantised.relu_shift if relu else 0,
        )
        self._matvec(self.placed.joint_output, 0, 0, self.at.joint, OTHER_BANK)

    def _predict(self) -> None:
        self.builder.label("predict")
        self._emit(
            Embed,
            "prediction.embedding",
            register=TOKEN,
            parameters=self.at.embedding,
            stride=self.at.stride,
            destination=self.at.embedded,
            count=self.quantised.embedding.shape[1],
        )
        self._prediction()
        self._end_block(wanted=self.tables.for_symbol)
        self.builder.emit(Return)

    def _prediction(self) -> None:
        """The prediction network from its embedding to its half of the joint."""
        for lstm in self.at.prediction:
            self._lstm(lstm, repeat(OTHER_BANK))
        self._half(1, self.at.prediction[-1].h, repeat(OTHER_BANK))

    def _entry_points(self) -> None:
        """All ENTRIES but main."""
        emit, at = self.builder.emit, self.at
        self.builder.label("reset")
        self._clear()
        self._end_block()
        self.builder.halt()
        self._frame("encode")
        self._padding("encode.")
        self.builder.label("advance")
        emit(Input, "embedding", destination=at.embedded, count=at.width, end="stop")
        self._prediction()
        self._end_block()
        self.builder.halt()
        self.builder.label("score")
        self._joint()
        _, multiplier, shift = score_scale(self.quantised.joint_output)
        self._emit(
            Drain,
            self.placed.joint_output.name,
            bank=OTHER_BANK,
            rows=at.outputs // self.config.lanes,
            parameters=at.score_biases,
            destination=at.scores,
            wide=1,
            multiplier=multiplier,
            shift=shift,
        )
        self._end_block()
        self.builder.halt()

    def _matvec(
        self,
        layer: PlacedLayer,
        tile: int,
        matrix: int,
        source: int,
        bank: int,
        part: slice = slice(None),
        **more: int,
    ) -> None:
        """A tile of a matrix times a vector; `part` of its pieces where it is cut.

        `more` are fields of every MATVEC.
        """
        for number in layer.numbers(tile, matrix)[part]:
            piece = layer.pieces[number - layer.first_matrix]
            self._emit(
                Matvec,
                self.names[number],
                source=source + piece.begin,
                columns=piece.end - piece.begin,
                rows=layer.layout.tiles[tile].rows,
                matrix=number,
                shift=layer.layer.matrices[matrix].shift,
                bank=bank,
                **more,
            )

    def _lstm(self, lstm: LstmAddresses, banks: Iterator[int], *, carried: bool = False) -> None:
        """A step of a layer; `carried`: the first tile's recurrent product is in its bank."""
        placed, tiles = lstm.placed, lstm.placed.layout.tiles
        chosen = [next(banks) for _ in tiles]
        # With two tiles all that needs the previous h comes before the first CELL.
        pair = len(tiles) == 2 and not lstm.copied
        for number, (tile, bank) in enumerate(zip(tiles, chosen, strict=True)):
            if not (pair if number else carried):
                self._matvec(placed, number, 1, lstm.h, bank)
            self._matvec(placed, number, 0, lstm.source, bank)
            if pair and not number:
                self._matvec(placed, 1, 1, lstm.h, chosen[1])
            self.block.append(cell(lstm, tile, bank=bank))
        if lstm.copied:
            self._emit(
                Copy,
                placed.name,
                space=Space.ACTIVATION,
                source=lstm.out,
                destination=lstm.h,
                count=len(placed.layout.order),
            )

    def _half(self, which: int, source: int, banks: Iterator[int]) -> None:
        """One half of the joint, to state memory."""
        half = self.at.halves[which]
        placed = half.placed
        for number, tile in enumerate(placed.layout.tiles):
            bank = next(banks)
            self._matvec(placed, number, 0, source, bank)
            self.block.append(half_sums(half, tile, bank=bank))
