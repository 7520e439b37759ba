"""Random programs on the exact machine and on a slow one that works word by word."""

from collections import Counter

import numpy as np
import pytest
from numpy.typing import NDArray

from sordino import arith
from sordino.engines.engine import Requests
from sordino.golden.codec import decode_matrix
from sordino.golden.machine import Golden
from sordino.image.image import Image
from sordino.isa.choices import Condition, Function
from sordino.isa.fields import Store
from sordino.isa.hazards import writes
from sordino.isa.instruction import Instruction
from sordino.isa.operations import ISA, Halt, Table, Use
from sordino.isa.registers import Error
from sordino.testing.images.programs import (
    random_channels,
    random_config,
    random_features,
    random_program,
    random_requests,
)

CURVES = {Function.TANH.value: arith.tanh, Function.SIGMOID.value: arith.sigmoid}
LIMIT = 3000
SEEDS = range(30)


class Slow:
    """The instruction set as its docstrings say, on Python integers in lists."""

    def __init__(
        self, image: Image, features: dict[int, NDArray[np.int8]], requests: Requests
    ) -> None:
        config = self.config = image.config
        self.image = image
        self.input = {c: array.reshape(-1).tolist() for c, array in features.items()}
        self.activation = [0] * config.activation_words
        self.cells = [0] * config.state_words
        self.banks = [[[0] * config.lanes for _ in range(config.rows_per_lane)] for _ in range(2)]
        self.registers = [0] * 8
        self.stack: list[int] = []
        self.tokens: list[int] = []
        self.channels: list[int] = []
        self.requests = list(requests)
        self.frames = 0
        self.run_slots = [0] * config.run_slots
        self.slots = [0] * config.value_slots
        self.pc = 0
        self.halted = False

    def parameter(self, word: int, number: int) -> int:
        at = 16 * word + 4 * number
        return int.from_bytes(self.image.parameters[at : at + 4], "little", signed=True)

    def step(self) -> list[int]:
        """Execute, and return what the record should hold."""
        i = self.image.program[self.pc]
        before, self.pc = self.pc, self.pc + 1
        ended = getattr(self, f"do_{i.mnemonic.lower()}")(i)
        if isinstance(i, Halt):
            self.pc = before
        if ended:
            return [self.pc]
        stores = {
            Store.ACTIVATION: self.activation,
            Store.STATE: self.cells,
            Store.REGISTER: self.registers,
            Store.PC: [self.pc],
            Store.TOKEN: [self.tokens[-1] + 65536 * self.channels[-1]] if self.tokens else [],
        }
        out: list[int] = []
        for region in writes(i, self.config):
            end = region.base + region.count
            if region.store in stores:
                out += stores[region.store][region.base : end]
            else:
                rows = self.banks[region.store.value - 2][region.base : end]
                out += [value for row in rows for value in row]
        return out

    def do_halt(self, i: Instruction) -> None:
        self.halted = True

    def do_set(self, i: Instruction) -> None:
        self.registers[i.register] = i.value

    def do_jump(self, i: Instruction) -> None:
        self.pc = i.target

    def do_call(self, i: Instruction) -> None:
        self.stack.append(self.pc)
        self.pc = i.target

    def do_return(self, i: Instruction) -> None:
        self.pc = self.stack.pop()

    def do_loop(self, i: Instruction) -> None:
        self.registers[i.register] -= 1
        if self.registers[i.register]:
            self.pc = i.target

    def do_branch(self, i: Instruction) -> None:
        x, y = self.registers[i.register], i.value
        holds = {
            Condition.EQ.value: x == y,
            Condition.NE.value: x != y,
            Condition.LT.value: x < y,
            Condition.GE.value: x >= y,
        }
        if holds[i.condition]:
            self.pc = i.target

    def do_count(self, i: Instruction) -> None:
        total = self.registers[i.register] + i.step
        self.registers[i.register] = 0 if total < 0 else 65535 if total > 65535 else total

    def do_take(self, i: Instruction) -> None:
        due = self.requests and self.requests[0][0] <= self.frames
        self.registers[i.register] = self.requests.pop(0)[1] if due else 0

    def do_use(self, i: Instruction) -> None:
        numbers = [room.number for room in self.image.host.segments.values() if room.filled]
        if i.segment not in numbers:
            self.pc = i.otherwise

    def do_read(self, i: Instruction) -> None:
        self.registers[i.register] = self.cells[i.state] + 32768

    def do_write(self, i: Instruction) -> None:
        self.cells[i.state] = self.registers[i.register] - 32768

    def do_input(self, i: Instruction) -> bool:
        if i.request and self.requests and self.requests[0][0] <= self.frames:
            self.pc = i.request
            return True
        words = self.input[i.channel]
        if not words:
            self.pc = i.end
            return True
        for k in range(i.count):
            self.activation[i.destination + k] = words.pop(0)
        self.frames += 1
        return False

    def do_emit(self, i: Instruction) -> None:
        self.tokens.append(self.registers[i.register])
        self.channels.append(i.channel)

    def do_table(self, i: Instruction) -> None:
        if i.runs:
            self.run_slots[i.slot] = i.source
        else:
            self.slots[i.slot] = i.source

    def do_matvec(self, i: Instruction) -> None:
        tables = self.image.tables
        decoded = decode_matrix(
            self.image,
            i.matrix,
            rows=i.rows,
            columns=i.columns,
            runs=tables[self.run_slots[i.run_slot]],
            values=tables[self.slots[i.slot]],
        )
        modulo = 1 << self.config.accumulator_bits
        bank = self.banks[i.bank]
        for row, lane, column in np.argwhere(decoded.slots).tolist():
            weight = int(decoded.slots[row, lane, column])
            value = bank[row][lane] + (self.activation[i.source + column] * weight << i.shift)
            bank[row][lane] = (value + modulo // 2) % modulo - modulo // 2

    def do_cell(self, i: Instruction) -> None:
        quads = self.config.quads
        for u in range(i.units):
            row, quad = divmod(u, quads)
            z = [
                arith.gate_preactivation(
                    self.banks[i.bank][row][4 * quad + (k + row) % 4],
                    self.parameter(i.parameters + u, k),
                    i.multiplier,
                    i.shift,
                )
                for k in range(4)
            ]
            gates = arith.sigmoid(z[0]), arith.sigmoid(z[1]), arith.tanh(z[2])
            c = arith.cell_state(*gates, self.cells[i.state + u])
            tanh_c = arith.tanh(arith.joint_preactivation(c))
            self.cells[i.state + u] = c
            self.activation[i.destination + u] = arith.cell_hidden(arith.sigmoid(z[3]), tanh_c)
        self.clear(i.bank, -(-i.units // quads))

    def do_gru(self, i: Instruction) -> None:
        quads = self.config.quads
        for u in range(i.units):
            row, quad = divmod(u, quads)
            n_h, r, n_x, z = [
                arith.gate_preactivation(
                    self.banks[i.bank][row][4 * quad + (k + row) % 4],
                    self.parameter(i.parameters + u, k),
                    i.multiplier,
                    i.shift,
                )
                for k in range(4)
            ]
            n = arith.tanh(arith.gru_candidate(n_x, arith.sigmoid(r), n_h))
            h = arith.gru_hidden(arith.sigmoid(z), n, self.cells[i.state + u])
            self.cells[i.state + u] = h
            self.activation[i.destination + u] = arith.hidden_int8(h)
        self.clear(i.bank, -(-i.units // quads))

    def clear(self, bank: int, rows: int) -> None:
        for row in range(rows):
            self.banks[bank][row] = [0] * self.config.lanes

    def do_drain(self, i: Instruction) -> None:
        for s in range(i.rows * self.config.lanes):
            acc = self.banks[i.bank][s // self.config.lanes][s % self.config.lanes]
            v = arith.requantise(acc + self.parameter(i.parameters, s), i.multiplier, i.shift)
            if i.wide:
                self.cells[i.destination + s] = arith.saturate(v, 16)
            elif i.function in CURVES:
                v = arith.hidden_int8(CURVES[i.function](arith.saturate(v, 16)))
                self.activation[i.destination + s] = v
            else:
                v = max(v, 0) if i.function == Function.RELU.value else v
                self.activation[i.destination + s] = arith.drain_int8(v)
        self.clear(i.bank, i.rows)

    def do_argmax(self, i: Instruction) -> None:
        best: tuple[int, int] | None = None
        for s in range(i.rows * self.config.lanes):
            acc = self.banks[i.bank][s // self.config.lanes][s % self.config.lanes]
            index = self.parameter(i.parameters, 2 * s + 1)
            candidate = acc + self.parameter(i.parameters, 2 * s), -index
            if index >= 0 and (best is None or candidate > best):
                best = candidate
        self.registers[i.register] = 0 if best is None else -best[1]
        self.clear(i.bank, i.rows)

    def do_add(self, i: Instruction) -> None:
        for k in range(i.count):
            x = 16 * self.activation[i.a + k] if i.from_activation else self.cells[i.a + k]
            v = arith.add_joint(x, 0 if i.alone else self.cells[i.b + k])
            if i.wide:
                v = arith.saturate(arith.requantise(v, i.multiplier, i.shift), 16)
                self.cells[i.destination + k] = v
                continue
            if i.function in CURVES:
                v = arith.hidden_int8(CURVES[i.function](arith.joint_preactivation(v)))
            else:
                v = max(v, 0) if i.function == Function.RELU.value else v
                v = arith.drain_int8(arith.requantise(v, i.multiplier, i.shift))
            self.activation[i.destination + k] = v

    def do_multiply(self, i: Instruction) -> None:
        for k in range(i.count):
            v = self.cells[i.state + k] * self.activation[i.activation + k]
            v = arith.requantise(v, i.multiplier, i.shift)
            to, bits = (self.cells, 16) if i.wide else (self.activation, 8)
            to[i.destination + k] = arith.saturate(v, bits)

    def do_embed(self, i: Instruction) -> None:
        at = 16 * (i.parameters + self.registers[i.register] * i.stride)
        for k in range(i.count):
            byte = self.image.parameters[at + k]
            self.activation[i.destination + k] = byte - 256 * (byte > 127)

    def do_fill(self, i: Instruction) -> None:
        for k in range(i.destination, i.destination + i.count):
            if i.space < 2:
                (self.activation, self.cells)[i.space][k] = i.value
            else:
                self.banks[i.space - 2][k] = [i.value] * self.config.lanes

    def do_copy(self, i: Instruction) -> None:
        memory = (self.activation, self.cells)[i.space]
        for k in range(i.count):
            memory[i.destination + k] = memory[i.source + k]


@pytest.mark.parametrize("seed", SEEDS)
def test_every_record_is_equal(seed: int) -> None:
    rng = np.random.default_rng(seed)
    config = random_config(rng, group=(1, 2, 4)[seed % 3])
    config = config.with_settings({"channels": (1, 2, 1, 3)[seed % 4]})
    image = Image.from_bytes(random_program(rng, config, steps=5).to_bytes())
    features = random_channels(rng, image, seed % 3)
    requests = random_requests(rng, config.channels * (seed % 3))
    slow = Slow(image, features, requests)
    result = Golden(image).run(features, cycle_limit=LIMIT, record=True, requests=requests)
    assert result.error is Error.NONE
    for record in result.records or ():
        assert record.pc == slow.pc
        expected = slow.step()
        assert record.values.tolist() == expected, (record.index, image.program[record.pc])
    assert slow.halted
    assert result.tokens == slow.tokens
    assert result.channels == slow.channels
    assert result.final[Store.ACTIVATION].tolist() == slow.activation
    assert result.final[Store.STATE].tolist() == slow.cells
    assert result.final[Store.BANK0].tolist() == slow.banks[0]
    assert result.final[Store.BANK1].tolist() == slow.banks[1]
    assert result.final[Store.REGISTER].tolist() == slow.registers


def test_random_programs_reach_everything() -> None:
    """Programs that missed an operation, a function or a bank would prove nothing about it."""
    seen: Counter[str] = Counter()
    for seed in SEEDS:
        rng = np.random.default_rng(seed)
        image = random_program(rng, random_config(rng, group=(1, 2, 4)[seed % 3]), steps=5)
        result = Golden(image).run(random_features(rng, image, 2), cycle_limit=LIMIT, record=True)
        for record in result.records or ():
            i = image.program[record.pc]
            seen[i.mnemonic] += 1
            if isinstance(i, Use):
                seen[f"USE, checked={int(record.values[0] != i.otherwise)}"] += 1
            for name in (
                "from_activation",
                "alone",
                "function",
                "bank",
                "wide",
                "space",
                "slot",
                "run_slot",
                "shift",
            ):
                if name in i.fields:
                    seen[f"{i.mnemonic}.{name}={i.fields[name]}"] += 1
        loads = {i.source for i in image.program if isinstance(i, Table) and i.runs}
        seen["several run tables"] += len(loads) > 1
        for name in ("padding", "useful", "gated"):
            seen[name] += bool(result.counters[name])
    wanted = {
        *(operation.mnemonic for operation in ISA),
        *(f"{name}.bank={bank}" for name in ("CELL", "GRU", "DRAIN", "ARGMAX") for bank in (0, 1)),
        *(f"{name}.function={f}" for name in ("DRAIN", "ADD") for f in range(4)),
        *(f"FILL.space={space}" for space in range(4)),
        *(f"COPY.space={space}" for space in range(2)),
        *(f"MATVEC.shift={shift}" for shift in range(8)),
        *(f"ADD.{name}={on}" for name in ("wide", "from_activation", "alone") for on in (0, 1)),
        "USE, checked=0",
        "USE, checked=1",
        "DRAIN.wide=0",
        "DRAIN.wide=1",
        "MATVEC.slot=0",
        "MATVEC.slot=2",
        "MATVEC.run_slot=0",
        "MATVEC.run_slot=2",
        "several run tables",
        "padding",
        "useful",
        "gated",
    }
    found = {name for name, times in seen.items() if times}
    assert wanted <= found, sorted(wanted - found)


def test_random_programs_depend_on_the_seed_alone() -> None:
    made = [
        random_program(rng, random_config(rng)).to_bytes()
        for rng in (np.random.default_rng(s) for s in (5, 5, 6))
    ]
    assert made[0] == made[1] != made[2]
