"""A folder in which the commands of the pages run."""

import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def work_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder: it has the repository's inputs, and `sordino` is this tree's.

    Warnings are errors in every command, and `python` is the one that runs the tests.
    """
    programs = tmp_path / "bin"
    programs.mkdir()
    start = "from sordino.cli import main; main()"
    for name, arguments in (("sordino", f"-c '{start}' "), ("python", "")):
        program = programs / name
        program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -W error {arguments}"$@"\n')
        program.chmod(0o755)
    work = tmp_path / "work"
    work.mkdir()
    for name in ("models", "examples", "recipes"):
        (work / name).symlink_to(ROOT / name, target_is_directory=True)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(str(ROOT / p) for p in ("hw", "sw", "sim")))
    monkeypatch.chdir(work)
    return work
