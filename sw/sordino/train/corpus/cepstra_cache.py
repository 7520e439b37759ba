"""Cepstra of recordings, computed once, kept in a file and mapped from it instead of held.

A file is float64 frames one utterance after the other, then an index in JSON, its length, a SHA-256
of all that, and a mark. Its name is a hash of the recordings' bytes, the front end's definition,
and the code and libraries that compute: another recording, definition or version has another file.
"""

import errno
import hashlib
import importlib.metadata
import json
import mmap
import os
import platform
import struct
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from weakref import WeakSet

import numpy as np
import platformdirs
from numpy.typing import NDArray

import sordino.speech
from sordino.errors import InputError, warn
from sordino.files import output_path, remove_temporary
from sordino.locks import exclusive
from sordino.speech.doubts import doubts_of_audio
from sordino.speech.inputs import read_cepstra
from sordino.speech.mfcc import MfccDefinition

__all__ = ["CACHE", "Heard", "cache_folder", "let_go", "load_cepstra_of"]

CACHE = "SORDINO_CACHE"
"""Environment variable that names the folder for what is kept between runs."""
MOST_BYTES = 4 << 30
"""Of all files; beyond, those that were used longest ago are deleted."""
_MARK = b"sordino cepstra 1\n"
_TAIL = struct.Struct("<Q32s")
_CHUNK = 1 << 20
_LIBRARIES = ("numpy", "soxr", "soundfile")
_maps: WeakSet[mmap.mmap] = WeakSet()
_Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Heard:
    """Cepstra (frames, cepstra) of a recording, and what there is to doubt about it."""

    cepstra: _Array
    doubts: tuple[str, ...]


def load_cepstra_of(paths: Sequence[Path], front_end: MfccDefinition) -> list[Heard]:
    """The cepstra of recordings, in their order: from the cache, where they are put first.

    The arrays are read-only. Where there is no folder to keep them in, they stay in memory, and an
    InputWarning says so. Raises InputError for recordings that cannot be read.
    """
    folder = cache_folder()
    if folder is None:
        return list(_compute(paths, front_end))
    path = folder / f"{_key(paths, front_end)}.cepstra"
    if (found := _open(path, front_end, len(paths))) is not None:
        return found
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _alone(folder):
            if (found := _open(path, front_end, len(paths))) is not None:
                return found
            remove_temporary(folder)
            _write(path, paths, front_end)
            _prune(folder, path)
    except OSError as error:
        warn(_reason(path, str(error.strerror)))
        return list(_compute(paths, front_end))
    found = _open(path, front_end, len(paths))
    if found is None:
        warn(_reason(path, "what was written is not what is read"))
        return list(_compute(paths, front_end))
    return found


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One process at a time: what another one is writing is no rubbish, and may be the same.

    OSError where the folder cannot be locked.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(exclusive(folder / "lock", f"the cache {folder}", wait=True))
        except InputError as error:
            raise OSError(errno.ENOLCK, str(error)) from None
        yield


def _reason(path: Path, why: str) -> str:
    return (
        f"cannot keep cepstra in {path.parent}: {why}; they stay in memory; set {CACHE} to a folder"
    )


def cache_folder() -> Path | None:
    """The folder in which cepstra are kept; None where the system has no place for it."""
    named = os.environ.get(CACHE)
    folder = Path(named).absolute() if named else Path(platformdirs.user_cache_dir("sordino"))
    return folder / "cepstra" if folder.is_absolute() else None


def let_go() -> None:
    """Give back the memory of what was read from all files; it is read again where it is used."""
    if hasattr(mmap, "MADV_DONTNEED"):
        for mapped in _maps:
            mapped.madvise(mmap.MADV_DONTNEED)


def _compute(paths: Sequence[Path], front_end: MfccDefinition) -> Iterator[Heard]:
    for path in paths:
        cepstra, audio = read_cepstra(path, front_end)
        yield Heard(cepstra, () if audio is None else doubts_of_audio(audio))


def _key(paths: Sequence[Path], front_end: MfccDefinition) -> str:
    state = hashlib.sha256(_MARK)
    state.update(json.dumps([asdict(front_end), _computed_by()], sort_keys=True).encode())
    for path in paths:
        # Errors are those of reading the recordings, which comes next.
        with suppress(OSError):
            state.update(f"{path.suffix.lower()}\0".encode() + _digest(path))
    return state.hexdigest()


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


@cache
def _computed_by() -> list[str]:
    """The versions of what computes, and a hash of our own part of it."""
    own = hashlib.sha256()
    for folder in sordino.speech.__path__:
        for path in sorted(Path(folder).rglob("*.py")):
            own.update(path.read_bytes())
    libraries = [f"{name} {importlib.metadata.version(name)}" for name in _LIBRARIES]
    return [own.hexdigest(), platform.machine(), *libraries]


def _write(path: Path, paths: Sequence[Path], front_end: MfccDefinition) -> None:
    """Write a file, one recording after the other in memory."""
    state, index = hashlib.sha256(), list[tuple[int, tuple[str, ...]]]()
    with output_path(path) as temporary, temporary.open("wb") as file:

        def add(data: bytes) -> None:
            state.update(data)
            file.write(data)

        for heard in _compute(paths, front_end):
            add(np.ascontiguousarray(heard.cepstra, "<f8").tobytes())
            index.append((len(heard.cepstra), heard.doubts))
        text = json.dumps(index).encode()
        add(text)
        file.write(_TAIL.pack(len(text), state.digest()) + _MARK)


def _open(path: Path, front_end: MfccDefinition, count: int) -> list[Heard] | None:
    """What is in a file; None where there is none, or where a bit of it is another one."""
    try:
        with path.open("rb") as file:
            index, frames = _checked(file.fileno(), front_end.cepstra)
            if len(index) != count:
                return None
            os.utime(path)
            if not frames:
                return None
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (OSError, ValueError, TypeError, struct.error):
        return None
    _maps.add(mapped)
    size = front_end.cepstra
    whole = np.frombuffer(mapped, "<f8", frames * size).reshape(frames, size)
    ends = np.cumsum([length for length, _ in index])
    return [
        Heard(whole[end - length : end], tuple(doubts))
        for (length, doubts), end in zip(index, ends, strict=True)
    ]


def _checked(handle: int, cepstra: int) -> tuple[list[tuple[int, list[str]]], int]:
    """The index of a file and how many frames there are; ValueError for a damaged one."""
    end = os.fstat(handle).st_size - _TAIL.size - len(_MARK)
    tail = os.pread(handle, _TAIL.size + len(_MARK), max(end, 0))
    length, digest = _TAIL.unpack(tail[: _TAIL.size])
    if end < 0 or tail[_TAIL.size :] != _MARK or length > end:
        raise ValueError
    state = hashlib.sha256()
    for start in range(0, end, _CHUNK):
        state.update(os.pread(handle, min(_CHUNK, end - start), start))
    if state.digest() != digest:
        raise ValueError
    index = json.loads(os.pread(handle, length, end - length))
    frames = sum(number for number, _ in index)
    if frames * cepstra * 8 != end - length:
        raise ValueError
    return index, frames


def _prune(folder: Path, used: Path) -> None:
    """Delete files that were used longest ago while all are more than MOST_BYTES; never `used`."""
    total = 0
    with suppress(OSError):
        found = [(path.stat().st_mtime, path) for path in folder.glob("*.cepstra")]
        for _, path in sorted(found, key=lambda each: (each[1] != used, -each[0])):
            total += path.stat().st_size
            if total > MOST_BYTES and path != used:
                path.unlink()
