"""`sordino bench engines` and the engines of `sordino bench matvec`."""

import numpy as np
import pytest


@pytest.fixture
def matrix(tmp_path):
    """A 4-bit matrix with half of its groups of four rows zero."""
    rng = np.random.default_rng(0)
    keep = np.repeat(rng.random((8, 24)) < 0.5, 4, axis=0)
    path = tmp_path / "w.npy"
    np.save(path, (rng.integers(-7, 8, keep.shape) * keep).astype(np.int8))
    return path


def test_engines_on_a_users_matrix(sordino, matrix):
    arguments = ("bench", "engines", "--matrix", matrix, "--lanes", 8, "--no-vela")
    report = sordino(*arguments, "--json").json()
    assert [(row["group"], row["bits"], row["source"]) for row in report["sizes"]] == [
        (1, 4, "w.npy"),
        (4, 4, "w.npy"),
    ]
    assert [row["lanes"] for row in report["cycles"]] == [8, 8]
    assert report["vela"] is None
    printed = sordino(*arguments)
    assert printed.code == 0
    assert "Bits per weight" in printed.out
    assert "Cycles of one matrix" in printed.out
    assert "Vela is left out" in printed.err


def test_sizes_alone_of_random_matrices(sordino):
    options = ("--bits", 4, "--zeros", 0.999, "--group", 4, "--lanes", 16)
    flags = ("--no-vela", "--no-trained", "--no-cycles", "--json")
    report = sordino("bench", "engines", *options, *flags).json()
    (row,) = report["sizes"]
    assert row["zeros"] > 0.99
    (encoded,) = row["sordino"]
    parts = ("positions", "values", "rounding", "tables", "directory")
    assert encoded["bits_per_weight"] == pytest.approx(sum(encoded[part] for part in parts))
    assert report["cycles"] == []


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (("--group", 3), "powers of two"),
        (("--group", 32, "--lanes", 16), "32"),
        (("--lanes", 18, "--group", 1), "lanes"),
        (("--bits", 9), "bits"),
        (("--matrix", "none.npy"), "none.npy"),
    ],
    ids=str,
)
def test_engines_refuses(sordino, options, word):
    flags = ("--no-vela", "--no-trained", "--no-cycles")
    assert word in sordino("bench", "engines", *options, *flags).complaint()


def test_matvec_on_the_cycle_engine(sordino, matrix):
    arguments = ("bench", "matvec", "--matrix", matrix, "--lanes", 4, "--group", 4, "--json")
    skipped = sordino(*arguments, "--engine", "cycles").json()
    stored = sordino(*arguments, "--engine", "cycles", "--zeros", "stored").json()
    assert stored["places"] == 8 * 24 > skipped["places"]
    assert stored["matvec_cycles"] > 1.5 * skipped["matvec_cycles"]
