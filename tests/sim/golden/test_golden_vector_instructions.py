"""Vector instructions on the exact machine: what they read, write and leave alone."""

import numpy as np
import pytest

from sordino.golden.machine import Golden
from sordino.isa.choices import Function, Space
from sordino.isa.fields import Store
from sordino.isa.operations import Add, Argmax, Cell, Copy, Drain, Embed, Fill, Halt
from sordino.testing.images.by_hand import NO_FEATURES, PLAIN, program_image, written_values
from sordino.testing.images.programs import ProgramBuilder


@pytest.mark.parametrize("space", list(Space))
@pytest.mark.parametrize("value", [-128, -1, 0, 127])
def test_fill(space: Space, value: int) -> None:
    golden = Golden(
        program_image((Fill, {"space": space, "destination": 1, "count": 2, "value": value}))
    )
    memory = golden.state.memory.store(Store(space.value))
    memory[...] = 3
    result = golden.run(NO_FEATURES, record=True)
    assert (memory[1:3] == value).all()
    assert (memory[0] == 3).all()
    assert (memory[3:] == 3).all()
    assert written_values(result.records)[0] == [value] * memory[1:3].size


@pytest.mark.parametrize("space", [Space.ACTIVATION, Space.STATE])
@pytest.mark.parametrize(("source", "destination"), [(0, 5), (5, 0), (2, 30)])
def test_copy(space: Space, source: int, destination: int) -> None:
    fields = {"space": space, "source": source, "destination": destination, "count": 5}
    golden = Golden(program_image((Copy, fields)))
    memory = golden.state.memory.store(Store(space.value))
    memory[:40] = np.arange(40) - 6
    expected = memory.tolist()
    expected[destination : destination + 5] = expected[source : source + 5]
    result = golden.run(NO_FEATURES, record=True)
    assert memory.tolist() == expected
    assert written_values(result.records)[0] == expected[destination : destination + 5]


def test_cell_clears_its_rows_and_updates_both_memories() -> None:
    builder = ProgramBuilder(PLAIN)
    biases = np.arange(20) * 700 - 6000
    word = builder.ints(biases)
    builder.add(
        Cell,
        bank=1,
        units=5,
        parameters=word,
        state=9,
        destination=30,
        multiplier=1 << 15,
        shift=16,
    )
    builder.add(Halt)
    golden = Golden(builder.image())
    memory, rng = golden.state.memory, np.random.default_rng(1)
    memory.banks[:] = rng.integers(-20000, 20000, memory.banks.shape)
    memory.state[:] = rng.integers(-9000, 9000, 64)
    memory.activation[:] = 77
    banks, state = memory.banks.copy(), memory.state.copy()
    result = golden.run(NO_FEATURES, record=True)
    # Two quads a row: units 0 to 4 stand on three rows, gates rotated by the row.
    z = np.array(
        [
            [banks[1, u // 2, 4 * (u % 2) + (k + u // 2) % 4] + biases[4 * u + k] for k in range(4)]
            for u in range(5)
        ]
    )
    i, f, o = 1 / (1 + np.exp(-z[:, [0, 1, 3]].T / 2**13))
    c = f * state[9:14] / 2**11 + i * np.tanh(z[:, 2] / 2**13)
    assert np.abs(memory.state[9:14] - c * 2**11).max() < 2
    assert np.abs(memory.activation[30:35] - o * np.tanh(c) * 2**7).max() < 0.7
    assert not memory.banks[1, :3].any()
    assert np.array_equal(memory.banks[1, 3], banks[1, 3])
    assert np.array_equal(memory.banks[0], banks[0])
    assert np.delete(memory.state, range(9, 14)).tolist() == np.delete(state, range(9, 14)).tolist()
    assert (np.delete(memory.activation, range(30, 35)) == 77).all()
    assert written_values(result.records)[0] == [
        *memory.state[9:14].tolist(),
        *memory.activation[30:35].tolist(),
        *([0] * 24),
    ]


@pytest.mark.parametrize("wide", [0, 1])
def test_drain_writes_slots_in_order(wide: int) -> None:
    builder = ProgramBuilder(PLAIN)
    word = builder.ints(np.arange(16) * 10)
    builder.add(
        Drain,
        rows=2,
        parameters=word,
        destination=40,
        wide=wide,
        function=Function.NONE,
        multiplier=1,
        shift=1,
    )
    builder.add(Halt)
    golden = Golden(builder.image())
    memory = golden.state.memory
    memory.banks[0] = 7
    golden.run(NO_FEATURES)
    expected = [min(4 + 5 * s, 32767 if wide else 127) for s in range(16)]
    store, other = (memory.state, memory.activation)[:: 1 if wide else -1]
    assert store[40:56].tolist() == expected
    assert not other.any()
    assert not memory.banks[0, :2].any()
    assert (memory.banks[0, 2:] == 7).all()


def test_argmax_and_embedding() -> None:
    builder = ProgramBuilder(PLAIN)
    table = np.arange(5 * 19, dtype=np.int8).reshape(5, 19)
    embedding, stride = builder.embedding(table)
    indices = np.array([-1, 4, 3, -1, 2, 1, 0, -1])
    entries = builder.entries(np.array([900, 0, 5, 0, 0, 5, 0, 0]), indices)
    builder.add(Argmax, rows=1, parameters=entries, register=2)
    builder.add(Embed, register=2, parameters=embedding, stride=stride, destination=3, count=18)
    builder.add(Halt)
    golden = Golden(builder.image())
    golden.state.memory.banks[0, 0] = 100
    result = golden.run(NO_FEATURES, record=True)
    assert stride == 2
    assert golden.state.registers[2] == 1, "ties go to the lowest index"
    assert golden.state.memory.activation[3:21].tolist() == table[1, :18].tolist()
    assert written_values(result.records)[:2] == [[1, *[0] * 8], table[1, :18].tolist()]


def test_add_reads_two_ranges() -> None:
    fields = {"a": 0, "b": 10, "destination": 5, "count": 4, "multiplier": 1, "shift": 1}
    golden = Golden(program_image((Add, fields)))
    golden.state.memory.state[:4] = [10, 20, -30, 32767]
    golden.state.memory.state[10:14] = [1, 2, 3, 32767]
    golden.run(NO_FEATURES)
    assert golden.state.memory.activation[5:9].tolist() == [6, 11, -14, 127]


ONE = {"multiplier": 1 << 15, "shift": 15}
"""A scale of 1."""
STATES, ADDED, NARROW = [5, -6, 32767, -32768], [1, 2, 2, -1], [7, -8, 127, -128]
SUMS = {
    "to state": ({"a": 0, "b": 10, "wide": 1}, [6, -4, 32767, -32768]),
    "in place": ({"a": 0, "b": 10, "wide": 1, "destination": 10}, [6, -4, 32767, -32768]),
    "twice the same": ({"a": 0, "b": 0, "wide": 1}, [10, -12, 32767, -32768]),
    "an activation": (
        {"a": 20, "b": 10, "from_activation": 1, "wide": 1},
        [113, -126, 2034, -2049],
    ),
    "an activation to activation": (
        {"a": 20, "b": 10, "from_activation": 1},
        [113, -126, 127, -128],
    ),
    "state alone": ({"a": 0, "b": 10, "alone": 1}, [5, -6, 127, -128]),
    "state alone to state": ({"a": 0, "b": 10, "alone": 1, "wide": 1}, STATES),
    "an activation alone": (
        {"a": 20, "from_activation": 1, "alone": 1, "shift": 19},
        NARROW,
    ),
    "an activation alone to state": (
        {"a": 20, "from_activation": 1, "alone": 1, "wide": 1, "shift": 19},
        NARROW,
    ),
    "an activation alone to the full range": (
        {"a": 20, "from_activation": 1, "alone": 1, "wide": 1, "shift": 11},
        [256 * value for value in NARROW],
    ),
    "tanh of an activation alone": (
        {"a": 20, "from_activation": 1, "alone": 1, "function": Function.TANH},
        [7, -8, 97, -97],
    ),
}


@pytest.mark.parametrize("name", SUMS)
def test_sums_of_any_memory(name: str) -> None:
    """Operands at both ends of their ranges; what is not the destination stays as it is."""
    fields, expected = SUMS[name]
    fields = {"destination": 30, "count": 4, **ONE, **fields}
    golden = Golden(program_image((Add, fields)))
    memory = golden.state.memory
    memory.state[:4], memory.state[10:14], memory.activation[20:24] = STATES, ADDED, NARROW
    wanted = {"state": memory.state.tolist(), "activation": memory.activation.tolist()}
    store = "state" if fields.get("wide") else "activation"
    at = int(fields["destination"])
    wanted[store][at : at + 4] = expected
    golden.run(NO_FEATURES)
    assert memory.state.tolist() == wanted["state"]
    assert memory.activation.tolist() == wanted["activation"]
