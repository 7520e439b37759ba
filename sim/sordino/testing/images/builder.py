"""Small images for tests, assembled by hand."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sordino.arch import Config
from sordino.codec import EncodedMatrices, encode_matrices
from sordino.image.host import MAIN, HostSection
from sordino.image.image import Image
from sordino.image.rooms import SegmentRoom
from sordino.isa.choices import Space
from sordino.isa.instruction import Instruction
from sordino.isa.instruction_set import InstructionSet
from sordino.isa.operations import (
    ISA,
    Argmax,
    Branch,
    Call,
    Cell,
    Drain,
    Embed,
    Emit,
    Fill,
    Halt,
    Input,
    Jump,
    Loop,
    Matvec,
    Return,
    Set,
    Table,
    Use,
)
from sordino.isa.parameters import PARAMETER_BYTES

__all__ = ["ProgramBuilder", "small_rooms"]


@dataclass(frozen=True)
class _TableOf:
    """A matrix's run table or value table, whose number the encoder will say."""

    matrix: int
    runs: bool


class ProgramBuilder:
    """Instructions, parameters and matrices, collected to be made an image.

    Fields that name an address (`target`, `end`, `request`) may be given as labels.
    """

    def __init__(self, config: Config, isa: InstructionSet = ISA) -> None:
        self.config, self.isa = config, isa
        self.slots: list[NDArray[np.int8]] = []
        self._code: list[tuple[type[Instruction], str, dict[str, Any]]] = []
        self._labels: dict[str, int] = {}
        self._parameters = bytearray()

    def __len__(self) -> int:
        return len(self._code)

    def add(self, operation: type[Instruction], layer: str = "", **fields: Any) -> int:
        """Append an instruction and return its address."""
        self._code.append((operation, layer, fields))
        return len(self._code) - 1

    def label(self, name: str) -> None:
        """Name the address of the next instruction."""
        if name in self._labels:
            raise ValueError(f"label {name!r} is defined twice")
        self._labels[name] = len(self._code)

    def ints(self, values: Sequence[int] | NDArray[np.int64]) -> int:
        """Append int32 parameters and return their first word."""
        return self._append(np.asarray(values, "<i4").tobytes())

    def entries(self, biases: NDArray[np.int64], indices: NDArray[np.int64]) -> int:
        """Append ARGMAX entries and return their first word."""
        return self.ints(np.stack([biases, indices], axis=1).reshape(-1))

    def embedding(self, table: NDArray[np.int8]) -> tuple[int, int]:
        """Append an embedding (rows, columns) and return its first word and stride."""
        padded = np.pad(table, ((0, 0), (0, -table.shape[1] % PARAMETER_BYTES)))
        return self._append(padded.tobytes()), padded.shape[1] // PARAMETER_BYTES

    def _append(self, contents: bytes) -> int:
        word = len(self._parameters) // PARAMETER_BYTES
        self._parameters += contents + bytes(-len(contents) % PARAMETER_BYTES)
        return word

    def matrix(self, slots: NDArray[np.int8]) -> int:
        """Add a dealt matrix, int8 (rows, lanes, columns), and return its number."""
        self.slots.append(slots)
        return len(self.slots) - 1

    def matvec(
        self,
        matrix: int,
        *,
        source: int,
        bank: int = 0,
        shift: int = 0,
        slot: int = 0,
        run_slot: int = 0,
        first_row: int = 0,
        from_ring: bool = False,
        load: bool = True,
    ) -> None:
        """Load the matrix's run table and value table into their slots, and multiply.

        Without `load` they are there.
        """
        rows, _, columns = self.slots[matrix].shape
        if load:
            self.add(Table, source=_TableOf(matrix, runs=True), slot=run_slot, runs=1)
            self.add(Table, source=_TableOf(matrix, runs=False), slot=slot)
        self.add(
            Matvec,
            source=source,
            columns=columns,
            rows=rows,
            matrix=matrix,
            slot=slot,
            run_slot=run_slot,
            shift=shift,
            bank=bank,
            first_row=first_row,
            from_ring=from_ring,
        )

    # Instructions that most programs have.

    def read(
        self,
        destination: int,
        count: int,
        layer: str = "",
        *,
        end: str = "done",
        channel: int = 0,
        request: str | int = 0,
    ) -> None:
        """A vector of the input; where it has ended, go to label `end`, at a `request` to that."""
        fields = {"destination": destination, "count": count, "channel": channel}
        self.add(Input, layer, **fields, end=end, request=request)

    def cell(self, layer: str = "", **fields: Any) -> None:
        """An LSTM cell."""
        self.add(Cell, layer, **fields)

    def drain(self, layer: str = "", **fields: Any) -> None:
        """A linear layer's results."""
        self.add(Drain, layer, **fields)

    def argmax(self, layer: str = "", **fields: Any) -> None:
        """The index of the largest result."""
        self.add(Argmax, layer, **fields)

    def embed(self, layer: str = "", **fields: Any) -> None:
        """A row of an embedding."""
        self.add(Embed, layer, **fields)

    def token(self, register: int, layer: str = "", *, channel: int = 0) -> None:
        """Emit a register."""
        self.add(Emit, layer, register=register, channel=channel)

    def fill(self, space: Space, count: int, destination: int = 0, layer: str = "") -> None:
        """Zeros in a memory."""
        self.add(Fill, layer, space=space, destination=destination, count=count)

    # Control flow.

    def go(self, label: str) -> None:
        """Go on at a label."""
        self.add(Jump, target=label)

    def end(self, code: int = 0) -> None:
        """End the program."""
        self.add(Halt, code=code)

    def repeat(self, register: int, times: int, body: Callable[[], None]) -> None:
        """A loop: `body` so many times over, counted in a register."""
        self.add(Set, register=register, value=times)
        label = f"repeat {len(self)}"
        self.label(label)
        body()
        self.add(Loop, register=register, target=label)

    def unless(self, body: Callable[[], None], **comparison: Any) -> None:
        """Instructions that a BRANCH passes over where its comparison holds."""
        label = f"unless {len(self)}"
        self.add(Branch, target=label, **comparison)
        body()
        self.label(label)

    def using(self, segment: int, body: Callable[[], None]) -> None:
        """Instructions that a USE passes over where the segment is not checked."""
        label = f"without {len(self)}"
        self.add(Use, segment=segment, otherwise=label)
        body()
        self.label(label)

    def call(self, name: str) -> None:
        """Call the subroutine of that name."""
        self.add(Call, target=name)

    def subroutine(self, name: str, body: Callable[[], None]) -> None:
        """A subroutine of that name."""
        self.label(name)
        body()
        self.add(Return)

    def clear(self) -> None:
        """Fill every memory and both banks with zeros."""
        config = self.config
        for space, count in (
            (Space.ACTIVATION, config.activation_words),
            (Space.STATE, config.state_words),
            (Space.BANK0, config.rows_per_lane),
            (Space.BANK1, config.rows_per_lane),
        ):
            # 65,536 words are one more than `count` can say.
            for base in range(0, count, 1 << 15):
                part = min(1 << 15, count - base)
                self.fill(space, part, base)

    def program(self, encoded: EncodedMatrices) -> tuple[Instruction, ...]:
        """The instructions with their labels and tables resolved."""

        def resolve(value: Any) -> Any:
            match value:
                case str():
                    return self._labels[value]
                case _TableOf(matrix, runs):
                    return (encoded.run_tables if runs else encoded.value_tables)[matrix]
            return value

        return tuple(
            operation(layer, **{name: resolve(value) for name, value in fields.items()})
            for operation, layer, fields in self._code
        )

    def image(self, **host: Any) -> Image:
        """The image; entry point `main` is address 0 or the label of that name."""
        encoded = encode_matrices(self.slots, self.config)
        entries = {MAIN: self._labels.get(MAIN, 0)}
        program = self.program(encoded)
        rooms = small_rooms(program, len(self._parameters) // PARAMETER_BYTES)
        kept = sum(room.parameters[1] for room in rooms.values())
        return Image(
            config=self.config,
            program=program,
            parameters=bytes(self._parameters) + bytes(kept * PARAMETER_BYTES),
            tables=encoded.tables,
            matrices=encoded.matrices,
            positions=encoded.positions,
            values=encoded.values,
            host=HostSection(**{"entries": entries, "segments": rooms, **host}),
            isa=self.isa,
        )


def small_rooms(program: Sequence[Instruction], first: int) -> dict[str, SegmentRoom]:
    """Rooms for the segments that a program uses; odd ones are filled.

    A filled one has a word of parameters, from word `first` on, which no instruction reads.
    """
    nothing = dict.fromkeys(("matrices", "positions", "values", "tables"), (0, 0))
    rooms = {}
    for number in sorted({i.segment for i in program if isinstance(i, Use)}):
        filled = number % 2
        rooms[f"segment {number}"] = SegmentRoom(
            number=number, filled=filled, parameters=(first if filled else 0, filled), **nothing
        )
        first += filled
    return rooms
