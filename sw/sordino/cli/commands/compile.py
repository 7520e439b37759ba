"""`sordino compile`."""

from pathlib import Path

import click

from sordino.arch import load_config
from sordino.cli.shared.options import (
    config_option,
    json_option,
    memory_option,
    output_type,
    path_type,
    set_option,
    shares_option,
)
from sordino.cli.shared.output import console, print_json, print_table, settings
from sordino.cli.shared.paths import OutputFolder, default_output
from sordino.compiler.compile import Compiled, CompileOptions, compile_model
from sordino.compiler.numbers.clip import CLIPS
from sordino.compiler.numbers.precision import CODEBOOKS
from sordino.compiler.passes.chunk import MOST_FRAMES
from sordino.compiler.passes.residency import WEIGHTS
from sordino.files import write_atomically
from sordino.model.endpointer import load_endpointer
from sordino.model.load import load_model
from sordino.tools.estimate.capacity import compile_needed

__all__ = ["compile_command"]


def _decibels(snr: float | None, unit: str = "") -> str:
    return "exact" if snr is None else f"{snr:.1f}{unit}"


def _print(compiled: Compiled, path: Path, size: int) -> None:
    summary = compiled.summary()
    print_table(
        (
            "matrix",
            "rows × columns",
            "SNR, dB",
            "zeros",
            "bits/weight",
            "H0",
            "places",
            "padding",
            "balance",
        ),
        [
            (
                layer.name,
                f"{layer.rows} × {layer.columns}",
                _decibels(layer.snr_db),
                f"{layer.zeros:.1%}",
                f"{layer.bits_per_weight:.3f}",
                f"{layer.h0:.3f}",
                f"{layer.places:,}",
                f"{layer.padding:,}",
                f"{layer.balance:.3f}",
            )
            for layer in compiled.layers
        ],
    )
    console.print(
        f"{path}: {size:,} bytes for {compiled.image.config.name}, "
        f"{summary['float32_bytes'] / size:.1f} times smaller than float32 "
        f"({summary['float32_bytes']:,} bytes)\n"
        f"{summary['bits_per_weight']:.3f} bits per weight, {summary['zeros']:.1%} zeros, "
        f"{summary['weights']:,} weights; embedding: SNR "
        f"{_decibels(compiled.embedding_snr_db, ' dB')}"
    )
    if summary["streamed"]:
        console.print(
            f"{summary['streamed']} of {len(compiled.image.matrices)} matrices streamed: "
            f"{summary['sections']['external']:,} bytes of external memory"
        )


@click.command(
    "compile",
    epilog="\b\nExamples:\n"
    "  sordino compile model.npz\n"
    "  sordino compile model.safetensors --config tiny --weight-bits 5 --sparsity 0.25\n"
    "  sordino compile model.npz --sparsity 0.5 --shares layer_adaptive --blank-penalty 0.75\n"
    "  sordino compile model.npz --weight-bits 4 --codebook lloyd-max --layer-bits 'joint.*=6'\n"
    "  sordino compile model.npz --set lanes=8 --memory needed\n"
    "  sordino compile model.npz --clip none\n"
    "  sordino compile model.npz --set stream_bus=128 --weights streamed\n"
    "  sordino compile model.npz --set stream_bus=64 --weights streamed --chunk 4\n"
    "  sordino compile model.npz --endpoint model.endpoint.npz\n"
    "  sordino compile state.pt --meta meta.json --set lanes=32 -o model.sordino",
)
@click.argument("model", type=path_type)
@config_option
@set_option
@click.option(
    "--weight-bits",
    type=click.IntRange(2, 8),
    help="Bits of a weight: at most 2^b values a matrix.  [default: as trained, else 8]",
)
@click.option(
    "--layer-bits",
    multiple=True,
    callback=settings,
    metavar="PATTERN=N",
    help="Bits of the matrices whose names fit, such as 'joint.*=8'; the first that fits holds.",
)
@click.option(
    "--codebook",
    type=click.Choice(CODEBOOKS),
    help="Values that weights may have: evenly spaced, or where the error is least.  "
    "[default: as trained, else uniform]",
)
@click.option(
    "--sparsity",
    type=click.FloatRange(0, 1),
    help="Share of weights (groups where G > 1) to prune.  [default: the zeros that are there]",
)
@shares_option
@click.option(
    "--clip",
    default=CLIPS[0],
    show_default=True,
    metavar="auto|none|FACTOR",
    help="Largest weight of a matrix. auto: small enough that the other weights keep their "
    "resolution; none: as trained; FACTOR: that many times the median magnitude.",
)
@click.option(
    "--blank-penalty",
    type=float,
    default=0.0,
    metavar="NATS",
    help="Lower the score of blank, so that a model which leaves out words leaves out fewer.",
)
@click.option(
    "--weights",
    type=click.Choice(WEIGHTS),
    default="auto",
    show_default=True,
    help="Where weights are kept: in the machine, or in external memory (a machine with "
    "stream_bus). auto: in the machine what fits, the rest in external memory.",
)
@click.option(
    "--chunk",
    type=click.IntRange(1, MOST_FRAMES),
    default=1,
    show_default=True,
    help="Frames for which a streamed input matrix of the encoder is read only once: fewer bytes "
    "on the bus, but tokens come later by as many frames.",
)
@click.option(
    "--endpoint",
    type=path_type,
    metavar="FILE",
    help="End-pointer, a .npz file: a small network beside the model that says when somebody has "
    "finished speaking. See docs/endpoints.md.",
)
@memory_option
@click.option(
    "--meta",
    type=path_type,
    help="JSON file with tokens, features and sizes, if the model has none.",
)
@click.option(
    "-o",
    "--output",
    type=output_type,
    help="Image to write.  [default: MODEL.sordino]",
)
@click.option(
    "--report",
    type=OutputFolder("layers.json", "listing.txt"),
    help="Folder for layers.json and listing.txt.",
)
@json_option
def compile_command(
    model: Path,
    config: str,
    changes: dict[str, int],
    weight_bits: int | None,
    layer_bits: dict[str, int],
    codebook: str | None,
    sparsity: float | None,
    shares: str,
    clip: str,
    blank_penalty: float,
    weights: str,
    chunk: int,
    endpoint: Path | None,
    memory: str,
    meta: Path | None,
    output: Path | None,
    report: Path | None,
    as_json: bool,
) -> None:
    """Compile MODEL (npz, safetensors or a PyTorch state dict) to an accelerator image."""
    machine = load_config(config, changes)
    options = CompileOptions(
        weight_bits=weight_bits,
        codebook=codebook,
        layer_bits=tuple(layer_bits.items()) or None,
        sparsity=sparsity,
        shares=shares,
        clip=clip,
        blank_penalty=blank_penalty,
        weights=weights,
        chunk=chunk,
    )
    loaded = load_model(model, meta)
    endpointer = None if endpoint is None else load_endpointer(endpoint)
    path = output or default_output(model, ".sordino")
    compiler = compile_needed if memory == "needed" else compile_model
    compiled = compiler(loaded, machine, options, endpointer)
    contents = compiled.image.to_bytes()
    write_atomically(path, contents)
    if report is not None:
        compiled.write_report(report)
    if as_json:
        print_json(
            {
                "image": str(path),
                "bytes": len(contents),
                **compiled.summary(),
                "layers": [layer.as_dict() for layer in compiled.layers],
            }
        )
    else:
        _print(compiled, path, len(contents))
