"""The command line called in this process, as the shell sees it."""

import gc
import json
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sordino.cli.main import main


@dataclass(frozen=True)
class Finished:
    """What the shell sees of a command."""

    code: int
    out: str
    err: str

    def json(self) -> dict[str, Any]:
        """Standard output, which must be one JSON object and nothing else."""
        value = json.loads(self.out)
        assert isinstance(value, dict)
        return value

    def complaint(self) -> str:
        """The one line with which a refused command ends; nothing else was said."""
        assert self.code == 2, self
        assert self.out == ""
        assert self.err.startswith("sordino: ")
        assert self.err.count("\n") == 1
        assert self.err.endswith("\n")
        assert "Traceback" not in self.err
        assert len(self.err) > 30, "wanted, got, what to do"
        return self.err


Sordino = Callable[..., Finished]


@pytest.fixture
def sordino(capsys: pytest.CaptureFixture[str]) -> Iterator[Sordino]:
    """Call the command line; a file that it leaves open is an error of this test."""

    gc.freeze()  # what was there before: else every collection takes as long as all of it

    def call(*arguments: object) -> Finished:
        capsys.readouterr()
        with pytest.raises(SystemExit) as exit:
            main([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        code = exit.value.code
        assert isinstance(code, int)
        return Finished(code, out, err)

    yield call
    gc.collect()  # else it would be an error of whatever test runs when garbage is collected


@pytest.fixture(scope="session")
def cxx() -> None:
    """Skip where the compiled circuit cannot be built."""
    if not (shutil.which("c++") or shutil.which("g++")):
        pytest.skip("no C++ compiler (c++ or g++) for the rtl engine")


@pytest.fixture
def no_compiler(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A system without C++ compiler."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)


@contextmanager
def loaded_anew(prefix: str) -> Iterator[None]:
    """Let modules of ours be loaded anew, until the end.

    Then the old ones are back, in `sys.modules` and in their packages, which is where `from
    sordino.serve import pool` looks. What was loaded meanwhile is gone.
    """
    before = {name: module for name, module in sys.modules.items() if name.startswith(prefix)}
    for name in before:
        del sys.modules[name]
    try:
        yield
    finally:
        for name in [name for name in sys.modules if name.startswith(prefix)]:
            package, _, last = name.rpartition(".")
            vars(sys.modules.get(package, sys)).pop(last, None)
            del sys.modules[name]
        sys.modules.update(before)
        for name, module in before.items():
            package, _, last = name.rpartition(".")
            setattr(sys.modules[package], last, module)


@pytest.fixture
def forget() -> Iterator[Callable[[str], None]]:
    """Modules that are loaded anew until the test's end."""
    with ExitStack() as stack:
        yield lambda prefix: stack.enter_context(loaded_anew(prefix))
