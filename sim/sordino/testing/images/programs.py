"""Random valid images and inputs for tests, and the builder to make others by hand."""

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sordino.arch import Config
from sordino.image.image import Image
from sordino.isa.choices import Condition, Space
from sordino.isa.fields import REGISTER_HIGH, SEGMENTS, Store
from sordino.isa.hazards import with_overlap, writes
from sordino.isa.instruction import Instruction, Unit
from sordino.isa.instruction_set import InstructionSet
from sordino.isa.operations import ISA, Copy, Count, Take
from sordino.testing.images.builder import ProgramBuilder
from sordino.testing.images.random_instruction import ANY, INDEX, RandomOperands

__all__ = [
    "ProgramBuilder",
    "overlapped",
    "random_channels",
    "random_config",
    "random_features",
    "random_program",
    "random_requests",
    "random_slots",
]


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
    dim = next(i.count for i in image.program if i.blocks)
    return _int8(rng, (frames, dim))


def random_channels(
    rng: np.random.Generator, image: Image, frames: int
) -> dict[int, NDArray[np.int8]]:
    """The same for the first INPUT of each channel that the program reads."""
    dims: dict[int, int] = {}
    for i in image.program:
        if i.blocks:
            dims.setdefault(i.channel, i.count)
    return {channel: _int8(rng, (frames, dim)) for channel, dim in sorted(dims.items())}


def random_requests(rng: np.random.Generator, vectors: int) -> tuple[tuple[int, int], ...]:
    """Up to four requests in a run that reads so many vectors; some come together."""
    after = np.sort(rng.integers(0, vectors + 1, int(rng.integers(5)))).tolist()
    numbers = (1, 2, REGISTER_HIGH, int(rng.integers(1, 1 << 16)))
    return tuple((int(place), numbers[int(rng.integers(4))]) for place in after)


def _int8(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.int8]:
    values = rng.integers(-128, 128, shape)
    kind = rng.random(shape)
    values[kind < 0.2] = 0
    values[kind > 0.95] = -128
    return values.astype(np.int8)


def random_program(
    rng: np.random.Generator, config: Config, *, steps: int = 8, isa: InstructionSet = ISA
) -> Image:
    """An image whose program reads vectors until the input ends and does `steps` things to each.

    It passes the verifier and ends with HALT. It reads a vector of every channel, in some places
    serves requests, and emits on any channel. A step is an instruction of the vector unit, any of
    `isa`, with a product before it where it takes accumulators; some steps stand behind branches,
    in loops and in nested subroutines. Operands are odd sizes, any shift, biases up to the whole
    int32 range, saturating or not.
    """
    return _RandomProgram(rng, config, isa).image(steps)


class _RandomProgram:
    """Registers: INDEX, ANY, then one loop counter for each depth of nesting."""

    def __init__(self, rng: np.random.Generator, config: Config, isa: InstructionSet) -> None:
        self.rng, self.config = rng, config
        self.builder = builder = ProgramBuilder(config, isa)
        self.layer = 0
        self.subroutines: list[tuple[str, int]] = []
        self.symbols = int(rng.integers(2, 9))
        width = int(rng.integers(1, 40))
        embedding = builder.embedding(_int8(rng, (self.symbols, width)))
        self.operands = RandomOperands(
            rng, builder, embedding=embedding, symbols=self.symbols, width=width
        )
        self.operations = [o for o in isa if o.unit is Unit.VECTOR and not o.blocks]
        weights = np.array([3.0 if _takes_accumulators(o) else 1.2 for o in self.operations])
        self.weights = weights / weights.sum()

    def below(self, high: int) -> int:
        """A number of 0 to `high` - 1."""
        return int(self.rng.integers(high))

    def image(self, steps: int) -> Image:
        builder, config = self.builder, self.config
        # Each matrix may need a value table of its own, and there is one run table at least.
        for _ in range(min(config.tables - 1, config.matrices, 1 + self.below(5))):
            builder.matrix(self.matrix())
        builder.clear()
        self.scatter()
        builder.label("frame")
        for channel in range(config.channels):
            dim = 1 + self.below(min(40, config.activation_words))
            destination = self.below(config.activation_words - dim + 1)
            builder.label(f"input {channel}")
            request = f"request {channel}" if self.below(3) else 0
            builder.read(destination, dim, "input", channel=channel, request=request)
        for self.layer in range(1, steps + 1):
            self.wrapped(depth=0)
        builder.go("frame")
        builder.label("done")
        builder.token(self.below(8))
        builder.end(self.below(256))
        for channel in range(config.channels):
            self.serve(channel)
        while self.subroutines:
            name, depth = self.subroutines.pop()
            builder.subroutine(name, partial(self.wrapped, depth))
        return builder.image()

    def serve(self, channel: int) -> None:
        """What is done at a request before the program goes back to the INPUT."""
        builder, layer = self.builder, f"request {channel}"
        builder.label(layer)
        builder.add(Take, layer, register=ANY)
        builder.token(ANY, layer, channel=self.below(256))
        for _ in range(self.below(3)):
            self.step()
        builder.go(f"input {channel}")

    def scatter(self) -> None:
        """Put random words everywhere in activation and state memory, by repetition."""
        config, builder = self.config, self.builder
        count = min(config.activation_words, 16 * config.lanes)
        # Nothing writes register 7: it stays 0.
        word, _ = builder.embedding(_int8(self.rng, (1, count)))
        builder.embed("scatter", register=7, parameters=word, destination=0, count=count)
        rows = min(config.rows_per_lane, config.state_words // config.lanes)
        slots = rows * config.lanes
        words = self.rng.integers(-1 << 15, 1 << 15, slots) >> self.rng.integers(0, 16, slots)
        biases = builder.ints(2 * words)
        builder.drain("scatter", rows=rows, parameters=biases, wide=1, multiplier=1, shift=1)
        for space, made, all_words in (
            (Space.ACTIVATION, count, config.activation_words),
            (Space.STATE, slots, config.state_words),
        ):
            while made < all_words:
                more = min(made, all_words - made)
                builder.add(Copy, space=space, source=0, destination=made, count=more)
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
        kind = self.below(10)
        if kind == 0:
            value = int(self.rng.choice([0, 1, self.below(self.symbols), self.below(1 << 16)]))
            condition = Condition(self.below(4))
            register = int(self.rng.choice([INDEX, ANY]))
            self.builder.unless(self.step, register=register, condition=condition, value=value)
            self.step()
        elif kind == 1:
            self.builder.repeat(2 + depth, 1 + self.below(3), self.step)
        elif kind == 2 and depth < 3:
            name = f"subroutine {len(self.builder)}"
            self.subroutines.append((name, depth + 1))
            self.builder.call(name)
        elif kind == 3:
            self.count()
        elif kind == 4:
            self.builder.using(self.below(SEGMENTS), self.step)
            self.step()
        else:
            self.step()

    def count(self) -> None:
        """What the sequencer does with registers, besides branches and loops."""
        if self.below(4):
            high = int(self.rng.choice([3, 1 << 10, 1 << 16]))
            step = int(self.rng.integers(-high, high))
            self.builder.add(Count, f"step{self.layer}", register=ANY, step=step)
        else:
            self.builder.add(Take, f"step{self.layer}", register=ANY)
        self.builder.token(ANY, f"step{self.layer}", channel=self.below(256))

    def step(self) -> None:
        """One instruction of the vector unit, and what makes its operands and shows its result."""
        operation = self.operations[int(self.rng.choice(len(self.operations), p=self.weights))]
        bank, rows = self.below(2), None
        if _takes_accumulators(operation):
            rows = self.accumulate(bank)
        fields: dict[str, Any] = self.operands.fields(operation, bank=bank, rows=rows)
        self.builder.add(operation, f"step{self.layer}", **fields)
        for region in writes(operation(**fields), self.config):
            if region.store is Store.REGISTER:
                channel = self.below(256) if self.below(2) else 0
                self.builder.token(region.base, f"step{self.layer}", channel=channel)

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


def _takes_accumulators(operation: type[Instruction]) -> bool:
    """Whether an operation reads an accumulator bank."""
    return any(field.meaning.reads and field.name == "bank" for field in operation.FIELDS.values())
