"""AN4 and FSDD folders: small ones made here, and the real ones where they are."""

from pathlib import Path

import pytest

from sordino.errors import InputError
from sordino.speech.corpora.datasets import load_dataset


def make_an4(root: Path, *, sentence: str, folder: str = "feat", suffix: str = ".mfc") -> None:
    (root / "etc").mkdir(parents=True)
    for part, count in (("train", 10), ("test", 2)):
        names = [f"an4_{part}/s{i:02d}/an1-s{i:02d}-b" for i in range(count)]
        lines = [f"{sentence} (an1-s{i:02d}-b)" for i in range(count)]
        (root / "etc" / f"an4_{part}.fileids").write_text("\n".join(names) + "\n")
        (root / "etc" / f"an4_{part}.transcription").write_text("\n".join(lines) + "\n")
        for name in names:
            path = root / folder / f"{name}{suffix}"
            path.parent.mkdir(parents=True)
            path.touch()


@pytest.mark.parametrize("sentence", ["GO  ON", "<s> GO ON </s>", "<s>GO ON</s>"])
@pytest.mark.parametrize(("folder", "suffix"), [("feat", ".mfc"), ("wav", ".sph"), ("wav", ".wav")])
def test_an4_layouts(tmp_path: Path, sentence: str, folder: str, suffix: str) -> None:
    make_an4(tmp_path, sentence=sentence, folder=folder, suffix=suffix)
    dev = load_dataset(tmp_path, "dev")
    assert [u.speaker for u in dev] == ["s00", "s09"]  # every ninth of ten
    assert {u.text for u in dev} == {"GO ON"}
    assert dev[0].path == tmp_path / folder / f"an4_train/s00/an1-s00-b{suffix}"
    train = load_dataset(tmp_path, "train")
    assert [u.speaker for u in train] == [f"s{i:02d}" for i in range(1, 9)]
    test = load_dataset(tmp_path, "test")
    assert [u.name for u in test] == ["an1-s00-b", "an1-s01-b"]
    assert {u.split for u in test} == {"test"}


def test_fsdd_layout(tmp_path: Path) -> None:
    folder = tmp_path / "recordings"
    folder.mkdir()
    for index in (0, 4, 5, 10, 49):
        (folder / f"7_jackson_{index}.wav").touch()
    for root in (tmp_path, folder):
        test = load_dataset(root, "test")
        assert [u.name for u in test] == ["7_jackson_0", "7_jackson_4"]
        assert (test[0].text, test[0].speaker) == ("SEVEN", "jackson")
        assert [u.name[10:] for u in load_dataset(root, "train")] == ["10", "49", "5"]
        with pytest.raises(InputError, match="no dev split"):
            load_dataset(root, "dev")
    (folder / "8_jackson_a.wav").touch()
    with pytest.raises(InputError, match="8_jackson_a"):
        load_dataset(folder, "test")


def test_table_of_recordings(tmp_path: Path) -> None:
    for name in "abc":
        (tmp_path / f"{name}.wav").touch()
    table = tmp_path / "transcripts.tsv"
    table.write_text("file\tvoice\ttranscript\nb.wav\tslt\tgo  on\na.wav\trms\tYES\n")
    train = load_dataset(tmp_path, "train")
    assert [(u.name, u.text, u.speaker) for u in train] == [("b", "go on", ""), ("a", "YES", "")]
    assert train[0].path == tmp_path / "b.wav"
    with pytest.raises(InputError, match=r"wanted recordings of dev .*, got none"):
        load_dataset(tmp_path, "dev")
    table.write_text(
        "split\tfile\tspeaker\ttranscript\n"
        'dev\ta.wav\tann\tSAY "NO"\n\tb.wav\tbob\tNO\ntrain\tc.wav\tcid\tYES\n'
    )
    assert [(u.text, u.speaker) for u in load_dataset(tmp_path, "dev")] == [('SAY "NO"', "ann")]
    assert [u.speaker for u in load_dataset(tmp_path, "train")] == ["bob", "cid"]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("file\ttranscript\nz.wav\tYES\n", "wanted the recording .*z.wav, .* line 2 .*, got none"),
        ("file\ttranscript\n", "wanted recordings of train in .*, got none"),
    ],
)
def test_odd_tables_are_refused(tmp_path: Path, table: str, message: str) -> None:
    (tmp_path / "a.wav").touch()
    (tmp_path / "transcripts.tsv").write_text(table)
    with pytest.raises(InputError, match=message):
        load_dataset(tmp_path, "train")


def test_odd_folders_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a folder"):
        load_dataset(tmp_path / "none", "test")
    with pytest.raises(InputError, match=r"FSDD recordings or transcripts\.tsv in .*, got none"):
        load_dataset(tmp_path, "test")
    with pytest.raises(InputError, match="train, dev, test, tuning or fitting, got 'all'"):
        load_dataset(tmp_path, "all")  # type: ignore[arg-type]
    make_an4(tmp_path, sentence="GO")
    (tmp_path / "feat/an4_test/s01/an1-s01-b.mfc").unlink()
    with pytest.raises(InputError, match="an4_test/s01/an1-s01-b"):
        load_dataset(tmp_path, "test")
    transcription = tmp_path / "etc" / "an4_test.transcription"
    transcription.write_text("GO (an1-s00-b)\n")
    with pytest.raises(InputError, match="transcript of an1-s01-b"):
        load_dataset(tmp_path, "test")
    transcription.write_text("GO (an1-s00-b)\nNO (an1-s00-b)\n")
    with pytest.raises(InputError, match=r"one transcript of an1-s00-b in .* got two"):
        load_dataset(tmp_path, "test")
    transcription.write_text("<s>  </s> (an1-s00-b)\nNO (an1-s01-b)\n")
    with pytest.raises(InputError, match="words in the transcript of an1-s00-b"):
        load_dataset(tmp_path, "test")
    transcription.write_text("GO an1-s00-b\n")
    with pytest.raises(InputError, match="wanted lines like"):
        load_dataset(tmp_path, "test")
    transcription.write_bytes(b"NON (an1-s00-b)\nCAF\xc9 (an1-s01-b)\n")
    with pytest.raises(InputError, match="UTF-8, got byte 0xc9 in line 2"):
        load_dataset(tmp_path, "test")
    ids = tmp_path / "etc" / "an4_test.fileids"
    for lists, message in (
        ("an4_test/s00/an1-s00-b\nan4_test/s01/an1-s00-b\n", "once .* got an1-s00-b twice"),
        ("../s00/an1-s00-b\n", "wanted file ids in .* got '../s00/an1-s00-b'"),
        ("/an1-s00-b\n", "wanted file ids in .* got '/an1-s00-b'"),
    ):
        ids.write_text(lists)
        with pytest.raises(InputError, match=message):
            load_dataset(tmp_path, "test")
    ids.write_text("an4_test/s00/an1-s00-b\n")
    transcription.unlink()
    with pytest.raises(InputError, match="not in the folder"):
        load_dataset(tmp_path, "test")
    (tmp_path / "etc" / "an4_train.fileids").write_text("")
    with pytest.raises(InputError, match="utterances of train"):
        load_dataset(tmp_path, "train")


def test_an4_lists_of_other_editors(tmp_path: Path) -> None:
    make_an4(tmp_path, sentence="GO")
    wanted = load_dataset(tmp_path, "test")
    for path in (tmp_path / "etc").iterdir():
        path.write_text("\ufeff" + path.read_text().replace("\n", " \r\n\r\n"), newline="")
    assert load_dataset(tmp_path, "test") == wanted


def test_real_an4(an4: Path) -> None:
    dev, train = load_dataset(an4, "dev"), load_dataset(an4, "train")
    assert (len(dev), len(train)) == (113, 835)
    assert sum(len(u.text.split()) for u in dev) == 625
    held_out = ["fash", "fkdo", "ftal", "mcrt", "mema", "mjhp", "mmsh", "msct", "mtxj"]
    assert sorted({u.speaker for u in dev}) == held_out
    assert len({u.speaker for u in train}) == 65
    assert not {u.speaker for u in train} & set(held_out)
    tuning, fitting = load_dataset(an4, "tuning"), load_dataset(an4, "fitting")
    ranked = sorted({u.speaker for u in [*dev, *train]})
    assert sorted({u.speaker for u in tuning}) == ranked[1::9]
    assert len({u.speaker for u in fitting}) == 56
    assert {u.name for u in tuning} | {u.name for u in fitting} == {u.name for u in train}
    assert len(tuning) + len(fitting) == len(train)
    assert {u.split for u in tuning} == {"tuning"}


def test_real_fsdd(fsdd: Path) -> None:
    test, train = load_dataset(fsdd, "test"), load_dataset(fsdd, "train")
    assert len({u.speaker for u in test}) * 10 * 5 == len(test) == 250
    assert len(train) == 2250
