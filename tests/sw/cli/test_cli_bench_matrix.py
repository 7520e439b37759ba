"""Matrices that `sordino bench` is given."""

import io

import numpy as np
import pytest


def header(shape: tuple[int, ...]) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        file, {"descr": "|i1", "fortran_order": False, "shape": shape}
    )
    return file.getvalue()


@pytest.mark.parametrize(
    ("contents", "wanted"),
    [
        (b"", "cannot read"),
        (b"PK\3\4", "cannot read"),
        (header((4, 10**12)), "at most 100,000,000 numbers"),
        (header((10**4, 10**4)), "as its header says, got"),
        (header((4,)) + bytes(4), "rows and columns"),
        (header((0, 4)), "rows and columns"),
    ],
)
def test_refused(sordino, tmp_path, contents, wanted):
    path = tmp_path / "x.npy"
    path.write_bytes(contents)
    command = ("bench", "codec", "--matrix", path)
    assert wanted in sordino(*command).complaint()


def test_floats_are_refused(sordino, tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((4, 4)))
    refused = sordino("bench", "codec", "--matrix", tmp_path / "x.npy").complaint()
    assert "wanted int8 values" in refused


def test_a_matrix_in_either_order(sordino, tmp_path):
    matrix = np.random.default_rng(0).integers(-3, 4, (32, 32))
    figures = []
    for order in "CF":
        np.save(tmp_path / "x.npy", np.asarray(matrix, np.int8, order=order))
        figures.append(sordino("bench", "codec", "--matrix", tmp_path / "x.npy", "--json").json())
    assert figures[0] == figures[1]
