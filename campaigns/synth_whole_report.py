"""What nextpnr says of a whole machine, and the page that shows it."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from campaigns.synthesis import SYNTHESIS
from sordino.arch import Config
from sordino.cycles.bounds import frame_bounds
from sordino.image.image import Image
from sordino.reference.markdown import table
from sordino.tools.estimate.estimate import frame_seconds

__all__ = [
    "BLOCKS",
    "LANES",
    "MODEL",
    "SMALL",
    "TARGETS",
    "Frames",
    "Placement",
    "block_of",
    "page",
    "placement",
    "small_part",
]

MODEL = "an4_rnnt_causal.npz"
LANES = 8
SMALL = {
    "lanes": 4, "vector_gates": 1, "rows_per_lane": 320, "accumulator_bits": 24, "x_fifo": 8,
    "token_fifo": 16, "lane_words": 24576, "group_words": 24576, "activation_words": 2048,
    "state_words": 2048, "parameter_words": 2048, "program_words": 128, "tables": 16,
    "matrices": 16,
}  # fmt: skip
"""Four lanes whose memories hold the model, with depths that leave little beside block RAM."""
TARGETS = {6: 65.0, 8: 72.0}
"""Speed grades, and the clock in MHz that the worst seed is to reach."""
_MOST_FACTOR, _MOST_MS = 0.019, 2.0
"""Real-time factor of a frame without tokens, and the worst frame, that are wanted at most."""
_SMALL_COMB, _SMALL_MULTIPLIERS = 9500, 8
"""Cells and multipliers that it is to take at most."""
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


@dataclass(frozen=True)
class Frames:
    """Cycles of a frame without tokens and of the worst, at most; how long a frame is."""

    quiet: int
    worst: int
    seconds: float

    @classmethod
    def of(cls, image: Image) -> "Frames":
        bounds, seconds = frame_bounds(image), frame_seconds(image)
        assert bounds is not None
        assert seconds is not None
        quiet, worst = bounds.tokens[0].worst, bounds.frame.worst
        assert quiet is not None
        assert worst is not None
        return cls(quiet, worst, seconds)

    def row(self, mhz: float) -> tuple[str, ...]:
        """Cells of a table: cycles, milliseconds at a clock, and the real-time factor."""
        hz = mhz * 1e6
        return (
            f"{mhz:.1f}",
            f"{self.quiet:,}",
            f"{self.quiet / hz / self.seconds:.4f}",
            f"{self.worst:,}",
            f"{1e3 * self.worst / hz:.2f}",
            f"{self.quiet / self.seconds / 1e6:.2f}",
        )


_FRAME_HEADINGS = (
    "MHz", "cycles without tokens", "real-time factor", "cycles of the worst", "ms of the worst",
    "MHz of real time",
)  # fmt: skip


def small_part(counted: Mapping[str, int], placed: Placement | None, frames: Frames) -> list[str]:
    """The part of the page on four lanes, if they are placed."""
    settings = ", ".join(f"`{name}` {value:,}" for name, value in SMALL.items())
    head = (
        f"The preset `small` with {settings}. They hold the same model, and are placed once, for "
        f"speed grade 6 with seed 1. Wanted: {_SMALL_COMB:,} TRELLIS_COMB and "
        f"{_SMALL_MULTIPLIERS} multipliers at most.\n"
    )
    parts = ["## Four lanes, a serial vector unit\n", head]
    parts.append(table(("cells", "number"), _cells(counted, [placed] if placed else [])))
    if placed is not None:
        parts.append(table(_FRAME_HEADINGS, [frames.row(placed.mhz)]))
    return parts


def page(
    config: Config,
    counted: Mapping[str, int],
    placements: Sequence[Placement],
    seeds: Sequence[int],
    frames: Frames,
) -> list[str]:
    """The parts of the page on eight lanes, with what is placed so far."""
    return [
        f"The whole machine behind an AXI4-Lite bridge: {config.lanes} lanes in groups of "
        f"{config.group}, memories just as large as {MODEL} needs, ECP5-85, `{SYNTHESIS}`, "
        "nextpnr for 80 MHz. Ports and reset stand behind registers.\n",
        table(("cells", "number"), _cells(counted, placements)),
        "## Clock\n",
        "MHz by seed, and the worst of them.\n",
        table(("speed grade", *map(str, seeds), "worst", "wanted"), _clocks(placements, seeds)),
        "## A frame\n",
        "By the cycle model, at the clock of the worst seed that is placed. Wanted: a real-time "
        f"factor of {_MOST_FACTOR} without tokens, and {_MOST_MS} ms of the worst frame, at most. "
        "The clock of real time is the one at which a frame without tokens takes as long as it "
        "is. Power is "
        "not measured.\n",
        table(("speed grade", *_FRAME_HEADINGS), _frames(placements, frames)),
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


def _frames(placements: Sequence[Placement], frames: Frames) -> Iterable[tuple[str, ...]]:
    for grade in TARGETS:
        mhz = [p.mhz for p in placements if p.grade == grade]
        if mhz:
            yield str(grade), *frames.row(min(mhz))


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
