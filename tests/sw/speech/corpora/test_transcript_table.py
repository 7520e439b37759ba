"""Tables of transcripts, as people and their editors write them."""

from pathlib import Path

import pytest

from sordino.errors import InputError, InputWarning
from sordino.speech.corpora.transcript_table import TranscriptRow, read_table

SPLITS = ("train", "dev", "test")


def read(tmp_path: Path, table: str | bytes, *, unlabelled: bool = False) -> list[TranscriptRow]:
    path = tmp_path / "transcripts.tsv"
    path.write_bytes(table if isinstance(table, bytes) else table.encode())
    return read_table(path, SPLITS, unlabelled=unlabelled)


ROWS = [
    TranscriptRow(line=2, file="a.wav", transcript="GO ON", speaker="ann", split="dev"),
    TranscriptRow(line=3, file="deep/b c.wav", transcript='SAY "NO"', speaker="", split=""),
]
PLAIN = 'file\ttranscript\tspeaker\tsplit\na.wav\tGO ON\tann\tdev\ndeep/b c.wav\tSAY "NO"\t\t\n'


@pytest.mark.parametrize(
    "table",
    [
        PLAIN,
        PLAIN.removesuffix("\n"),
        PLAIN.replace("\n", "\r\n"),
        "\ufeff" + PLAIN,
        PLAIN.replace("GO ON", " GO \u00a0ON  "),
        PLAIN.replace("\tann", " \t ann "),
        PLAIN.replace("split\n", "split\t\n").replace("dev\n", "dev\t\t\n"),
        PLAIN.replace("\t\t\n", "\n"),
        PLAIN + "\n \n",
        "voice\tsplit\tfile\tspeaker\ttranscript\nx\tdev\ta.wav\tann\tGO ON\n"
        '\t\tdeep/b c.wav\t\tSAY "NO"\n',
    ],
)
def test_the_same_table_written_differently(tmp_path: Path, table: str) -> None:
    assert read(tmp_path, table) == ROWS


NOTES = "voice\tduration_stretch\tstretch\ttext"


def test_how_speech_was_made_is_not_read(tmp_path: Path) -> None:
    table = PLAIN.replace("split\n", f"split\t{NOTES}\n").replace(
        "dev\n", "dev\tslt\t1\t1\tGo on\n"
    )
    assert read(tmp_path, table) == ROWS


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ("subset", "column 'subset';"),
        ("speaker_id\tsplits", "columns 'speaker_id', 'splits';"),
        (f"{NOTES}\tTEXT\tgender", "columns 'TEXT', 'gender';"),
        ("\tx", "columns '', 'x';"),
    ],
)
def test_columns_that_are_not_read_are_said_once(tmp_path: Path, columns: str, said: str) -> None:
    with pytest.warns(InputWarning) as caught:
        assert read(tmp_path, PLAIN.replace("split\n", f"split\t{columns}\n")) == ROWS
    (message,) = [str(warning.message) for warning in caught]
    assert message.startswith(f"not read in {tmp_path / 'transcripts.tsv'}: {said}")
    assert message.endswith("file, transcript, speaker, split")


@pytest.mark.parametrize(("folder", "count"), [("utterances", 7), ("utterances-apart", 10)])
def test_our_own_tables_have_nothing_unread(utterances: Path, folder: str, count: int) -> None:
    where = utterances.with_name(folder)
    files = [row.file for row in read_table(where / "transcripts.tsv", SPLITS)]
    assert len(files) == count
    sounds = [path.name for path in where.iterdir() if path.suffix in (".wav", ".flac")]
    assert sorted(files) == sorted(sounds)


@pytest.mark.parametrize("odd", [*"\x0b\x0c\x1c\u0085\u2028\u2029"])
def test_line_feeds_alone_end_lines(tmp_path: Path, odd: str) -> None:
    (row,) = read(tmp_path, f"file\ttranscript\na.wav\tGO{odd}ON\n")
    assert row.transcript == "GO ON"


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("", "a line of column names in .*, got an empty file"),
        ("a.wav\tYES\n", r"first line of column names, .*got \['a.wav', 'YES'\]"),
        ("name\ttranscript\na.wav\tYES\n", "first line of column names"),
        ("file,transcript\na.wav,YES\n", "separated by tabs"),
        ("file\ttext\na.wav\tYES\n", "file and transcript among them"),
        ("file\ttranscript\tspilt\na.wav\tYES\tdev\n", "column 'split' in .*, got 'spilt'"),
        ("file\ttranscript\tSplit\na.wav\tYES\tdev\n", "column 'split' in .*, got 'Split'"),
        ("file\ttranscript\tspeakers\na.wav\tYES\tx\n", "column 'speaker' .* 'speakers'"),
        ("file\ttranscript\tfile\na.wav\tYES\tb.wav\n", "every column .* got 'file' twice"),
        ("file\ttranscript\na.wav\tYES\tNO\n", "wanted 2 fields in line 2 .*, got 3"),
        ("file\ttranscript\tsplit\na.wav\tYES\tvalid\n", "train, dev, test in line 2 .*'valid'"),
        ("file\ttranscript\tsplit\na.wav\tYES\tDev\n", "'Dev'"),
        ("file\ttranscript\na.wav\t \u3000\n", "a transcript with words of a.wav in line 2"),
        ("file\ttranscript\na.wav\n", "a transcript with words of a.wav in line 2"),
        ("file\ttranscript\na.wav\tYES\n\na.wav\tNO\n", "a.wav in line 4 .* as in line 2"),
        ("file\ttranscript\na.wav\tYES\n./a.wav\tNO\n", "./a.wav in line 3 .* as in line 2"),
        ("file\ttranscript\n\tYES\n", "name of a file in the folder in line 2 .*, got ''"),
        ("file\ttranscript\n/a.wav\tYES\n", "got '/a.wav'"),
        ("file\ttranscript\nx/../../a.wav\tYES\n", "got 'x/../../a.wav'"),
        ("file\ttranscript\na\0.wav\tYES\n", "got a zero byte in line 2"),
        ("file\ttranscript\na.wav\tYES\n".encode("utf-16-le"), "a zero byte in line 1"),
        (b"file\ttranscript\na.wav\tCAF\xc9\n", "as UTF-8, got byte 0xc9 in line 2"),
        (PLAIN.encode("utf-16"), "UTF-16"),
        (PLAIN.replace("\n", "\r"), "carriage return inside line 1"),
    ],
)
def test_odd_tables_are_refused(tmp_path: Path, table: str | bytes, message: str) -> None:
    with pytest.raises(InputError, match=message) as raised:
        read(tmp_path, table)
    assert len(str(raised.value).splitlines()) == 1
    assert "transcripts.tsv" in str(raised.value)


def test_transcripts_may_be_missing_where_that_is_asked_for(tmp_path: Path) -> None:
    rows = read(tmp_path, "file\ttranscript\na.wav\nb.wav\tYES\n", unlabelled=True)
    assert [row.transcript for row in rows] == ["", "YES"]
