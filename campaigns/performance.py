"""Sordino beside Vela, other formats, the entropy and the ideal."""

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from campaigns.common import MODELS, models_option, output_option, write_page
from campaigns.figures import (
    FIGURES_HEADER,
    Figure,
    figure_rows,
    group_figures,
    matvec_figures,
    missing_figure,
    model_figure,
    rate_figure,
    size_figures,
    step_figure,
    use_figures,
)
from sordino.arch import PRESETS, Config
from sordino.image.image import Image
from sordino.model.load import load_model
from sordino.reference.markdown import table
from sordino.tools.bench import EngineBench, bench_engines, default_cases, find_vela
from sordino.tools.bench.cases import laplacian, laplacian_case
from sordino.tools.bench.cycles import EngineName, MatrixCycles, cycle_table, measure_cycles
from sordino.tools.bench.frames import (
    EncoderUse,
    compile_for,
    compile_step,
    cycle_differences,
    encoder_use,
    simulation_rates,
)
from sordino.tools.bench.mlperf import mlperf_machine, mlperf_model
from sordino.tools.bench.sizes import Sizes, parts_table, size_table
from sordino.tools.bench.trained import FLOAT, GROUPED, find_trained
from sordino.tools.peers import Vela

_BITS, _ZEROS, _LANES = (4, 5, 8), (0.0, 0.5, 0.8, 0.95), (16, 64)
_WIDE_GROUPS = (8, 16)
_LARGE, _LARGE_BITS, _LARGE_LANES = (4096, 2048), 5, 64
_UTILISATION = (
    *((1, 0.5, 0.99, 1.98), (1, 0.8, 0.99, 4.95), (1, 0.9, 0.98, 9.8)),
    *((4, 0.5, 0.99, None), (4, 0.8, 0.99, None), (4, 0.9, 0.99, None)),
)
"""Groups, zeros, and the least utilisation and gain over stored zeros to reach."""
_TRAINED = frozenset({Path(FLOAT).stem, Path(GROUPED).stem})
_TRAINED_BITS, _TRAINED_ZEROS = 5, 0.8
_TRAINED_LEAST = {16: 0.97, 64: 0.92}
_FRAME_LEAST = 0.95
_MLPERF_LEAST, _MLPERF_FRAME_LEAST = 0.97, 0.96
_UNITS, _STEP_BITS, _STEP_ZEROS = 640, 4, 0.75
_STEPS = ((128, 100, 6700), (256, 100, 3500), (128, 1, 7300))
"""Lanes, steps that follow one another, most cycles of one to reach."""
_RATE_MACHINE, _RATE_LEAST = "large", 200
_NOTES = """\
All encodings of a matrix are of the same integers. **Laplacian**: random, pruned by magnitude to \
the stated share of zero groups (rounding makes further zeros), clipped at the 99.9 % point, \
2^bits − 1 even levels, seed 0. **Trained**: all matrices of a model together, as the compiler \
prunes, quantises and deals them.

* **Sordino**: position and value streams, all tables, the directory, split \
over the lanes.
* **Vela**: `ethos-u-vela`, the smaller of its weight codec over the matrix row by row (decoded \
again and compared) and what its compiler writes for a fully connected layer; scales and biases \
left out, one stream. Its cycles are its own estimate of the NPU's, memory left out.
* **Huffman**: the smaller of one canonical code for all weights, and zero runs and non-zeros with \
a code each; at most 15 bits, code lengths counted, one stream.
* **bitmap**: a bit for each group, plain values in the groups that are not zero.
* **EIE**: 4-bit runs and plain values, zeros stored where a run is longer; one stream, column \
by column, pointers left out.
* **Encoder frames**: all of a frame's cycles in which the encoder's products, its input, or \
anything of it that no product hides is at work; a frame's outputs leave in the same run. **MLPerf \
encoder**: random Laplacian weights in the exact sizes, on `large` with memories that hold them.
* **LSTM-640 step**: an encoder of one layer, its vector at hand; on its own its last CELL is \
counted too.
* **H0**: order-0 entropy of the weights. **Block bound**, groups of several rows: entropy of \
which groups are zero, and of the weights in the others.
"""


def _sizes(vela: Vela | None, models: Path) -> EngineBench:
    """All sizes, and the cycles of the random matrices of 5 bits."""
    cases, notes = default_cases(_BITS, _ZEROS, (1, 4), models=(models, MODELS))
    wide, _ = default_cases(_BITS, _ZEROS[1:], _WIDE_GROUPS, models=())
    narrow = [case for case in cases if case.group == 1 or case.zeros != 0]
    every = [*narrow, *wide]
    with click.progressbar(length=len(every), label="matrices", file=sys.stderr) as bar:
        return bench_engines(every, _LANES, vela=vela, notes=notes, on_case=bar.update)


def _large(engine: EngineName) -> list[tuple[MatrixCycles, float, float | None]]:
    """A matrix of an LSTM-1024, input and recurrent."""
    rows = []
    for group, zeros, least, gain in _UTILISATION:
        case = laplacian_case(_LARGE_BITS, zeros, group, _LARGE)
        rows.append((measure_cycles(case, _LARGE_LANES, engine=engine), least, gain))
    return rows


def _machine(lanes: int) -> Config:
    """A preset with groups of one lane."""
    return PRESETS[{16: "small-unstructured", 64: "large-unstructured"}[lanes]]


def _trained(models: Path, narrow: EngineName, wide: EngineName) -> list[Figure]:
    """How busy the trained encoders keep their machines, with 16 lanes and with more."""
    uses: list[tuple[str, EncoderUse, float, float | None]] = []
    path = find_trained(FLOAT, (models, MODELS))
    if path is not None:
        model = load_model(path)
        for lanes, least in _TRAINED_LEAST.items():
            image = compile_for(model, _machine(lanes), _TRAINED_BITS, _TRAINED_ZEROS)
            name = f"AN4 encoder, {_TRAINED_ZEROS:.0%} single zeros"
            frame = _FRAME_LEAST if lanes == 16 else None
            use = encoder_use(image, frames=3, engine=narrow if lanes == 16 else wide)
            uses.append((name, use, least, frame))
    image = _grouped()
    use = encoder_use(image, frames=3, engine=narrow)
    uses.append((Path(GROUPED).stem, use, _TRAINED_LEAST[16], _FRAME_LEAST))
    return use_figures(uses)


def _grouped() -> Image:
    """The model in groups of four that ships, on `small`."""
    return compile_for(load_model(MODELS / GROUPED), PRESETS["small"], _TRAINED_BITS, None)


def _mlperf(engine: EngineName) -> list[Figure]:
    """How busy the encoder of MLPerf's RNN-T keeps `large`, two groups of two frames."""
    model = mlperf_model(load_model(MODELS / GROUPED))
    image = compile_for(model, mlperf_machine(), _TRAINED_BITS, None)
    use = encoder_use(image, frames=4, engine=engine)
    name = f"MLPerf encoder, drawn from {Path(GROUPED).stem}, resident"
    return use_figures([(name, use, _MLPERF_LEAST, _MLPERF_FRAME_LEAST)])


def _steps(vela: Vela | None) -> list[Figure]:
    """An LSTM-640's step on two machines, with Vela's estimate of the same layer."""
    estimate = "Vela was left out"
    if vela is not None:
        weights = laplacian((4 * _UNITS, _UNITS), _STEP_BITS, _STEP_ZEROS)
        cycles = vela.lstm_cycles(weights, weights)
        estimate = f"Vela's estimate {cycles:,} on {vela.accelerator}"
    figures = []
    for lanes, steps, most in _STEPS:
        image = compile_step(_UNITS, lanes, _STEP_BITS, _STEP_ZEROS)
        use = encoder_use(image, frames=steps, step=True)
        figures.append(step_figure(use, steps, most, estimate))
    return figures


def _circuit(rtl: bool) -> list[Figure]:
    """What needs the compiled circuit."""
    if not rtl:
        reason = "left out with --circuit none"
        return [
            missing_figure("cycle engine against RTL", "usually an estimate", "0", reason),
            missing_figure(f"RTL simulation of `{_RATE_MACHINE}`", "–", "≥ 200 ×", reason),
        ]
    compiled, amaranth = simulation_rates(_RATE_MACHINE)
    return [
        model_figure(*cycle_differences(_grouped(), 3)),
        rate_figure(_RATE_MACHINE, compiled, amaranth, _RATE_LEAST),
    ]


def _figures(
    result: EngineBench,
    large: Sequence[tuple[MatrixCycles, float, float | None]],
    vela: Vela | None,
    models: Path,
    circuit: str,
) -> list[Figure]:
    wide: EngineName = "rtl" if circuit == "all" else "cycles"
    narrow: EngineName = "cycles" if circuit == "none" else "rtl"
    return [
        *size_figures(result.sizes, _TRAINED),
        *group_figures([r for r in result.sizes if r.source not in _TRAINED], ": Laplacian"),
        *group_figures([r for r in result.sizes if r.source in _TRAINED], ": trained, whole model"),
        *matvec_figures(large),
        *_trained(models, narrow, wide),
        *_mlperf(wide),
        *_steps(vela),
        *_circuit(circuit != "none"),
    ]


def _shown(row: Sizes) -> bool:
    """Which cases are taken apart."""
    return row.source in _TRAINED or (row.bits == _TRAINED_BITS and row.zeros_asked == 0.8)


@click.command()
@models_option
@output_option("performance.md")
@click.option(
    "--circuit",
    type=click.Choice(["none", "quick", "all"]),
    default="quick",
    show_default=True,
    help="What is measured on the circuit and not on the cycle model: nothing, what compiles in "
    "minutes, or machines of 64 lanes in groups of one and the MLPerf encoder too.",
)
def main(models: Path, output: Path, circuit: str) -> None:
    """Measure everything and write the page."""
    vela, missing = find_vela()
    result = _sizes(vela, models)
    large = _large("rtl" if circuit == "all" else "cycles")
    figures = _figures(result, large, vela, models, circuit)
    measured = [figure for figure in figures if figure.met is not None]
    header, _ = size_table((), _LANES)
    single = [row for row in result.sizes if row.group == 1]
    grouped = [row for row in result.sizes if row.group > 1]
    notes = [*missing, *result.notes]
    write_page(
        output,
        "Performance",
        (
            f"{sum(f.met is True for f in measured)} of {len(measured)} figures reach what they "
            f"should. Vela: {result.vela or 'left out'}.\n",
            *(f"{note}.\n" for note in notes),
            "## What was to be reached\n",
            table(FIGURES_HEADER, figure_rows(figures)),
            "## Bits per weight, single zeros\n",
            "In brackets over the order-0 entropy H0.\n",
            table(header, size_table(single, _LANES)[1]),
            "## Bits per weight, zeros in groups of rows\n",
            "In brackets over the block bound.\n",
            table(header, size_table(grouped, _LANES)[1]),
            "## Where Sordino's bits go\n",
            "Of the trained models and the random matrix of 5 bits with 80 % zeros: bits per "
            "weight; then, in per cent of H0 or the block bound, positions over the entropy of "
            "what is zero, values over the rest, and what comes on top.\n",
            table(*parts_table([row for row in result.sizes if _shown(row)], _LANES)),
            "## Cycles of one matrix times one vector\n",
            "Ideal: every lane has a place that is not zero in every cycle. Gained: zeros stored "
            "over zeros skipped.\n",
            table(*cycle_table([*result.cycles, *(row for row, _, _ in large)])),
            "## What is compared\n",
            _NOTES,
        ),
    )
