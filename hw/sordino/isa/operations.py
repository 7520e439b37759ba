"""The instruction set: 128-bit words whose encoding does not depend on the configuration.

A word begins with the opcode (bits 4 to 0) and `overlaps` (bits 7 to 5), then come the fields of
the operation. Each class below is one operation: the table of its fields in the order of their
bits, least significant first, and what each field means (`sordino.isa.fields`). Circuit, assembler,
disassembler, verifier, exact machine and the reference page (`docs/isa.md`) all read these classes.
Addresses are in words of the memory they name.

Three units execute: the array, the table loader and the vector unit, each one instruction at a
time. The sequencer executes the rest itself, at once. Instructions begin in program order. Each
begins when its own unit is idle, and so is every unit that is not in `overlaps`. With `overlaps`
= 0 everywhere a program runs strictly one instruction after the other.

An instruction must not begin while another is at work that writes what it reads or writes, or
reads what it writes (`sordino.isa.hazards.conflict`). An accumulator bank, a table slot and a
register are one thing each. A program without such conflicts leaves what it would leave with
`overlaps` = 0 everywhere. The verifier refuses an image that has them. HALT begins when all units
are idle, INPUT when array and vector unit are, whatever `overlaps` says. Nothing begins before an
INPUT is done.

A few fields stand at the end of the word. Only machines with `stream_bus` know them; where they are
0 the instruction is the one without them.
"""

from amaranth.hdl import signed

from sordino.arch import QUAD, Config
from sordino.isa import timing
from sordino.isa.choices import Function, Space
from sordino.isa.control import Branch, Call, Emit, Halt, Jump, Loop, Return, Set
from sordino.isa.fields import (
    ACTIVATION,
    ADDRESS,
    ANY_SHIFT,
    BANK0,
    BANK1,
    COUNT,
    FLAG,
    MATRIX,
    MULTIPLIER,
    NUMBER,
    REGISTER,
    RIGHT_SHIFT,
    RUN_TABLE,
    STATE,
    TABLE,
    VALUE_TABLE,
    Extent,
    accumulators,
    by,
    parameters,
    reads,
    streaming,
    updates,
    writes,
)
from sordino.isa.instruction import Control, Instruction, Unit
from sordino.isa.instruction_set import InstructionSet
from sordino.isa.parameters import index_entries
from sordino.isa.pipelines import Pipeline

__all__ = [
    "ISA",
    "Add",
    "Argmax",
    "Branch",
    "Call",
    "Cell",
    "Copy",
    "Drain",
    "Embed",
    "Emit",
    "Fill",
    "Halt",
    "Input",
    "Jump",
    "Loop",
    "Matvec",
    "Multiply",
    "Opcode",
    "Return",
    "Set",
    "Table",
]

SLOTS = Extent("rows * lanes", lambda fields, config: fields["rows"] * config.lanes)
UNIT_ROWS = Extent("units / quads", lambda fields, config: -(-fields["units"] // config.quads))
"""Rows of a bank that LSTM units fill, the last perhaps in part."""
GATES = Extent("units * 4", lambda fields, config: QUAD * fields["units"])


SPACE = by("space", ACTIVATION, STATE, BANK0, BANK1)
FUNCTION = by("function", Pipeline.VALUE, Pipeline.VALUE, Pipeline.TANH)
"""The pipeline of an operation with a `function`."""


# The vector unit's.


class Input(Instruction, opcode=7, unit=Unit.VECTOR, awaits=Unit.ARRAY | Unit.VECTOR, blocks=True):
    """Wait for `count` features and write them to activation memory from `destination`.

    If the host has signalled the end of input and no feature is left, go to `end` instead. End
    of input in the middle of a vector stops the machine (INPUT).
    """

    destination: 16 = writes(ACTIVATION, "count")
    count: 16 = COUNT
    end: 16 = ADDRESS

    elements, pipeline = "count", Pipeline.FEATURE

    def ways(self, control: Control) -> tuple[Control, ...]:
        return (control.next(), control.at(self.end))


class Cell(Instruction, opcode=11, unit=Unit.VECTOR):
    """LSTM cell on the first `units` units of `bank`, which is cleared.

    Unit u stands at row u // quads, quad u % quads, gate k (i f g o) on lane (k + row) mod 4 of
    the quad. Biases are the four int32 of parameter word `parameters` + u. Reads and writes the
    cell state at state[`state` + u], writes h to activation[`destination` + u]. The rows of the
    bank are those from `first_row` on.
    """

    bank: 1 = accumulators(UNIT_ROWS, first="first_row")
    units: 16 = COUNT
    parameters: 24 = parameters("biases", 32, GATES)
    state: 16 = updates(STATE, "units")
    destination: 16 = writes(ACTIVATION, "units")
    multiplier: 16 = MULTIPLIER
    shift: 6 = RIGHT_SHIFT
    first_row: 11 = streaming(NUMBER)

    elements, pipeline = "units", Pipeline.LSTM


class Drain(Instruction, opcode=12, unit=Unit.VECTOR):
    """v = rq(acc + bias) of every slot of the first `rows` rows of `bank`, which is cleared.

    Slot s = row * lanes + lane; its bias is int32 number s from parameter word `parameters`.
    With `wide`: state[destination + s] = sat16(v), the function must be NONE. Otherwise
    activation[destination + s] = NONE: sat8(v); RELU: sat8(max(v, 0)); TANH: joint_tanh(tanh(
    sat16(v))), where v is Q3.12. The rows of the bank are those from `first_row` on.
    """

    bank: 1 = accumulators("rows", first="first_row")
    rows: 11 = COUNT
    parameters: 24 = parameters("biases", 32, SLOTS)
    destination: 16 = writes(by("wide", ACTIVATION, STATE), SLOTS)
    wide: 1 = FLAG
    function: Function
    multiplier: 16 = MULTIPLIER
    shift: 6 = RIGHT_SHIFT
    first_row: 11 = streaming(NUMBER)

    elements, pipeline = SLOTS, FUNCTION

    def wrong(self) -> str:
        function = self.fields["function"]
        if self.wide and function:
            return f"function is {Function(function).name}, a wide DRAIN wants NONE"
        return ""


class Argmax(Instruction, opcode=13, unit=Unit.VECTOR):
    """register := index of the largest acc + bias of the first `rows` rows of `bank`, cleared.

    Slot s takes the 64-bit entry s from parameter word `parameters`: int32 bias, then int32
    index; a negative index marks an empty slot. Ties go to the lowest index; no slot at all
    gives 0.
    """

    bank: 1 = accumulators("rows")
    rows: 11 = COUNT
    parameters: 24 = parameters("entries", 64, SLOTS)
    register: 3 = writes(REGISTER)

    elements, pipeline = SLOTS, Pipeline.COMPARE

    def most(self, parameters: bytes, config: Config) -> int:
        slots = SLOTS.count(self.fields, config)
        entries = index_entries(parameters, self.fields["parameters"], slots)
        return max((index for _, index in entries), default=0)


class Add(Instruction, opcode=14, unit=Unit.VECTOR):
    """v = sat16(state[a + k] + state[b + k]) for k < count, to activation[destination + k].

    NONE: sat8(rq(v)); RELU: sat8(rq(max(v, 0))); TANH: joint_tanh(tanh(joint_preactivation(v))),
    where multiplier and shift are not used.
    """

    a: 16 = reads(STATE, "count")
    b: 16 = reads(STATE, "count")
    destination: 16 = writes(ACTIVATION, "count")
    count: 16 = COUNT
    function: Function
    multiplier: 16 = MULTIPLIER
    shift: 6 = ANY_SHIFT

    elements, pipeline = "count", FUNCTION

    def wrong(self) -> str:
        if not self.shift and self.fields["function"] != Function.TANH.value:
            return "shift is 0, wanted 1 to 63"
        return ""


class Multiply(Instruction, opcode=18, unit=Unit.VECTOR):
    """v = rq(state[`state` + k] * activation[`activation` + k]) for k < count.

    With `wide`: state[destination + k] = sat16(v), otherwise activation[destination + k] = sat8(v).
    The destination may be the range of a factor, but not overlap it otherwise.
    """

    state: 16 = reads(STATE, "count")
    activation: 16 = reads(ACTIVATION, "count")
    destination: 16 = writes(by("wide", ACTIVATION, STATE), "count")
    count: 16 = COUNT
    wide: 1 = FLAG
    multiplier: 16 = MULTIPLIER
    shift: 6 = RIGHT_SHIFT

    elements, pipeline = "count", Pipeline.PRODUCT

    def wrong(self) -> str:
        factor = self.fields["state" if self.wide else "activation"]
        if 0 < abs(factor - self.destination) < self.count:
            return (
                f"{self.count} words to {self.destination} overlap a factor's from {factor}, "
                "wanted the same range or ranges apart"
            )
        return ""


class Embed(Instruction, opcode=15, unit=Unit.VECTOR):
    """Copy `count` int8 of row `register` of an embedding to activation[destination ...].

    Row r starts at parameter word `parameters` + r * stride, 16 int8 a word, lowest byte first.
    """

    register: 3 = reads(REGISTER)
    parameters: 24 = parameters("row", 8, "count", row=("register", "stride"))
    stride: 16 = NUMBER
    destination: 16 = writes(ACTIVATION, "count")
    count: 16 = COUNT

    elements, pipeline, lead = "count", Pipeline.LOOKUP, timing.EMBED_ROW


class Fill(Instruction, opcode=16, unit=Unit.VECTOR):
    """Write `value` (int8, sign extended) to `count` words of a memory from `destination`.

    In an accumulator bank a word is a row of all lanes.
    """

    space: Space
    destination: 16 = writes(SPACE, "count")
    count: 16 = COUNT
    value: signed(8) = NUMBER

    elements, pipeline = "count", Pipeline.CONSTANT


class Copy(Instruction, opcode=17, unit=Unit.VECTOR):
    """Copy `count` words inside ACTIVATION or STATE; the two ranges must not overlap."""

    space: Space
    source: 16 = reads(SPACE, "count")
    destination: 16 = writes(SPACE, "count")
    count: 16 = COUNT

    elements, pipeline = "count", Pipeline.MOVE

    def wrong(self) -> str:
        if self.fields["space"] not in (Space.ACTIVATION.value, Space.STATE.value):
            return f"space is {Space(self.space).name}, wanted ACTIVATION or STATE"
        if abs(self.source - self.destination) < self.count:
            return (
                f"{self.count} words from {self.source} overlap those from {self.destination}, "
                "wanted ranges apart"
            )
        return ""


# The table loader's and the array's.


class Table(Instruction, opcode=9, unit=Unit.TABLE):
    """Copy expanded table `source` into value table `slot`, with runs = 1 into run table `slot`."""

    source: 8 = TABLE
    slot: 4 = writes(by("runs", VALUE_TABLE, RUN_TABLE))
    runs: 1 = FLAG

    def duration(self, config: Config) -> int:
        return timing.table_cycles(config)


class Matvec(Instruction, opcode=10, unit=Unit.ARRAY):
    """bank += 2^shift * M x, with x = activation[source : source + columns].

    M is entry `matrix` of the stream directory, decoded with run table `run_slot` and value table
    `slot`, `rows` rows a lane. A place outside the matrix or a stream that does not end in state 0
    stops the machine (STREAM). The rows of the bank are those from `first_row` on. With
    `from_ring` nothing is read from outside: the latest streamed MATVEC was of the same matrix,
    and every stream of it fits its ring; so the rings still hold all of it, and the decoders take
    it from there once more.
    """

    source: 16 = reads(ACTIVATION, "columns")
    columns: 16 = COUNT
    rows: 11 = COUNT
    matrix: 8 = MATRIX
    slot: 4 = reads(VALUE_TABLE)
    run_slot: 4 = reads(RUN_TABLE)
    shift: 3 = NUMBER
    bank: 1 = accumulators("rows", first="first_row")
    first_row: 11 = streaming(NUMBER)
    from_ring: 1 = streaming(FLAG)

    def duration(self, config: Config) -> None:
        return None


ISA = InstructionSet(
    (
        Halt,
        Set,
        Jump,
        Call,
        Return,
        Loop,
        Branch,
        Emit,
        Input,
        Cell,
        Drain,
        Argmax,
        Add,
        Embed,
        Fill,
        Copy,
        Multiply,
        Table,
        Matvec,
    )
)
"""The instruction set of this machine."""
Opcode = ISA.opcodes
