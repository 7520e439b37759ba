"""Synthetic speech: what is drawn, how it is spelled for the speaker, and a corpus of two lines."""

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from campaigns import synthetic_speech
from campaigns.synthetic_speech import VOICES, Line, draw_lines
from sordino.errors import InputError
from sordino.speech.corpora.datasets import load_dataset
from sordino.speech.inputs import load_cepstra
from sordino.speech.mfcc import MfccDefinition


def test_lines_depend_on_the_seed_alone() -> None:
    known = ["GO ON", "SIX THIRTEEN"]
    lines = draw_lines(300, 3, known)
    assert draw_lines(300, 3, known) == lines != draw_lines(300, 4, known)
    assert {line.voice for line in lines} == set(VOICES)
    texts = {line.transcript for line in lines}
    assert set(known) <= texts
    assert len(texts) > 120
    assert not {"GO ON", "SIX THIRTEEN"} & {line.transcript for line in draw_lines(300, 3)}
    assert all(0.8 <= line.stretch <= 1.35 and 80 < line.pitch < 250 for line in lines)


def test_letters_are_spelled() -> None:
    line = Line(words=("ENTER", "A", "B"), voice="slt", stretch=1.25, pitch=180.4)
    settings = ["--setf", "duration_stretch=1.25", "--setf", "int_f0_target_mean=180"]
    assert line.command == ["flite", "-voice", "slt", *settings, "-t", "ENTER, ay, B."]


def test_without_flite(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(InputError, match="wanted flite"):
        synthetic_speech.speak(draw_lines(1, 1), tmp_path / "corpus")
    assert not (tmp_path / "corpus").exists()


def test_a_corpus(tmp_path: Path) -> None:
    if shutil.which("flite") is None:
        pytest.skip("needs flite")
    arguments = ["--count", "2", "--seed", "5", "-o", str(tmp_path / "corpus")]
    ran = CliRunner().invoke(synthetic_speech.main, arguments, catch_exceptions=False)
    assert ran.exit_code == 0
    utterances = load_dataset(tmp_path / "corpus", "train")
    assert [u.text for u in utterances] == [line.transcript for line in draw_lines(2, 5)]
    assert all(len(load_cepstra(u.path, MfccDefinition())) > 20 for u in utterances)
