"""Compile a circuit, such as the machine, to native code with CXXRTL, once, and keep it.

The cache is keyed by the hardware's sources, the configuration, the harness, the compiler and the
kind of processor, in the user's cache directory or where SORDINO_CACHE says; nothing but a C++
compiler must be on the system. Other sources that make the same circuit, as after a change of a
comment, get the library that is there: it has a second name, by the circuit in place of the
sources. A library's name ends with the digest of its contents: what is damaged is built again.
"""

import ctypes
import hashlib
import os
import platform
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import platformdirs

import sordino.rtl
from sordino.arch import Config
from sordino.engines.errors import ToolError
from sordino.engines.native.headers import headers
from sordino.errors import InputError
from sordino.files import write_atomically
from sordino.locks import exclusive
from sordino.rtl.export.yosys import cxxrtl_headers, run_yosys, yosys_version

__all__ = [
    "CACHE",
    "MACHINE",
    "Design",
    "build",
    "cache_directory",
    "compiler",
    "is_cached",
    "load",
]

_HERE = Path(__file__).parent
_HEADERS = sorted(_HERE.glob("*.hpp"))
# NDEBUG: addresses that run ahead of a memory read 0, as in Amaranth's simulator.
FLAGS = ("-std=c++17", "-O2", "-fPIC", "-shared", "-fno-math-errno", "-w", "-DNDEBUG")
CACHE = "SORDINO_CACHE"
"""Environment variable that names the folder for what is kept between runs."""
_BUILD = ".build"


@dataclass(frozen=True)
class Design:
    """What is compiled of a configuration.

    Attributes
    ----------
    name
        It stands in the library's name, and tells designs apart; none for the machine.
    harness
        The C++ that drives the circuit.
    make
        Makes the circuit, a component.
    sources
        Files that decide what the circuit is, besides those of the hardware.
    """

    name: str
    harness: Path
    make: Callable[[Config], Any]
    sources: tuple[Path, ...] = ()

    def stem(self, config: Config) -> str:
        """First part of the library's name."""
        return "-".join((f"{config.lanes}x{config.group}", *filter(None, [self.name])))


def _machine(config: Config) -> Any:
    # Imported here: elaborating needs Amaranth's back end, reading a cached library does not.
    from sordino.rtl.machine import Machine

    return Machine(config)


MACHINE = Design("", _HERE / "harness.cpp", _machine)
"""The machine without registers, as the rtl engine drives it."""


def cache_directory() -> Path:
    """Where compiled simulators are kept; ToolError where the system has no place for it."""
    folder = Path(os.environ.get(CACHE) or platformdirs.user_cache_dir("sordino"))
    if os.environ.get(CACHE):
        return folder.absolute() / "cxxrtl"
    if not folder.is_absolute():  # no HOME, and a user whom the system does not know
        raise ToolError(
            f"the rtl engine needs a folder for compiled simulators and found no home; set {CACHE} "
            "to one"
        )
    return folder / "cxxrtl"


def compiler() -> str:
    """The C++ compiler's path; ToolError if there is none, InputError if CXX names none."""
    return _compiler()[0]


def _compiler() -> list[str]:
    """The command: a compiler, and what else CXX says, as in `ccache g++`."""
    try:
        wanted = shlex.split(os.environ.get("CXX", ""))
    except ValueError as error:
        raise InputError(f"cannot read CXX as a command: {error}; correct or unset it") from None
    if wanted:
        if (found := shutil.which(wanted[0])) is None:
            raise InputError(
                f"wanted a C++ compiler in CXX, got {wanted[0]!r}, which is no program; correct or "
                "unset it"
            )
        return [found, *wanted[1:]]
    found = shutil.which("c++") or shutil.which("g++") or shutil.which("clang++")
    if found is None:
        raise ToolError(
            "the rtl engine needs a C++ compiler (c++ or g++) and found none; "
            "install one, or use --engine golden"
        )
    return [found]


def _sources() -> list[Path]:
    hardware = Path(next(iter(sordino.rtl.__path__))).parent
    return sorted(hardware.rglob("*.py"))


def _key(circuit: Iterable[bytes], debug: bool, design: Design) -> str:
    digest = hashlib.sha256()
    for part in circuit:
        digest.update(part + b"\0")
    for path in [design.harness, *_HEADERS]:
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    digest.update(repr(sorted(headers().items())).encode())
    digest.update(f"{version('amaranth')} {yosys_version()}".encode())
    digest.update(" ".join((*_compiler(), *FLAGS, _level(debug))).encode())
    digest.update(f"{sys.platform} {platform.machine()}".encode())
    return digest.hexdigest()[:24]


def _declared(config: Config, design: Design) -> Iterator[bytes]:
    """All that decides what the circuit is, without making it."""
    for path in [*_sources(), *design.sources]:
        yield path.name.encode() + b"\0" + path.read_bytes()
    fields = {k: v for k, v in config.as_dict().items() if k not in ("name", "clock_hz")}
    yield repr(sorted(fields.items())).encode()


def _level(debug: bool) -> str:
    # Every wire by name costs twice the compile time and no speed; memories are always there.
    return "-g4" if debug else "-g2"


def _stem(config: Config, debug: bool, design: Design = MACHINE) -> str:
    return f"{design.stem(config)}-{_key(_declared(config, design), debug, design)}"


def _circuit_stem(config: Config, netlist: str, debug: bool, design: Design) -> str:
    return f"{design.stem(config)}-circuit-{_key([netlist.encode()], debug, design)}"


def _find(folder: Path, stem: str) -> Path | None:
    """The whole library of that name; others of that name are removed, where that is allowed."""
    for path in sorted(folder.glob(f"{stem}-*.so")):
        with suppress(OSError):
            if path.stem == f"{stem}-{_digest(path)}":
                return path
            path.unlink()
    return None


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def is_cached(config: Config, *, debug: bool = False, design: Design = MACHINE) -> bool:
    """Whether `build` would return at once."""
    return _find(cache_directory(), _stem(config, debug, design)) is not None


def _netlist(config: Config, design: Design = MACHINE) -> str:
    from sordino.rtl.export.emit import to_rtlil

    return to_rtlil(design.make(config))


def _cplusplus(netlist: str, debug: bool) -> str:
    design = run_yosys(f"read_rtlil <<rtlil\n{netlist}\nrtlil\nwrite_cxxrtl {_level(debug)}\n")
    # The harness evaluates once a cycle: one pass must find every wire's value.
    if "bool converged = true;" not in design:
        raise ToolError("the machine has a combinational loop: one evaluation does not settle it")
    return design


def build(config: Config, *, debug: bool = False, design: Design = MACHINE) -> Path:
    """The shared library of `config`'s machine, or another design, built if it is not in the cache.

    `debug` keeps the names of inner wires, for waveforms. ToolError where the cache cannot be
    used or the machine not be compiled.
    """
    folder, stem = cache_directory(), _stem(config, debug, design)
    if (library := _find(folder, stem)) is not None:
        return library
    with _usable(folder):
        folder.mkdir(parents=True, exist_ok=True)
    # One process at a time: others would do the same work beside it.
    with _locked(folder, stem, wait=True):
        if (library := _find(folder, stem)) is None:
            _clear(folder, stem)
            netlist = _netlist(config, design)
            same = _circuit_stem(config, netlist, debug, design)
            made = _find(folder, same) or _compile(
                netlist, debug, folder, stem, same, design.harness
            )
            library = made.with_name(made.name.replace(same, stem, 1))
            with _usable(folder):
                _name_too(made, library)
    return library


def load(config: Config, *, debug: bool = False, design: Design = MACHINE) -> ctypes.CDLL:
    """The library, built if need be, in this process; ToolError as `build`."""
    path = build(config, debug=debug, design=design)
    try:
        return ctypes.CDLL(str(path))
    except OSError as error:
        raise ToolError(
            f"cannot load the simulator {path}: {error}; delete it, or set {CACHE} to another "
            "folder, from which programs may be started"
        ) from None


@contextmanager
def _usable(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise ToolError(
            f"cannot use the cache of simulators {folder}: {error.strerror or error}; set {CACHE} "
            "to a folder that can be written"
        ) from None


@contextmanager
def _locked(folder: Path, stem: str, *, wait: bool = False) -> Iterator[None]:
    what = f"the cache of simulators {folder} (set {CACHE} to a folder that can be written)"
    with exclusive(folder / f"{stem}.lock", what, wait=wait):
        yield


def _clear(folder: Path, own: str) -> None:
    """Remove what builds that were killed have left."""
    for left in folder.glob(f"*{_BUILD}"):
        with suppress(InputError):  # somebody is building it
            if left.stem == own:
                shutil.rmtree(left, ignore_errors=True)
            else:
                with _locked(folder, left.stem):
                    shutil.rmtree(left, ignore_errors=True)


def _name_too(made: Path, other: Path) -> None:
    """Give a file a second name; where the file system has no links, a copy."""
    with suppress(FileExistsError):
        try:
            os.link(made, other)
        except FileExistsError:
            raise
        except OSError:
            write_atomically(other, made.read_bytes())


def _compile(
    netlist: str, debug: bool, folder: Path, stem: str, called: str, harness: Path
) -> Path:
    """The library, `called` so; it is made in a folder called `stem`."""
    place = folder / f"{stem}{_BUILD}"
    try:
        with _usable(folder):
            place.mkdir()
            design, output = place / "design.cc", place / "library"
            capi = (
                "#include <cxxrtl/capi/cxxrtl_capi.cc>\n#include <cxxrtl/capi/cxxrtl_capi_vcd.cc>\n"
            )
            design.write_text(_cplusplus(netlist, debug) + capi)
            for name, text in headers().items():
                (place / name).write_text(text)
            sources = (str(design), str(harness))
            include = (f"-I{cxxrtl_headers()}", f"-I{place}")
            _call(place, [*_compiler(), *FLAGS, *include, "-o", str(output), *sources])
            if not output.exists():
                raise ToolError(
                    f"wanted a C++ compiler, got {_compiler()[0]}, which ended without a library; "
                    "correct or unset CXX"
                )
            library = folder / f"{called}-{_digest(output)}.so"
            os.replace(output, library)
        return library
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _call(place: Path, command: list[str]) -> None:
    """Run the compiler, with its temporary files in `place`; it ends with this process's block."""
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            env={**os.environ, "TMPDIR": str(place)},
            start_new_session=True,  # its children end with it
        )
    except OSError as error:
        raise ToolError(f"cannot start {command[0]}: {error.strerror}; install it again") from None
    try:
        _, said = process.communicate()
    finally:
        if process.poll() is None:
            with suppress(OSError, AttributeError):
                os.killpg(process.pid, signal.SIGKILL)
            process.kill()
            process.wait()
    if process.returncode < 0:
        name = signal.Signals(-process.returncode).name
        raise ToolError(
            f"{command[0]} was ended by {name} while it compiled the machine; is there too little "
            "memory?"
        )
    if process.returncode:
        first = next((line for line in said.splitlines() if "error" in line), said)
        first = first or f"exit code {process.returncode} and no message; is CXX a C++ compiler?"
        where = f"; set {CACHE} to another folder than {place.parent}" if "space" in first else ""
        raise ToolError(f"{command[0]} could not compile the machine: {first.strip()}{where}")
