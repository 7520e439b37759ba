"""Write Sordino as one Verilog file that is the same on every machine and every run."""

import os
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from amaranth.back import rtlil
from amaranth.back.verilog import _convert_rtlil_text
from amaranth.hdl import Value

from sordino.arch import Config
from sordino.isa.registers import ISA_VERSION
from sordino.rtl.top import Sordino

__all__ = ["TOP", "without_zero_memories", "write_verilog"]

TOP = "sordino"
"""Name of the top module."""
_CELL = "  cell $meminit_v2 "
_DATA = "    connect \\DATA "


def _ports(design: Sordino) -> dict[str, tuple[Value, None]]:
    """Ports of the top module, `s_axi_awaddr` and so on; directions follow from use."""
    ports: dict[str, tuple[Value, None]] = {}
    for path, _, value in design.signature.flatten(design):
        ports["_".join(map(str, path))] = (Value.cast(value), None)
    return ports


def without_zero_memories(text: str) -> str:
    """RTLIL without the initial contents of memories that are zero throughout.

    No program may depend on them (START clears no memory), large memories of many devices cannot
    be initialised, and one line of Verilog for each of a million words helps nobody.
    """
    kept: list[str] = []
    cell: list[str] | None = None
    for line in text.splitlines():
        if line.startswith(_CELL):
            cell = []
        if cell is None:
            kept.append(line)
            continue
        cell.append(line)
        if line == "  end":
            (data,) = [line for line in cell if line.startswith(_DATA)]
            if "1" in data.partition("'")[2]:
                kept += cell
            cell = None
    return "\n".join(kept) + "\n"


def verilog(design: Any, *, name: str, ports: dict[str, Any]) -> str:
    """Verilog of `design` without Amaranth's own attributes, source positions or zero memories."""
    text = rtlil.convert(design, name=name, ports=ports, emit_src=False)
    # The public function takes no RTLIL; writing 1,000,000 zeros through it takes a minute.
    return str(_convert_rtlil_text(without_zero_memories(text), strip_internal_attrs=True))


def _version() -> str:
    try:
        return version("sordino")
    except PackageNotFoundError:
        return "from source"


def write_verilog(config: Config, directory: str | Path) -> Path:
    """Write `sordino_NAME.v` for `config` to `directory`, which is made; returns its path.

    The top module is TOP: `clk`, `rst` (synchronous, active high), `s_axi_*` and `irq`.
    Memories are undefined until they are written. The file appears when it is complete.
    """
    design = Sordino(config)
    body = verilog(design, name=TOP, ports=_ports(design))
    head = (
        "// SPDX-License-Identifier: Apache-2.0\n"
        f"// Sordino {_version()}, configuration {config.name}, "
        f"id {config.id:#010x}, instruction set {ISA_VERSION}\n"
    )
    folder = Path(directory)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"sordino_{config.name}.v"
    handle, temporary = tempfile.mkstemp(dir=folder, prefix=path.name, suffix=".part")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(head + body)
        os.chmod(temporary, 0o644)  # mkstemp's files are private
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return path
