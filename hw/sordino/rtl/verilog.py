"""Write Sordino as one Verilog file that is the same on every machine and every run."""

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from amaranth.back.verilog import _convert_rtlil_text

from sordino.arch import Config
from sordino.files import write_atomically
from sordino.isa.registers import ISA_VERSION
from sordino.rtl.emit import to_rtlil
from sordino.rtl.top import Sordino

__all__ = ["TOP", "write_verilog"]

TOP = "sordino"
"""Name of the top module."""


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
    text = to_rtlil(Sordino(config), name=TOP, joint="_")
    # Amaranth's public function takes a component and writes every memory's zeros.
    body = str(_convert_rtlil_text(text, strip_internal_attrs=True))
    head = (
        "// SPDX-License-Identifier: Apache-2.0\n"
        f"// Sordino {_version()}, configuration {config.name}, "
        f"id {config.id:#010x}, instruction set {ISA_VERSION}\n"
    )
    path = Path(directory) / f"sordino_{config.name}.v"
    write_atomically(path, head + body)
    return path
