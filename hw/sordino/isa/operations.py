"""The instruction set: 128-bit words whose encoding does not depend on the configuration.

**The word.** A word begins with the opcode (bits 4 to 0) and `overlaps` (bits 7 to 5). Then come
the fields of the operation, least significant first. Each operation is a class in
`sordino.isa.operations`, `sordino.isa.elementwise` or `sordino.isa.control`: a table of its fields,
and what each field means (`sordino.isa.fields`). Circuit, assembler, disassembler, verifier, exact
machine and the reference page (`docs/isa.md`) all read these classes. An address counts words of
the memory that it is for.

**Who executes.** There are three units: the array, the table loader and the vector unit. Each
executes one instruction at a time. The sequencer executes all other instructions itself, at once.
Instructions begin in program order. An instruction begins when its own unit is idle and every unit
that its `overlaps` does not name is idle too. With `overlaps` = 0 everywhere, each instruction
waits until the one before it is done.

**Conflicts.** Two instructions conflict if one writes what the other one reads or writes
(`sordino.isa.hazards.conflict`). A whole accumulator bank counts as one thing here, and so does a
table slot or a register. Instructions that conflict must not be at work together. The verifier
refuses an image in which they could be. All other programs leave the same results as with
`overlaps` = 0 everywhere. Whatever `overlaps` says, HALT waits for all units, and INPUT waits for
the array and the vector unit. Nothing begins before an INPUT is done.

**Streaming machines.** A streaming machine is one with `stream_bus`: it can read weights from
external memory. A few fields at the end of the word are for such machines only. Where these fields
are 0, the instruction means the same on every machine.

**Notation.** The text below has some short forms:

* `activation[a]` and `state[a]` are the words at address a of activation and state memory. A range
  [a : b] ends before b.
* acc is the sum in an accumulator. A bank has `rows_per_lane` rows, and a row has one accumulator
  for each lane. Slot s of a bank is row s // lanes of lane s % lanes.
* rq(v) is v * multiplier / 2^shift, rounded half away from zero.
* sat8(v) and sat16(v) are the int8 and the int16 that is nearest to v.
* tanh, sigmoid, gru_candidate, gru_hidden, hidden_int8, joint_activation, joint_preactivation and
  number formats such as Q3.12 are those of `docs/arithmetic.md`.
"""

from amaranth.hdl import signed

from sordino.arch import QUAD, Config
from sordino.isa import timing
from sordino.isa.choices import Function, Space
from sordino.isa.control import (
    Branch,
    Call,
    Count,
    Emit,
    Halt,
    Input,
    Jump,
    Loop,
    Read,
    Return,
    Set,
    Take,
    Use,
    Write,
)
from sordino.isa.elementwise import FUNCTION, Add, Multiply
from sordino.isa.fields import (
    ACTIVATION,
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
from sordino.isa.instruction import Instruction, Unit
from sordino.isa.instruction_set import InstructionSet
from sordino.isa.parameters import index_entries
from sordino.isa.pipelines import Pipeline

__all__ = [
    "CELLS",
    "ISA",
    "Add",
    "Argmax",
    "Branch",
    "Call",
    "Cell",
    "Copy",
    "Count",
    "Drain",
    "Embed",
    "Emit",
    "Fill",
    "Gru",
    "Halt",
    "Input",
    "Jump",
    "Loop",
    "Matvec",
    "Multiply",
    "Opcode",
    "Read",
    "Return",
    "Set",
    "Table",
    "Take",
    "Use",
    "Write",
]

SLOTS = Extent("rows * lanes", lambda fields, config: fields["rows"] * config.lanes)
UNIT_ROWS = Extent("units / quads", lambda fields, config: -(-fields["units"] // config.quads))
"""Rows of a bank that the units of a recurrent cell fill, the last perhaps in part."""
GATES = Extent("units * 4", lambda fields, config: QUAD * fields["units"])
SPACE = by("space", ACTIVATION, STATE, BANK0, BANK1)


# The vector unit's.


class Cell(Instruction, opcode=11, unit=Unit.VECTOR):
    """Compute one LSTM step for `units` units from their sums in `bank`, and clear their rows.

    The rows begin at `first_row`. A quad is four neighbouring lanes. Unit u stands in row
    u // quads, counted from `first_row`, of quad u % quads. Its gates are k = 0 to 3: i, f, g and
    o. Gate k is on lane (k + row) mod 4 of the quad, where row = u // quads.

    Each gate's sum gets its bias and becomes sat16(rq(acc + bias)), a Q3.12 number. The four
    biases are the int32 of parameter word `parameters` + u. Then c' = f c + i g and
    h = o tanh(c'), with the gates after their sigmoid or tanh. The cell state c is read and
    written at state[`state` + u], and h is written to activation[`destination` + u].
    """

    bank: 1 = accumulators(UNIT_ROWS, first="first_row")
    units: 16 = COUNT
    parameters: 24 = parameters("biases", 32, GATES)
    state: 16 = updates(STATE, "units")
    destination: 16 = writes(ACTIVATION, "units")
    multiplier: 16 = MULTIPLIER
    shift: 6 = RIGHT_SHIFT
    first_row: 11 = streaming(NUMBER)

    elements, pipeline = "units", Pipeline.RECURRENT


class Gru(Instruction, opcode=19, since=3, unit=Unit.VECTOR):
    """Compute one GRU step for `units` units from their sums in `bank`, and clear their rows.

    The units stand in the bank as those of a CELL do, with four sums in the places of its gates.
    They are k = 0 to 3: n_h = W_hn h, r, n_x = W_in x and z. The sums of r and z are each that of
    the input and of the hidden state together. Each sum gets its bias and becomes
    sat16(rq(acc + bias)), a Q3.12 number. The four biases are the int32 of parameter word
    `parameters` + u, in the same order.

    Then n = tanh(n_x + r n_h) and h' = n + z (h - n), with r and z after their sigmoid. This is
    PyTorch's GRU. Where it rounds is in gru_candidate and gru_hidden. h is a Q0.15 number, which is
    read and written at state[`state` + u]. hidden_int8(h') is written to
    activation[`destination` + u].
    """

    bank: 1 = accumulators(UNIT_ROWS, first="first_row")
    units: 16 = COUNT
    parameters: 24 = parameters("biases", 32, GATES)
    state: 16 = updates(STATE, "units")
    destination: 16 = writes(ACTIVATION, "units")
    multiplier: 16 = MULTIPLIER
    shift: 6 = RIGHT_SHIFT
    first_row: 11 = streaming(NUMBER)

    elements, pipeline = "units", Pipeline.RECURRENT


class Drain(Instruction, opcode=12, unit=Unit.VECTOR):
    """Scale the sums of `rows` rows of `bank` to int8 or int16, and clear these rows.

    The rows begin at `first_row`. Slots s count from there too: s = row * lanes + lane. For every
    slot v = rq(acc + bias). The bias is int32 number s, counted from parameter word `parameters`.

    With `wide` = 1 the result is state[destination + s] = sat16(v), and the function must be
    NONE. With `wide` = 0 it is activation[destination + s], by `function`:

    * NONE: sat8(v)
    * RELU: sat8(max(v, 0))
    * TANH: hidden_int8(tanh(sat16(v))), where v is Q3.12
    * SIGMOID: hidden_int8(sigmoid(sat16(v))), where v is Q3.12
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
    """Set `register` to the index of the largest acc + bias, and clear the rows that were read.

    These are the first `rows` rows of `bank`. Slot s has the 64-bit entry number s, counted from
    parameter word `parameters`: an int32 bias, then an int32 index. A negative index marks a slot
    that takes no part. Of equal sums the lowest index wins. If no slot takes part, the result is
    0.
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


class Embed(Instruction, opcode=15, unit=Unit.VECTOR):
    """Copy one row of an embedding, `count` int8, to activation memory from `destination` on.

    The number of the row is in `register`. Row r begins at parameter word
    `parameters` + r * stride. A word has 16 int8, the lowest byte first.
    """

    register: 3 = reads(REGISTER)
    parameters: 24 = parameters("values", 8, "count", row=("register", "stride"))
    stride: 16 = NUMBER
    destination: 16 = writes(ACTIVATION, "count")
    count: 16 = COUNT

    elements, pipeline = "count", Pipeline.LOOKUP


class Fill(Instruction, opcode=16, unit=Unit.VECTOR):
    """Write `value` (int8, sign extended) to `count` words of a memory from `destination` on.

    In an accumulator bank a word is a row, which is one accumulator of every lane.
    """

    space: Space
    destination: 16 = writes(SPACE, "count")
    count: 16 = COUNT
    value: signed(8) = NUMBER

    elements, pipeline = "count", Pipeline.CONSTANT


class Copy(Instruction, opcode=17, unit=Unit.VECTOR):
    """Copy `count` words within ACTIVATION or within STATE.

    `space` says which; the banks are refused. The two ranges must not overlap.
    """

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
    """Copy decoder table number `source` from table memory to table slot number `slot`.

    With `runs` = 0 it becomes a value table, in every lane. With `runs` = 1 it becomes a run table,
    in every group.
    """

    source: 8 = TABLE
    slot: 4 = writes(by("runs", VALUE_TABLE, RUN_TABLE))
    runs: 1 = FLAG

    def duration(self, config: Config) -> int:
        return timing.table_cycles(config)


class Matvec(Instruction, opcode=10, unit=Unit.ARRAY):
    """Multiply a matrix by a vector and add the products to a bank: bank += 2^shift * M x.

    The vector is x = activation[source : source + columns]. The matrix M is entry `matrix` of the
    stream directory and has `rows` rows on each lane. Its streams are decoded with the run table in
    slot `run_slot` and the value table in slot `slot`. The rows of the bank begin at `first_row`.
    The machine stops with the error STREAM if a place lies outside the matrix, or if a decoder is
    not in state 0 at the end of its stream.

    With `from_ring` = 1 the streams are not read from external memory again: the decoders take
    them from the rings once more. That is allowed if every stream of the matrix fits its ring, and
    the latest MATVEC on a streamed matrix was on the same matrix. Then the rings still hold all of
    it.
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
        Gru,
        Table,
        Matvec,
        Read,
        Write,
        Count,
        Take,
        Use,
    )
)
"""The instruction set of this machine."""
CELLS = tuple(o for o in ISA if getattr(o, "pipeline", None) is Pipeline.RECURRENT)
"""The recurrent cells, in the order of ISA."""
Opcode = ISA.opcodes
