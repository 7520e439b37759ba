"""Small Verilog under Icarus Verilog, whose bits may be unknown."""

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from sordino.netlist.cells import OURS


def icarus(folder: Path, text: str, *, sources: Sequence[Path] = OURS) -> tuple[int, str]:
    """Exit status and output of a simulation of the module `bench`, or the compiler's."""
    if shutil.which("iverilog") is None or shutil.which("vvp") is None:
        pytest.skip("Icarus Verilog (iverilog, vvp) is not on PATH")
    bench, program = folder / "bench.v", folder / "bench.vvp"
    bench.write_text(text)
    built = subprocess.run(
        ["iverilog", "-g2012", "-s", "bench", "-o", program, bench, *sources],
        capture_output=True,
        text=True,
        cwd=folder,
    )
    if built.returncode:
        return built.returncode, built.stderr
    ran = subprocess.run(["vvp", "-n", program], capture_output=True, text=True, cwd=folder)
    return ran.returncode, ran.stdout + ran.stderr
