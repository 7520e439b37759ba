"""Whole matrices: a hand-worked image, statistics, refusals, the same bytes every time."""

import os
import subprocess
import sys

import numpy as np
import pytest
from numpy.typing import NDArray

from sordino.arch import Config
from sordino.codec import EncodedMatrices, encode_matrices
from sordino.image.image import Image, MatrixStreams
from sordino.image.tans import Symbol


def config(lanes: int = 4, group: int = 4, state_bits: int = 4, rows: int = 64) -> Config:
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
    shape: tuple[int, int, int], zeros: float, seed: int, limit: int = 7
) -> NDArray[np.int8]:
    rng = np.random.default_rng(seed)
    slots = rng.integers(-limit, limit + 1, shape) * (rng.random(shape) >= zeros)
    return slots.astype(np.int8)


def test_a_matrix_worked_by_hand() -> None:
    """One row a lane, places in columns 0, 1 and 3: runs 0, 0, 1; lane 0 has 1, 2, 1 there.

    One symbol with one raw bit serves the runs and one the values, so a stream is state 0 (four
    bits) and one bit a place.
    """
    slots = np.array([[[1, 2, 0, 1], [1, 1, 0, 1], [1, 1, 0, 1], [1, 1, 0, 2]]], np.int8)
    encoded = encode_matrices([slots], config())
    assert encoded.tables == ((Symbol(0, 1, 16),), (Symbol(1, 1, 16),))
    assert encoded.matrices == (MatrixStreams((3,), (7,), (7, 7, 7, 7)),)
    assert encoded.positions == (b"\x40\0",)
    assert encoded.values == (b"\x20\0", b"\0\0", b"\0\0", b"\x40\0")
    (stats,) = encoded.stats
    assert (stats.weights, stats.non_zeros, stats.places, stats.padding) == (16, 12, 3, 0)
    assert (stats.position_bits, stats.value_bits, encoded.rounding_bits) == (7, 28, 80 - 35)
    # One symbol: 3 + 1 + 3 + 3 + 7 + 2 bits. Lists 3, 7 and 7, all alike: 10 + 12 + 12 bits.
    assert (stats.table_bits, stats.directory_bits) == (19, 34)
    counts = np.array([4, 10, 2]) / 16
    assert stats.h0 == pytest.approx(-(counts * np.log2(counts)).sum())
    assert stats.bits_per_weight == (35 + 19 + 34) / 16
    assert encoded.bits_per_weight == (80 + 19 + 34 + 17) / 16


def test_nothing_to_encode() -> None:
    """Groups without weights have no streams; tables are valid all the same."""
    empty = np.zeros((3, 4, 5), np.int8)
    encoded = encode_matrices([empty], config(group=1))
    assert encoded.tables == ((Symbol(0, 0, 16),),) * 2
    assert encoded.matrices == (MatrixStreams((0,) * 4, (0,) * 4, (0,) * 4),)
    assert encoded.positions == encoded.values == (b"",) * 4
    assert encoded.stats[0].h0 == 0
    assert encode_matrices([], config()).tables == ((Symbol(0, 0, 16),),)


def test_streams_follow_each_other() -> None:
    """Each matrix has its bits where the directory's running sums say, without gaps."""
    matrices = [random_slots((5, 8, 9), 0.5, 1), random_slots((2, 8, 30), 0.9, 2)]
    both = encode_matrices(matrices, config(8, 2))
    assert (both.run_tables, both.value_tables) == ((0, 0), (1, 1)), "they are small and alike"
    assert len(both.tables) == 2
    assert len(both.positions) == 4
    for unit, memory in enumerate(both.positions):
        assert len(memory) == 2 * -(-sum(m.position_bits[unit] for m in both.matrices) // 16)
    for unit, memory in enumerate(both.values):
        assert len(memory) == 2 * -(-sum(m.value_bits[unit] for m in both.matrices) // 16)
    stored = 8 * sum(map(len, both.positions + both.values))
    assert stored == sum(stats.stream_bits for stats in both.stats) + both.rounding_bits
    assert 0 <= both.rounding_bits <= 15 * 12
    twice = encode_matrices(matrices[:1] * 2, config(8, 2))
    for memory, length in zip(twice.values, twice.matrices[0].value_bits, strict=True):
        contents = int.from_bytes(memory, "little")
        assert contents >> length == contents & (1 << length) - 1 != 0


def test_the_image_takes_it() -> None:
    matrices = [random_slots((5, 8, 9), 0.5, 1), random_slots((2, 8, 100), 0.97, 2, limit=127)]
    encoded = encode_matrices(matrices, config(8, 4))
    image = Image(
        config=encoded.config,
        program=(),
        parameters=b"",
        tables=encoded.tables,
        matrices=encoded.matrices,
        positions=encoded.positions,
        values=encoded.values,
    )
    assert Image.from_bytes(image.to_bytes()) == image


def test_empty_slots_do_not_count_as_weights() -> None:
    slots = random_slots((2, 4, 6), 0.0, 3)
    slots[slots == 0] = 1
    slots[1, 1:] = 0
    (stats,) = encode_matrices([slots], config(), weights=[30]).stats
    assert (stats.weights, stats.non_zeros) == (30, 30)
    dealt = np.concatenate([slots[0], slots[1, :1]])
    shares = np.unique(dealt, return_counts=True)[1] / 30
    assert stats.h0 == pytest.approx(-(shares * np.log2(shares)).sum())
    with pytest.raises(ValueError, match="wanted 1 to 48 weights, all non-zeros among them"):
        encode_matrices([slots], config(), weights=[29])


@pytest.mark.parametrize(
    ("slots", "message"),
    [
        (np.zeros((1, 4, 1), np.int16), r"wanted matrix 0 to be int8 .*, got int16 \(1, 4, 1\)"),
        (np.zeros((4, 1), np.int8), r"to be int8 \(rows, lanes, columns\), got int8 \(4, 1\)"),
        (np.zeros((1, 4, 0), np.int8), r"got int8 \(1, 4, 0\)"),
        (np.zeros((1, 8, 1), np.int8), "to have 4 lanes of at most 64 rows, got 8 of 1;"),
        (np.zeros((65, 4, 1), np.int8), "to have 4 lanes of at most 64 rows, got 4 of 65;"),
    ],
)
def test_wrong_arrays_are_refused(slots: NDArray[np.int8], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        encode_matrices([slots], config())


def image_of(seed: int) -> EncodedMatrices:
    matrices = [random_slots((7, 8, 40), zeros, seed, 127) for zeros in (0.0, 0.5, 0.95)]
    return encode_matrices(matrices, config(8, 2, 8))


def test_same_bytes_every_time() -> None:
    assert image_of(1) == image_of(1)
    assert image_of(1) != image_of(2)


def test_same_bytes_with_other_hash_seeds() -> None:
    script = (
        f"import runpy, hashlib; e = runpy.run_path({__file__!r})['image_of'](5); "
        "print(hashlib.sha256(repr(e).encode()).hexdigest())"
    )
    found = {
        subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(sys.path)},
            check=True,
            capture_output=True,
            text=True,
            timeout=60,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(found) == 1
    assert len(found.pop().strip()) == 64
