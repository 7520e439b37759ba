"""`sordino estimate`."""

from pathlib import Path

import click

from sordino.arch import load_config
from sordino.cli.shared.options import (
    config_option,
    json_option,
    memory_option,
    path_type,
    set_option,
    shares_option,
)
from sordino.cli.shared.output import console, frequency, print_json, print_table
from sordino.compiler.compile import CompileOptions, compile_model
from sordino.errors import InputError
from sordino.image.image import Image
from sordino.model.load import load_model
from sordino.tools.estimate.capacity import compile_needed, trimmed
from sordino.tools.estimate.estimate import Estimate, estimate_image

__all__ = ["estimate"]

_KILOBIT = 1024


def _print(found: Estimate, name: str) -> None:
    config, clock = found.config, found.clock_hz
    console.print(
        f"{name} on {config['name']}: {config['lanes']} lanes in groups of {config['group']}",
        style="bold",
    )
    rows = [("image", f"{found.bytes:,} bytes", "exact")]
    if found.cycles is not None:
        frame = found.cycles.frame
        worst = "no bound" if frame.worst is None else f"{frame.worst:,}"
        rows.append(("cycles of a frame", f"{frame.best:,} to {worst}", "exact"))
    if found.real_time_factor is not None:
        best, longest = found.real_time_factor
        factors = f"{best:.4f}" + ("" if longest is None else f" to {longest:.4f}")
        rows.append((f"real-time factor at {clock / 1e6:g} MHz", factors, "exact"))
    bits = sum(found.memory_bits.values())
    rows.append(("memory", f"{bits:,} bits ({bits / _KILOBIT:,.0f} kilobits)", "exact"))
    multipliers = ", ".join(f"{n} of {widths}" for widths, n in found.multipliers.items())
    rows.append(("multipliers", multipliers, "exact"))
    # No sample of the fit streams.
    without = "; without what streams weights" if config.get("stream_bus") else ""
    for what, logic in (("LUTs of four inputs", found.luts), ("flip-flops", found.flip_flops)):
        how = f"fit; worst of synthesis ±{logic.error:.1%}{without}"
        rows.append((what, f"{logic.number:,.0f}", how))
    print_table(("what", "number", "how"), rows)
    print_table(
        ("memory", "kilobits"),
        [(kind, f"{n / _KILOBIT:,.1f}") for kind, n in found.memory_bits.items()],
    )
    print_table(
        ("device", "LUTs", "flip-flops", "block RAM", "multipliers", "fits"),
        [
            (
                use.device,
                *(f"{share:.0%}" for share in use.shares.values()),
                "yes" if use.fits else "no: " + ", ".join(use.lacks),
            )
            for use in found.devices
        ],
    )


@click.command(
    epilog="\b\nExamples:\n"
    "  sordino estimate model.sordino\n"
    "  sordino estimate model.npz --config small --weight-bits 5 --memory needed\n"
    "  sordino estimate model.npz --set lanes=32 --set group=1 --sparsity 0.8 --json"
)
@click.argument("model", type=path_type)
@config_option
@set_option
@click.option(
    "--weight-bits",
    type=click.IntRange(2, 8),
    help="Bits of a model's weights.  [default: as trained, else 8]",
)
@click.option(
    "--sparsity", type=click.FloatRange(0, 1), help="Share of a model's weights to prune."
)
@shares_option
@click.option("--meta", type=path_type, help="JSON file with a model's meta, if it has none.")
@memory_option
@click.option(
    "--clock",
    callback=frequency,
    metavar="HZ",
    help="Clock for the real-time factor.  [default: the configuration's]",
)
@json_option
@click.pass_context
def estimate(
    context: click.Context,
    model: Path,
    config: str,
    changes: dict[str, int],
    weight_bits: int | None,
    sparsity: float | None,
    shares: str,
    meta: Path | None,
    memory: str,
    clock: int | None,
    as_json: bool,
) -> None:
    """Cycles, bytes, memory and logic of MODEL, and which known FPGAs hold it.

    MODEL is an image, on its own machine, or a trained model, compiled for --config. Cycles, bytes,
    memories and multipliers are exact; logic is fitted to synthesis, and its error is printed.
    """
    if model.suffix == ".sordino":
        _refuse_for_images(context)
        image = Image.load(model)
    else:
        machine = load_config(config, changes)
        options = CompileOptions(weight_bits=weight_bits, sparsity=sparsity, shares=shares)
        compiler = compile_needed if memory == "needed" else compile_model
        image = compiler(load_model(model, meta), machine, options).image
    found = estimate_image(trimmed(image) if memory == "needed" else image, clock)
    if as_json:
        print_json({"model": str(model), "memory": memory, **found.as_dict()})
    else:
        _print(found, model.name)


def _refuse_for_images(context: click.Context) -> None:
    """InputError for options that an image has decided long ago."""
    given = click.core.ParameterSource.DEFAULT
    for name in ("config", "changes", "weight_bits", "sparsity", "shares", "meta"):
        if context.get_parameter_source(name) is not given:
            option = {"changes": "--set"}.get(name, "--" + name.replace("_", "-"))
            raise InputError(
                f"wanted a model to use {option} on, got an image, which is for one machine; "
                "give the model it was compiled from"
            )
