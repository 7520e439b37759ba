"""The baseline without skipping: every place stored, every place a cycle."""

import numpy as np
import pytest
from numpy.typing import NDArray

from sordino.codec import encode_matrices
from sordino.golden.codec import decode_matrix
from sordino.testing.images.programs import random_slots
from sordino.tools.bench.matvec_bench import bench_matvec
from sordino.tools.trials import MACHINES


def sparse(outputs: int, inputs: int, zeros: float, seed: int = 0) -> NDArray[np.int8]:
    rng = np.random.default_rng(seed)
    values = rng.integers(1, 16, (outputs, inputs)) * rng.choice([-1, 1], (outputs, inputs))
    return np.where(rng.random(values.shape) < zeros, 0, values).astype(np.int8)


@pytest.mark.parametrize("machine", MACHINES)
def test_every_place_is_encoded(machine: str) -> None:
    config = MACHINES[machine]
    slots = random_slots(np.random.default_rng(1), config, rows=5, columns=23, density=0.1)
    slots[:, : config.group] = 0
    encoded = encode_matrices([slots], config, stored_zeros=True)
    found = decode_matrix(
        encoded, 0, rows=5, columns=23, runs=encoded.tables[0], values=encoded.tables[1]
    )
    np.testing.assert_array_equal(found.slots, slots)
    assert found.mask.all()
    assert set(encoded.matrices[0].places) == {5 * 23}
    assert (found.places, found.padding) == (5 * 23 * config.groups, 0)
    assert encoded.stats[0].non_zeros == np.count_nonzero(slots)
    assert found.places > encode_matrices([slots], config).stats[0].places


def test_skipping_buys_the_zeros() -> None:
    """MATVEC with every place takes rows × columns and 16 cycles; without zeros a fifth."""
    matrix = sparse(64 * 8, 300, zeros=0.8)
    skipped, stored = (
        bench_matvec(matrix, 8, 1, zeros=zeros, engine="cycles") for zeros in ("skipped", "stored")
    )
    assert stored["matvec_cycles"] == 64 * 300 + 16 + 3
    assert (stored["places"], stored["balance"]) == (matrix.size, 1.0)
    assert skipped["places"] == skipped["non_zeros"] == stored["non_zeros"]
    assert 0.97 < skipped["balance"] <= 1.0
    assert 4.7 < stored["matvec_cycles"] / skipped["matvec_cycles"] < 5.2


@pytest.mark.parametrize("zeros", ["skipped", "stored"])
def test_figures_of_both_engines(zeros: str) -> None:
    """A matrix of several tiles, too."""
    matrix = sparse(1024 * 4 + 29, 11, zeros=0.6)
    rtl, cycles = (
        bench_matvec(matrix, 4, 1, zeros=zeros, engine=engine)  # type: ignore[arg-type]
        for engine in ("rtl", "cycles")
    )
    assert rtl == cycles
    assert rtl["zeros"] == zeros
