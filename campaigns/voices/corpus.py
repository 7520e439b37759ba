"""A set as a folder: recordings, what was drawn for each, a manifest, and last transcripts.tsv.

Every file is there whole or not at all, and one that is there is not made again: a run that was
interrupted goes on. A folder without transcripts.tsv is not done, and no training takes it.
"""

import hashlib
import json
import platform
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from campaigns.voices.declaration import DECLARATION, Engine, VoiceSet
from campaigns.voices.engines import speak, versions
from campaigns.voices.hearing import hear
from campaigns.voices.plan import Condition, Line, shares
from campaigns.voices.texts import GRAMMAR_FILES
from sordino.errors import InputError
from sordino.files import output_path, read_text, remove_temporary, write_atomically
from sordino.locks import exclusive_folder
from sordino.speech.corpora.transcript_table import TABLE
from sordino.speech.files.audio import read_audio, resample

__all__ = ["DRAWN", "MANIFEST", "RATE", "Corpus", "read_sound", "say"]

Samples = NDArray[np.float64]
RATE = 16000
MANIFEST, DRAWN = "manifest.json", "drawn.jsonl"
_FORMAT = 2
"""Of what is made of equal declarations: another number where the code makes other sounds."""
_FULL = 32768
_PACKAGES = ("numpy", "soxr", "soundfile")


def say(engine: Engine, line: Line, data: Path | None) -> Samples:
    """What a voice says, or what a person said, at 16 kHz; without silence around synthesis."""
    if line.recording:
        assert data is not None
        return _at_rate(data / engine.folder / line.recording)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "line.wav"
        speak(engine, line, path)
        samples = _at_rate(path)
    loud = np.flatnonzero(np.abs(samples) > np.abs(samples).max() / 1000)
    if not len(loud):
        raise InputError(
            f"wanted {line.transcript!r} from {line.speaker}, got silence; report it, or leave out "
            f"the engine with --without {engine.name}"
        )
    return samples[loud[0] : loud[-1] + 1]


def _at_rate(path: Path) -> Samples:
    samples, rate = read_audio(path)
    return resample(samples / _FULL, rate, RATE)


def read_sound(path: Path) -> Samples:
    """Samples of a recording that is at the corpus' rate; 1.0 is full scale."""
    return read_audio(path)[0] / _FULL


def _write_sound(path: Path, samples: Samples) -> int:
    """Write 16-bit FLAC, whole or not at all; returns its bytes."""
    whole = np.clip(np.round(samples * _FULL), -_FULL, _FULL - 1).astype(np.int16)
    with output_path(path) as temporary:
        soundfile.write(str(temporary), whole, RATE, format="FLAC", subtype="PCM_16")
    return path.stat().st_size


@dataclass(frozen=True, kw_only=True)
class Corpus:
    """One set that is to be made.

    lines, conditions  of its recordings, as many of both
    without            engines that were left out on purpose
    most_bytes         of all its files
    """

    voice_set: VoiceSet
    engines: Mapping[str, Engine]
    lines: Sequence[Line]
    conditions: Sequence[Condition]
    folder: Path
    data: Path | None
    seed: int
    most_bytes: int
    without: Sequence[str] = ()

    @property
    def steps(self) -> int:
        """As many as `on_step` is called for."""
        return 2 * len(self.lines)

    def make(self, on_step: Callable[[], None]) -> dict[str, Any]:
        """Make what is missing, and return the manifest.

        Raises InputError where the folder holds something else, where an engine fails, and where
        the files would be more than `most_bytes`.
        """
        with exclusive_folder(self.folder, "the folder of a corpus"):
            made_of = self._made_of()
            self._check_folder(made_of)
            if (self.folder / TABLE).is_file():
                for _ in range(self.steps):
                    on_step()
                whole: dict[str, Any] = json.loads(
                    read_text(self.folder / MANIFEST, "manifest of a corpus")
                )
                return whole
            write_atomically(self.folder / MANIFEST, _json({"made_of": made_of}))
            self._make(on_step)
            return self._finish(made_of)

    def _made_of(self) -> dict[str, Any]:
        """All that decides what the recordings sound like, and whose work they are."""
        used = [self.engines[name] for name in dict.fromkeys(line.engine for line in self.lines)]
        drawn = "\n".join(self._drawn())
        return {
            "format": _FORMAT,
            "set": self.voice_set.name,
            "seed": self.seed,
            "recordings": len(self.lines),
            "left_out": sorted(self.without),
            "declaration_sha256": _digest(DECLARATION.read_bytes()),
            "grammar_sha256": _digest(b"".join(path.read_bytes() for path in GRAMMAR_FILES)),
            "drawn_sha256": _digest(drawn.encode()),
            "engines": [
                {
                    "name": engine.name,
                    "version": versions([engine]).get(engine.name, ""),
                    "licence": engine.licence,
                    "source": engine.source,
                    "voices": list(engine.voices),
                }
                for engine in used
            ],
            "programs": {
                "python": platform.python_version(),
                "libsndfile": soundfile.__libsndfile_version__,
                **{name: version(name) for name in _PACKAGES},
            },
        }

    def _drawn(self) -> list[str]:
        """Line and condition of each recording, as JSON."""
        both = zip(self.lines, self.conditions, strict=True)
        return [
            json.dumps({"file": _name(n), **asdict(line), **asdict(condition)})
            for n, (line, condition) in enumerate(both)
        ]

    def _check_folder(self, made_of: Mapping[str, Any]) -> None:
        path = self.folder / MANIFEST
        if not path.is_file():
            if (self.folder / TABLE).exists() or (self.folder / "heard").exists():
                raise InputError(
                    f"wanted an empty folder or a corpus that was begun, but {self.folder} has no "
                    f"{MANIFEST}; choose another"
                )
            return
        try:
            before = json.loads(read_text(path, "manifest of a corpus"))["made_of"]
            differing = [key for key in made_of if before.get(key) != made_of[key]]
        except (ValueError, KeyError, TypeError, AttributeError):
            raise InputError(
                f"wanted the manifest of a corpus, but {path} is damaged; delete {self.folder}"
            ) from None
        if differing:
            raise InputError(
                f"wanted the corpus that was begun in {self.folder}, got another one "
                f"({', '.join(differing)} differ); choose another folder, or delete this one"
            )

    def _make(self, on_step: Callable[[], None]) -> None:
        """Say every line, and then hear each: babble is made of what others said."""
        for part in ("clean", "heard"):
            (self.folder / part).mkdir(parents=True, exist_ok=True)
            remove_temporary(self.folder / part)
        used = sum(path.stat().st_size for path in self.folder.rglob("*.flac"))
        for number, line in enumerate(self.lines):
            path = self._path("clean", number)
            if not path.exists():
                self._check_room(used)
                used += _write_sound(path, say(self.engines[line.engine], line, self.data))
            on_step()
        for number, condition in enumerate(self.conditions):
            path = self._path("heard", number)
            if not path.exists():
                self._check_room(used)
                others = [read_sound(self._path("clean", other)) for other in condition.others]
                clean = read_sound(self._path("clean", number))
                used += _write_sound(path, hear(clean, condition, RATE, others))
            on_step()

    def _path(self, part: str, number: int) -> Path:
        return self.folder / part / f"{number:06}.flac"

    def _check_room(self, used: int) -> None:
        if used >= self.most_bytes:
            raise InputError(
                f"wanted at most {self.most_bytes / 1e9:g} GB in {self.folder}, got more before it "
                "was done; raise --most-gigabytes, which goes on, or choose fewer recordings"
            )

    def _finish(self, made_of: Mapping[str, Any]) -> dict[str, Any]:
        """The manifest with what was made, and last of all the table."""
        state, seconds, size = hashlib.sha256(), 0.0, 0
        for number in range(len(self.lines)):
            path = self._path("heard", number)
            samples = read_sound(path)
            state.update(np.ascontiguousarray(samples).tobytes())
            seconds, size = seconds + len(samples) / RATE, size + path.stat().st_size
        manifest = {
            "made_of": dict(made_of),
            "made": {
                "sounds_sha256": state.hexdigest(),
                "seconds": round(seconds, 1),
                "bytes": size,
                "shares": {name: round(v, 4) for name, v in shares(self.conditions).items()},
            },
        }
        rows = [
            f"{_name(number)}\t{line.transcript}\t{line.speaker}\t{self.voice_set.split}"
            for number, line in enumerate(self.lines)
        ]
        write_atomically(self.folder / DRAWN, "\n".join(self._drawn()) + "\n")
        write_atomically(self.folder / MANIFEST, _json(manifest))
        header = "file\ttranscript\tspeaker\tsplit"
        write_atomically(self.folder / TABLE, "\n".join([header, *rows]) + "\n")
        return manifest


def _name(number: int) -> str:
    return f"heard/{number:06}.flac"


def _json(values: Mapping[str, Any]) -> str:
    return json.dumps(values, indent=2) + "\n"


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
