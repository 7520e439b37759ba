"""Instructions as functions: everything that is constant is worked out once.

SEMANTICS says what each operation does to the machine's state, but for where a program goes on,
which operations say themselves (`Instruction.ways`). Another instruction set brings its own.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from sordino import arith
from sordino.arch import QUAD
from sordino.golden import vector
from sordino.golden.cells import STEPS
from sordino.golden.codec import StreamError
from sordino.golden.memory import wrap
from sordino.golden.state import State, Stop
from sordino.golden.weights import WeightStore
from sordino.image.image import Image, ImageError
from sordino.isa import operations as ops
from sordino.isa.choices import Function
from sordino.isa.fields import REGISTER_ZERO, Store
from sordino.isa.instruction import Control, Instruction
from sordino.isa.registers import Error

__all__ = ["SEMANTICS", "Context", "Execute", "Semantics", "bind"]

Execute = Callable[[], int]
"""Executes one instruction and returns the address of the next; raises Stop."""


@dataclass(frozen=True)
class Context:
    """Where an instruction stands, and all that it may change.

    image    the verified image
    weights  its decoded matrices
    state    of the machine; memories are views that stay the same arrays
    address  the instruction's
    """

    image: Image
    weights: WeightStore
    state: State
    address: int

    @property
    def next(self) -> int:
        """The address after it."""
        return self.address + 1


Semantics = Callable[[Context, Instruction], Execute]
"""Makes the function that executes an instruction."""


def bind(context: Context, semantics: Mapping[type[Instruction], Semantics]) -> Execute:
    """The instruction at the context's address as a function; ImageError if it has no semantics."""
    i = context.image.program[context.address]
    if type(i) not in semantics:
        raise ImageError(
            f"instruction {context.address} ({i.mnemonic}): wanted an operation with semantics, "
            f"got one of {len(semantics)} others; give Golden its semantics"
        )
    return semantics[type(i)](context, i)


def control(context: Context, i: Instruction) -> Execute:
    """An operation of the sequencer that does no more than say where the program goes on."""
    state, address = context.state, context.address

    def execute() -> int:
        ways = i.ways(Control(address, tuple(state.registers), tuple(state.stack)))
        if not ways:
            raise Stop(Error.STACK)
        (way,) = ways
        state.registers[:] = [value or 0 for value in way.registers]
        state.stack[:] = way.stack
        return way.pc

    return execute


def halt(context: Context, i: Instruction) -> Execute:
    """Stop with `code`."""
    state, code, address = context.state, i.code, context.address

    def execute() -> int:
        state.running, state.code = False, code
        return address

    return execute


def input_(context: Context, i: Instruction) -> Execute:
    """Take `count` features, or go to `end` at the end of input and to `request` at a request."""
    state, count, end, following = context.state, i.count, i.end, context.next
    destination, channel, request = i.destination, i.channel, i.request
    activation = state.memory.activation

    def execute() -> int:
        if request and state.request():
            state.ended = True
            return request
        first = state.read[channel]
        taken = state.features[channel][first : first + count]
        if not len(taken):
            state.ended = True
            return end
        activation[destination : destination + len(taken)] = taken
        state.read[channel] += len(taken)
        if len(taken) < count:
            raise Stop(Error.INPUT)
        state.counters["frames"] += 1
        return following

    return execute


def emit(context: Context, i: Instruction) -> Execute:
    """Emit a register as token."""
    state, register, following = context.state, i.register, context.next
    channel = i.channel

    def execute() -> int:
        state.tokens.append(state.registers[register])
        state.channels.append(channel)
        state.counters["tokens"] += 1
        return following

    return execute


def take(context: Context, i: Instruction) -> Execute:
    """Take the host's request into a register."""
    state, register, following = context.state, i.register, context.next

    def execute() -> int:
        state.registers[register] = state.request()
        state.served += bool(state.registers[register])
        return following

    return execute


def use(context: Context, i: Instruction) -> Execute:
    """Go on if a segment is checked, else elsewhere."""
    checked, following = context.state.checked, context.next
    segment, otherwise = i.segment, i.otherwise

    def execute() -> int:
        return following if segment in checked else otherwise

    return execute


def read(context: Context, i: Instruction) -> Execute:
    """Bring a word of state memory into a register."""
    state, memory, following = context.state, context.state.memory.state, context.next
    register, word = i.register, i.state

    def execute() -> int:
        state.registers[register] = int(memory[word]) + REGISTER_ZERO
        return following

    return execute


def write(context: Context, i: Instruction) -> Execute:
    """Bring a register into a word of state memory."""
    state, memory, following = context.state, context.state.memory.state, context.next
    register, word = i.register, i.state

    def execute() -> int:
        memory[word] = state.registers[register] - REGISTER_ZERO
        return following

    return execute


def table(context: Context, i: Instruction) -> Execute:
    """Load a run table or a value table into its slot."""
    source, slot, following = i.source, i.slot, context.next
    tables = context.state.run_tables if i.runs else context.state.value_tables

    def execute() -> int:
        tables[slot] = source
        return following

    return execute


def matvec(context: Context, i: Instruction) -> Execute:
    """Add a matrix times a vector to rows of a bank."""
    state, weights, config = context.state, context.weights, context.image.config
    matrix, rows, columns, shift = i.matrix, i.rows, i.columns, i.shift
    slot, run_slot = i.slot, i.run_slot
    x = state.memory.activation[i.source : i.source + columns]
    accumulators = state.memory.banks[i.bank, i.first_row : i.first_row + rows].reshape(-1)
    group, bits = config.group, config.accumulator_bits
    address, following = context.address, context.next

    def execute() -> int:
        runs, values = state.run_tables[run_slot], state.value_tables[slot]
        if runs is None or values is None:
            missing = f"run slot {run_slot}" if runs is None else f"value slot {slot}"
            raise ImageError(
                f"instruction {address} (MATVEC) uses {missing}, which no TABLE has loaded yet"
            )
        try:
            found = weights.get(matrix, runs, values, rows, columns)
        except StreamError:
            raise Stop(Error.STREAM) from None
        product, useful = found.multiply(x)
        accumulators[...] = wrap(accumulators + (product << shift), bits)
        counters = state.counters
        counters["places"] += found.places
        counters["padding"] += found.padding
        counters["useful"] += useful
        counters["gated"] += group * found.places - useful
        return following

    return execute


def units(context: Context, i: Instruction) -> Execute:
    """One step of the units of a recurrent cell, from the accumulators of their gates."""
    step, count = STEPS[type(i)], i.units
    memory, config, following = context.state.memory, context.image.config, context.next
    rows = -(-count // config.quads)
    bank = memory.banks[i.bank, i.first_row : i.first_row + rows].reshape(-1)
    state = memory.state[i.state : i.state + count]
    hidden = memory.activation[i.destination : i.destination + count]
    where = vector.unit_lanes(count, config.lanes)
    words = vector.bias_words(context.image.parameters, i.parameters, QUAD * count)
    biases = np.ascontiguousarray(words.reshape(count, QUAD).T)
    multiplier, shift = i.multiplier, i.shift

    def execute() -> int:
        state[...], hidden[...] = step(
            bank[where], biases, state, multiplier=multiplier, shift=shift
        )
        bank[...] = 0
        return following

    return execute


def drain(context: Context, i: Instruction) -> Execute:
    """Requantise accumulators to activation or state memory."""
    memory, slots, following = (
        context.state.memory,
        i.rows * context.image.config.lanes,
        context.next,
    )
    bank = memory.banks[i.bank, i.first_row : i.first_row + i.rows].reshape(-1)
    biases = vector.bias_words(context.image.parameters, i.parameters, slots)
    store = memory.state if i.wide else memory.activation
    out = store[i.destination : i.destination + slots]
    wide, function = bool(i.wide), Function(i.function)
    multiplier, shift = i.multiplier, i.shift

    def execute() -> int:
        out[...] = vector.drain(
            bank, biases, wide=wide, function=function, multiplier=multiplier, shift=shift
        )
        bank[...] = 0
        return following

    return execute


def argmax(context: Context, i: Instruction) -> Execute:
    """Find the largest accumulator with its bias and put its index into a register."""
    state, slots, following = context.state, i.rows * context.image.config.lanes, context.next
    bank = state.memory.banks[i.bank, : i.rows].reshape(-1)
    biases, indices = vector.index_words(context.image.parameters, i.parameters, slots)
    register = i.register

    def execute() -> int:
        state.registers[register] = vector.argmax(bank, biases, indices)
        bank[...] = 0
        return following

    return execute


def add(context: Context, i: Instruction) -> Execute:
    """Add two vectors, or take one alone."""
    memory, count, following = context.state.memory, i.count, context.next
    narrow = bool(i.from_activation)
    a = (memory.activation if narrow else memory.state)[i.a : i.a + count]
    b = np.zeros(count, np.int64) if i.alone else memory.state[i.b : i.b + count]
    out = (memory.state if i.wide else memory.activation)[i.destination : i.destination + count]
    wide, function = bool(i.wide), Function(i.function)
    multiplier, shift = i.multiplier, i.shift

    def execute() -> int:
        first = arith.joint_activation(a) if narrow else a
        out[...] = vector.add(
            first, b, wide=wide, function=function, multiplier=multiplier, shift=shift
        )
        return following

    return execute


def multiply(context: Context, i: Instruction) -> Execute:
    """Make the function of a MULTIPLY."""
    memory, count, following = context.state.memory, i.count, context.next
    state = memory.state[i.state : i.state + count]
    activation = memory.activation[i.activation : i.activation + count]
    store = memory.state if i.wide else memory.activation
    out = store[i.destination : i.destination + count]
    wide, multiplier, shift = bool(i.wide), i.multiplier, i.shift

    def execute() -> int:
        out[...] = vector.multiply(state, activation, wide=wide, multiplier=multiplier, shift=shift)
        return following

    return execute


def embed(context: Context, i: Instruction) -> Execute:
    """Copy the row of the embedding that a register names."""
    state, parameters, following = context.state, context.image.parameters, context.next
    register, first, stride, count = i.register, i.parameters, i.stride, i.count
    out = state.memory.activation[i.destination : i.destination + count]

    def execute() -> int:
        word = first + state.registers[register] * stride
        out[...] = vector.embedding_words(parameters, word, count)
        return following

    return execute


def fill(context: Context, i: Instruction) -> Execute:
    """Set words of a memory to a value."""
    value, following = i.value, context.next
    out = context.state.memory.store(Store(i.space))[i.destination : i.destination + i.count]

    def execute() -> int:
        out[...] = value
        return following

    return execute


def copy(context: Context, i: Instruction) -> Execute:
    """Copy words inside activation or state memory."""
    memory, following = context.state.memory.store(Store(i.space)), context.next
    source = memory[i.source : i.source + i.count]
    out = memory[i.destination : i.destination + i.count]

    def execute() -> int:
        out[...] = source
        return following

    return execute


SEMANTICS: dict[type[Instruction], Semantics] = {
    ops.Halt: halt,
    ops.Input: input_,
    ops.Emit: emit,
    ops.Table: table,
    ops.Matvec: matvec,
    ops.Drain: drain,
    ops.Argmax: argmax,
    ops.Add: add,
    ops.Multiply: multiply,
    ops.Embed: embed,
    ops.Fill: fill,
    ops.Copy: copy,
    ops.Take: take,
    ops.Use: use,
    ops.Read: read,
    ops.Write: write,
    **dict.fromkeys(
        (ops.Set, ops.Jump, ops.Call, ops.Return, ops.Loop, ops.Branch, ops.Count), control
    ),
    **dict.fromkeys(STEPS, units),
}
"""What each operation of ISA does."""
