"""Parts of a directory: every content finds a way into a dense room, and is decoded as it was."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sordino.arch import Config
from sordino.codec import encode_matrices
from sordino.codec.apart import PAIR, Room, encode_apart, joined, longest_streams
from sordino.golden.codec import decode_matrix


def machine(group: int = 4, state_bits: int = 8) -> Config:
    return Config(
        lanes=8,
        group=group,
        x_fifo=16,
        state_bits=state_bits,
        lane_words=4096,
        group_words=4096,
        rows_per_lane=64,
    )


def values(bits: int, codebook: bool) -> np.ndarray:
    """The values that a matrix of so many bits may have, and zero."""
    top = (1 << bits - 1) - 1
    if codebook:
        return np.unique(np.append(np.linspace(-127, 127, 1 << bits).round(), 0)).astype(np.int8)
    return np.round(np.arange(-top, top + 1) * (127 / top)).astype(np.int8)


@given(
    seed=st.integers(0, 1 << 30),
    bits=st.integers(2, 8),
    codebook=st.booleans(),
    state_bits=st.integers(4, 9),
    group=st.sampled_from([1, 2, 4, 8]),
    zeros=st.sampled_from([0.0, 0.2, 0.5, 0.8, 0.99, 1.0]),
    shapes=st.lists(st.tuples(st.integers(1, 9), st.integers(1, 40)), min_size=1, max_size=3),
)
@settings(deadline=None, max_examples=60)
def test_any_contents_fit_a_dense_room(
    seed, bits, codebook, state_bits, group, zeros, shapes
) -> None:
    config, rng = machine(group, state_bits), np.random.default_rng(seed)
    known = values(bits, codebook)
    matrices = []
    for rows, columns in shapes:
        drawn = rng.choice(known, (rows, config.lanes, columns))
        matrices.append(np.where(rng.random(drawn.shape) < zeros, 0, drawn).astype(np.int8))
    most = min(8, bits + codebook)
    room = Room.dense([rows * columns for rows, columns in shapes], most, config)
    weights = [matrix.size for matrix in matrices]
    part = encode_apart(matrices, config, weights=weights, room=room)
    assert room.holds(longest_streams(part))
    assert len(part.tables) == PAIR
    assert set(part.run_tables) == {0}
    assert set(part.value_tables) == {1}
    before = encode_matrices(matrices[::-1], config)
    whole = joined([before, part, part])
    for number, matrix in enumerate((*matrices[::-1], *matrices, *matrices)):
        found = decode_matrix(
            whole,
            number,
            rows=matrix.shape[0],
            columns=matrix.shape[2],
            runs=whole.tables[whole.run_tables[number]],
            values=whole.tables[whole.value_tables[number]],
        )
        assert (found.slots == matrix).all()
    assert whole.tables == (*before.tables, *part.tables, *part.tables)
    assert whole.bits_per_weight > 0


def test_streams_that_do_not_fit_are_stored_in_full_with_plain_codes() -> None:
    config, rng = machine(), np.random.default_rng(3)
    matrix = np.where(rng.random((8, 8, 32)) < 0.5, 5, 0).astype(np.int8)
    weights, places = [matrix.size], 8 * 32
    free = encode_apart([matrix], config, weights=weights, room=Room(1 << 20, 1 << 20))
    assert longest_streams(free).positions > 1
    dense = encode_apart([matrix], config, weights=weights, room=Room(1, 1 + places // 32))
    assert set(dense.matrices[0].places) == {places}
    assert set(dense.matrices[0].position_bits) == {config.state_bits}
    assert set(dense.matrices[0].value_bits) == {config.state_bits + places}
    small = encode_apart([matrix], config, weights=weights, room=Room(0, 0))
    assert small.matrices in (free.matrices, dense.matrices), "too large, for the caller to refuse"


def test_runs_that_no_alphabet_holds_are_stored_in_full() -> None:
    config, rng = machine(1, 4), np.random.default_rng(0)
    matrix = np.zeros((60, 8, 300), np.int8)
    at = np.cumsum(rng.integers(1, 400, 60))
    matrix.reshape(60, 8, 300)[at % 60, 0, (at // 60) % 300] = rng.integers(1, 127, 60)
    room = Room.dense([60 * 300], 8, config)
    part = encode_apart([matrix], config, weights=[matrix.size], room=room)
    assert room.holds(longest_streams(part))


def test_a_matrix_of_another_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="int8"):
        encode_apart([np.zeros((2, 8, 3))], machine(), weights=[48], room=Room(1 << 9, 1 << 9))
