"""Compile the machine to native code with CXXRTL, once, and keep it.

The cache is keyed by the hardware's sources, the configuration, the harness and the compiler, in
the user's cache directory; nothing but a C++ compiler must be on the system.
"""

import hashlib
import os
import shutil
import subprocess
import tempfile
from importlib.metadata import version
from pathlib import Path

import platformdirs

import sordino.rtl
from sordino.arch import Config
from sordino.engines.errors import ToolError
from sordino.locks import exclusive
from sordino.rtl.yosys import cxxrtl_headers, run_yosys, yosys_version

__all__ = ["build", "cache_directory", "compiler", "is_cached"]

HARNESS = Path(__file__).with_name("harness.cpp")
_HEADER = Path(__file__).with_name("external.hpp")
# NDEBUG: addresses that run ahead of a memory read 0, as in Amaranth's simulator.
FLAGS = ("-std=c++17", "-O2", "-fPIC", "-shared", "-fno-math-errno", "-w", "-DNDEBUG")


def cache_directory() -> Path:
    """Where compiled simulators are kept."""
    return Path(platformdirs.user_cache_dir("sordino")) / "cxxrtl"


def compiler() -> str:
    """The C++ compiler's path; ToolError if there is none."""
    found = shutil.which(os.environ.get("CXX", "")) or shutil.which("c++") or shutil.which("g++")
    if found is None:
        raise ToolError(
            "the rtl engine needs a C++ compiler (c++ or g++) and found none; "
            "install one, or use --engine golden"
        )
    return found


def _sources() -> list[Path]:
    hardware = Path(next(iter(sordino.rtl.__path__))).parent
    return sorted(hardware.rglob("*.py"))


def _key(config: Config, debug: bool) -> str:
    digest = hashlib.sha256()
    for path in [*_sources(), HARNESS, _HEADER]:
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    fields = {k: v for k, v in config.as_dict().items() if k not in ("name", "clock_hz")}
    digest.update(repr(sorted(fields.items())).encode())
    digest.update(f"{version('amaranth')} {yosys_version()}".encode())
    digest.update(" ".join((compiler(), *FLAGS, _level(debug))).encode())
    return digest.hexdigest()[:24]


def _level(debug: bool) -> str:
    # Every wire by name costs twice the compile time and no speed; memories are always there.
    return "-g4" if debug else "-g2"


def _library(config: Config, debug: bool) -> Path:
    return cache_directory() / f"{config.lanes}x{config.group}-{_key(config, debug)}.so"


def is_cached(config: Config, *, debug: bool = False) -> bool:
    """Whether `build` would return at once."""
    return _library(config, debug).exists()


def _cplusplus(config: Config, debug: bool) -> str:
    # Imported here: elaborating needs Amaranth's back end, reading a cached library does not.
    from sordino.rtl.emit import to_rtlil
    from sordino.rtl.machine import Machine

    text = to_rtlil(Machine(config))
    design = run_yosys(f"read_rtlil <<rtlil\n{text}\nrtlil\nwrite_cxxrtl {_level(debug)}\n")
    # The harness evaluates once a cycle: one pass must find every wire's value.
    if "bool converged = true;" not in design:
        raise ToolError("the machine has a combinational loop: one evaluation does not settle it")
    return design


def build(config: Config, *, debug: bool = False) -> Path:
    """The shared library of `config`'s machine, built if it is not in the cache.

    `debug` keeps the names of inner wires, for waveforms.
    """
    library = _library(config, debug)
    if library.exists():
        return library
    library.parent.mkdir(parents=True, exist_ok=True)
    with exclusive(library.with_suffix(".lock"), "the cache of simulators", wait=True):
        if not library.exists():
            _compile(config, debug, library)
    return library


def _compile(config: Config, debug: bool, library: Path) -> None:
    with tempfile.TemporaryDirectory(dir=library.parent) as folder:
        design = Path(folder) / "design.cc"
        capi = "#include <cxxrtl/capi/cxxrtl_capi.cc>\n#include <cxxrtl/capi/cxxrtl_capi_vcd.cc>\n"
        design.write_text(_cplusplus(config, debug) + capi)
        output = Path(folder) / library.name
        command = [
            compiler(),
            *FLAGS,
            f"-I{cxxrtl_headers()}",
            "-o",
            str(output),
            str(design),
            str(HARNESS),
        ]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        if result.returncode:
            first = next((x for x in result.stderr.splitlines() if "error" in x), result.stderr)
            raise ToolError(f"{compiler()} could not compile the machine: {first.strip()}")
        os.replace(output, library)
