"""Random valid images and inputs for tests, and the builder to make others by hand."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sordino.arch import Config
from sordino.isa.choices import Condition, Function, Space
from sordino.isa.hazards import with_overlap
from sordino.isa.image import Image
from sordino.isa.instruction import Instruction, Unit
from sordino.isa.operations import (
    Add,
    Argmax,
    Branch,
    Call,
    Cell,
    Copy,
    Drain,
    Embed,
    Emit,
    Fill,
    Halt,
    Input,
    Jump,
    Loop,
    Return,
    Set,
)
from sordino.testing.builder import ProgramBuilder

__all__ = [
    "ProgramBuilder",
    "overlapped",
    "random_config",
    "random_features",
    "random_program",
    "random_slots",
]

_INT32 = np.iinfo(np.int32)


def random_config(rng: np.random.Generator, *, group: int | None = None) -> Config:
    """A small machine with odd sizes; 4 to 16 lanes."""
    group = int(rng.choice([1, 2, 4])) if group is None else group
    lanes = int(rng.choice([n for n in (4, 8, 12, 16) if n % group == 0]))
    return Config(
        name="random",
        lanes=lanes,
        group=group,
        x_fifo=int(rng.choice([8, 16])),
        state_bits=int(rng.integers(5, 10)),
        value_slots=int(rng.integers(1, 4)),
        run_slots=int(rng.integers(1, 4)),
        lane_words=int(rng.integers(3000, 4097)),
        group_words=int(rng.integers(3000, 4097)),
        rows_per_lane=int(rng.choice([1, 2, 3, 6, 12])),
        accumulator_bits=int(rng.integers(24, 33)),
        activation_words=int(rng.integers(300, 513)),
        state_words=int(rng.integers(200, 257)),
        parameter_words=1024,
        program_words=192,
        tables=8,
        matrices=8,
    )


def random_slots(
    rng: np.random.Generator, config: Config, *, rows: int, columns: int, density: float
) -> NDArray[np.int8]:
    """A dealt matrix with `density` non-zeros in every group that has any, 2 to 8 bits.

    Lanes and groups differ in density; some groups are empty; the extremes occur.
    """
    bits = int(rng.integers(2, 9))
    low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    shape = (rows, config.lanes, columns)
    values = rng.integers(low, high + 1, shape)
    values[rng.random(shape) < 0.1] = low
    share = density * rng.choice([0.3, 1.0], config.lanes)
    occupied = np.repeat(rng.random((rows, config.groups, columns)) < density, config.group, axis=1)
    kept = occupied & (rng.random(shape) < 0.5 + share[:, np.newaxis])
    kept &= np.repeat(rng.random(config.groups) < 0.85, config.group)[:, np.newaxis]
    return np.where(kept, values, 0).astype(np.int8)


def overlapped(image: Image, rng: np.random.Generator | None = None) -> Image:
    """The image with as much overlap as its program allows, or with a random part of that."""
    entries = image.entries.values()
    program = with_overlap(image.program, entries, image.config)
    if rng is not None:
        program = tuple(
            i.replace(overlaps=i.overlaps & Unit(int(rng.integers(8)))) for i in program
        )
    return replace(image, program=program)


def random_features(rng: np.random.Generator, image: Image, frames: int) -> NDArray[np.int8]:
    """int8 (frames, dim) for the program's first INPUT; a fifth zeros, extremes occur."""
    dim = next(i.count for i in image.program if isinstance(i, Input))
    return _int8(rng, (frames, dim))


def _int8(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.int8]:
    values = rng.integers(-128, 128, shape)
    kind = rng.random(shape)
    values[kind < 0.2] = 0
    values[kind > 0.95] = -128
    return values.astype(np.int8)


def random_program(rng: np.random.Generator, config: Config, *, steps: int = 8) -> Image:
    """An image whose program reads vectors until the input ends and does `steps` things to each.

    It passes `golden.verify` and ends with HALT. Steps are LSTM cells, linear layers with every
    function, argmax with emission and embedding, additions, fills and copies, in both banks, some
    behind branches, in loops and in nested subroutines; operands are odd sizes, any shift, biases
    up to the whole int32 range, saturating or not.
    """
    return _RandomProgram(rng, config).image(steps)


class _RandomProgram:
    """Registers: 0 argmax within the embedding, 1 any argmax, 2 to 5 loop counters."""

    def __init__(self, rng: np.random.Generator, config: Config) -> None:
        self.rng, self.config = rng, config
        self.builder = ProgramBuilder(config)
        self.labels = 0
        self.layer = 0
        self.subroutines: list[tuple[str, int]] = []
        self.symbols = int(rng.integers(2, 9))
        self.width = int(rng.integers(1, 40))
        self.embedding = self.builder.embedding(_int8(rng, (self.symbols, self.width)))
        self.steps = (
            (self.lstm, 4),
            (self.linear, 4),
            (self.argmax, 3),
            (self.add, 2),
            (self.embed, 1),
            (self.fill, 1),
            (self.copy, 2),
        )

    def below(self, high: int) -> int:
        """0 to high - 1."""
        return int(self.rng.integers(high))

    def label(self) -> str:
        self.labels += 1
        return f"label{self.labels}"

    def put(self, operation: type[Instruction], **fields: Any) -> None:
        self.builder.add(operation, f"step{self.layer}", **fields)

    def image(self, steps: int) -> Image:
        builder, config = self.builder, self.config
        # Each matrix may need a value table of its own, and there is one run table at least.
        for _ in range(min(config.tables - 1, config.matrices, 1 + self.below(5))):
            builder.matrix(self.matrix())
        builder.clear()
        self.scatter()
        builder.label("frame")
        dim = 1 + self.below(min(40, config.activation_words))
        at = self.below(config.activation_words - dim + 1)
        builder.add(Input, "input", destination=at, count=dim, end="done")
        for self.layer in range(1, steps + 1):
            self.wrapped(depth=0)
        builder.add(Jump, target="frame")
        builder.label("done")
        builder.add(Emit, register=self.below(8))
        builder.add(Halt, code=self.below(256))
        while self.subroutines:
            name, depth = self.subroutines.pop()
            builder.label(name)
            self.wrapped(depth)
            self.put(Return)
        return builder.image()

    def scatter(self) -> None:
        """Put random words everywhere in activation and state memory, by repetition."""
        config, builder = self.config, self.builder
        count = min(config.activation_words, 16 * config.lanes)
        # Nothing writes register 7: it stays 0.
        word, _ = builder.embedding(_int8(self.rng, (1, count)))
        self.put(Embed, register=7, parameters=word, destination=0, count=count)
        rows = min(config.rows_per_lane, config.state_words // config.lanes)
        slots = rows * config.lanes
        words = self.rng.integers(-1 << 15, 1 << 15, slots) >> self.rng.integers(0, 16, slots)
        biases = builder.ints(2 * words)
        self.put(Drain, rows=rows, parameters=biases, wide=1, multiplier=1, shift=1)
        for space, made, all_words in (
            (Space.ACTIVATION, count, config.activation_words),
            (Space.STATE, slots, config.state_words),
        ):
            while made < all_words:
                more = min(made, all_words - made)
                self.put(Copy, space=space, source=0, destination=made, count=more)
                made += more

    def matrix(self) -> NDArray[np.int8]:
        config, rng = self.config, self.rng
        rows = 1 + self.below(min(config.rows_per_lane, 6))
        columns = int(rng.choice([1, 2, 3, 7, 17, 31, 32, 101]))
        density = float(rng.choice([0.01, 0.1, 0.3, 0.7, 1.0]))
        columns = min(columns, config.activation_words)
        return random_slots(rng, config, rows=rows, columns=columns, density=density)

    def wrapped(self, depth: int) -> None:
        """A step, perhaps behind a branch, in a loop or in a subroutine."""
        kind = self.below(8)
        if kind == 0:
            skip = self.label()
            condition = Condition(self.below(4))
            value = int(self.rng.choice([0, 1, self.below(self.symbols), self.below(1 << 16)]))
            register = self.below(2)
            self.put(Branch, register=register, condition=condition, value=value, target=skip)
            self.step()
            self.builder.label(skip)
            self.step()
        elif kind == 1:
            again = self.label()
            self.put(Set, register=2 + depth, value=1 + self.below(3))
            self.builder.label(again)
            self.step()
            self.put(Loop, register=2 + depth, target=again)
        elif kind == 2 and depth < 3:
            name = self.label()
            self.subroutines.append((name, depth + 1))
            self.put(Call, target=name)
        else:
            self.step()

    def step(self) -> None:
        weights = np.array([weight for _, weight in self.steps], float)
        self.steps[int(self.rng.choice(len(self.steps), p=weights / weights.sum()))][0]()

    # Operands.

    def biases(self, count: int) -> NDArray[np.int64]:
        magnitude = min(1 << self.below(32), _INT32.max)
        values = self.rng.integers(-magnitude - 1, magnitude + 1, count)
        if magnitude == _INT32.max:
            values[self.rng.random(count) < 0.3] = _INT32.min
        return values

    def scale(self) -> dict[str, int]:
        """Multiplier and shift, most often such that results are of a useful size."""
        multiplier = int(self.rng.choice([self.below(1 << 16), 0xFFFF, 1 << 15, 1]))
        common = multiplier.bit_length() + self.below(8)
        shift = common if self.below(4) else self.below(64)
        return {"multiplier": multiplier, "shift": min(63, max(1, shift))}

    def accumulate(self, bank: int) -> int:
        """One or two products into `bank`; the number of rows they share."""
        rows = self.config.rows_per_lane
        for _ in range(1 + self.below(2)):
            matrix = self.below(len(self.builder.slots))
            slots = self.builder.slots[matrix]
            self.builder.matvec(
                matrix,
                source=self.below(self.config.activation_words - slots.shape[2] + 1),
                bank=bank,
                shift=self.below(8),
                slot=self.below(self.config.value_slots),
                run_slot=self.below(self.config.run_slots),
            )
            rows = min(rows, slots.shape[0])
        return rows

    # Steps.

    def lstm(self) -> None:
        config, bank = self.config, self.below(2)
        rows = self.accumulate(bank)
        most = min(rows * config.quads, config.state_words, config.activation_words)
        units = most if self.below(2) else 1 + self.below(most)
        self.put(
            Cell,
            bank=bank,
            units=units,
            parameters=self.builder.ints(self.biases(4 * units)),
            state=self.below(config.state_words - units + 1),
            destination=self.below(config.activation_words - units + 1),
            **self.scale(),
        )

    def linear(self) -> None:
        config, bank = self.config, self.below(2)
        rows = self.accumulate(bank)
        wide = self.below(2)
        room = config.state_words if wide else config.activation_words
        rows = min(rows, room // config.lanes)
        slots = rows * config.lanes
        self.put(
            Drain,
            bank=bank,
            rows=rows,
            parameters=self.builder.ints(self.biases(slots)),
            destination=self.below(room - slots + 1),
            wide=wide,
            function=Function.NONE if wide else Function(self.below(3)),
            **self.scale(),
        )

    def argmax(self) -> None:
        bank, register = self.below(2), self.below(2)
        rows = self.accumulate(bank)
        slots = rows * self.config.lanes
        biases = self.biases(slots)
        if self.below(2):
            biases[:] = biases[0]
        indices = self.rng.integers(0, self.symbols if register == 0 else 1 << 16, slots)
        indices[self.rng.random(slots) < self.rng.choice([0.0, 0.3, 1.0], p=[0.4, 0.5, 0.1])] = -1
        self.put(
            Argmax,
            bank=bank,
            rows=rows,
            parameters=self.builder.entries(biases, indices),
            register=register,
        )
        self.put(Emit, register=register)
        if register == 0:
            self.embed()

    def embed(self) -> None:
        word, stride = self.embedding
        count = min(1 + self.below(self.width), self.config.activation_words)
        self.put(
            Embed,
            register=0,
            parameters=word,
            stride=stride,
            destination=self.below(self.config.activation_words - count + 1),
            count=count,
        )

    def add(self) -> None:
        config = self.config
        count = 1 + self.below(min(50, config.state_words, config.activation_words))
        self.put(
            Add,
            a=self.below(config.state_words - count + 1),
            b=self.below(config.state_words - count + 1),
            destination=self.below(config.activation_words - count + 1),
            count=count,
            function=Function(self.below(3)),
            **self.scale(),
        )

    def room(self, space: Space) -> int:
        words = {
            Space.ACTIVATION: self.config.activation_words,
            Space.STATE: self.config.state_words,
        }
        return words.get(space, self.config.rows_per_lane)

    def fill(self) -> None:
        space = Space(self.below(4))
        count = 1 + self.below(min(20, self.room(space)))
        self.put(
            Fill,
            space=space,
            destination=self.below(self.room(space) - count + 1),
            count=count,
            value=self.below(256) - 128,
        )

    def copy(self) -> None:
        space = Space(self.below(2))
        room = self.room(space)
        count = 1 + self.below(min(40, room // 2))
        ends = sorted(int(n) for n in self.rng.integers(0, room - 2 * count + 1, 2))
        ranges = [ends[0], ends[1] + count]
        if self.below(2):
            ranges.reverse()
        source, destination = ranges
        self.put(Copy, space=space, source=source, destination=destination, count=count)
