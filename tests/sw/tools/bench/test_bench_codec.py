"""What a matrix costs: the figures the design stands on."""

import numpy as np
import pytest
from numpy.typing import NDArray

from sordino.arch import ConfigError
from sordino.tools.bench.bench_codec import bench_codec


def laplacian(shape: tuple[int, int], bits: int, zeros: float, group: int) -> NDArray[np.int8]:
    """Random weights with the smallest groups of neighbouring rows zero."""
    weights = np.random.default_rng(0).laplace(size=shape)
    limit = (1 << (bits - 1)) - 1
    size = np.repeat(np.square(weights).reshape(-1, group, shape[1]).sum(axis=1), group, axis=0)
    weights *= size >= np.quantile(size, zeros)
    return np.rint(weights / np.abs(weights).max() * limit).astype(np.int8)


@pytest.mark.parametrize(("lanes", "most"), [(16, 1.010), (64, 1.020)])
@pytest.mark.parametrize("bits", [4, 5])
@pytest.mark.parametrize("zeros", [0.0, 0.5, 0.8])
def test_single_weights_come_close_to_the_entropy(
    lanes: int, most: float, bits: int, zeros: float
) -> None:
    bench = bench_codec(laplacian((1024, 512), bits, zeros, 1), lanes, 1)
    assert bench.over_h0 is not None
    assert 1 < bench.over_h0 < most


def test_groups_cost_less_than_the_entropy_of_single_weights() -> None:
    """Where zeros come in fours, one position serves four weights."""
    bench = bench_codec(laplacian((1024, 512), 5, 0.8, 4), 16, 4)
    assert bench.over_h0 is not None
    assert bench.over_h0 < 0.78


def test_everything_is_counted() -> None:
    matrix = laplacian((30, 20), 5, 0.5, 1)
    bench = bench_codec(matrix, 4, 2, state_bits=6)
    assert (bench.lanes, bench.group, bench.state_bits) == (4, 2, 6)
    assert (bench.weights, bench.non_zeros) == (600, np.count_nonzero(matrix))
    assert 3 * 6 < bench.directory_bits < 120
    assert 60 < bench.table_bits < 400
    streams = bench.position_bits + bench.value_bits + bench.rounding_bits
    assert streams % 16 == 0
    assert 0 <= bench.rounding_bits < 16 * 6
    total = streams + bench.table_bits + bench.directory_bits
    assert bench.bits_per_weight == pytest.approx(total / 600)
    assert bench.over_h0 == pytest.approx(bench.bits_per_weight / bench.h0)


def test_tall_matrices_are_tiled() -> None:
    matrix = laplacian((4 * 1024 + 3, 2), 4, 0.5, 1)
    bench = bench_codec(matrix, 4, 4)
    assert (bench.weights, bench.non_zeros) == (matrix.size, np.count_nonzero(matrix))
    assert 2 * 3 * 6 < bench.directory_bits < 2 * 100


def test_zeros_alone() -> None:
    bench = bench_codec(np.zeros((1, 1), np.int8), 16, 4)
    assert (bench.h0, bench.over_h0, bench.non_zeros) == (0, None, 0)
    assert bench.position_bits == bench.value_bits == bench.rounding_bits == 0


def test_long_runs_are_padded() -> None:
    matrix = np.zeros((4, 100), np.int8)
    matrix[:, 90] = 1
    assert bench_codec(matrix, 4, 4).padding_places == 12  # 84 columns; the run does the last 6
    assert bench_codec(matrix, 4, 1).padding_places == 48


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(ValueError, match=r"wanted an int8 matrix, got int64 \(2, 2\)"):
        bench_codec(np.ones((2, 2), np.int64), 4, 1)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"got int8 \(0, 2\)"):
        bench_codec(np.ones((0, 2), np.int8), 4, 1)
    with pytest.raises(ConfigError, match="wanted lanes to be a multiple"):
        bench_codec(np.ones((2, 2), np.int8), 6, 1)
