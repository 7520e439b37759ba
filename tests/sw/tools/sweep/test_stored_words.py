"""Stored word errors: found again for the same contents and the same code, never for others."""

import json
import math
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from sordino.arch import PRESETS
from sordino.errors import InputError, InputWarning
from sordino.golden.machine import Golden
from sordino.model.load import load_model
from sordino.model.rnnt import RnntModel
from sordino.speech.corpora.datasets import load_dataset
from sordino.speech.inputs import load_input
from sordino.speech.text import Speller
from sordino.speech.wer import transcript_errors
from sordino.tools.sweep import identity, words
from sordino.tools.sweep.build import compile_point
from sordino.tools.sweep.identity import code_identity, recordings_identity, sources
from sordino.tools.sweep.points import grid
from sordino.tools.sweep.run import sweep
from sordino.tools.sweep.words import Recordings

joblib = pytest.importorskip("joblib", reason="needs the sweep extra")
BASE = PRESETS["tiny"]
POINTS = grid([16], [1], [5], [None], [None])


@pytest.fixture(scope="module")
def model(small_model: Path) -> RnntModel:
    return load_model(small_model)


@pytest.fixture
def data(tmp_path: Path, recording: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "a.wav").write_bytes(recording.read_bytes())
    (folder / "b.wav").write_bytes(recording.with_name("robert.wav").read_bytes())
    describe(folder, {"a.wav": "bad", "b.wav": "cab"})
    return folder


def describe(folder: Path, texts: dict[str, str]) -> None:
    rows = [f"{name}\t{text}\tdev\n" for name, text in texts.items()]
    (folder / "transcripts.tsv").write_text("file\ttranscript\tsplit\n" + "".join(rows))


def count(model: RnntModel, data: Path) -> tuple[float | None, int]:
    """The word error rate, and how many results were new."""
    found = sweep(model, POINTS, data.parent / "out", base=BASE, jobs=1, data=data)
    return found.results[0]["wer"], found.computed


def heard(model: RnntModel, data: Path) -> list[str]:
    golden = Golden(compile_point(model, BASE, POINTS[0]).image)
    definition, speller = model.feature_definition(), Speller(model.tokens, model.blank)
    inputs = (load_input(u.path, definition) for u in load_dataset(data, "dev"))
    return [speller.text(golden.run(x).tokens) for x in inputs]


def edit_transcripts(data: Path) -> None:
    describe(data, {"a.wav": "dab", "b.wav": "cab"})


def swap_transcripts(data: Path) -> None:
    describe(data, {"b.wav": "bad", "a.wav": "cab"})


def add(data: Path) -> None:
    shutil.copy(data / "a.wav", data / "c.wav")
    describe(data, {"a.wav": "bad", "b.wav": "cab", "c.wav": "bad"})


def remove(data: Path) -> None:
    describe(data, {"a.wav": "bad"})


def edit_audio(data: Path) -> None:
    """Other samples of the same number, and the time of the last change put back."""
    path = data / "a.wav"
    before, content = path.stat(), bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x40
    path.write_bytes(bytes(content))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (path.stat().st_size, path.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)


def another_recording(data: Path) -> None:
    (data / "a.wav").write_bytes((data / "b.wav").read_bytes())


@pytest.mark.parametrize(
    "change",
    [edit_transcripts, swap_transcripts, add, remove, edit_audio, another_recording],
)
def test_other_contents_are_counted_anew(
    model: RnntModel, data: Path, change: Callable[[Path], None]
) -> None:
    _, computed = count(model, data)
    assert computed == 2
    change(data)
    rate, computed = count(model, data)
    assert computed == 1
    texts, speller = [u.text for u in load_dataset(data, "dev")], Speller(model.tokens, 0)
    assert rate == transcript_errors(texts, heard(model, data), speller).wer
    assert count(model, data) == (rate, 0)


def test_right_and_wrong_transcripts(model: RnntModel, data: Path) -> None:
    describe(data, dict(zip(("a.wav", "b.wav"), heard(model, data), strict=True)))
    assert count(model, data) == (0.0, 2)
    describe(data, {"a.wav": "k" * 7, "b.wav": "k"})
    assert count(model, data)[0] != 0.0


def rename(data: Path) -> Path:
    (data / "a.wav").rename(data / "z.wav")
    describe(data, {"z.wav": "bad", "b.wav": "cab"})
    return data


def reorder(data: Path) -> Path:
    describe(data, {"b.wav": " cab ", "a.wav": "bad "})
    return data


def touch(data: Path) -> Path:
    for path in data.iterdir():
        os.utime(path, (0, 0))
    return data


def move(data: Path) -> Path:
    return data.rename(data.with_name("elsewhere"))


@pytest.mark.parametrize("change", [rename, reorder, touch, move])
def test_the_same_contents_are_not(
    model: RnntModel, data: Path, change: Callable[[Path], Path]
) -> None:
    rate, _ = count(model, data)
    assert count(model, change(data)) == (rate, 0)


@pytest.mark.parametrize(
    "change",
    [
        {"wer": None},
        {"wer": "x"},
        {"wer": 0.125},
        {"wer": math.nan},
        {"case_errors": "a"},
        {"digest": None},
        {"more": 1},
    ],
)
def test_a_stored_rate_that_was_changed_is_counted_again(
    model: RnntModel, data: Path, change: dict[str, object]
) -> None:
    first = count(model, data)
    (file,) = (data.parent / "out" / "wer").iterdir()
    stored = file.read_bytes()
    file.write_text(json.dumps({**json.loads(stored), **change}))
    assert count(model, data) == (first[0], 1)
    assert file.read_bytes() == stored


def test_a_stored_point_that_was_changed_is_computed_again(model: RnntModel, data: Path) -> None:
    first = sweep(model, POINTS, data, base=BASE, jobs=1)
    (file,) = (data / "points").iterdir()
    for change in ({"lanes": 99}, {"fits": 5}, {"luts": "many"}, {"error": "no"}):
        file.write_text(json.dumps({**json.loads(file.read_bytes()), **change}))
        again = sweep(model, POINTS, data, base=BASE, jobs=1)
        assert (again.results, again.computed) == (first.results, 1)
    file.write_text("[" * 100_000)
    assert sweep(model, POINTS, data, base=BASE, jobs=1).computed == 1


@pytest.fixture
def edited(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """A module's source with a line more."""
    read, names = identity._bytes, []
    monkeypatch.setattr(
        identity, "_bytes", lambda path: read(path) + b"\n" * str(path).endswith(tuple(names))
    )

    def edit(name: str) -> None:
        names.append(name)
        code_identity.cache_clear()

    yield edit
    code_identity.cache_clear()


@pytest.mark.parametrize(
    ("module", "computed"),
    [
        ("speech/text.py", 1),
        ("speech/wer.py", 1),
        ("golden/execution.py", 1),
        ("speech/mfcc.py", 2),
        ("compiler/passes/quantise.py", 2),
        ("isa/operations.py", 2),
        ("cycles/matvec.py", 1),
        ("tools/estimate/coefficients.json", 2),
        ("cli/commands/sweep.py", 0),
        ("tools/sweep/table.py", 0),
        ("tools/report/page.py", 0),
    ],
)
def test_other_code_computes_anew(
    model: RnntModel, data: Path, edited: Callable[[str], None], module: str, computed: int
) -> None:
    first = count(model, data)
    edited(module)
    assert count(model, data) == (first[0], computed)


def test_other_libraries_compute_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    before = [code_identity(f"sordino.tools.sweep.{name}") for name in ("evaluate", "words")]
    _, libraries = sources("sordino.tools.sweep.words")
    assert libraries >= {"numpy", "jiwer", "soundfile", "soxr"}
    version = identity._version
    monkeypatch.setattr(identity, "_version", lambda name: version(name) if name != "jiwer" else "")
    code_identity.cache_clear()
    after = [code_identity(f"sordino.tools.sweep.{name}") for name in ("evaluate", "words")]
    code_identity.cache_clear()
    assert [a == b for a, b in zip(before, after, strict=True)] == [True, False]


def test_word_marks_separate_words(model: RnntModel, data: Path) -> None:
    marks = ["▁" + t if t.isalpha() else t for t in model.tokens]
    pieces = replace(model, meta=model.meta.changed(tokens=tuple(marks)))
    said = heard(pieces, data)
    assert max(len(text.split()) for text in said) > 1
    assert not any("▁" in text for text in said)
    describe(data, dict(zip(("a.wav", "b.wav"), said, strict=True)))
    assert count(pieces, data)[0] == 0.0


def test_what_cannot_be_spelled_is_said(model: RnntModel, data: Path) -> None:
    describe(data, {"a.wav": "YES", "b.wav": "BAD"})
    for _ in range(2):  # stored or not
        with pytest.warns(InputWarning, match=r"1 of 2 words of the transcripts .* 's', 'y'"):
            count(model, data)


def test_recordings_that_change_meanwhile(
    model: RnntModel, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = Recordings.load(model, data)
    assert first.identity == recordings_identity(load_dataset(data, "dev"))
    monkeypatch.setattr(words, "read_input", lambda *_: another_recording(data))
    with pytest.raises(InputError, match="the same recordings from first to last"):
        Recordings.load(model, data)


def test_doubtful_recordings_are_said(model: RnntModel, data: Path) -> None:
    soundfile.write(data / "b.wav", np.zeros(16_000), 16_000)
    with pytest.warns(InputWarning, match=r"1 of 2 recordings are doubtful, first .*b\.wav: "):
        count(model, data)
