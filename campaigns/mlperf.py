"""The RNN-T of MLPerf inference at full size: a model file, cycles, bytes, the circuit."""

import json
import resource
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
from safetensors.numpy import save

from campaigns.common import BUILD, MODELS, output_option, write_page
from campaigns.figures import FIGURES_HEADER, Figure, figure_rows
from campaigns.mlperf_streamed import StreamedMlperf, spoken_profile, timed_run
from sordino.arch import PRESETS, Config
from sordino.cycles.bounds import frame_bounds
from sordino.cycles.trace import Profile
from sordino.engines.cosim import compare
from sordino.engines.native.rtl import Rtl
from sordino.files import write_atomically
from sordino.golden.machine import Golden
from sordino.image.image import Image
from sordino.isa.operations import Matvec
from sordino.model.load import load_model
from sordino.reference.markdown import table
from sordino.tools.bench.mlperf import (
    CHARACTERS_PER_SECOND,
    FRAME_SECONDS,
    UTTERANCE_FRAMES,
    mlperf_input,
    mlperf_machine,
    mlperf_model,
    mlperf_small_machine,
)
from sordino.tools.bench.trained import GROUPED

_TRAINED = MODELS / GROUPED
_BITS, _BASE = 5, "large"
_COMPILE_SECONDS, _COMPILE_BYTES, _RUN_SECONDS = 60, 4e9, 10
_GPUS = {
    "Jetson Xavier NX": 0.2185,
    "Jetson AGX Xavier": 0.1037,
    "A10": 0.0243,
    "A100-PCIe": 0.0149,
}
"""Mean seconds an utterance, single stream, MLPerf inference v1.0, closed division."""


@dataclass(frozen=True, kw_only=True)
class Compiled:
    """What `sordino compile` made of the model file, with processor seconds and bytes at most."""

    image: Image
    size: int
    seconds: float
    peak: int
    summary: dict[str, float]


def _write_model(folder: Path) -> Path:
    """The model's file."""
    model = mlperf_model(load_model(_TRAINED))
    path = folder / "mlperf.safetensors"
    arrays = {name: array.astype(np.float32) for name, array in model.arrays().items()}
    write_atomically(path, save(arrays, {"meta": json.dumps(model.meta.as_dict())}))
    return path


def _compile(path: Path, base: str, machine: Config, weights: str) -> Compiled:
    """Compile it with the command that a user would type."""
    output = path.with_name(f"{path.stem}-{weights}.sordino")
    plain = PRESETS[base].as_dict()
    changes = [
        f"--set={name}={value}"
        for name, value in machine.as_dict().items()
        if name != "name" and value != plain.get(name)
    ]
    command = [
        *(str(Path(sys.executable).with_name("sordino")), "compile", str(path)),
        *("--config", base, *changes, "--weight-bits", str(_BITS), "--weights", weights),
        *("-o", str(output), "--json"),
    ]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, check=True, capture_output=True)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Compiled(
        image=Image.load(output),
        size=output.stat().st_size,
        seconds=used.ru_utime + used.ru_stime - before.ru_utime - before.ru_stime,
        peak=used.ru_maxrss * 1024,
        summary=json.loads(done.stdout),
    )


def _bytes_read(image: Image, profile: Profile) -> tuple[float, float]:
    """By all MATVECs of a run: of weight streams, and of int8 weights with zeros stored."""
    bits = weights = 0
    for i, times in zip(image.program, profile.table()[:, 0].tolist(), strict=True):
        if isinstance(i, Matvec):
            entry = image.matrices[i.matrix]
            bits += times * (sum(entry.position_bits) + sum(entry.value_bits))
            weights += times * i.rows * image.config.lanes * i.columns
    return bits / 8, float(weights)


def _figure(
    figure: str, reached: str, best: str = "", *, target: str = "", met: bool | None = None
) -> Figure:
    return Figure(
        figure=figure, best=best, reached=reached, target=target, met=met, command="make mlperf"
    )


def _sizes(compiled: Compiled, streamed: Compiled) -> list[Figure]:
    summary = compiled.summary
    return [
        _figure(
            "parameters",
            f"{summary['parameters']:,}",
            f"{summary['weights']:,} weights, {summary['zeros']:.1%} zeros",
        ),
        _figure(
            "compiling, from file to file",
            f"{compiled.seconds:.1f} s, {compiled.peak / 1e9:.2f} GB",
            target=f"≤ {_COMPILE_SECONDS} s, ≤ {_COMPILE_BYTES / 1e9:g} GB",
            met=compiled.seconds <= _COMPILE_SECONDS and compiled.peak <= _COMPILE_BYTES,
        ),
        _figure(
            "the same for the streaming machine of eight lanes",
            f"{streamed.seconds:.1f} s, {streamed.peak / 1e9:.2f} GB",
            target=f"≤ {_COMPILE_SECONDS} s, ≤ {_COMPILE_BYTES / 1e9:g} GB",
            met=streamed.seconds <= _COMPILE_SECONDS and streamed.peak <= _COMPILE_BYTES,
        ),
        _figure(
            "image",
            f"{compiled.size:,} bytes; {summary['bits_per_weight']:.3f} bits a weight",
            f"float32, {summary['float32_bytes'] / compiled.size:.1f} times as large",
        ),
    ]


def _times(image: Image, ran: float, silent: int, spoken: Profile) -> list[Figure]:
    seconds = UTTERANCE_FRAMES * FRAME_SECONDS
    cycles, clock = spoken.counters()["cycles"], image.config.clock_hz
    busy = cycles / clock
    coded, dense = (total / seconds for total in _bytes_read(image, spoken))
    tokens = int(seconds * CHARACTERS_PER_SECOND)
    gpus = ", ".join(f"{name} {mean / seconds:.4f}" for name, mean in _GPUS.items())
    return [
        _figure(
            f"exact machine with time, {UTTERANCE_FRAMES} frames ({seconds:.2f} s of speech)",
            f"{ran:.1f} s; {silent:,} cycles without a token",
            target=f"≤ {_RUN_SECONDS} s",
            met=ran <= _RUN_SECONDS,
        ),
        _figure(
            f"the same with {tokens} tokens, {CHARACTERS_PER_SECOND} a second, time alone",
            f"{cycles:,} cycles, {busy:.3f} s at {clock / 1e6:g} MHz",
        ),
        _figure("real-time factor", f"{busy / seconds:.4f}", f"MLPerf v1.0, one stream: {gpus}"),
        _figure(
            "weight streams read, a second of speech",
            f"{coded / 1e6:.1f} MB",
            f"int8 dense {dense / 1e6:.0f} MB, {dense / coded:.1f} times as much",
        ),
    ]


def _frames(image: Image) -> list[Figure]:
    bounds = frame_bounds(image)
    assert bounds is not None
    clock, figures = image.config.clock_hz, []
    for count in (0, 1, image.network.max_symbols):
        span = bounds.tokens[count]
        assert span.worst is not None
        figures.append(
            _figure(
                f"input vector with {count} tokens, best to worst",
                f"{span.best:,} to {span.worst:,} cycles",
                f"{span.worst / clock * 1e3:.2f} ms of {FRAME_SECONDS * 1e3:g} ms",
                target=f"≤ {int(FRAME_SECONDS * clock):,}",
                met=span.worst <= FRAME_SECONDS * clock,
            )
        )
    return figures


def _circuit(image: Image) -> Figure:
    """One frame of the encoder, which reads two input vectors, on both machines."""
    outcome = compare(image, Golden(image), Rtl(image), mlperf_input(2))
    return _figure(
        "one frame on the circuit against the exact machine",
        f"{outcome.first_difference or 'identical'}; {outcome.words_compared:,} words of "
        f"{outcome.records_compared:,} instructions, "
        f"{outcome.results[1].counters['cycles']:,} cycles",
        target="identical",
        met=outcome.first_difference is None,
    )


@click.command()
@output_option("mlperf.md")
@click.option(
    "--folder",
    type=click.Path(path_type=Path),
    default=BUILD / "mlperf",
    help="Where model file and images go (200 MB).  [default: the repository's build/mlperf]",
)
@click.option(
    "--circuit",
    type=click.Choice(["all", "streamed", "none"]),
    default="all",
    show_default=True,
    help="Which circuits to compare one frame with: resident on 64 lanes, streamed on eight.",
)
def main(output: Path, folder: Path, circuit: str) -> None:
    """Compile, run, compare; exit 1 where a limit is missed or the circuit differs."""
    path = _write_model(folder)
    compiled = _compile(path, _BASE, mlperf_machine(), "resident")
    small = _compile(path, "small", mlperf_small_machine(), "streamed")
    image = compiled.image
    ran, cycles = timed_run(image)
    streamed = StreamedMlperf(image, small.image, _RUN_SECONDS)
    figures = [
        *_sizes(compiled, small),
        *_times(image, ran, cycles, spoken_profile(image)),
        *_frames(image),
        *([_circuit(image)] if circuit == "all" else []),
        *streamed.figures(circuit=circuit != "none"),
    ]
    write_page(
        output,
        "MLPerf's RNN-T at full size",
        (
            f"Weights drawn from {_TRAINED.name} ({_BITS} bits); machine: `{_BASE}` with memories "
            "that hold them. Seconds are processor time on one core.\n",
            table(FIGURES_HEADER, figure_rows(figures)),
            *streamed.page(),
        ),
    )
    raise SystemExit(any(figure.met is False for figure in figures))
