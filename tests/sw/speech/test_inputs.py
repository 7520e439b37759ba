"""Where input may come from: files, pipes, streams; and matrices whose headers lie."""

import io
import os
import struct
import threading
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sordino.errors import InputError
from sordino.speech.features import FeatureDefinition
from sordino.speech.files.matrix_files import MOST_FRAMES, read_matrix
from sordino.speech.files.mfc import read_mfc
from sordino.speech.inputs import load_input, read_input, read_vectors
from sordino.speech.mfcc import MfccDefinition, mfcc

DEFINITION = FeatureDefinition(mean=(0.5,) * 13, std=(2.0,) * 13)
WIDTHS = {13: "cepstra"}


def npy(shape: object, dtype: str = "<f8", data: bytes = b"") -> bytes:
    header = f"{{'descr': {dtype!r}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + data


def test_a_pipe_and_a_stream_hold_what_the_file_holds(utterances: Path, tmp_path: Path) -> None:
    path, pipe = utterances / "yes.wav", tmp_path / "pipe"
    wanted = load_input(path, DEFINITION)
    np.testing.assert_array_equal(
        read_input(io.BytesIO(path.read_bytes()), DEFINITION).quantised, wanted
    )
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(path.read_bytes()))
    writer.start()
    np.testing.assert_array_equal(load_input(pipe, DEFINITION), wanted)
    writer.join()
    file = io.BytesIO()
    np.save(file, wanted)
    again = read_input(io.BytesIO(file.getvalue()), DEFINITION)
    np.testing.assert_array_equal(again.quantised, wanted)
    assert again.audio is None


def test_a_stream_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sordino.speech.files.source.MOST_BYTES", 1000)
    with pytest.raises(InputError, match="wanted at most 1,000 bytes from standard input"):
        read_input(io.BytesIO(bytes(1001)), DEFINITION, "standard input")
    with pytest.raises(InputError, match="on standard input, got nothing"):
        read_input(io.BytesIO(), DEFINITION, "standard input")


def test_vectors_for_a_model_that_says_nothing_of_them(tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    vectors = np.random.default_rng(0).integers(-100, 100, (5, 7)).astype(np.int8)
    np.save(path, vectors)
    np.testing.assert_array_equal(read_vectors(path, 7).quantised, vectors)
    with pytest.raises(InputError, match=r"frames × 8 int8 model input .*, got shape \(5, 7\)"):
        read_vectors(path, 8)
    np.save(path, vectors / 32)
    with pytest.raises(InputError, match=r"wanted int8 .*, got float64"):
        read_vectors(path, 7)
    np.save(path, np.full((5, 7), 127, np.int8))
    assert "100.0% of the model's int8 input is saturated" in read_vectors(path, 7).doubts[0]


@pytest.mark.parametrize("rows", [MOST_FRAMES + 1, 10**12, 10**30])
def test_shapes_that_a_header_makes_up(tmp_path: Path, rows: int) -> None:
    (tmp_path / "x.npy").write_bytes(npy((rows, 13)))
    with pytest.raises(InputError, match=f"wanted at most {MOST_FRAMES:,} frames"):
        read_matrix(tmp_path / "x.npy", WIDTHS)


@pytest.mark.parametrize("shape", ["(-1, 13)", "(0, 13)", "()", "(2, 10**9)", "(2.0, 13)", "7"])
def test_other_shapes(tmp_path: Path, shape: str) -> None:
    (tmp_path / "x.npy").write_bytes(npy(shape))
    with pytest.raises(InputError, match=r"x\.npy"):
        read_matrix(tmp_path / "x.npy", WIDTHS)


def test_a_matrix_that_was_cut_short(tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    np.save(path, np.ones((9, 13)))
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(InputError, match=r"wanted 1,064 bytes .*, got 1,056: it was cut short"):
        read_matrix(path, WIDTHS)


def test_a_second_matrix_in_the_file(tmp_path: Path) -> None:
    with (tmp_path / "x.npy").open("wb") as file:
        for _ in range(2):
            np.save(file, np.ones((9, 13)))
    with pytest.raises(InputError, match=r"got 2,128: more follows; save one matrix a file"):
        read_matrix(tmp_path / "x.npy", WIDTHS)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["<f4", ">f8", "<f2", "i1", ">u2"])
def test_matrices_are_read_as_numpy_reads_them(tmp_path: Path, order: str, dtype: str) -> None:
    matrix = np.arange(39).reshape(3, 13).astype(dtype, order=order)
    np.save(tmp_path / "x.npy", matrix)
    read = read_matrix(tmp_path / "x.npy", WIDTHS)
    assert read.dtype == matrix.dtype
    np.testing.assert_array_equal(read, matrix)


@pytest.mark.parametrize("at", range(10, 128))
def test_a_header_with_another_letter(at: int) -> None:
    """NumPy reads headers of Python 2 through a tokenizer, which has errors of its own."""
    data = bytearray(npy("(9, 13)", data=bytes(936)))
    assert read_matrix(io.BytesIO(data), WIDTHS).shape == (9, 13)
    for letter in b"(L'{\\\n\xff":
        spoilt = data[:at] + bytes([letter]) + data[at + 1 :]
        with suppress(InputError):
            assert read_matrix(io.BytesIO(spoilt), WIDTHS).shape[1] == 13


@given(st.binary(max_size=120))
@settings(max_examples=200)
def test_no_matrix_is_a_traceback(data: bytes) -> None:
    for start in (b"", b"\x93NUMPY", b"\x93NUMPY\x01\x00", b"\x93NUMPY\x01\x00\x60\x00{'descr':"):
        with pytest.raises(InputError):
            read_matrix(io.BytesIO(start + data), WIDTHS)


def test_cepstra_files_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.mfc"
    path.write_bytes(struct.pack(">i", 130) + bytes(520))
    assert len(read_mfc(path)) == 10
    monkeypatch.setattr("sordino.speech.files.mfc.MOST_FRAMES", 9)
    with pytest.raises(InputError, match="wanted at most 9 frames"):
        read_mfc(path)


def test_long_recordings_are_windowed_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    samples = np.random.default_rng(0).normal(size=16000) * 1000
    whole = mfcc(samples, MfccDefinition())
    monkeypatch.setattr("sordino.speech.mfcc._FRAMES", 7)
    parts = mfcc(samples, MfccDefinition())
    assert parts.shape == whole.shape
    np.testing.assert_array_equal(np.round(parts, 9), np.round(whole, 9))
