"""Standard streams that are closed, full, narrow or gone; names that a terminal cannot show."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sordino.cli.shared.streams import open_streams

MAIN = "from sordino.cli.main import main; main()"


@pytest.fixture
def shell(tmp_path):
    """Run a line of the shell, in which `sordino` is the command, in a folder with a text."""
    if not os.path.exists("/bin/sh"):
        pytest.skip("no shell")
    (tmp_path / "t.txt").write_text("YES NO\nNO YES\n")

    def run(line, **environment):
        start = f"sordino() {{ '{sys.executable}' -c '{MAIN}' \"$@\"; }}\n"
        return subprocess.run(
            ["/bin/sh", "-c", start + line],
            cwd=tmp_path,
            capture_output=True,
            env={**os.environ, **environment},
            timeout=100,
        )

    return run


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_closed_streams(shell, tmp_path, closed):
    done = shell(f"sordino lm t.txt --order 2 -o t.arpa {closed}")
    assert (done.returncode, done.stderr) == (0, b"")
    assert (tmp_path / "t.arpa").read_text().startswith("\\data\\")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["t.arpa", "t.txt"]


def test_a_refusal_with_closed_streams(shell):
    assert shell("sordino lm none.txt -o t.arpa 2>&-").returncode == 2
    done = shell("sordino lm none.txt -o t.arpa >&-")
    assert done.returncode == 2
    assert done.stderr.startswith(b"sordino: ")
    assert done.stderr.count(b"\n") == 1


def test_a_reader_that_is_gone(shell, tmp_path):
    """The reader ends first, for certain: it does not even begin to read."""
    done = shell("{ sleep 1; sordino lm t.txt --order 2 -o t.arpa; echo $? > code; } | true")
    assert (done.stderr, (tmp_path / "code").read_text()) == (b"", "1\n")
    assert (tmp_path / "t.arpa").exists()
    done = shell("{ sordino lm t.txt --order 2 --json -o t.arpa; echo $? > code; } | head -1")
    assert (done.stdout, done.stderr) == (b"{\n", b"")


@pytest.mark.parametrize("more", ["", "--json"])
def test_a_full_disk_behind_standard_output(shell, tmp_path, more):
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full")
    done = shell(f"sordino lm t.txt --order 2 -o t.arpa {more} > /dev/full")
    assert done.returncode == 2
    assert done.stderr.count(b"\n") == 1
    assert b"No space left on device" in done.stderr
    done = shell(f"sordino lm t.txt --order 2 -o /dev/full {more}")
    assert done.returncode == 2
    assert done.stderr == (
        b"sordino: cannot write /dev/full: No space left on device; choose another path\n"
    )


def test_errors_that_nobody_can_hear(shell):
    if not os.path.exists("/dev/full"):
        pytest.skip("no /dev/full")
    assert shell("sordino lm none.txt -o t.arpa 2> /dev/full").returncode == 2


@pytest.mark.parametrize("encoding", ["ascii", "ascii:strict", "latin-1", "cp1252", "utf-8", ""])
def test_terminals_that_are_not_utf8(shell, small_model, encoding):
    """compile prints `32 × 117`; the model's name has letters and bytes of all kinds."""
    name = os.fsdecode("é✓\N{CJK UNIFIED IDEOGRAPH-4E2D} ".encode() + b"\xff") + ".npz"
    line = f'cp \'{small_model}\' "$NAME"; sordino compile "$NAME" --config tiny'
    environment = {"NAME": name, "PYTHONIOENCODING": encoding, "LANG": "C", "LC_ALL": "C"}
    done = shell(line, **environment)
    assert (done.returncode, done.stderr) == (0, b"")
    sign = {"utf-8": "×".encode(), "": "×".encode()}.get(encoding)
    if sign is None:
        sign = b"x" if encoding.startswith("ascii") else "×".encode(encoding)
    assert b" ".join((b"32", sign, b"117")) in done.stdout
    done = shell(line + " --json", **environment)
    assert json.loads(done.stdout)["image"] == name.replace(".npz", ".sordino")
    done = shell(line.replace("compile", "disasm"), **environment)
    assert done.returncode == 2
    assert done.stderr.startswith(b"sordino: ")


def test_the_streams_of_this_process_stay(capsys):
    open_streams()
    print("×")
    assert capsys.readouterr().out == "×\n"


@pytest.mark.parametrize(
    "name",
    [
        "a$_{$b",
        "$\\frac",
        "new\nline",
        "100%s %d",
        "[bold]x[/]",
        "<script>alert(1)<",
        "-",
        "n" * 200,
        "nul\x01\x1b[31m",
        os.fsdecode(b"\xff\xfe"),
        "\u202ertl",
        "&amp;",
        ":smile:",
    ],
)
def test_names_of_all_kinds(sordino, small_model, small_image, tmp_path, name):
    name = name.replace("/", "_")
    model, image = tmp_path / f"{name}.npz", tmp_path / f"{name}.sordino"
    model.write_bytes(small_model.read_bytes())
    done = sordino("compile", model, "--config", "tiny", "--weight-bits", "5")
    assert (done.code, done.err) == (0, "")
    assert sordino("report", image).code == 0
    page = (tmp_path / f"{name}.html").read_text()
    assert "<script" not in page
    done = sordino("report", image, "--json", tmp_path / "j", "--csv", tmp_path / "c")
    assert done.code == 0
    assert json.loads((tmp_path / "j").read_text())["image"] == image.name
    assert sordino("info", image, "--json").json()["image"] == str(image)


def test_messages_are_no_orders_to_a_terminal(sordino, small_image, tmp_path):
    """Whoever names a file, or writes one, may not clear the screen or answer for the user."""
    name = "\x1b[2J\x9b5n\u202e"
    shown = r"\x1b[2J\x9b5n\u202e"
    (tmp_path / f"{name}.wav").write_bytes(b"x")
    done = sordino("run", small_image, tmp_path / f"{name}.wav")
    assert (done.code, shown in done.err, done.err.count("\n")) == (2, True, 1)
    assert done.err[:-1].isprintable()
    done = sordino("info", tmp_path / name)
    assert (done.code, shown in done.err) == (2, True)
    assert done.err[:-1].isprintable()


@pytest.mark.parametrize(
    "name", ["a$_{$b", "$", "new\nline", "100%s", "nul\x01", os.fsdecode(b"\xff"), "n" * 200, "<&>"]
)
def test_plots_of_names_of_all_kinds(tmp_path, name):
    pytest.importorskip("matplotlib")
    from xml.etree import ElementTree

    from sordino.tools.sweep.plot import plot_sweep

    result = {"lanes": 16, "group": 4, "bits": 5, "zeros": None, "wer": None, "error": None}
    result |= {"frame_best": 900, "bytes": 5000, "pareto": True}
    plot_sweep([result], tmp_path / "p.svg", f"{name}.npz: 1 point")
    ElementTree.parse(tmp_path / "p.svg")
    plot_sweep([], tmp_path / "p.png", name)
    assert Path(tmp_path / "p.png").read_bytes().startswith(b"\x89PNG")
