"""Instructions as functions: everything that is constant is worked out once."""

from collections.abc import Callable

import numpy as np

from sordino.arch import QUAD
from sordino.golden import vector
from sordino.golden.codec import StreamError
from sordino.golden.memory import wrap
from sordino.golden.state import State, Stop
from sordino.golden.weights import WeightStore
from sordino.isa.effects import Store
from sordino.isa.image import Image, ImageError
from sordino.isa.instructions import (
    STACK_DEPTH,
    Condition,
    Function,
    Instruction,
    Opcode,
)
from sordino.isa.registers import Error

__all__ = ["Operation", "bind"]

Operation = Callable[[], int]
"""Executes one instruction and returns the address of the next; raises Stop."""

_REGISTER_MASK = 0xFFFF


def bind(image: Image, weights: WeightStore, state: State, address: int) -> Operation:
    """The instruction at `address` of a verified image as a function on `state`."""
    return _Binder(image, weights, state, address).operation()


class _Binder:
    def __init__(self, image: Image, weights: WeightStore, state: State, address: int) -> None:
        self.image, self.weights, self.state = image, weights, state
        self.address, self.next = address, address + 1

    def operation(self) -> Operation:
        instruction = self.image.program[self.address]
        binders: dict[Opcode, Callable[[Instruction], Operation]] = {
            Opcode.HALT: self.halt,
            Opcode.SET: self.set,
            Opcode.JUMP: self.jump,
            Opcode.CALL: self.call,
            Opcode.RETURN: self.return_,
            Opcode.LOOP: self.loop,
            Opcode.BRANCH: self.branch,
            Opcode.INPUT: self.input,
            Opcode.EMIT: self.emit,
            Opcode.TABLE: self.table,
            Opcode.MATVEC: self.matvec,
            Opcode.CELL: self.cell,
            Opcode.DRAIN: self.drain,
            Opcode.ARGMAX: self.argmax,
            Opcode.ADD: self.add,
            Opcode.EMBED: self.embed,
            Opcode.FILL: self.fill,
            Opcode.COPY: self.copy,
        }
        return binders[instruction.opcode](instruction)

    def halt(self, i: Instruction) -> Operation:
        state, code, address = self.state, i.code, self.address

        def execute() -> int:
            state.running, state.code = False, code
            return address

        return execute

    def set(self, i: Instruction) -> Operation:
        state, register, value, following = self.state, i.register, i.value, self.next

        def execute() -> int:
            state.registers[register] = value
            return following

        return execute

    def jump(self, i: Instruction) -> Operation:
        target = i.target
        return lambda: target

    def call(self, i: Instruction) -> Operation:
        state, target, following = self.state, i.target, self.next

        def execute() -> int:
            if len(state.stack) == STACK_DEPTH:
                raise Stop(Error.STACK)
            state.stack.append(following)
            return target

        return execute

    def return_(self, _: Instruction) -> Operation:
        state = self.state

        def execute() -> int:
            if not state.stack:
                raise Stop(Error.STACK)
            return state.stack.pop()

        return execute

    def loop(self, i: Instruction) -> Operation:
        state, register, target, following = self.state, i.register, i.target, self.next

        def execute() -> int:
            left = state.registers[register] = state.registers[register] - 1 & _REGISTER_MASK
            return target if left else following

        return execute

    def branch(self, i: Instruction) -> Operation:
        state, register, value = self.state, i.register, i.value
        target, following = i.target, self.next
        holds: dict[Condition, Callable[[int], bool]] = {
            Condition.EQ: lambda x: x == value,
            Condition.NE: lambda x: x != value,
            Condition.LT: lambda x: x < value,
            Condition.GE: lambda x: x >= value,
        }
        test = holds[Condition(i.condition)]
        return lambda: target if test(state.registers[register]) else following

    def input(self, i: Instruction) -> Operation:
        state, count, end, following = self.state, i.count, i.end, self.next
        destination = i.destination
        activation = state.memory.activation

        def execute() -> int:
            taken = state.features[state.read : state.read + count]
            if not len(taken):
                state.ended = True
                return end
            activation[destination : destination + len(taken)] = taken
            state.read += len(taken)
            if len(taken) < count:
                raise Stop(Error.INPUT)
            state.counters["frames"] += 1
            return following

        return execute

    def emit(self, i: Instruction) -> Operation:
        state, register, following = self.state, i.register, self.next

        def execute() -> int:
            state.tokens.append(state.registers[register])
            state.counters["tokens"] += 1
            return following

        return execute

    def table(self, i: Instruction) -> Operation:
        source, slot, following = i.source, i.slot, self.next
        tables = self.state.run_tables if i.runs else self.state.value_tables

        def execute() -> int:
            tables[slot] = source
            return following

        return execute

    def matvec(self, i: Instruction) -> Operation:
        state, weights, config = self.state, self.weights, self.image.config
        matrix, rows, columns, shift = i.matrix, i.rows, i.columns, i.shift
        slot, run_slot = i.slot, i.run_slot
        x = state.memory.activation[i.source : i.source + columns]
        accumulators = state.memory.banks[i.bank, i.first : i.first + rows].reshape(-1)
        group, bits = config.group, config.accumulator_bits
        address, following = self.address, self.next

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

    def cell(self, i: Instruction) -> Operation:
        memory, config, following = self.state.memory, self.image.config, self.next
        units = i.units
        rows = -(-units // config.quads)
        bank = memory.banks[i.bank, i.first : i.first + rows].reshape(-1)
        c = memory.state[i.state : i.state + units]
        h = memory.activation[i.destination : i.destination + units]
        where = vector.unit_lanes(units, config.lanes)
        words = vector.bias_words(self.image.parameters, i.parameters, QUAD * units)
        biases = np.ascontiguousarray(words.reshape(units, QUAD).T)
        multiplier, shift = i.multiplier, i.shift

        def execute() -> int:
            c[...], h[...] = vector.cell(bank[where], biases, c, multiplier=multiplier, shift=shift)
            bank[...] = 0
            return following

        return execute

    def drain(self, i: Instruction) -> Operation:
        memory, slots, following = self.state.memory, i.rows * self.image.config.lanes, self.next
        bank = memory.banks[i.bank, i.first : i.first + i.rows].reshape(-1)
        biases = vector.bias_words(self.image.parameters, i.parameters, slots)
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

    def argmax(self, i: Instruction) -> Operation:
        state, slots, following = self.state, i.rows * self.image.config.lanes, self.next
        bank = state.memory.banks[i.bank, : i.rows].reshape(-1)
        biases, indices = vector.index_words(self.image.parameters, i.parameters, slots)
        register = i.register

        def execute() -> int:
            state.registers[register] = vector.argmax(bank, biases, indices)
            bank[...] = 0
            return following

        return execute

    def add(self, i: Instruction) -> Operation:
        memory, count, following = self.state.memory, i.count, self.next
        a, b = (memory.state[start : start + count] for start in (i.a, i.b))
        out = memory.activation[i.destination : i.destination + count]
        function, multiplier, shift = Function(i.function), i.multiplier, i.shift

        def execute() -> int:
            out[...] = vector.add(a, b, function=function, multiplier=multiplier, shift=shift)
            return following

        return execute

    def embed(self, i: Instruction) -> Operation:
        state, parameters, following = self.state, self.image.parameters, self.next
        register, first, stride, count = i.register, i.parameters, i.stride, i.count
        out = state.memory.activation[i.destination : i.destination + count]

        def execute() -> int:
            word = first + state.registers[register] * stride
            out[...] = vector.embedding_words(parameters, word, count)
            return following

        return execute

    def fill(self, i: Instruction) -> Operation:
        value, following = i.value, self.next
        out = self.state.memory.store(Store(i.space))[i.destination : i.destination + i.count]

        def execute() -> int:
            out[...] = value
            return following

        return execute

    def copy(self, i: Instruction) -> Operation:
        memory, following = self.state.memory.store(Store(i.space)), self.next
        source = memory[i.source : i.source + i.count]
        out = memory[i.destination : i.destination + i.count]

        def execute() -> int:
            out[...] = source
            return following

        return execute
