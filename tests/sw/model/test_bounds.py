"""What a file declares is bounded before memory is taken."""

import io
import json
import struct
import tracemalloc
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sordino.errors import InputError
from sordino.model.load import load_model, model_from_arrays
from sordino.model.random_rnnt import random_arrays, random_meta
from sordino.npy import MOST_NUMBERS

GIB = 1 << 30
MOST_MEMORY = 40 << 20
"""Of a refusal, whatever the file says: bytes."""


def npy(array: Any) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def header(shape: tuple[int, ...], descr: str = "<f4") -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        file, {"descr": descr, "fortran_order": False, "shape": shape}
    )
    return file.getvalue()


def archive(path: Path, **members: tuple[bytes, int]) -> Path:
    """A model as .npz with members instead of its own: a beginning, and how many zeros follow."""
    arrays = {n: a.astype(np.float32) for n, a in random_arrays(np.random.default_rng(0)).items()}
    plain = {"meta": np.array(json.dumps(random_meta())), **arrays}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as held:
        for name, array in plain.items():
            if name not in members:
                held.writestr(f"{name}.npy", npy(array))
        for name, (start, zeros) in members.items():
            with held.open(f"{name}.npy", "w", force_zip64=True) as file:
                file.write(start)
                for at in range(0, zeros, 1 << 24):
                    file.write(bytes(min(zeros - at, 1 << 24)))
    return path


def refuse(path: Path, meta: Path | None = None) -> str:
    tracemalloc.start()
    try:
        with pytest.raises(InputError) as caught:
            load_model(path, meta)
        assert tracemalloc.get_traced_memory()[1] < MOST_MEMORY
    finally:
        tracemalloc.stop()
    assert "\n" not in str(caught.value)
    return str(caught.value)


FIRST = "encoder.0.weight_ih"
ARCHIVES: dict[str, tuple[dict[str, tuple[bytes, int]], str]] = {
    "a gibibyte": ({FIRST: (header((GIB // 256, 64)), GIB)}, "unpacked, got 1,07"),
    "many numbers": ({FIRST: (header((MOST_NUMBERS + 1,), "|i1"), MOST_NUMBERS + 1)}, "100,00"),
    "another shape": (
        {FIRST: (header((MOST_NUMBERS // 64, 32)), MOST_NUMBERS // 64 * 128)},
        f"wanted {FIRST} of size 32 × any",
    ),
    "statistics": (
        {"features.mean": (header((10**7,)), 4 * 10**7), "features.std": (header((1,)), 4)},
        "without",
    ),
    "a longer header": (
        {FIRST: (b"\x93NUMPY\2\0" + struct.pack("<I", GIB // 4), GIB // 4)},
        "something else",
    ),
    "meta": ({"meta": (header((), "<U50000000"), 200_000_000)}, "meta of at most 16,777,216 bytes"),
    "an unknown one": ({"zeros": (header((10**7,)), 4 * 10**7)}, "got tensor 'zeros'"),
    "more than it declares": ({FIRST: (header((32, 6)), 10**8)}, "as its header says, got 100,0"),
    "less than it declares": ({FIRST: (header((32, 6)), 8)}, "as its header says"),
    "a negative size": ({FIRST: (header((-32, 6)), 0)}, "wanted numbers in tensor"),
    "nothing, but wide": ({FIRST: (header((0, 1 << 60)), 0)}, "as a matrix or a vector, got (0,"),
    "dimensions": ({FIRST: (header((1,) * 100), 4)}, "as a matrix or a vector, got (1, 1,"),
    "a huge size": ({FIRST: (header((10**30, 10**30)), 8)}, "as its header says"),
}


@pytest.mark.parametrize("what", [w for w in ARCHIVES if w != "statistics"])
def test_archives(tmp_path: Path, what: str) -> None:
    members, wanted = ARCHIVES[what]
    path = archive(tmp_path / "m.npz", **members)
    assert path.stat().st_size < 2 << 20
    assert wanted in refuse(path)


def test_statistics(tmp_path: Path) -> None:
    meta = tmp_path / "meta.json"
    meta.write_text(json.dumps(random_meta(features={"kind": "sphinx-mfcc"})))
    path = archive(tmp_path / "m.npz", **ARCHIVES["statistics"][0])
    assert "a mean and a deviation of each cepstrum" in refuse(path, meta)


def test_archives_with_a_password_and_other_methods(tmp_path: Path) -> None:
    path = archive(tmp_path / "m.npz")
    data = bytearray(path.read_bytes())
    for mark, at in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        place = -1
        while (place := data.find(mark, place + 1)) >= 0:
            data[place + at] |= 1
    (tmp_path / "locked.npz").write_bytes(data)
    assert "without a password, got one with" in refuse(tmp_path / "locked.npz")
    for method in (zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA):
        with zipfile.ZipFile(tmp_path / "other.npz", "w", method) as held:
            held.writestr("meta.npy", npy(np.array("{}")))
        assert "compression" in refuse(tmp_path / "other.npz")


def test_other_files_in_an_archive(tmp_path: Path) -> None:
    path = archive(tmp_path / "m.npz")
    with zipfile.ZipFile(path, "a") as held:
        held.writestr("meta", b"{}")
    assert "got 'meta' in it" in refuse(path)


def test_names_that_stand_twice(tmp_path: Path) -> None:
    path = archive(tmp_path / "m.npz")
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(path, "a") as held:
        held.writestr("meta.npy", npy(np.array("{}")))
    assert "every name once" in refuse(path)


def test_files_of_many_bytes(tmp_path: Path) -> None:
    for name in ("m.npz", "m.safetensors", "m.pt"):
        with (tmp_path / name).open("wb") as file:
            file.truncate(10 * GIB)  # sparse: it takes no room
        assert "of at most 867,108,864 bytes" in refuse(tmp_path / name)
    meta = tmp_path / "meta.json"
    with meta.open("wb") as file:
        file.truncate(10 * GIB)
    assert "of at most 16,777,216 bytes" in refuse(archive(tmp_path / "small.npz"), meta)


def test_safetensors(tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    with path.open("wb") as file:
        file.write(struct.pack("<Q", 1 << 26))
        file.truncate((1 << 26) + 8)
    assert "header of at most 16,777,216 bytes" in refuse(path)
    entry = {"dtype": "F32", "shape": [10**9, 10**9], "data_offsets": [0, 4]}
    head = json.dumps({"joint.output.bias": entry}).encode()
    path.write_bytes(struct.pack("<Q", len(head)) + head + bytes(4))
    assert "wanted safetensors of floats" in refuse(path)


def test_arrays_that_repeat_a_number() -> None:
    arrays: dict[str, Any] = random_arrays(np.random.default_rng(0))
    arrays[FIRST] = np.broadcast_to(1.0, (32, MOST_NUMBERS))
    with pytest.raises(InputError, match="at most 100,000,000 numbers"):
        model_from_arrays(arrays, random_meta())
    arrays[FIRST] = np.broadcast_to(np.nan, (32, 6))
    with pytest.raises(InputError, match="finite numbers"):
        model_from_arrays(arrays, random_meta())


def test_state_dicts(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason="needs the extra `torch`")
    state = {n: torch.from_numpy(a) for n, a in random_arrays(np.random.default_rng(0)).items()}
    path = tmp_path / "m.pt"
    torch.save({**state, FIRST: torch.zeros(1).expand(2 * 10**9), "meta": random_meta()}, path)
    assert "at most 100,000,000 numbers, got 2,000," in refuse(path)
    torch.save({**state, "meta": random_meta()}, path)
    with (
        zipfile.ZipFile(path) as whole,
        zipfile.ZipFile(tmp_path / "packed.pt", "w", zipfile.ZIP_DEFLATED) as packed,
    ):
        for name in whole.namelist():
            packed.writestr(name, whole.read(name))
    assert "as it was saved, got one with compression 8" in refuse(tmp_path / "packed.pt")
