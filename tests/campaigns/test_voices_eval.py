"""What voices that no model heard are measured by: which recordings, which conditions, the page."""

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from click.testing import CliRunner

from campaigns import voices_eval
from campaigns.common import UTTERANCES
from campaigns.voices_eval import CONDITIONS, Said, chosen, right, voices_in
from sordino.errors import InputError


def corpus(folder: Path) -> Path:
    """Two of the shipped utterances as one voice's words."""
    (folder / "clean").mkdir(parents=True)
    lines, rows = [], ["file\ttranscript"]
    for number, word in enumerate(("YES", "YES", "B")):
        samples, rate = soundfile.read(UTTERANCES / "yes.wav")
        name = f"{number:06}.flac"
        soundfile.write(folder / "clean" / name, samples, rate, subtype="PCM_16")
        lines.append(json.dumps({"file": f"heard/{name}", "words": [word], "engine": "flite",
                                 "voice": "rms"}))  # fmt: skip
        rows.append(f"clean/{name}\t{word}")
    (folder / "drawn.jsonl").write_text("\n".join(lines) + "\n")
    (folder / "transcripts.tsv").write_text("\n".join(rows) + "\n")
    return folder


def test_a_corpus_that_is_not_done_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="none that is done; make it with `make synthetic`"):
        voices_in(tmp_path)


def test_conditions_are_one_thing_at_a_time() -> None:
    plain, *others = CONDITIONS.values()
    for condition in others:
        names = {n for n in vars(plain) if getattr(plain, n) != getattr(condition, n)}
        assert names in ({"level_db"}, {"noise", "snr_db"}, {"telephone"}, {"room"}, {"clipped"})
    assert {c.level_db for c in CONDITIONS.values()} == {-30, -20, -10, 0, 10}


def test_some_of_each_voice_are_chosen() -> None:
    said = [Said(speaker=who, text=str(n), samples=np.zeros(1)) for n in range(9) for who in "ab"]
    assert [(each.speaker, each.text) for each in chosen(said, 4)] == [
        (who, text) for who in "ab" for text in ("0", "4", "8")
    ]


def test_what_sounds_the_same_is_right() -> None:
    assert right("O", "OH")
    assert right("OH", "O")
    assert not right("O", "O H")
    assert not right("B", "")


def test_the_page_counts_what_is_heard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = next(iter(CONDITIONS))
    monkeypatch.setattr(voices_eval, "CONDITIONS", {plain: CONDITIONS[plain]})
    corpus(tmp_path / "voices-apart")
    arguments = ["--runs", str(tmp_path), "-o", str(tmp_path / "page.md"), "--every", "2"]
    ran = CliRunner().invoke(voices_eval.main, arguments, catch_exceptions=False)
    assert ran.exit_code == 0
    page = (tmp_path / "page.md").read_text()
    assert "| flite-rms | 100.0% (2/2) | 0.0% (0/1) | 0/3 |" in page
    assert f"| {plain} | 50.0% (1/2) | 50.0% (1/2) | " in page
