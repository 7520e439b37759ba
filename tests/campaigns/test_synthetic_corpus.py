"""The corpus of synthetic voices: how a folder comes to be, and the command that makes it."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from campaigns import synthetic
from campaigns.voices import corpus
from campaigns.voices.conditions import NOMINAL_DBFS
from campaigns.voices.corpus import RATE, Corpus
from campaigns.voices.declaration import Engine, load_declaration
from campaigns.voices.plan import Condition, Line, draw_condition, draw_lines
from campaigns.voices.texts import vocabulary
from sordino.errors import InputError
from sordino.speech.corpora.datasets import load_dataset
from sordino.speech.files.level import speech_power

VOICES = load_declaration()
TRAIN = VOICES.sets["train"]
SPEAKING = [e for e in VOICES.engines_of("train") if not e.folder]


def _tone(engine: Engine, line: Line, path: Path) -> None:
    """Another sine for every line, in place of a voice."""
    rng = np.random.default_rng(len(line.transcript))
    hz = 200 + 40 * rng.integers(20)
    samples = 0.2 * np.sin(2 * np.pi * hz * np.arange(4000) / 8000)
    soundfile.write(path, samples, 8000, format="WAV", subtype="PCM_16")


@pytest.fixture(autouse=True)
def tones(monkeypatch: pytest.MonkeyPatch) -> None:
    """No engine speaks where a corpus is made."""
    monkeypatch.setattr(corpus, "speak", _tone)
    monkeypatch.setattr(corpus, "versions", lambda engines: {e.name: "0" for e in engines})


def make(folder: Path, count: int = 12, **changed: object) -> Corpus:
    lines = draw_lines(VOICES, SPEAKING, count, 1)
    conditions = [draw_condition(VOICES, TRAIN, n, count, 1) for n in range(count)]
    values: dict[str, object] = {
        "voice_set": TRAIN,
        "engines": VOICES.engines,
        "lines": lines,
        "conditions": conditions,
        "folder": folder,
        "data": None,
        "seed": 1,
        "most_bytes": 10**9,
    }
    return Corpus(**{**values, **changed})  # type: ignore[arg-type]


def counter() -> tuple[list[int], Callable[[], None]]:
    steps = [0]

    def step() -> None:
        steps[0] += 1

    return steps, step


def sounds(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in sorted((folder / "heard").iterdir())}


def test_a_corpus_is_the_same_each_time_and_can_be_loaded(tmp_path: Path) -> None:
    steps, step = counter()
    manifests = [make(tmp_path / name).make(step) for name in ("a", "b")]
    assert steps[0] == 2 * 2 * 12
    assert manifests[0] == manifests[1]
    assert sounds(tmp_path / "a") == sounds(tmp_path / "b")
    utterances = load_dataset(tmp_path / "a", "train")
    assert [u.text for u in utterances] == [
        line.transcript for line in draw_lines(VOICES, SPEAKING, 12, 1)
    ]
    assert all(soundfile.info(u.path).samplerate == RATE for u in utterances)
    made_of = manifests[0]["made_of"]
    assert {e["name"]: bool(e["licence"]) for e in made_of["engines"]} == {
        e.name: True for e in SPEAKING
    }
    assert {"numpy", "soxr", "libsndfile"} <= made_of["programs"].keys()
    assert len((tmp_path / "a" / "drawn.jsonl").read_text().splitlines()) == 12


def test_recordings_are_as_loud_as_was_drawn(tmp_path: Path) -> None:
    """By libsndfile's own samples, before and after the conditions."""
    conditions = [Condition(level_db=level, before=0.3) for level in (-30.0, -7.0, 3.0)]
    lines = draw_lines(VOICES, SPEAKING, 3, 1)
    make(tmp_path / "a", lines=lines, conditions=conditions).make(lambda: None)
    for number, condition in enumerate(conditions):
        clean, heard = (
            soundfile.read(tmp_path / "a" / part / f"{number:06}.flac")[0]
            for part in ("clean", "heard")
        )
        assert np.abs(clean).max() == pytest.approx(0.2, rel=0.05)
        level = 10 * np.log10(speech_power(heard, RATE))
        assert level == pytest.approx(NOMINAL_DBFS + condition.level_db, abs=0.05)
        read = corpus.read_sound(tmp_path / "a" / "heard" / f"{number:06}.flac")
        assert np.array_equal(read, heard)


def test_a_corpus_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = make(tmp_path / "whole").make(lambda: None)
    steps, said = [0], list[str]()

    def stop() -> None:
        steps[0] += 1
        if steps[0] == 17:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make(tmp_path / "part").make(stop)
    assert not (tmp_path / "part" / "transcripts.tsv").exists()
    with pytest.raises(InputError):
        load_dataset(tmp_path / "part", "train")
    left = tmp_path / "part" / "heard" / ".0123456789abcdef.sordino"
    left.write_bytes(b"half")
    monkeypatch.setattr(corpus, "speak", lambda _e, line, _p: said.append(line.transcript))
    assert make(tmp_path / "part").make(lambda: None) == whole
    assert said == []
    assert sounds(tmp_path / "part") == sounds(tmp_path / "whole")


def test_a_corpus_that_is_there_is_not_made_again(tmp_path: Path) -> None:
    whole = make(tmp_path / "a").make(lambda: None)
    (tmp_path / "a" / "heard" / "000003.flac").unlink()
    steps, step = counter()
    assert make(tmp_path / "a").make(step) == whole
    assert steps[0] == 24


def test_another_corpus_in_the_folder_is_refused(tmp_path: Path) -> None:
    make(tmp_path / "a", 4).make(lambda: None)
    with pytest.raises(InputError, match=r"got another one \(recordings, drawn_sha256 differ\)"):
        make(tmp_path / "a", 5).make(lambda: None)
    with pytest.raises(InputError, match=r"\(left_out differ\)"):
        make(tmp_path / "a", 4, without=["fsdd"]).make(lambda: None)
    (tmp_path / "a" / "manifest.json").write_text("[]")
    with pytest.raises(InputError, match="is damaged; delete"):
        make(tmp_path / "a", 4).make(lambda: None)
    (tmp_path / "a" / "manifest.json").unlink()
    with pytest.raises(InputError, match=r"has no manifest\.json; choose another"):
        make(tmp_path / "a", 4).make(lambda: None)


def test_a_corpus_takes_no_more_room_than_it_may(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"wanted at most 2e-05 GB .* raise --most-gigabytes"):
        make(tmp_path / "a", most_bytes=20_000).make(lambda: None)
    assert not (tmp_path / "a" / "transcripts.tsv").exists()
    assert make(tmp_path / "a").make(lambda: None) == make(tmp_path / "b").make(lambda: None)


def test_silence_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(_engine: Engine, _line: Line, path: Path) -> None:
        soundfile.write(path, np.zeros(4000), 8000, format="WAV", subtype="PCM_16")

    monkeypatch.setattr(corpus, "speak", nothing)
    with pytest.raises(InputError, match=r"got silence; .*--without espeak-ng"):
        make(tmp_path / "a").make(lambda: None)


# The command


def test_the_command_makes_all_sets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        synthetic,
        "check_engines",
        lambda declaration, without, _data: [
            e for e in declaration.engines.values() if e.name not in without
        ],
    )
    without = [f"--without={name}" for name in ("an4", "fsdd", "fsdd-apart", "pico")]
    arguments = ["--lines", "6", "--runs", str(tmp_path), *without]
    ran = CliRunner().invoke(synthetic.main, arguments, catch_exceptions=False)
    assert ran.exit_code == 0
    words = len(vocabulary())
    assert [line.partition(",")[0] for line in ran.output.splitlines()] == [
        f"{tmp_path / 'voices'}: 6 recordings",
        f"{tmp_path / 'voices-neural'}: 6 recordings",
        f"{tmp_path / 'voices-words'}: 6 recordings",
        f"{tmp_path / 'voices-apart'}: {words} recordings",
    ]
    made = json.loads((tmp_path / "voices-apart" / "manifest.json").read_text())["made_of"]
    assert made["left_out"] == ["an4", "fsdd", "fsdd-apart", "pico"]
    assert len(load_dataset(tmp_path / "voices-apart", "test")) == words
    with pytest.raises(InputError, match="wanted recordings of train"):
        load_dataset(tmp_path / "voices-apart", "train")


def test_the_command_refuses_without_data(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATA", "SORDINO_DATA"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(InputError, match=r"wanted the folder of the recordings, .* --without an4"):
        synthetic.main.main(["--lines", "2"], standalone_mode=False)
