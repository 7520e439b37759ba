"""The exact decoder: what the encoder wrote comes back, whatever else is refused or decoded."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from sordino.arch import Config
from sordino.codec import EncodedMatrices, encode_matrices
from sordino.golden.codec import DecodedMatrix, StreamError, decode_matrix
from sordino.image.image import MatrixStreams
from sordino.image.tans import Symbol

Slots = NDArray[np.int8]


def config(lanes: int, group: int, state_bits: int = 8, rows: int = 1024) -> Config:
    return Config(
        lanes=lanes,
        group=group,
        state_bits=state_bits,
        x_fifo=16,
        lane_words=1 << 16,
        group_words=1 << 16,
        rows_per_lane=rows,
    )


def random_slots(
    shape: tuple[int, int, int], zeros: float, bits: int, seed: int, whole_groups: int = 1
) -> Slots:
    rng = np.random.default_rng(seed)
    rows, lanes, columns = shape
    low = -(1 << (bits - 1))
    keep = rng.random((rows, lanes // whole_groups, columns)) >= zeros
    weights = rng.integers(low, -low, shape) * np.repeat(keep, whole_groups, axis=1)
    return weights.astype(np.int8)


def decode(encoded: EncodedMatrices, number: int, slots: Slots) -> DecodedMatrix:
    return decode_matrix(
        encoded,
        number,
        rows=slots.shape[0],
        columns=slots.shape[2],
        runs=encoded.tables[encoded.run_tables[number]],
        values=encoded.tables[encoded.value_tables[number]],
    )


def check(encoded: EncodedMatrices, matrices: list[Slots]) -> None:
    for number, slots in enumerate(matrices):
        found = decode(encoded, number, slots)
        np.testing.assert_array_equal(found.slots, slots)
        assert found.slots.dtype == np.int8
        rows, _, columns = slots.shape
        group = encoded.config.group
        occupied = (slots.reshape(rows, -1, group, columns) != 0).any(axis=2)
        assert not (occupied & ~found.mask).any()
        stats = encoded.stats[number]
        assert (found.places, found.padding) == (stats.places, stats.padding)
        assert found.places == found.mask.sum()
        assert found.places + found.padding == sum(encoded.matrices[number].places)


matrices_strategy = st.lists(
    st.tuples(
        st.sampled_from([1, 1, 2, 3, 5, 12, 64]),  # rows a lane
        st.sampled_from([1, 2, 3, 17, 40, 100]),  # columns
        st.sampled_from([0.0, 0.3, 0.5, 0.8, 0.9, 0.99, 1.0]),  # share of zeros
        st.integers(2, 8),  # bits
        st.booleans(),  # zeros in whole groups
    ),
    min_size=1,
    max_size=3,
)


@given(
    machine=st.sampled_from([(4, 1), (4, 2), (4, 4), (8, 8), (8, 4), (12, 2)]),
    state_bits=st.integers(4, 9),
    kinds=matrices_strategy,
    seed=st.integers(0, 2**32 - 1),
)
@settings(deadline=None, max_examples=120)
def test_matrices_come_back(
    machine: tuple[int, int],
    state_bits: int,
    kinds: list[tuple[int, int, float, int, bool]],
    seed: int,
) -> None:
    lanes, group = machine
    matrices = [
        random_slots((rows, lanes, columns), zeros, bits, seed + n, group if whole else 1)
        for n, (rows, columns, zeros, bits, whole) in enumerate(kinds)
    ]
    encoded = encode_matrices(matrices, config(lanes, group, state_bits))
    check(encoded, matrices)
    for slots, decoded in zip(matrices, range(len(matrices)), strict=True):
        occupied = slots.reshape(slots.shape[0], -1, group, slots.shape[2]).any(axis=2)
        np.testing.assert_array_equal(decode(encoded, decoded, slots).mask, occupied)


@pytest.mark.parametrize("state_bits", [4, 5, 6, 7, 8])
@pytest.mark.parametrize("rows", [240, 241, 1024])
def test_many_rows_few_states(state_bits: int, rows: int) -> None:
    """Where an alphabet cannot cover all runs the walk also stops at zeros; weights are exact."""
    few = np.zeros((rows, 4, 30), np.int8)
    at = np.random.default_rng(rows + state_bits)
    for _ in range(40):
        few[at.integers(rows), at.integers(4), at.integers(30)] = at.integers(1, 127)
    many = random_slots((rows, 4, 3), 0.99, 8, rows)
    encoded = encode_matrices([few, many], config(4, 1, state_bits))
    check(encoded, [few, many])
    if state_bits >= 7 or rows == 240:
        assert encoded.stats[0].places == np.count_nonzero(few)


def test_uneven_lanes_and_empty_groups() -> None:
    slots = random_slots((6, 8, 50), 0.2, 8, 7)
    slots[:, 2:4] = 0
    slots[:, 5] *= np.random.default_rng(1).random((6, 50)) < 0.02
    slots[0, 7, 49] = -128
    for group in (1, 2, 4, 8):
        check(encode_matrices([slots], config(8, group)), [slots])


def test_very_long_runs() -> None:
    slots = np.zeros((2, 4, 3000), np.int8)
    slots[1, 0, 2999] = 5
    slots[0, 2, 0] = -5
    encoded = encode_matrices([slots], config(4, 1))
    check(encoded, [slots])
    assert encoded.stats[0].padding == (2999 - 1) // 7


def test_real_sizes_are_fast_and_exact() -> None:
    """A quarter of a million 8-bit weights, dense."""
    slots = random_slots((64, 16, 256), 0.0, 8, 3)
    check(encode_matrices([slots], config(16, 4)), [slots])


def one_group(
    *, runs: Symbol, count: int, words: bytes, values: tuple[bytes, ...] = (b"\0\0",) * 4
) -> tuple[EncodedMatrices, tuple[Symbol, ...]]:
    """A hand-made image of one group with a run table of a single symbol."""
    encoded = EncodedMatrices(
        config=config(4, 4, 4),
        tables=((runs,), (Symbol(1, 0, 16),)),
        run_tables=(0,),
        value_tables=(1,),
        matrices=(MatrixStreams((count,), (8 * len(words),), (16,) * 4),),
        positions=(words,),
        values=values,
        stats=(),
    )
    return encoded, encoded.tables[1]


@pytest.mark.parametrize(
    ("runs", "count", "words", "rows", "columns", "message"),
    [
        (Symbol(0, 0, 16), 5, b"\0\0", 2, 2, "group 0: 5 places in 2 rows of 2 columns"),
        (Symbol(1, 0, 16), 3, b"\0\0", 2, 2, "place in column 2 of 2"),
        (Symbol(0, 0, 16, padding=True), 1, b"\0\0", 2, 7, "place in column 7 of 7"),
        (Symbol(0, 0, 16), 2, b"\3\0", 2, 2, "position stream ends in state 3, not 0"),
        (Symbol(8, 0, 16), 1, b"\0\0", 1, 20, "a run passes 8 columns, more than 7"),
        (Symbol(-1, 0, 16), 1, b"\0\0", 1, 20, "a run is negative"),
    ],
)
def test_streams_that_leave_the_matrix(
    runs: Symbol, count: int, words: bytes, rows: int, columns: int, message: str
) -> None:
    encoded, values = one_group(runs=runs, count=count, words=words)
    with pytest.raises(StreamError, match=message):
        decode_matrix(encoded, 0, rows=rows, columns=columns, runs=encoded.tables[0], values=values)


def test_a_run_may_pass_7_columns() -> None:
    encoded, values = one_group(runs=Symbol(7, 0, 16), count=1, words=b"\0\0")
    found = decode_matrix(encoded, 0, rows=1, columns=8, runs=encoded.tables[0], values=values)
    assert np.argwhere(found.mask).tolist() == [[0, 0, 7]]


def test_value_streams_must_end_in_state_0() -> None:
    lanes = (b"\0\0", b"\0\0", b"\5\0", b"\0\0")
    encoded, values = one_group(runs=Symbol(0, 0, 16), count=2, words=b"\0\0", values=lanes)
    with pytest.raises(StreamError, match="matrix 0, lane 2: value stream ends in state 5, not 0"):
        decode_matrix(encoded, 0, rows=2, columns=2, runs=encoded.tables[0], values=values)


def test_padding_alone_reads_no_values() -> None:
    """Padding from row -1 stands in column 7; value streams in whatever state are not read."""
    runs = Symbol(0, 0, 16, padding=True)
    encoded, values = one_group(runs=runs, count=1, words=b"\0\0", values=(b"\xff\xff",) * 4)
    found = decode_matrix(encoded, 0, rows=2, columns=8, runs=encoded.tables[0], values=values)
    assert (found.places, found.padding, found.slots.any()) == (0, 1, False)


def test_missing_words_are_zero() -> None:
    slots = random_slots((3, 4, 9), 0.0, 8, 1)
    encoded = encode_matrices([slots], config(4, 4))
    short = replace(encoded, values=tuple(v.rstrip(b"\0") for v in encoded.values))
    np.testing.assert_array_equal(decode(short, 0, slots).slots, slots)
    zeros = replace(encoded, values=tuple(bytes(len(v)) for v in encoded.values))
    none = replace(encoded, values=(b"",) * 4)
    assert outcome(zeros, slots) == outcome(none, slots)


def outcome(encoded: EncodedMatrices, slots: Slots) -> bytes | str:
    try:
        found = decode(encoded, 0, slots)
    except StreamError as error:
        return str(error)
    assert found.slots.shape == slots.shape
    return found.slots.tobytes()


@given(
    group=st.sampled_from([1, 4]),
    zeros=st.sampled_from([0.0, 0.8, 0.97]),
    state_bits=st.sampled_from([4, 8, 9]),
    kind=st.sampled_from(["flip", "noise", "cut", "places"]),
    seed=st.integers(0, 2**32 - 1),
)
@settings(deadline=None, max_examples=150)
def test_corrupt_streams_end(
    group: int, zeros: float, state_bits: int, kind: str, seed: int
) -> None:
    """Whatever the bytes are: a matrix of the right shape or StreamError, nothing else."""
    rng = np.random.default_rng(seed)
    slots = random_slots((5, 4, 40), zeros, 8, seed)
    encoded = encode_matrices([slots], config(4, group, state_bits))
    if kind == "places":
        entry = encoded.matrices[0]
        places = tuple(int(rng.integers(0, 2**32)) >> 8 * n for n in range(len(entry.places)))
        broken = replace(encoded, matrices=(replace(entry, places=places),))
    else:
        name = ("positions", "values")[int(rng.integers(2))]
        memories = tuple(corrupt(m, kind, rng) for m in getattr(encoded, name))
        broken = replace(encoded, **{name: memories})
    outcome(broken, slots)


def corrupt(memory: bytes, kind: str, rng: np.random.Generator) -> bytes:
    if kind == "noise" or not memory:
        return rng.bytes(len(memory))
    if kind == "cut":
        return memory[: int(rng.integers(len(memory)))]
    changed = bytearray(memory)
    changed[int(rng.integers(len(memory)))] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def test_most_flips_in_value_streams_change_something() -> None:
    """The end state alone misses some flips, which is why CRCs protect the streams."""
    slots = random_slots((4, 4, 50), 0.5, 5, 2)
    encoded = encode_matrices([slots], config(4, 1))
    results = []
    for bit in range(0, 8 * len(encoded.values[0]) - 16, 5):
        memory = bytearray(encoded.values[0])
        memory[bit // 8] ^= 1 << bit % 8
        broken = replace(encoded, values=(bytes(memory), *encoded.values[1:]))
        results.append(outcome(broken, slots))
    assert slots.tobytes() not in results
    assert any(isinstance(result, str) for result in results)
    assert any(isinstance(result, bytes) for result in results)
