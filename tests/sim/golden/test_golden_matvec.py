"""MATVEC on the exact machine: products, counters, wrapping, tables and damaged streams."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from sordino.arch import Config
from sordino.golden.machine import Golden
from sordino.image.host import HostSection
from sordino.image.image import Image, ImageError
from sordino.isa.choices import Condition
from sordino.isa.operations import Branch, Halt, Matvec, Table
from sordino.isa.registers import Error
from sordino.testing.images.by_hand import NO_FEATURES, PLAIN
from sordino.testing.images.programs import ProgramBuilder, random_slots


def matvec_image(slots: NDArray[np.int8], config: Config, **fields: int) -> Image:
    builder = ProgramBuilder(config)
    matrix = builder.matrix(slots)
    builder.matvec(matrix, source=fields.pop("source", 0), **fields)
    builder.add(Halt)
    return builder.image()


def machine(lanes: int, group: int, rows: int, bits: int = 32) -> Config:
    return replace(
        PLAIN, lanes=lanes, group=group, rows_per_lane=max(rows, 2), accumulator_bits=bits
    )


@pytest.mark.parametrize("group", [1, 2, 4])
@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("columns", [1, 7, 50])
@pytest.mark.parametrize("density", [0.0, 0.2, 1.0])
def test_matvec(group: int, rows: int, columns: int, density: float) -> None:
    rng = np.random.default_rng(1000 * rows + columns + group)
    config = machine(8, group, rows)
    slots = random_slots(rng, config, rows=rows, columns=columns, density=density)
    golden = Golden(matvec_image(slots, config, source=11, shift=3, bank=1, slot=1, run_slot=1))
    memory = golden.state.memory
    memory.activation[:] = rng.integers(-128, 128, 128) * (rng.random(128) < 0.7)
    memory.banks[:] = before = rng.integers(-(2**20), 2**20, memory.banks.shape)
    before = memory.banks.copy()
    x = memory.activation[11 : 11 + columns].copy()
    result = golden.run(NO_FEATURES, record=True)
    expected = before[1].copy()
    expected[:rows] += (slots.astype(np.int64) @ x) * 8
    assert np.array_equal(memory.banks[1], expected)
    assert np.array_equal(memory.banks[0], before[0])
    assert result.records is not None
    assert result.records[2].values.tolist() == expected[:rows].reshape(-1).tolist()
    places = (slots.reshape(rows, 8 // group, group, columns) != 0).any(axis=2).sum()
    useful = ((slots != 0) & (x != 0)).sum()
    counted = {n: result.counters[n] for n in ("places", "useful", "gated")}
    assert counted == {"places": places, "useful": useful, "gated": places * group - useful}
    listed = sum(sum(m.places) for m in golden.image.matrices)
    assert result.counters["padding"] == listed - places


def test_padding_is_counted_apart() -> None:
    config = machine(4, 4, 1)
    slots = np.zeros((1, 4, 100), np.int8)
    slots[0, 2, [3, 99]] = 5
    result = Golden(matvec_image(slots, config)).run(NO_FEATURES)
    assert result.counters["places"] == 2
    assert result.counters["padding"] == 13
    assert (result.counters["useful"], result.counters["gated"]) == (0, 8)


@pytest.mark.parametrize("bits", [24, 27, 32])
@pytest.mark.parametrize("weight", [127, -128])
def test_accumulators_wrap(bits: int, weight: int) -> None:
    config = machine(4, 1, 2, bits)
    slots = np.full((2, 4, 100), weight, np.int8)
    golden = Golden(matvec_image(slots, config, shift=7))
    golden.state.memory.activation[:] = -128
    start = golden.state.memory.banks[0, 0, 0] = (1 << (bits - 1)) - 1
    golden.run(NO_FEATURES)
    exact = np.array([start, 0]) + 100 * -128 * weight * 128
    modulo = 1 << bits
    assert golden.state.memory.banks[0, :2, 0].tolist() == [
        (v + modulo // 2) % modulo - modulo // 2 for v in exact.tolist()
    ]


def test_products_beyond_single_precision_are_exact() -> None:
    config = replace(machine(4, 1, 1), activation_words=4096)
    rng = np.random.default_rng(2)
    slots = rng.choice([-128, 127], (1, 4, 4001)).astype(np.int8)
    slots[0, 0] = -128
    golden = Golden(matvec_image(slots, config))
    golden.state.memory.activation[:] = -128
    golden.state.memory.activation[0] = 1
    golden.run(NO_FEATURES)
    x = golden.state.memory.activation[:4001]
    expected = slots[0].astype(np.int64) @ x
    assert expected[0] > 1 << 24
    assert golden.state.memory.banks[0, 0].tolist() == expected.tolist()


def test_tables_outlast_a_program_but_must_come_first() -> None:
    config = machine(4, 1, 1)
    builder = ProgramBuilder(config)
    matrix = builder.matrix(np.ones((1, 4, 3), np.int8))
    builder.add(Branch, register=0, condition=Condition.EQ, value=0, target="product")
    builder.label("load")
    builder.add(Table, source=0, runs=1)
    builder.add(Table, source=1, slot=0)
    builder.label("product")
    fields = {"rows": 1, "columns": 3, "matrix": matrix}
    builder.add(Matvec, source=0, **fields)
    builder.add(Halt)
    image = builder.image()
    golden = Golden(replace(image, host=HostSection(entries={"main": 0, "load": 1})))
    with pytest.raises(ImageError, match=r"^instruction 3 \(MATVEC\) uses run slot 0, which no"):
        golden.run(NO_FEATURES)
    assert golden.run(NO_FEATURES, entry="load").error is Error.NONE
    assert golden.run(NO_FEATURES).error is Error.NONE
    golden.state.value_tables[0] = None
    with pytest.raises(ImageError, match=r"^instruction 3 \(MATVEC\) uses value slot 0, which no"):
        golden.run(NO_FEATURES)


def _fewer_columns(image: Image) -> Image:
    """The matrix is said to have a column less than its streams walk to."""
    program = tuple(
        i.replace(columns=i.columns - 1) if isinstance(i, Matvec) else i for i in image.program
    )
    return replace(image, program=program)


def _fewer_places(image: Image) -> Image:
    """Reading stops before the end of the position stream."""
    entry = image.matrices[0]
    fewer = replace(entry, places=tuple(n - 1 for n in entry.places))
    return replace(image, matrices=(fewer,))


def _other_values(image: Image) -> Image:
    """A lane's value stream begins in another state."""
    values = [bytearray(lane) for lane in image.values]
    values[3][0] ^= 2
    return replace(image, values=tuple(bytes(lane) for lane in values))


@pytest.mark.parametrize("damage", [_fewer_columns, _fewer_places, _other_values])
def test_damaged_streams(damage: Callable[[Image], Image]) -> None:
    rng = np.random.default_rng(4)
    config = machine(4, 1, 2)
    slots = random_slots(rng, config, rows=2, columns=20, density=1.0)
    slots[1, :, -1] = 1
    good = matvec_image(slots, config)
    assert Golden(good).run(NO_FEATURES).error is Error.NONE
    golden = Golden(damage(good))
    result = golden.run(NO_FEATURES, record=True)
    assert (result.error, golden.state.pc, len(result.records or ())) == (Error.STREAM, 2, 2)
    again = golden.run(NO_FEATURES)
    assert again.error is Error.STREAM, "also when the matrix has been seen before"
    assert not any(again.counters[n] for n in ("places", "padding", "useful", "gated"))
