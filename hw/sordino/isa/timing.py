"""Every constant that a cycle depends on, for circuit, cycle model, compiler and tests alike.

All are in clock cycles, each from one event to another. An event that "is in cycle n" is seen on
its signal in that cycle. "Moves" are cycles in which a group's pipeline moves on. Whatever the
circuit does once a cycle (an element, a place, a column, a table entry, a beat) is a rate, and
stands in no constant. `tests/hw/test_timing.py` names for each the test of the circuit that fails
if it changes by one.
"""

from sordino.arch import Config

__all__ = [
    "AHEAD",
    "ARGMAX",
    "ARRIVAL",
    "ASK",
    "CELL_CANDIDATE",
    "CELL_HIDDEN",
    "CELL_LATE",
    "CELL_OUTPUT",
    "CELL_STATE",
    "CELL_UPDATE",
    "COUNTS",
    "CURVE",
    "DECODER_START",
    "DEPTH",
    "DONE",
    "EMBED_ROW",
    "FETCH",
    "FIRST_COLUMN",
    "FIRST_ELEMENT",
    "FIRST_PLACE",
    "INPUT_END",
    "ISSUE",
    "LAND",
    "LANE",
    "MATVEC_OVERHEAD",
    "MATVEC_RUN",
    "NOTHING",
    "RELEASE",
    "REQUANTISE",
    "RETURN",
    "ROOM",
    "SEQUENCER_CYCLES",
    "SERIAL_CELL",
    "SERIAL_LATE",
    "SERIAL_ROW",
    "SERIAL_STATE",
    "SERIAL_UNIT",
    "SETTLE",
    "SETTLING",
    "SYMBOL",
    "TABLE_READ",
    "UNIT_FREE",
    "UNIT_START",
    "VALUE",
    "VECTOR_ARGMAX",
    "VECTOR_CELL",
    "VECTOR_COPY",
    "VECTOR_CURVE",
    "VECTOR_EMBED",
    "VECTOR_FILL",
    "VECTOR_INPUT",
    "VECTOR_LATE",
    "VECTOR_OVERHEAD",
    "VECTOR_STATE",
    "VECTOR_VALUE",
    "WALK",
    "table_cycles",
]

# The sequencer.

SEQUENCER_CYCLES = 4
"""From the cycle in which an instruction begins to that in which the next one does, at the
earliest. After an INPUT it counts from its `done`; before the first instruction, from the machine's
`start`."""
UNIT_START = 1
"""From the cycle in which an instruction begins to its unit's `start`."""
UNIT_FREE = 2
"""From a unit's `done` to the first cycle in which an instruction that waits for it begins."""

# The table loader.

TABLE_READ = 1
"""From a table entry's address to the cycle in which it is sent to the decoders."""


def table_cycles(config: Config) -> int:
    """Cycles from the table loader's `start` to its `done`: one for each of a table's entries."""
    return config.states + TABLE_READ


# The blocks of the vector unit.

FETCH = 3
"""From an element's addresses to its operands in front of the arithmetic: memory, register,
selection or product."""
REQUANTISE = 6
"""From an accumulator and its bias to the requantised value."""
CURVE = 4
"""From z to sigmoid(z) or tanh(z)."""
CELL_UPDATE = 3
"""From the gates' activations to what the second tanh is taken of, c' in an LSTM: products, sum,
rounding."""
CELL_OUTPUT = 2
"""From the second tanh to the output h: product, rounding."""
CELL_CANDIDATE = CURVE
"""From a unit's pre-activations to its first tanh."""
CELL_STATE = CELL_CANDIDATE + CELL_UPDATE
"""From a unit's pre-activations to the sum that the second tanh is taken of."""
CELL_HIDDEN = CELL_STATE + CURVE + CELL_OUTPUT
"""From a unit's pre-activations to h, in every kind of cell."""
CELL_LATE = CELL_STATE + CURVE - 1
"""From a unit's pre-activations to a state that is wanted only beside the second tanh: it stands in
a register when the tanh is there."""
ARGMAX = 2
"""From a value to the index that takes it into account."""

# The vector unit's instructions.

FIRST_ELEMENT = 1
"""From the vector unit's `start` to the addresses of the first element."""
DONE = 2
"""From the last element's result to `done`: its write is presented in the cycle between."""
EMBED_ROW = 1
"""What EMBED takes before its first element: the row's address is a product."""

VECTOR_INPUT = 0
"""From INPUT's element, a feature, to its result."""
VECTOR_FILL = 0
"""From FILL's element to its result."""
VECTOR_COPY = 1
"""From the address of COPY's element to its result."""
VECTOR_EMBED = FETCH - 1
"""From the address of EMBED's element to its result: selected as the operands are, but it is
written at once."""
VECTOR_VALUE = FETCH + REQUANTISE
"""From the addresses of an element of DRAIN, ADD or MULTIPLY to its result, without tanh and
sigmoid."""
VECTOR_CURVE = VECTOR_VALUE + CELL_CANDIDATE
"""From the addresses of an element of DRAIN or ADD to the tanh or the sigmoid of its value."""
VECTOR_STATE = VECTOR_VALUE + CELL_STATE
"""From the addresses of a unit to its new state, if that is the sum."""
VECTOR_CELL = VECTOR_VALUE + CELL_HIDDEN
"""From the addresses of a unit to its h."""
VECTOR_LATE = VECTOR_VALUE + CELL_LATE
"""From the addresses of a unit to its state of the step before, if that is h."""
VECTOR_ARGMAX = FETCH + ARGMAX - DONE
"""From the addresses of ARGMAX's element to its result. Nothing is written, so that the cycles
until `done` are those of the comparison."""
INPUT_END = VECTOR_INPUT + DONE
"""From the cycle in which INPUT meets the end of input, instead of a feature, to `done`."""
VECTOR_OVERHEAD = UNIT_START + VECTOR_CELL + DONE
"""From the cycle in which a CELL begins to its `done`, beyond its units. Cells take longest;
the compiler, when it orders a block, takes every vector instruction to be as slow. That is an
estimate and stays one: exact times put other instructions first in some images (2 of 216 drawn
ones), for no gain that was measured."""

# A vector unit that computes a unit's gates one after the other, where it differs: the unit's
# addresses are presented for several cycles, and cycles count from the last of them.

SERIAL_UNIT = 5
"""From one unit to the next: a cycle for the curve of each gate, one for that of the second
tanh."""
SERIAL_STATE = VECTOR_VALUE + 6
"""From a unit to its new state, if that is the sum: the second gate's product comes in two parts
after the first one's."""
SERIAL_CELL = SERIAL_STATE + CURVE + CELL_OUTPUT
"""From a unit to its h."""
SERIAL_LATE = SERIAL_STATE + CURVE - 1
"""From a unit to its state of the step before, if that is h. A sum comes after VECTOR_VALUE."""
SERIAL_ROW = 2
"""What EMBED takes before its first element: the multiplier has registers in front of it."""

# MATVEC: from the array's `start`, which is in cycle 0.

MATVEC_RUN = 2
"""From the array's `start` to the first cycle in which its groups, the broadcast of x and the read
manager of streamed matrices work."""
DECODER_START = 4
"""From the first cycle in which a decoder can read its stream's first words to the one in which it
can take a symbol: two words into the window, then a state. A resident stream can be read in the
cycle of the decoder's `start`, the one before MATVEC_RUN; a streamed one once its words have
landed."""
SYMBOL = 2
"""Moves from the take of a symbol to its value at the decoder's output."""
WALK = 4
"""Moves from a run at the position decoder's output to its place: row and column."""
DEPTH = SYMBOL + WALK
"""Moves from the take of a position symbol to its place."""
VALUE = DEPTH - 1
"""Moves from the take of a position symbol to the take of its values."""
FIRST_COLUMN = MATVEC_RUN
"""From the array's `start` to the announcement of column 0."""
FIRST_PLACE = MATVEC_RUN - 1 + DECODER_START + DEPTH
"""From the array's `start` to the first place of a resident matrix, if it does not wait for x."""
ARRIVAL = 3
"""From a column's announcement to the first cycle in which a place can read it."""
RELEASE = 2
"""From a place that leaves columns behind to the first cycle in which the broadcast, which waited
for their room, announces another."""
LANE = 3
"""From a place at a lane to the first drain read that sees its product in the accumulator."""
SETTLING = LANE + 1
"""Cycles in which the array, all groups being at rest, lets products and counts settle."""
SETTLE = 2 + SETTLING
"""From the last place of all groups to `done`."""
NOTHING = MATVEC_RUN + SETTLE - 1
"""From the array's `start` to `done` if no group has a place."""
MATVEC_OVERHEAD = FIRST_PLACE - 1 + SETTLE
"""From the array's `start` to `done`, beyond the places of the busiest group if none waits."""
COUNTS = 1
"""From the cycle in which a MATVEC's counts are added to the counters to `done`. A machine that
stops in between keeps them."""

# Streamed matrices: the read manager and the rings.

ASK = 3
"""From the choice of a burst to the choice of the next one, at the earliest."""
ISSUE = 2
"""From the choice of a burst to its address on the bus."""
LAND = 2
"""From a beat on the bus to the first cycle in which a decoder can read its words in the ring."""
ROOM = 1
"""From the read of a burst's last word in the ring to the first choice that knows its room."""
RETURN = 1
"""From a burst's last beat to the first choice that counts it as no longer outstanding."""
AHEAD = 3
"""Words, not cycles: what a decoder has read beyond those of which its symbols took the last
bit."""
