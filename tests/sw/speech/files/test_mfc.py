"""Sphinx feature files in both byte orders."""

import struct
from pathlib import Path

import numpy as np
import pytest

from sordino.errors import InputError
from sordino.speech.files.mfc import read_mfc, write_mfc


@pytest.mark.parametrize(("order", "mark"), [("big", ">"), ("little", "<")])
def test_layout_and_round_trip(tmp_path: Path, order: str, mark: str) -> None:
    path = tmp_path / "a.mfc"
    cepstra = np.arange(26, dtype=np.float32).reshape(2, 13) / 3
    write_mfc(path, cepstra, order)  # type: ignore[arg-type]
    assert path.read_bytes() == struct.pack(f"{mark}i26f", 26, *cepstra.ravel())
    np.testing.assert_array_equal(read_mfc(path), cepstra)


def test_width(tmp_path: Path) -> None:
    write_mfc(tmp_path / "a.mfc", np.zeros((13, 3)))
    assert read_mfc(tmp_path / "a.mfc", width=3).shape == (13, 3)
    with pytest.raises(ValueError, match="shape"):
        write_mfc(tmp_path / "a.mfc", np.zeros(13))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not a Sphinx"),
        (b"\0\0", "not a Sphinx"),
        (struct.pack(">i", 13), "not a Sphinx"),
        (struct.pack(">I12x", 0x40000003), "not a Sphinx"),  # 4 · count wraps in 32 bits
        (struct.pack(">i", 0), "0 floats"),
        (struct.pack(">i14f", 14, *[0] * 14), "14 floats"),
        (struct.pack(">i13f", 13, *[float("nan")] * 13), "finite"),
    ],
)
def test_bad_files_are_refused(tmp_path: Path, data: bytes, message: str) -> None:
    path = tmp_path / "a.mfc"
    path.write_bytes(data)
    with pytest.raises(InputError, match=message):
        read_mfc(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read"):
        read_mfc(tmp_path / "none.mfc")
    with pytest.raises(InputError, match="cannot read"):
        read_mfc(tmp_path)
