"""Help, version, and the way commands end."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import click
import pytest

from sordino.cli.main import cli, main
from sordino.cli.shared.output import console
from sordino.image.image import Image

NAMES = (
    "compile",
    "run",
    "cosim",
    "eval",
    "info",
    "report",
    "estimate",
    "sweep",
    "disasm",
    "verilog",
    "build",
    "program",
    "package",
    "bench",
    "train",
    "lattice",
    "rerank",
    "serve",
    "lm",
)


def commands(group: click.Group = cli, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            found += commands(command, (*path, name))
        else:
            found.append((*path, name))
    return found


@pytest.mark.parametrize("path", commands(), ids=" ".join)
def test_every_command_has_examples(sordino, path):
    result = sordino(*path, "--help")
    assert result.code == 0
    assert "Example" in result.out
    assert f"  sordino {' '.join(path)} " in result.out.partition("Example")[2]


@pytest.mark.parametrize("path", commands(), ids=" ".join)
def test_every_option_says_what_it_is(path):
    command: click.Command = cli
    for name in path:
        assert isinstance(command, click.Group)
        command = command.commands[name]
    options = [p for p in command.params if isinstance(p, click.Option)]
    assert not [p.name for p in options if not (p.help or "").partition("[default")[0].strip()]


def test_help_names_the_commands(sordino):
    result = sordino("-h")
    assert result.code == 0
    for name in NAMES:
        assert f"\n  {name} " in result.out
    assert sordino("bench", "--help").code == 0


def test_version(sordino):
    assert sordino("--version").out.startswith("sordino, version 0")


def test_nothing_asked(sordino):
    for arguments in ((), ("bench",)):
        result = sordino(*arguments)
        assert (result.code, result.out) == (2, "")
        assert "Usage: sordino" in result.err
        assert "\n  " in result.err


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["transcribe"], "sordino --help"),
        (["run"], "sordino run --help"),
        (["run", "x.sordino"], "sordino run --help"),
        (["run", "x.sordino", "y.wav", "--wrong"], "sordino run --help"),
        (["info"], "sordino info --help"),
        (["info", "x.sordino", "--config", "tiny"], "sordino info --help"),
        (["bench", "codec"], "sordino bench codec --help"),
    ],
)
def test_bad_usage_is_one_line_with_where_to_look(sordino, arguments, hint):
    assert f"see `{hint}`" in sordino(*arguments).complaint()


@pytest.mark.parametrize("error", [KeyboardInterrupt, click.exceptions.Abort])
def test_interrupted(sordino, monkeypatch, error):
    def load(_path):
        raise error

    monkeypatch.setattr(Image, "load", load)
    result = sordino("disasm", "x.sordino")
    assert (result.code, result.err.strip(), result.out) == (130, "", "")


def test_control_c(small_image, tmp_path):
    """A real signal to a process in the middle of a run."""
    ready = tmp_path / "running"
    program = (
        "import signal, sys, pathlib\n"
        # A suite that a shell runs in the background hands down SIGINT ignored.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from sordino.golden.machine import GoldenSession\n"
        "from sordino.cli.main import main\n"
        "def run(self, *_, **__):\n"
        f"    pathlib.Path({str(ready)!r}).touch()\n"
        "    while True: pass\n"
        "GoldenSession.feed = run\n"
        "main(sys.argv[1:])\n"
    )
    recording = Path(__file__).parents[3] / "models" / "utterances" / "yes.wav"
    with subprocess.Popen(
        [sys.executable, "-c", program, "run", str(small_image), str(recording)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            end = time.monotonic() + 60
            while not ready.exists() and process.poll() is None and time.monotonic() < end:
                time.sleep(0.02)
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=20)
        finally:
            process.kill()
    assert (process.returncode, out, err.strip()) == (130, "", "")


def test_a_reader_that_goes_away(sordino, monkeypatch):
    def load(_path):
        raise BrokenPipeError

    monkeypatch.setattr(Image, "load", load)
    result = sordino("disasm", "x.sordino")
    assert (result.code, result.err) == (1, "")


def test_other_errors_of_the_system_are_one_line(sordino, monkeypatch):
    def load(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Image, "load", load)
    assert "x.sordino: Permission denied" in sordino("disasm", "x.sordino").complaint()


def test_errors_that_are_bugs_are_not_hidden(monkeypatch):
    def load(_path):
        raise ZeroDivisionError

    monkeypatch.setattr(Image, "load", load)
    with pytest.raises(ZeroDivisionError):
        main(["disasm", "x.sordino"])


def test_tables_are_not_wrapped_in_a_pipe(sordino, small_model, tmp_path):
    """Compile's is the widest: its eight columns do not fit 80 characters."""
    assert not os.environ.get("FORCE_COLOR")
    result = sordino("compile", small_model, "-o", tmp_path / "x.sordino")
    assert result.code == 0
    (row,) = [line for line in result.out.splitlines() if "encoder.0.weight_ih" in line]
    assert "32 × 117" in row
    assert len([line for line in result.out.splitlines() if line.startswith("│")]) == 7
    assert console.width >= 120
