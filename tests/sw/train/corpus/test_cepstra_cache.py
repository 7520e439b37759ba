"""Cepstra that are kept in a file: the same as those computed, whatever happens to the file."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sordino.errors import InputError, InputWarning
from sordino.speech.features import FeatureDefinition
from sordino.speech.inputs import load_cepstra
from sordino.speech.mfcc import MfccDefinition
from sordino.train.corpus import cepstra_cache
from sordino.train.corpus.cepstra_cache import Heard, let_go, load_cepstra_of
from sordino.train.corpus.data import Batches, Spoken, define_features, load_spoken
from sordino.train.recipes.recipe import AugmentRecipe, FeatureRecipe

ROOT = Path(__file__).parents[4]
UTTERANCES = ROOT / "models" / "utterances"
PATHS = sorted(UTTERANCES.glob("*.wav"))
MFCC = MfccDefinition()
BEFORE = [
    [[(1,), (10,), (0, 3)], [(2,), (7,), (8,)], [(3, 1)]],
    [[(1,), (0, 0), (10,)], [(2,), (3,), (8,)], [(9,)]],
    [[(9,)], [(2, 0), (10,), (1, 3)], [(0,), (3,), (5, 0)]],
]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SORDINO_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "cepstra"


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The recordings that are read, from now on."""
    read, real = list[Path](), cepstra_cache.read_cepstra

    def watched(path: Path, front_end: MfccDefinition) -> object:
        read.append(path)
        return real(path, front_end)

    monkeypatch.setattr(cepstra_cache, "read_cepstra", watched)
    return read


def check(found: list[Heard], paths: list[Path] = PATHS) -> None:
    assert len(found) == len(paths)
    for heard, path in zip(found, paths, strict=True):
        assert np.array_equal(heard.cepstra, load_cepstra(path, MFCC))


def test_cepstra_are_those_of_the_recordings_and_computed_once(
    folder: Path, reads: list[Path]
) -> None:
    check(load_cepstra_of(PATHS, MFCC))
    assert reads == PATHS
    (file,) = folder.iterdir()
    check(load_cepstra_of(PATHS, MFCC))
    assert reads == PATHS
    assert [*folder.iterdir()] == [file]


def test_trainings_that_begin_together_do_not_clear_what_the_other_writes(
    reads: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    both, watched = threading.Barrier(2), cepstra_cache.read_cepstra

    def late(path: Path, front_end: MfccDefinition) -> object:
        """Both are at their first recording, if nothing keeps one of them from it."""
        if path == PATHS[0]:
            with suppress(threading.BrokenBarrierError):
                both.wait(timeout=0.5)
        return watched(path, front_end)

    monkeypatch.setattr(cepstra_cache, "read_cepstra", late)
    parts = [PATHS, PATHS, PATHS[:2]]
    with ThreadPoolExecutor(3) as pool:
        for part, found in zip(
            parts, pool.map(lambda part: load_cepstra_of(part, MFCC), parts), strict=True
        ):
            check(found, part)
    assert len(reads) == len(PATHS) + 2, "the same are computed once"


def test_arrays_can_be_read_after_their_memory_was_given_back_but_not_written() -> None:
    found = load_cepstra_of(PATHS, MFCC)
    let_go()
    check(found)
    with pytest.raises(ValueError, match="read-only"):
        found[0].cepstra[0] = 0.0


def test_another_recording_order_or_definition_has_another_file(
    tmp_path: Path, folder: Path, reads: list[Path]
) -> None:
    copy = tmp_path / "copy.wav"
    copy.write_bytes(PATHS[0].read_bytes())
    check(load_cepstra_of([copy], MFCC), [copy])
    copy.write_bytes(PATHS[1].read_bytes())
    check(load_cepstra_of([copy], MFCC), [copy])
    check(load_cepstra_of([PATHS[1], PATHS[0]], MFCC), [PATHS[1], PATHS[0]])
    check(load_cepstra_of([PATHS[0], PATHS[1]], MFCC), [PATHS[0], PATHS[1]])
    other = load_cepstra_of([PATHS[0]], replace(MFCC, highest=6000.0))
    assert not np.array_equal(other[0].cepstra, load_cepstra(PATHS[0], MFCC))
    assert len([*folder.iterdir()]) == len({*folder.iterdir()}) == 5
    assert len(reads) == 7


def test_the_same_recording_elsewhere_has_the_same_file(
    tmp_path: Path, folder: Path, reads: list[Path]
) -> None:
    load_cepstra_of(PATHS[:1], MFCC)
    copy = tmp_path / "copy.wav"
    copy.write_bytes(PATHS[0].read_bytes())
    check(load_cepstra_of([copy], MFCC), [copy])
    assert reads == PATHS[:1]


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[: len(data) // 2],
        lambda data: b"",
        lambda data: data[:-1],
        lambda data: data + b"\0",
        lambda data: data[:5000] + bytes([data[5000] ^ 1]) + data[5001:],
        lambda data: data[:-100] + bytes([data[-100] ^ 64]) + data[-99:],
        lambda data: data[:-30] + bytes([data[-30] ^ 8]) + data[-29:],
        lambda data: data[:-58] + b"\xff" * 8 + data[-50:],
        lambda data: b"\0" * len(data),
    ],
)
def test_a_damaged_file_is_made_anew(
    damage: Callable[[bytes], bytes], folder: Path, reads: list[Path]
) -> None:
    load_cepstra_of(PATHS[:2], MFCC)
    (file,) = folder.iterdir()
    whole = file.read_bytes()
    file.write_bytes(damage(whole))
    check(load_cepstra_of(PATHS[:2], MFCC), PATHS[:2])
    assert len(reads) == 4
    assert file.read_bytes() == whole


def test_nothing_is_half_written(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = tmp_path / "bad.wav"
    bad.write_bytes(b"RIFF")
    with pytest.raises(InputError, match=r"bad\.wav"):
        load_cepstra_of([PATHS[0], bad], MFCC)
    with pytest.raises(InputError, match=r"none\.wav"):
        load_cepstra_of([PATHS[0], tmp_path / "none.wav"], MFCC)
    assert not [*folder.iterdir()]


def test_doubts_are_said_each_time(tmp_path: Path) -> None:
    import soundfile

    quiet = tmp_path / "quiet.wav"
    samples, rate = soundfile.read(PATHS[0])
    soundfile.write(quiet, samples / 1000, rate, subtype="FLOAT")
    (tmp_path / "transcripts.tsv").write_text("file\ttranscript\nquiet.wav\tYES\n")
    for _ in range(2):
        with pytest.warns(InputWarning, match=r"quiet\.wav"):
            load_spoken(tmp_path, "train")


def test_without_a_folder_they_stay_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("SORDINO_CACHE", str(tmp_path / "file"))
    with pytest.warns(InputWarning, match="cannot keep cepstra in .*; they stay in memory"):
        check(load_cepstra_of(PATHS, MFCC))
    monkeypatch.delenv("SORDINO_CACHE")
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda _: "~/.cache/sordino")
    check(load_cepstra_of(PATHS, MFCC))


def test_files_that_were_used_longest_ago_are_deleted(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    for number, path in enumerate(PATHS[:3]):
        before = {*folder.iterdir()} if folder.exists() else set()
        load_cepstra_of([path], MFCC)
        (new,) = {*folder.iterdir()} - before
        os.utime(new, (number, number))
        made.append(new)
    load_cepstra_of(PATHS[:1], MFCC)  # used again, so that it is the newest
    newest = 8 * 13 * len(load_cepstra(PATHS[3], MFCC)) + 1000
    kept = sum(made[n].stat().st_size for n in (0, 2))
    monkeypatch.setattr(cepstra_cache, "MOST_BYTES", newest + kept)
    load_cepstra_of(PATHS[3:4], MFCC)
    assert [path.exists() for path in made] == [True, False, True]
    monkeypatch.setattr(cepstra_cache, "MOST_BYTES", 1)
    check(load_cepstra_of(PATHS[4:5], MFCC), PATHS[4:5])
    assert len([*folder.iterdir()]) == 1


def test_statistics_are_those_of_all_frames_at_once() -> None:
    spoken = load_spoken(UTTERANCES, "train")
    frames = np.concatenate([s.cepstra for s in spoken])
    found = define_features(FeatureRecipe(), spoken)
    assert found.mean == tuple(frames.mean(axis=0).astype(np.float32).astype(float))
    assert found.std == tuple(frames.std(axis=0).astype(np.float32).astype(float))


def test_recipes_that_exist_give_the_batches_that_they_gave() -> None:
    """What was drawn before cepstra were kept, by seed and place, with further corpora."""
    spoken = [Spoken(name=str(n), text="A", tokens=(1,), cepstra=np.ones((frames, 13)))
              for n, frames in enumerate((150, 260, 170, 190, 290, 150, 260, 170, 190, 400, 280))
              ]  # fmt: skip
    augment = AugmentRecipe(tempo=(0.9, 1.1), join=0.3, extra=0.7)
    definition = FeatureDefinition(mean=(0.0,) * 13, std=(1.0,) * 13)
    batches = Batches(spoken, definition, augment, size=3, seed=7, own=4)
    assert [batches.epoch(n) for n in range(3)] == BEFORE


def test_a_mix_holds_its_shares_in_every_epoch() -> None:
    """Of four own ones all, of a large corpus some, of a small one all and some again."""
    frames = [100] * (4 + 20 + 3)
    spoken = [
        Spoken(name=str(n), text="A", tokens=(1,), cepstra=np.ones((length, 13)))
        for n, length in enumerate(frames)
    ]
    definition = FeatureDefinition(mean=(0.0,) * 13, std=(1.0,) * 13)
    mix = [(20, 1.5), (3, 2.0)]
    batches = Batches(spoken, definition, AugmentRecipe(), size=5, seed=3, own=4, mix=mix)
    assert batches.per_epoch == 4  # 4 + 6 + 8
    seen = set()
    for epoch in range(20):
        used = sorted(n for group in batches.epoch(epoch) for (n,) in group)
        assert used[:4] == [0, 1, 2, 3]
        large, small = used[4:10], used[10:]
        assert len({*large}) == 6
        assert all(4 <= n < 24 for n in large)
        assert sorted(small.count(n) for n in (24, 25, 26)) == [2, 3, 3]
        assert batches.epoch(epoch) == batches.epoch(epoch)
        seen |= {*large}
    assert seen == {*range(4, 24)}
    with pytest.raises(InputError, match="utterances with transcripts in each corpus"):
        Batches(spoken, definition, AugmentRecipe(), size=5, seed=3, own=4, mix=[(23, 1), (0, 1)])


# Memory

MEASURE = """
import re, sys
from pathlib import Path
from sordino.speech.features import FeatureDefinition
from sordino.train.corpus.data import Batches, define_features, fingerprint, load_spoken
from sordino.train.recipes.recipe import AugmentRecipe, FeatureRecipe
spoken = load_spoken(Path(sys.argv[1]), "train")
definition = define_features(FeatureRecipe(), spoken)
fingerprint(spoken)
batches = Batches(spoken, definition, AugmentRecipe(), size=4, seed=1)
for epoch in range(2):
    for place, group in enumerate(batches.epoch(epoch)):
        batches.batch(epoch, place, group)
print(re.search(r"VmHWM:\\s*(\\d+) kB", Path("/proc/self/status").read_text())[1])
"""
FRAMES, UTTERANCES_OF_ONE = 2000, 24
MOST_MORE = 12 << 20
"""Bytes; ten times the corpus is 47 MB of cepstra, and one time 5."""


def corpus(folder: Path, utterances: int) -> Path:
    """Recordings as `.mfc`, of noise."""
    folder.mkdir()
    values = np.random.default_rng(1).standard_normal((utterances, FRAMES, 13))
    for number, cepstra in enumerate(values):
        data = np.array(FRAMES * 13, ">i4").tobytes() + cepstra.astype(">f4").tobytes()
        (folder / f"{number}.mfc").write_bytes(data)
    rows = [f"{number}.mfc\tYES" for number in range(utterances)]
    (folder / "transcripts.tsv").write_text("\n".join(["file\ttranscript", *rows]) + "\n")
    return folder


@pytest.mark.skipif(sys.platform != "linux", reason="measures memory as Linux counts it")
def test_ten_times_the_corpus_takes_no_ten_times_memory(tmp_path: Path) -> None:
    """The peak of a process that hears every recording twice: once computed, once kept."""
    peaks = {}
    for times in (1, 10):
        folder = corpus(tmp_path / f"corpus-{times}", times * UTTERANCES_OF_ONE)
        for attempt in ("computed", "kept"):
            done = subprocess.run(
                [sys.executable, "-c", MEASURE, str(folder)],
                capture_output=True,
                text=True,
                check=True,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            )
            peaks[times, attempt] = 1024 * int(done.stdout)
    for attempt in ("computed", "kept"):
        assert peaks[10, attempt] - peaks[1, attempt] < MOST_MORE, json.dumps(
            {f"{times} times, {how}": peak for (times, how), peak in peaks.items()}
        )
