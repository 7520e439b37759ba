"""The instruction set: 128-bit words whose encoding does not depend on the configuration.

A word begins with the opcode (bits 4 to 0) and `beside` (bits 7 to 5), then the operation: one
Struct, whose field order is bit order, least significant first. Sequencer, assembler, disassembler,
exact machine and the reference page (`docs/isa.md`) all read these classes. Addresses are in words
of the memory they name.

Three units execute: the array MATVEC, the table loader TABLE, the vector unit INPUT and CELL to
COPY, each one instruction at a time; the rest is the sequencer's own and done at once. Instructions
begin in program order, each when its own unit is idle and so is every unit that is not in `beside`.
With `beside` = 0 a program runs strictly one instruction after the other.

An instruction must not begin while another is at work that writes what it reads or writes, or
reads what it writes (`sordino.isa.effects.conflict`); an accumulator bank, a table slot and a
register are one thing each. A program without such conflicts leaves what it would leave with
`beside` = 0 everywhere; `sordino.isa.overlap` finds them, and images that have them are refused.
HALT begins when all units are idle, INPUT when array and vector unit are, whatever `beside` says,
and nothing begins before an INPUT is done.

MATVEC, CELL and DRAIN have fields more at the end of the word (EXTENSIONS), which only machines
with `stream_bus` know; where they are 0 the instruction is the one without them.
"""

from dataclasses import dataclass
from typing import Any, ClassVar

from amaranth.hdl import Shape, signed
from amaranth.lib import data, enum

from sordino.isa.encoding import EncodingError, encode

__all__ = [
    "ARGUMENTS",
    "EXTENSIONS",
    "EXTENSION_BIT",
    "INSTRUCTION_BITS",
    "REGISTERS",
    "STACK_DEPTH",
    "Condition",
    "Function",
    "Instruction",
    "Opcode",
    "Replay",
    "Rows",
    "Space",
    "Unit",
    "Word",
    "field_layout",
    "unit_of",
]

INSTRUCTION_BITS = 128
OPCODE_BITS = 5
BESIDE_BITS = 3
HEAD_BITS = OPCODE_BITS + BESIDE_BITS
"""Bits before an operation's own."""
REGISTERS = 8
"""16-bit unsigned scalar registers of the sequencer."""
STACK_DEPTH = 4
"""Nested calls."""


class Opcode(enum.Enum, shape=OPCODE_BITS):
    """What an instruction does. Values without a member stop the machine with ILLEGAL."""

    HALT = 0
    SET = 1
    JUMP = 2
    CALL = 3
    RETURN = 4
    LOOP = 5
    BRANCH = 6
    INPUT = 7
    EMIT = 8
    TABLE = 9
    MATVEC = 10
    CELL = 11
    DRAIN = 12
    ARGMAX = 13
    ADD = 14
    EMBED = 15
    FILL = 16
    COPY = 17


class Unit(enum.Flag, shape=BESIDE_BITS):
    """Who executes; the bits of `beside`. No bit: the sequencer itself."""

    NONE = 0
    ARRAY = 1
    VECTOR = 2
    TABLE = 4


class Condition(enum.Enum, shape=2):
    """Comparison of a register with an immediate, both unsigned."""

    EQ = 0
    NE = 1
    LT = 2
    GE = 3


class Function(enum.Enum, shape=2):
    """What DRAIN and ADD do after requantising or adding."""

    NONE = 0
    RELU = 1
    TANH = 2


class Space(enum.Enum, shape=2):
    """Memories that vector instructions name."""

    ACTIVATION = 0
    STATE = 1
    BANK0 = 2
    BANK1 = 3


class Halt(data.Struct):
    """End the program; all state stays readable, `code` in the status register."""

    code: 8


class Set(data.Struct):
    """register := value."""

    register: 3
    value: 16


class Jump(data.Struct):
    """Go to `target`."""

    target: 16


class Call(data.Struct):
    """Push the next address, go to `target`; more than STACK_DEPTH nested calls stop (STACK)."""

    target: 16


class Return(data.Struct):
    """Pop an address and go there; an empty stack stops the machine (STACK)."""

    unused: 1


class Loop(data.Struct):
    """register := register - 1; go to `target` unless it became 0."""

    register: 3
    target: 16


class Branch(data.Struct):
    """Go to `target` if the comparison of register and value holds."""

    register: 3
    condition: Condition
    value: 16
    target: 16


class Input(data.Struct):
    """Wait for `count` features and write them to activation memory from `destination`.

    If the host has signalled the end of input and no feature is left, go to `end` instead. End
    of input in the middle of a vector stops the machine (INPUT).
    """

    destination: 16
    count: 16
    end: 16


class Emit(data.Struct):
    """Push register to the token FIFO; a full FIFO is a counted stall."""

    register: 3


class Table(data.Struct):
    """Copy expanded table `source` into value table `slot`, with runs = 1 into run table `slot`."""

    source: 8
    slot: 4
    runs: 1


class Matvec(data.Struct):
    """bank += 2^shift * M x, with x = activation[source : source + columns].

    M is entry `matrix` of the stream directory, decoded with run table `run_slot` and value table
    `slot`, `rows` rows a lane. A place outside the matrix or a stream that does not end in state 0
    stops the machine (STREAM).
    """

    source: 16
    columns: 16
    rows: 11
    matrix: 8
    slot: 4
    run_slot: 4
    shift: 3
    bank: 1


class Cell(data.Struct):
    """LSTM cell on the first `units` units of `bank`, which is cleared.

    Unit u stands at row u // quads, quad u % quads, gate k (i f g o) on lane (k + row) mod 4 of
    the quad. Biases are the four int32 of parameter word `parameters` + u. Reads and writes the
    cell state at state[`state` + u], writes h to activation[`destination` + u].
    """

    bank: 1
    units: 16
    parameters: 24
    state: 16
    destination: 16
    multiplier: 16
    shift: 6


class Drain(data.Struct):
    """v = rq(acc + bias) of every slot of the first `rows` rows of `bank`, which is cleared.

    Slot s = row * lanes + lane; its bias is int32 number s from parameter word `parameters`.
    With `wide`: state[destination + s] = sat16(v), the function must be NONE. Otherwise
    activation[destination + s] = NONE: sat8(v); RELU: sat8(max(v, 0)); TANH: joint_tanh(tanh(
    sat16(v))), where v is Q3.12.
    """

    bank: 1
    rows: 11
    parameters: 24
    destination: 16
    wide: 1
    function: Function
    multiplier: 16
    shift: 6


class Argmax(data.Struct):
    """register := index of the largest acc + bias of the first `rows` rows of `bank`, cleared.

    Slot s takes the 64-bit entry s from parameter word `parameters`: int32 bias, then int32
    index; a negative index marks an empty slot. Ties go to the lowest index; no slot at all
    gives 0.
    """

    bank: 1
    rows: 11
    parameters: 24
    register: 3


class Add(data.Struct):
    """v = sat16(state[a + k] + state[b + k]) for k < count, to activation[destination + k].

    NONE: sat8(rq(v)); RELU: sat8(rq(max(v, 0))); TANH: joint_tanh(tanh(joint_preactivation(v))),
    where multiplier and shift are not used.
    """

    a: 16
    b: 16
    destination: 16
    count: 16
    function: Function
    multiplier: 16
    shift: 6


class Embed(data.Struct):
    """Copy `count` int8 of row `register` of an embedding to activation[destination ...].

    Row r starts at parameter word `parameters` + r * stride, 16 int8 a word, lowest byte first.
    """

    register: 3
    parameters: 24
    stride: 16
    destination: 16
    count: 16


class Fill(data.Struct):
    """Write `value` (int8, sign extended) to `count` words of a memory from `destination`.

    In an accumulator bank a word is a row of all lanes.
    """

    space: Space
    destination: 16
    count: 16
    value: signed(8)


class Copy(data.Struct):
    """Copy `count` words inside ACTIVATION or STATE; the two ranges must not overlap."""

    space: Space
    source: 16
    destination: 16
    count: 16


ARGUMENTS: dict[Opcode, type[data.Struct]] = {
    Opcode.HALT: Halt,
    Opcode.SET: Set,
    Opcode.JUMP: Jump,
    Opcode.CALL: Call,
    Opcode.RETURN: Return,
    Opcode.LOOP: Loop,
    Opcode.BRANCH: Branch,
    Opcode.INPUT: Input,
    Opcode.EMIT: Emit,
    Opcode.TABLE: Table,
    Opcode.MATVEC: Matvec,
    Opcode.CELL: Cell,
    Opcode.DRAIN: Drain,
    Opcode.ARGMAX: Argmax,
    Opcode.ADD: Add,
    Opcode.EMBED: Embed,
    Opcode.FILL: Fill,
    Opcode.COPY: Copy,
}


class Rows(data.Struct):
    """The instruction's rows of the bank are those from `first` on, instead of from 0 on."""

    first: 11


class Replay(data.Struct):
    """The rows of the bank are those from `first` on. With `again` nothing is read from outside.

    `again`: the latest streamed MATVEC was of the same matrix, and every stream of it fits its
    ring; so the rings still hold all of it, and decoders take it from there once more.
    """

    first: 11
    again: 1


EXTENSIONS: dict[Opcode, type[data.Struct]] = {
    Opcode.MATVEC: Replay,
    Opcode.CELL: Rows,
    Opcode.DRAIN: Rows,
}
"""Fields that only machines with `stream_bus` know, from bit EXTENSION_BIT of the arguments on."""
_WIDEST: int = max(Shape.cast(more).width for more in EXTENSIONS.values())
EXTENSION_BIT = INSTRUCTION_BITS - HEAD_BITS - _WIDEST


def field_layout(opcode: Opcode) -> dict[str, data.Field]:
    """All fields of an operation by name, offsets counted from the end of the head."""
    own: Any = data.Layout.cast(ARGUMENTS[opcode])
    found = {str(name): field for name, field in own}
    if opcode in EXTENSIONS:
        more: Any = data.Layout.cast(EXTENSIONS[opcode])
        for name, field in more:
            found[str(name)] = data.Field(field.shape, EXTENSION_BIT + field.offset)
    return found


_OWN = (
    *(Opcode.HALT, Opcode.SET, Opcode.JUMP, Opcode.CALL, Opcode.RETURN),
    *(Opcode.LOOP, Opcode.BRANCH, Opcode.EMIT),
)


def unit_of(opcode: Opcode) -> Unit:
    """The unit that executes `opcode`."""
    if opcode in _OWN:
        return Unit.NONE
    return {Opcode.MATVEC: Unit.ARRAY, Opcode.TABLE: Unit.TABLE}.get(opcode, Unit.VECTOR)


class Word(data.Struct):
    """One instruction word as the sequencer sees it."""

    opcode: Opcode
    beside: Unit
    arguments: data.UnionLayout(
        {
            **{opcode.name.lower(): layout for opcode, layout in ARGUMENTS.items()},
            "raw": INSTRUCTION_BITS - HEAD_BITS,
        }
    )


@dataclass(frozen=True)
class Instruction:
    """A decoded instruction: opcode and every field of its operation by name, as integers."""

    opcode: Opcode
    fields: dict[str, int]
    layer: str = ""
    """What it belongs to, for listings and first-difference reports; not encoded."""
    beside: Unit = Unit.NONE
    """Units that may still be at work when it begins."""

    BYTES: ClassVar[int] = INSTRUCTION_BITS // 8

    def __getattr__(self, name: str) -> int:
        try:
            return self.fields[name]
        except KeyError:
            raise AttributeError(f"{self.opcode.name} has no field {name!r}") from None

    @classmethod
    def make(
        cls, opcode: Opcode, layer: str = "", *, beside: int | Unit = Unit.NONE, **values: Any
    ) -> "Instruction":
        """An instruction with all fields present; enum members are accepted as values."""
        names = list(field_layout(opcode))
        given = {name: int(getattr(v, "value", v)) for name, v in values.items()}
        for name in given:
            if name not in names:
                raise EncodingError(f"{opcode.name} has no field {name!r}; it has {names}")
        units = beside.value if isinstance(beside, Unit) else beside
        if not 0 <= units < 1 << BESIDE_BITS:
            raise EncodingError(f"{opcode.name}: beside is {units}, wanted 0 to 7")
        fields = {name: given.get(name, 0) for name in names}
        return cls(opcode, fields, layer, Unit(units))

    def encode(self) -> int:
        """The 128-bit word; EncodingError names a field that does not fit."""
        extension = EXTENSIONS.get(self.opcode)
        more = data.Layout.cast(extension) if extension is not None else ()
        last = {str(name): self.fields.get(str(name), 0) for name, _ in more}
        try:
            own = {name: value for name, value in self.fields.items() if name not in last}
            arguments = encode(ARGUMENTS[self.opcode], own)
            if extension is not None:
                arguments |= encode(extension, last) << EXTENSION_BIT
        except EncodingError as error:
            raise EncodingError(f"{self.opcode.name}: {error}") from None
        return (
            int(self.opcode.value) | int(self.beside.value) << OPCODE_BITS | arguments << HEAD_BITS
        )

    @classmethod
    def decode(cls, word: int, layer: str = "") -> "Instruction":
        """The instruction of a 128-bit word; an unknown opcode or stray bits are refused."""
        number = word & ((1 << OPCODE_BITS) - 1)
        try:
            opcode = Opcode(number)
        except ValueError:
            raise EncodingError(f"unknown opcode {number} in word {word:#034x}") from None
        raw, mask = word >> HEAD_BITS, 0
        fields: dict[str, int] = {}
        for name, field in field_layout(opcode).items():
            value = raw >> field.offset & ((1 << field.width) - 1)
            sign = Shape.cast(field.shape).signed and value >> (field.width - 1)
            fields[name] = value - (sign << field.width)
            mask |= ((1 << field.width) - 1) << field.offset
        if raw & ~mask:
            raise EncodingError(f"{opcode.name}: bits outside its fields are set: {word:#034x}")
        beside = Unit(word >> OPCODE_BITS & ((1 << BESIDE_BITS) - 1))
        return cls(opcode, fields, layer, beside)
