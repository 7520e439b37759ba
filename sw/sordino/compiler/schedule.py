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

With time reduction a pass through the program is a group of frames: the layers before it are
unrolled, and the last of them writes its outputs side by side where the next layer reads them, so
that stacking takes no time. The first product of the next frame runs beside the last CELL of this
one. Where the input ends inside a group, zeros stand for the outputs that are missing.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import cycle, islice, repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sordino.arch import Config
from sordino.compiler.allocate import Allocation
from sordino.compiler.contents import (
    cell_biases,
    embedding_rows,
    index_table,
    slot_biases,
    slot_count,
)
from sordino.compiler.interleave import TablePlan, interleave
from sordino.compiler.place import Placed, PlacedModel
from sordino.compiler.program import ProgramBuilder
from sordino.compiler.quantise import QuantisedModel
from sordino.isa.instructions import Condition, Function, Instruction, Opcode, Space
from sordino.isa.overlap import with_overlap
from sordino.model.rnnt import RnntModel

__all__ = ["Scheduled", "schedule"]

_TOKEN, _SYMBOLS = 0, 1
_FIRST_BANK, _OTHER_BANK = 1, 0
"""That of the first encoder layer, which holds its recurrent product between frames."""
_MOST_WORDS = 0xFFFF
"""Of one FILL."""
_MATVEC_CYCLES, _VECTOR_CYCLES = 16, 24
"""What an instruction takes besides its places or elements, about."""


@dataclass(frozen=True)
class Scheduled:
    """A program, its entry points and labels by address, and its parameter memory."""

    program: tuple[Instruction, ...]
    labels: dict[str, int]
    parameters: bytes


@dataclass(frozen=True, eq=False)
class _Lstm:
    """Where an LSTM's input, state and parameters are.

    `out` is where CELL writes: h itself, or, with several tiles, a scratch vector, since the
    later tiles still need the previous h; then it is `copied` to h. The layer before a time
    reduction reads and writes in turn the vectors that are stacked from `h` on.
    """

    placed: Placed
    source: int
    h: int
    out: int
    copied: bool
    c: int
    biases: int


def schedule(
    model: RnntModel,
    quantised: QuantisedModel,
    placed: PlacedModel,
    slots: Sequence[NDArray[np.int8]],
    config: Config,
) -> Scheduled:
    """Allocate memories and write the program; CompileError for what does not fit.

    `slots` are the dealt matrices (rows, lanes, columns) by number.
    """
    places = [_places(matrix, config) for matrix in slots]
    return _Scheduler(model, quantised, placed, places, config).run()


def _places(slots: NDArray[np.int8], config: Config) -> int:
    """Those of the busiest group, without padding."""
    rows, _, columns = slots.shape
    grouped = slots.reshape(rows, config.groups, config.group, columns).any(axis=2)
    return int(grouped.sum(axis=(0, 2)).max())


class _Banks(Iterator[int]):
    """Both accumulator banks in turn; `ahead` is the one that comes next."""

    def __init__(self, ahead: int) -> None:
        self.ahead = ahead

    def __next__(self) -> int:
        self.ahead = 1 - self.ahead
        return 1 - self.ahead


class _Scheduler:
    def __init__(
        self,
        model: RnntModel,
        quantised: QuantisedModel,
        placed: PlacedModel,
        places: Sequence[int],
        config: Config,
    ) -> None:
        self.model, self.quantised, self.placed, self.config = model, quantised, placed, config
        self.places, self.reduction = places, model.time_reduction
        self.builder = ProgramBuilder()
        self.memory = Allocation()
        self.block: list[Instruction] = []
        often = (placed.joint_output, *placed.encoder, placed.joint_encoder)
        seldom = (*placed.prediction, placed.joint_prediction)
        numbers = [layer.first + k for layer in (*often, *seldom) for k in range(layer.count)]
        self.tables = TablePlan.make(numbers, config.value_slots)
        # Loaded at the end of one block, used by the next.
        self.for_symbol = self.tables.keep(placed.joint_output.first, 0)
        self.for_frame = self.tables.keep(placed.encoder[0].first, 1)
        self.for_rest = self.tables.keep(placed.encoder[self.reduction.after].number(0, 1), 0)
        self.names = {
            layer.number(tile, k): matrix.name
            for layer in placed.layers
            for tile in range(len(layer.layout.tiles))
            for k, matrix in enumerate(layer.layer.matrices)
        }
        self._allocate()

    def _allocate(self) -> None:
        activation, state = self.memory.activation, self.memory.state
        placed, parameters = self.placed, self.memory.parameters
        self.x = activation.take(self.model.inputs)
        self.embedded = activation.take(self.quantised.embedding.shape[1])
        lstms = (*placed.encoder, *placed.prediction)
        tiled = [len(p.layout.order) for p in lstms if len(p.layout.tiles) > 1]
        self.scratch = activation.take(max(tiled, default=0))
        self.encoder = self._allocate_lstms(placed.encoder, self.x)
        self.prediction = self._allocate_lstms(placed.prediction, self.embedded)
        self.joint = activation.take(len(placed.joint_output.columns[0]))
        self.halves = [
            (
                layer,
                state.take(slot_count(layer.layout)),
                parameters.add_int32(slot_biases(layer)),
            )
            for layer in (placed.joint_encoder, placed.joint_prediction)
        ]
        self.index_table = parameters.add_int32(index_table(placed.joint_output))
        contents, self.stride = embedding_rows(self.quantised.embedding)
        self.embedding = parameters.add(contents)

    def _allocate_lstms(self, layers: Sequence[Placed], source: int) -> list[_Lstm]:
        made = []
        for layer in layers:
            units, stacked = len(layer.layout.order), layer is self._stacked
            h = self.memory.activation.take(units * (self.reduction.factor if stacked else 1))
            c = self.memory.state.take(units)
            copied = len(layer.layout.tiles) > 1 and not stacked
            biases = self.memory.parameters.add_int32(cell_biases(layer))
            made.append(_Lstm(layer, source, h, self.scratch if copied else h, copied, c, biases))
            source = h
        return made

    @property
    def _stacked(self) -> Placed | None:
        """The layer whose outputs of several frames are one input of the next."""
        return self.placed.encoder[self.reduction.after - 1] if self.reduction.after else None

    def run(self) -> Scheduled:
        self._start()
        self._frame()
        self._symbol()
        self._predict()
        self._padding()
        self.memory.check(self.config, len(self.builder))
        labels = self.builder.labels
        program = with_overlap(self.builder.finish(), (labels["main"],), self.config)
        return Scheduled(program, labels, bytes(self.memory.parameters.contents))

    def _emit(self, opcode: Opcode, layer: str = "", **fields: Any) -> None:
        """Append to the block."""
        self.block.append(Instruction.make(opcode, layer, **fields))

    def _end_block(
        self, held: Mapping[int, int] | None = None, wanted: Mapping[int, int] | None = None
    ) -> None:
        """Write the block in its best order; tables as in `TablePlan.insert`."""
        orders = []
        for turn in range(max(1, len(self.tables.shared))):
            block = self.tables.insert(self.block, self.names, held or {}, wanted or {}, turn)
            orders.append(interleave(block, self._cycles, self.config))
        for i in min(orders, key=lambda order: order.cycles).block:
            self.builder.emit(i.opcode, i.layer, **i.fields)
        self.block = []

    def _cycles(self, i: Instruction) -> int:
        """About how long an instruction takes."""
        match i.opcode:
            case Opcode.MATVEC:
                return max(self.places[i.matrix], i.columns) + _MATVEC_CYCLES
            case Opcode.TABLE:
                return self.config.states + 1
            case Opcode.CELL:
                return int(i.units) + _VECTOR_CYCLES
            case Opcode.DRAIN | Opcode.ARGMAX:
                return int(i.rows) * self.config.lanes + _VECTOR_CYCLES
            case _:
                return int(i.fields.get("count", 0)) + _VECTOR_CYCLES

    def _start(self) -> None:
        """Clear what keeps its contents between runs, load tables, predict from the blank."""
        self.builder.label("main")
        rows = max(tile.rows for layer in self.placed.layers for tile in layer.layout.tiles)
        for space, words in (
            (Space.ACTIVATION, self.memory.activation.used),
            (Space.STATE, self.memory.state.used),
            (Space.BANK0, rows),
            (Space.BANK1, rows),
        ):
            for first in range(0, words, _MOST_WORDS):
                count = min(words - first, _MOST_WORDS)
                self._emit(Opcode.FILL, "clear", space=space, destination=first, count=count)
        self._emit(Opcode.TABLE, "runs", source=0, runs=1)
        for number, slot in self.tables.pinned.items():
            self._emit(Opcode.TABLE, self.names[number], source=1 + number, slot=slot)
        self._emit(Opcode.SET, "start", register=_TOKEN, value=self.model.blank)
        self._end_block()
        self.builder.emit(Opcode.CALL, target="predict")
        self._end_block(wanted=self.for_frame)

    def _frame(self) -> None:
        """The encoder: layers before a time reduction frame by frame, then the rest."""
        self.builder.label("frame")
        banks = _Banks(_FIRST_BANK)
        self.pads: list[tuple[int, int]] = []
        for step in range(self.reduction.factor):
            if step:
                self._first_product(step, banks.ahead)
                self._end_block(self.for_frame, self.for_frame)
                self.pads.append((step, banks.ahead))
            end = f"pad.{step}" if step else "stop"
            inputs = self.model.inputs
            self.builder.emit(Opcode.INPUT, "input", destination=self.x, count=inputs, end=end)
            for number in range(self.reduction.after):
                self._lstm(self._at(number, step), banks, carried=number == 0)
        if self.reduction.after:
            self._end_block(self.for_frame, self.for_rest)
            self.builder.label("rest")
        self._rest(banks)

    def _rest(self, banks: Iterator[int]) -> None:
        """The layers after the reduction and the encoder's half of the joint."""
        after = self.reduction.after
        for number in range(after, len(self.encoder)):
            self._lstm(self.encoder[number], banks, carried=number == 0)
        # The last tile is in the other bank.
        tiles = len(self.placed.joint_encoder.layout.tiles)
        banks = islice(cycle((_OTHER_BANK, _FIRST_BANK)), 1 - tiles % 2, None)
        self._half(0, self.encoder[-1].h, banks)
        self._first_product(0, _FIRST_BANK)
        self._emit(Opcode.SET, "joint", register=_SYMBOLS, value=self.model.max_symbols)
        self._end_block(self.for_rest if after else self.for_frame, self.for_symbol)

    def _first_product(self, step: int, bank: int) -> None:
        """The recurrent product that begins the first layer's next step."""
        first = self._at(0, step)
        self._matvec(first.placed, 0, 1, first.h, bank)

    def _at(self, number: int, step: int) -> _Lstm:
        """An encoder layer in a frame of a group."""
        lstm = self.encoder[number]
        if lstm.placed is not self._stacked:
            return lstm
        units = len(lstm.placed.layout.order)
        before = (step - 1) % self.reduction.factor
        return replace(lstm, h=lstm.h + before * units, out=lstm.h + step * units)

    def _padding(self) -> None:
        """Where the input ends inside a group: its other outputs are zeros, the rest follows."""
        for step, bank in self.pads:
            self.builder.label(f"pad.{step}")
            stacked = self._at(self.reduction.after - 1, step)
            units = len(stacked.placed.layout.order)
            space = (Space.BANK0, Space.BANK1)[bank]
            rows = self.placed.encoder[0].layout.tiles[0].rows
            # The bank first: what is still at work when the rest begins must not be in its way.
            for to, first, count in (
                (space, 0, rows),
                (Space.ACTIVATION, stacked.out, (self.reduction.factor - step) * units),
            ):
                self._emit(Opcode.FILL, "padding", space=to, destination=first, count=count)
            self._end_block(wanted=self.for_rest)
            self.builder.emit(Opcode.JUMP, target="rest")

    def _symbol(self) -> None:
        emit, placed = self.builder.emit, self.placed.joint_output
        self.builder.label("symbol")
        relu = self.model.activation == "relu"
        self._emit(
            Opcode.ADD,
            "joint",
            a=self.halves[0][1],
            b=self.halves[1][1],
            destination=self.joint,
            count=len(placed.columns[0]),
            function=Function.RELU if relu else Function.TANH,
            multiplier=self.quantised.relu_multiplier if relu else 0,
            shift=self.quantised.relu_shift if relu else 0,
        )
        self._matvec(placed, 0, 0, self.joint, _OTHER_BANK)
        self._emit(
            Opcode.ARGMAX,
            placed.name,
            bank=_OTHER_BANK,
            rows=placed.layout.tiles[0].rows,
            parameters=self.index_table,
            register=_TOKEN,
        )
        self._end_block(self.for_symbol, self.for_frame)
        blank = {"register": _TOKEN, "condition": Condition.EQ, "value": self.model.blank}
        emit(Opcode.BRANCH, "blank", **blank, target="frame")
        emit(Opcode.EMIT, "token", register=_TOKEN)
        emit(Opcode.CALL, target="predict")
        emit(Opcode.LOOP, "joint", register=_SYMBOLS, target="symbol")
        self._end_block(wanted=self.for_frame)
        emit(Opcode.JUMP, target="frame")
        self.builder.label("stop")
        emit(Opcode.HALT)

    def _predict(self) -> None:
        self.builder.label("predict")
        self._emit(
            Opcode.EMBED,
            "prediction.embedding",
            register=_TOKEN,
            parameters=self.embedding,
            stride=self.stride,
            destination=self.embedded,
            count=self.quantised.embedding.shape[1],
        )
        for lstm in self.prediction:
            self._lstm(lstm, repeat(_OTHER_BANK))
        self._half(1, self.prediction[-1].h, repeat(_OTHER_BANK))
        self._end_block(wanted=self.for_symbol)
        self.builder.emit(Opcode.RETURN)

    def _matvec(self, layer: Placed, tile: int, matrix: int, source: int, bank: int) -> None:
        number = layer.number(tile, matrix)
        self._emit(
            Opcode.MATVEC,
            self.names[number],
            source=source,
            columns=len(layer.columns[matrix]),
            rows=layer.layout.tiles[tile].rows,
            matrix=number,
            shift=layer.layer.matrices[matrix].shift,
            bank=bank,
        )

    def _lstm(self, lstm: _Lstm, banks: Iterator[int], *, carried: bool = False) -> None:
        """A step of a layer; `carried`: the first tile's recurrent product is in its bank."""
        placed = lstm.placed
        for number, tile in enumerate(placed.layout.tiles):
            bank = next(banks)
            if number or not carried:
                self._matvec(placed, number, 1, lstm.h, bank)
            self._matvec(placed, number, 0, lstm.source, bank)
            self._emit(
                Opcode.CELL,
                placed.name,
                bank=bank,
                units=tile.count,
                parameters=lstm.biases + tile.first,
                state=lstm.c + tile.first,
                destination=lstm.out + tile.first,
                multiplier=placed.layer.multiplier,
                shift=placed.layer.shift,
            )
        if lstm.copied:
            self._emit(
                Opcode.COPY,
                placed.name,
                space=Space.ACTIVATION,
                source=lstm.out,
                destination=lstm.h,
                count=len(placed.layout.order),
            )

    def _half(self, which: int, source: int, banks: Iterator[int]) -> None:
        """One half of the joint, to state memory."""
        placed, state, biases = self.halves[which]
        for number, tile in enumerate(placed.layout.tiles):
            bank = next(banks)
            self._matvec(placed, number, 0, source, bank)
            self._emit(
                Opcode.DRAIN,
                placed.name,
                bank=bank,
                rows=tile.rows,
                parameters=biases + tile.first // 4,
                destination=state + tile.first,
                wide=1,
                multiplier=placed.layer.multiplier,
                shift=placed.layer.shift,
            )
