"""The greedy RNN-T loop as a program.

For every frame: the encoder's layers and its half of the joint; then, at most `max_symbols`
times, the joint. A blank ends the frame; another token is emitted and advances the prediction
network. The prediction network starts from zero state with the blank's embedding. The host pushes
feature vectors and pops tokens; at the end of input the program halts.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sordino.arch import QUAD, Config
from sordino.compiler.allocate import Allocation
from sordino.compiler.layout import Layout
from sordino.compiler.place import Placed, PlacedModel
from sordino.compiler.program import ProgramBuilder
from sordino.compiler.quantise import QuantisedModel
from sordino.isa.instructions import Condition, Function, Instruction, Opcode, Space
from sordino.model.rnnt import RnntModel

__all__ = ["Scheduled", "schedule"]

_TOKEN, _SYMBOLS = 0, 1
_MOST_WORDS = 0xFFFF
"""Of one FILL."""


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
    model: RnntModel, quantised: QuantisedModel, placed: PlacedModel, config: Config
) -> Scheduled:
    """Allocate memories and write the program; CompileError for what does not fit."""
    return _Scheduler(model, quantised, placed, config).run()


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


@dataclass
class _Slots:
    """Which value table is where.

    All but one slot hold the tables of the matrices used most often for the whole run; the last
    one is loaded as needed. Where there are slots for all matrices, none is loaded again.
    """

    pinned: dict[int, int]
    shared: int
    loaded: int | None = field(default=None)

    @classmethod
    def plan(cls, numbers: Sequence[int], slots: int) -> "_Slots":
        """`numbers` are the matrices, most often used first."""
        room = slots if len(numbers) <= slots else slots - 1
        return cls({number: slot for slot, number in enumerate(numbers[:room])}, slots - 1)


class _Scheduler:
    def __init__(
        self, model: RnntModel, quantised: QuantisedModel, placed: PlacedModel, config: Config
    ) -> None:
        self.model, self.quantised, self.placed, self.config = model, quantised, placed, config
        self.builder = ProgramBuilder()
        self.memory = Allocation()
        self.bank = 0
        often = (placed.joint_output, *placed.encoder, placed.joint_encoder)
        seldom = (*placed.prediction, placed.joint_prediction)
        numbers = [layer.first + k for layer in (*often, *seldom) for k in range(layer.count)]
        self.slots = _Slots.plan(numbers, config.value_slots)
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
        return Scheduled(
            self.builder.finish(), self.builder.labels, bytes(self.memory.parameters.contents)
        )

    def _label(self, name: str) -> None:
        self.builder.label(name)
        self.slots.loaded = None

    def _call(self, name: str) -> None:
        self.builder.emit(Opcode.CALL, target=name)
        self.slots.loaded = None

    def _start(self) -> None:
        """Clear what keeps its contents between runs, load tables, predict from the blank."""
        emit = self.builder.emit
        self._label("main")
        rows = max(tile.rows for layer in self.placed.layers for tile in layer.layout.tiles)
        for space, words in (
            (Space.ACTIVATION, self.memory.activation.used),
            (Space.STATE, self.memory.state.used),
            (Space.BANK0, rows),
            (Space.BANK1, rows),
        ):
            for first in range(0, words, _MOST_WORDS):
                count = min(words - first, _MOST_WORDS)
                emit(Opcode.FILL, "clear", space=space, destination=first, count=count)
        emit(Opcode.TABLE, "runs", source=0, runs=1)
        for number, slot in self.slots.pinned.items():
            emit(Opcode.TABLE, self.names[number], source=1 + number, slot=slot)
        emit(Opcode.SET, "start", register=_TOKEN, value=self.model.blank)
        self._call("predict")

    def _frame(self) -> None:
        emit = self.builder.emit
        self._label("frame")
        emit(Opcode.INPUT, "input", destination=self.x, count=self.model.inputs, end="stop")
        for lstm in self.encoder:
            self._lstm(lstm)
        self._half(0, self.encoder[-1].h)
        emit(Opcode.SET, "joint", register=_SYMBOLS, value=self.model.max_symbols)

    def _symbol(self) -> None:
        emit, placed = self.builder.emit, self.placed.joint_output
        self._label("symbol")
        relu = self.model.activation == "relu"
        emit(
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
        self._matvec(placed, 0, 0, self.joint)
        emit(
            Opcode.ARGMAX,
            placed.name,
            bank=self._take_bank(),
            rows=placed.layout.tiles[0].rows,
            parameters=self.index_table,
            register=_TOKEN,
        )
        blank = {"register": _TOKEN, "condition": Condition.EQ, "value": self.model.blank}
        emit(Opcode.BRANCH, "blank", **blank, target="frame")
        emit(Opcode.EMIT, "token", register=_TOKEN)
        self._call("predict")
        emit(Opcode.LOOP, "joint", register=_SYMBOLS, target="symbol")
        emit(Opcode.JUMP, target="frame")
        self._label("stop")
        emit(Opcode.HALT)

    def _predict(self) -> None:
        self._label("predict")
        self.builder.emit(
            Opcode.EMBED,
            "prediction.embedding",
            register=_TOKEN,
            parameters=self.embedding,
            stride=self.stride,
            destination=self.embedded,
            count=self.quantised.embedding.shape[1],
        )
        for lstm in self.prediction:
            self._lstm(lstm)
        self._half(1, self.prediction[-1].h)
        self.builder.emit(Opcode.RETURN)

    def _take_bank(self) -> int:
        """The bank in use; what follows uses the other one."""
        bank, self.bank = self.bank, 1 - self.bank
        return bank

    def _matvec(self, layer: Placed, tile: int, matrix: int, source: int) -> None:
        number = layer.number(tile, matrix)
        slot = self.slots.pinned.get(number, self.slots.shared)
        name = self.names[number]
        if number not in self.slots.pinned and self.slots.loaded != number:
            self.builder.emit(Opcode.TABLE, name, source=1 + number, slot=slot)
            self.slots.loaded = number
        self.builder.emit(
            Opcode.MATVEC,
            name,
            source=source,
            columns=len(layer.columns[matrix]),
            rows=layer.layout.tiles[tile].rows,
            matrix=number,
            slot=slot,
            shift=layer.layer.matrices[matrix].shift,
            bank=self.bank,
        )

    def _lstm(self, lstm: _Lstm) -> None:
        placed = lstm.placed
        for number, tile in enumerate(placed.layout.tiles):
            self._matvec(placed, number, 0, lstm.source)
            self._matvec(placed, number, 1, lstm.h)
            self.builder.emit(
                Opcode.CELL,
                placed.name,
                bank=self._take_bank(),
                units=tile.count,
                parameters=lstm.biases + tile.first,
                state=lstm.c + tile.first,
                destination=lstm.out + tile.first,
                multiplier=placed.layer.multiplier,
                shift=placed.layer.shift,
            )
        if lstm.out != lstm.h:
            self.builder.emit(
                Opcode.COPY,
                placed.name,
                space=Space.ACTIVATION,
                source=lstm.out,
                destination=lstm.h,
                count=len(placed.layout.order),
            )

    def _half(self, which: int, source: int) -> None:
        """One half of the joint, to state memory."""
        placed, state, biases = self.halves[which]
        for number, tile in enumerate(placed.layout.tiles):
            self._matvec(placed, number, 0, source)
            self.builder.emit(
                Opcode.DRAIN,
                placed.name,
                bank=self._take_bank(),
                rows=tile.rows,
                parameters=biases + tile.first // 4,
                destination=state + tile.first,
                wide=1,
                multiplier=placed.layer.multiplier,
                shift=placed.layer.shift,
            )
