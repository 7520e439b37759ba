"""A split that a corpus lacks: the message says what there is and what to write."""

from pathlib import Path

import pytest

from sordino.errors import InputError
from sordino.speech.corpora.splits import load_split


def corpus(folder: Path, *splits: str) -> Path:
    lines = [f"{n}.wav\tYES\t{split}" for n, split in enumerate(splits)]
    (folder / "transcripts.tsv").write_text("\n".join(["file\ttranscript\tsplit", *lines]) + "\n")
    for n in range(len(splits)):
        (folder / f"{n}.wav").write_bytes(b"")
    return folder


def test_a_split_that_is_there(tmp_path: Path) -> None:
    found = load_split(corpus(tmp_path, "train", "dev", "dev"), "dev", "--split {}")
    assert [u.path.name for u in found] == ["1.wav", "2.wav"]


def test_one_that_is_not(tmp_path: Path) -> None:
    folder = corpus(tmp_path, "train", "test")
    with pytest.raises(InputError) as caught:
        load_split(folder, "dev", "--split {}")
    ways = "--split train or --split test"
    assert str(caught.value).endswith(f"; {folder} has train and test, so it needs {ways}")
    with pytest.raises(InputError, match=r"so it needs some as dev$"):
        load_split(folder, "dev", "some as dev")


def test_nothing_at_all(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        load_split(tmp_path, "dev", "--split {}")
    assert "--split" not in str(caught.value)
