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
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle, islice, product, repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sordino.arch import QUAD
from sordino.compiler.allocate import Allocation
from sordino.compiler.codec import EncodedMatrices
from sordino.compiler.interleave import TablePlan, interleave
from sordino.compiler.layout import Layout
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
_Slots = Sequence[Mapping[int, int]]
_UNKNOWN: _Slots = ({}, {})
"""For run tables and for value tables: the tables by slot."""


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
    later tiles still need the previous h.
    """

    placed: Placed
    source: int
    h: int
    out: int
    c: int
    biases: int


def schedule(
    model: RnntModel,
    quantised: QuantisedModel,
    placed: PlacedModel,
    encoded: EncodedMatrices,
) -> Scheduled:
    """Allocate memories and write the program; CompileError for what does not fit."""
    return _Scheduler(model, quantised, placed, encoded).run()


def _cell_biases(layer: Placed) -> NDArray[np.int64]:
    """Four gates of each unit, in storage order."""
    return layer.layer.bias.reshape(QUAD, -1)[:, layer.layout.order].T.ravel()


def _slot_count(layout: Layout) -> int:
    last = layout.tiles[-1]
    return last.first + last.rows * layout.config.lanes


def _slot_biases(layer: Placed) -> NDArray[np.int64]:
    """One for each slot; 0 in empty ones."""
    biases = np.zeros(_slot_count(layer.layout), np.int64)
    biases[: len(layer.layout.order)] = layer.layer.bias[layer.layout.order]
    return biases


def _index_table(layer: Placed) -> NDArray[np.int64]:
    """Bias and original index of each slot; index -1 in empty ones."""
    indices = np.full(_slot_count(layer.layout), -1, np.int64)
    indices[: len(layer.layout.order)] = layer.layout.order
    return np.stack([_slot_biases(layer), indices], axis=1).ravel()


def _embedding(rows: NDArray[np.int8]) -> tuple[bytes, int]:
    """Rows padded to whole parameter words, and words a row."""
    stride = -(-rows.shape[1] // 16)
    padded = np.zeros((len(rows), 16 * stride), np.int8)
    padded[:, : rows.shape[1]] = rows
    return padded.tobytes(), stride


class _Scheduler:
    def __init__(
        self,
        model: RnntModel,
        quantised: QuantisedModel,
        placed: PlacedModel,
        encoded: EncodedMatrices,
    ) -> None:
        self.model, self.quantised, self.placed = model, quantised, placed
        self.config = encoded.config
        self.places = [max(matrix.places) for matrix in encoded.matrices]
        self.builder = ProgramBuilder()
        self.memory = Allocation()
        self.block: list[Instruction] = []
        often = (placed.joint_output, *placed.encoder, placed.joint_encoder)
        seldom = (*placed.prediction, placed.joint_prediction)
        numbers = [layer.first + k for layer in (*often, *seldom) for k in range(layer.count)]
        self.names = {
            layer.number(tile, k): matrix.name
            for layer in placed.layers
            for tile in range(len(layer.layout.tiles))
            for k, matrix in enumerate(layer.layer.matrices)
        }
        self._plan_tables(encoded, numbers)
        self._allocate()

    def _plan_tables(self, encoded: EncodedMatrices, numbers: Sequence[int]) -> None:
        """Slots for run and value tables of the matrices, which are most often used first."""
        runs, values = encoded.run_tables, encoded.value_tables
        self.plans = (
            TablePlan.make(runs, numbers, self.config.run_slots, runs=True),
            TablePlan.make(values, numbers, self.config.value_slots, runs=False),
        )
        # Of matrices with the same table, it has the first one's name.
        self.table_names = {
            table[number]: self.names[number]
            for table in (runs, values)
            for number in reversed(range(len(table)))
        }
        # Loaded at the end of one block, used by the next.
        self.for_symbol: list[dict[int, int]] = []
        self.for_frame: list[dict[int, int]] = []
        output, first = self.placed.joint_output.first, self.placed.encoder[0]
        for plan in self.plans:
            tables = [plan.tables[n] for n in (output, first.number(0, 0), first.number(0, 1))]
            symbol = plan.keep(output, 0)
            frame = plan.keep(first.first, 0 if tables[0] == tables[1] else 1)
            # Between frames the first layer's recurrent product may leave both slots as they are.
            both = {**symbol, **frame} if tables[2] in tables[:2] else None
            self.for_symbol.append(symbol if both is None else both)
            self.for_frame.append(frame if both is None else both)

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
                state.take(_slot_count(layer.layout)),
                parameters.add_int32(_slot_biases(layer)),
            )
            for layer in (placed.joint_encoder, placed.joint_prediction)
        ]
        self.index_table = parameters.add_int32(_index_table(placed.joint_output))
        contents, self.stride = _embedding(self.quantised.embedding)
        self.embedding = parameters.add(contents)

    def _allocate_lstms(self, layers: Sequence[Placed], source: int) -> list[_Lstm]:
        made = []
        for layer in layers:
            units = len(layer.layout.order)
            h, c = self.memory.activation.take(units), self.memory.state.take(units)
            out = self.scratch if len(layer.layout.tiles) > 1 else h
            biases = self.memory.parameters.add_int32(_cell_biases(layer))
            made.append(_Lstm(layer, source, h, out, c, biases))
            source = h
        return made

    def run(self) -> Scheduled:
        self._start()
        self._frame()
        self._symbol()
        self._predict()
        self.memory.check(self.config, len(self.builder))
        labels = self.builder.labels
        program = with_overlap(self.builder.finish(), (labels["main"],), self.config)
        return Scheduled(program, labels, bytes(self.memory.parameters.contents))

    def _emit(self, opcode: Opcode, layer: str = "", **fields: Any) -> None:
        """Append to the block."""
        self.block.append(Instruction.make(opcode, layer, **fields))

    def _end_block(self, held: _Slots = _UNKNOWN, wanted: _Slots = _UNKNOWN) -> None:
        """Write the block in its best order; tables of both plans as in `TablePlan.insert`."""
        orders = []
        for turns in product(*(range(max(1, len(plan.shared))) for plan in self.plans)):
            block: Sequence[Instruction] = self.block
            for plan, before, after, turn in zip(self.plans, held, wanted, turns, strict=True):
                block = plan.insert(block, self.table_names, before, after, turn)
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
        for plan in self.plans:
            for table, slot in plan.pinned.items():
                self.block.append(plan.load(self.table_names[table], table, slot))
        self._emit(Opcode.SET, "start", register=_TOKEN, value=self.model.blank)
        self._end_block()
        self.builder.emit(Opcode.CALL, target="predict")
        self._end_block(wanted=self.for_frame)

    def _frame(self) -> None:
        self.builder.label("frame")
        inputs = self.model.inputs
        self.builder.emit(Opcode.INPUT, "input", destination=self.x, count=inputs, end="stop")
        banks: Iterator[int] = cycle((_FIRST_BANK, _OTHER_BANK))
        for lstm in self.encoder:
            self._lstm(lstm, banks, carried=lstm is self.encoder[0])
        # The last tile is in the other bank.
        tiles = len(self.placed.joint_encoder.layout.tiles)
        banks = islice(cycle((_OTHER_BANK, _FIRST_BANK)), 1 - tiles % 2, None)
        self._half(0, self.encoder[-1].h, banks)
        first = self.encoder[0]
        self._matvec(first.placed, 0, 1, first.h, _FIRST_BANK)
        self._emit(Opcode.SET, "joint", register=_SYMBOLS, value=self.model.max_symbols)
        self._end_block(self.for_frame, self.for_symbol)

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
        if lstm.out != lstm.h:
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
