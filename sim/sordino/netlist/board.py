"""A machine's netlist and its circuit, side by side under Verilator, as a board for a host."""

import ctypes
import os
import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from sordino.driver.bus import WHOLE_WORD, Refused
from sordino.engines.native.toolchain import verilator_environment
from sordino.errors import InputError

__all__ = ["NetlistBoard", "compile_pair"]

_HARNESS = Path(__file__).with_name("board.cpp")
_OPTIMISED = ("--cc", "-O3", "--output-split", "20000", "--x-assign", "fast", "--x-initial", "fast")
_VERILATOR = (*_OPTIMISED, "-Wno-fatal", "-Wno-lint", "-Wno-style")
_FLAGS = ("-std=gnu++20", "-fPIC", "-w")
_RUNTIME = ("verilated.cpp", "verilated_threads.cpp")
_RESET_CYCLES = 4
_PATIENCE = 10_000
_LONGEST_WAIT = 1 << 30
"""Cycles after which an interrupt is missed."""


def compile_pair(
    circuit: Sequence[Path],
    netlist: Sequence[Path],
    outputs: Sequence[str],
    folder: Path,
    *,
    fast: str = "-O1",
) -> Path:
    """A library for `NetlistBoard`, in `folder`, of two Verilog modules `circuit` and `netlist`.

    Both have the ports of a machine behind AXI4-Lite. `outputs` are the names of those that are
    compared. `fast` is how the C++ of every cycle is compiled; what runs once is not optimised.
    ToolError where Verilator or a C++ compiler is missing, InputError where one fails.
    """
    environment = verilator_environment()
    folder = folder.absolute()
    for old in folder.glob("V*"):
        old.unlink()
    root = Path(environment["VERILATOR_ROOT"])
    verilator = [str(root / "bin" / "verilator_bin"), *_VERILATOR, "--Mdir", str(folder)]
    for name, sources in (("circuit", circuit), ("netlist", netlist)):
        named = ["--prefix", f"V{name}", "--top-module", name]
        _run(folder, environment, [*verilator, *named, *(str(p.absolute()) for p in sources)])
    (folder / "outputs.hpp").write_text(f"#define OUTPUTS {' '.join(f'X({n})' for n in outputs)}\n")
    include = root / "include"
    flags = [*_FLAGS, f"-I{folder}", f"-I{include}", f"-I{include / 'vltstd'}"]

    def compiled(source: Path) -> str:
        level = "-O0" if source.stem.endswith("Slow") else fast
        made = str(folder / f"{source.stem}.o")
        command = ["g++", *flags, level, "-include", "outputs.hpp", "-c", str(source), "-o", made]
        _run(folder, environment, command)
        return made

    sources = [*sorted(folder.glob("V*.cpp")), *(include / name for name in _RUNTIME), _HARNESS]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        objects = list(pool.map(compiled, sources))
    library = folder / "board.so"
    _run(folder, environment, ["g++", "-shared", "-o", str(library), *objects, "-pthread"])
    return library


def _run(folder: Path, environment: Mapping[str, str], command: Sequence[str]) -> None:
    """Run a tool in a folder; InputError where it fails."""
    done = subprocess.run(
        command, cwd=folder, env=dict(environment), capture_output=True, encoding="utf-8"
    )
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if "rror" in line][:1] or ["nothing"]
        name = Path(command[0]).name
        raise InputError(f"wanted {name} to succeed, but it failed and said: {said[0]}")


class NetlistBoard:
    """A bus for `sordino.driver.Host` over the netlist, with the circuit beside it.

    The circuit gets the same inputs in every cycle, and every output of both is compared. Both
    stand still between two accesses. `library` is what `compile_pair` makes.

    Attributes
    ----------
    circuit
        By byte address what the circuit answered to the last read, of which `read` returns the
        netlist's word.
    """

    def __init__(self, library: Path) -> None:
        self._library = functions(ctypes.CDLL(str(library)))
        self._pair = self._library.board_create()
        self.circuit: dict[int, int] = {}

    def __del__(self) -> None:
        if hasattr(self, "_pair"):
            self._library.board_destroy(self._pair)

    @property
    def cycles(self) -> int:
        """Cycles since power-up."""
        return int(self._library.board_cycles(self._pair))

    @property
    def difference(self) -> str | None:
        """The first cycle in which an output of both differed, in words; None for none."""
        count = self._library.board_differing(self._pair)
        if not count:
            return None
        first = self._library.board_first(self._pair)
        name = self._library.board_what(self._pair).decode()
        return f"{name} in cycle {first:,}, and {count - 1:,} later cycles"

    def reset(self) -> None:
        """Hold the reset line for some cycles."""
        self._library.board_reset(self._pair, _RESET_CYCLES)

    def read(self, address: int) -> int:
        """The word at `address`."""
        word, beside = ctypes.c_uint32(), ctypes.c_uint32()
        response = self._library.board_read(
            self._pair, address, ctypes.byref(word), ctypes.byref(beside), _PATIENCE
        )
        self._answer(response, address)
        self.circuit[address] = beside.value
        return word.value

    def write(self, address: int, value: int, strobe: int = WHOLE_WORD) -> None:
        """Write the bytes of `value` in `strobe`."""
        response = self._library.board_write(self._pair, address, value, strobe, _PATIENCE)
        self._answer(response, address, value)

    def write_many(self, address: int, values: Sequence[int]) -> None:
        """Write several words to one address, in order."""
        words, response = (ctypes.c_uint32 * len(values))(*values), ctypes.c_int()
        taken = self._library.board_write_many(
            self._pair, address, words, len(values), _PATIENCE, ctypes.byref(response)
        )
        if taken < len(values):
            self._answer(response.value, address, values[taken])

    def interrupt(self) -> None:
        """Run until the interrupt line is high."""
        if not self._library.board_interrupt(self._pair, _LONGEST_WAIT):
            raise TimeoutError(f"wanted an interrupt, got none in {_LONGEST_WAIT:,} cycles")

    @staticmethod
    def _answer(response: int, address: int, value: int | None = None) -> None:
        if response < 0:
            raise TimeoutError(f"no response at {address:#x} in {_PATIENCE} cycles")
        if response:
            raise Refused(address, value)


def functions(library: ctypes.CDLL) -> Any:
    """The library with its functions' types."""
    pair, u32, u64 = ctypes.c_void_p, ctypes.c_uint32, ctypes.c_uint64
    word = ctypes.POINTER(u32)
    integer, size = ctypes.c_int, ctypes.c_size_t
    for name, result, arguments in (
        ("create", pair, []),
        ("destroy", None, [pair]),
        ("reset", None, [pair, ctypes.c_uint]),
        ("write", integer, [pair, u32, u32, u32, u64]),
        ("read", integer, [pair, u32, word, word, u64]),
        ("write_many", size, [pair, u32, word, size, u64, ctypes.POINTER(integer)]),
        ("interrupt", integer, [pair, u64]),
        ("cycles", u64, [pair]),
        ("differing", u64, [pair]),
        ("first", u64, [pair]),
        ("what", ctypes.c_char_p, [pair]),
    ):
        function = getattr(library, f"board_{name}")
        function.restype, function.argtypes = result, arguments
    return library
