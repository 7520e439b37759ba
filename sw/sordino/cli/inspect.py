"""`sordino info` and `sordino disasm`."""

from pathlib import Path

import click

from sordino.arch import Config, load_config
from sordino.cli.options import IMAGE, json_option, path_type, set_option
from sordino.cli.output import console, print_json, print_table
from sordino.compiler.disassemble import listing
from sordino.cycles.bounds import Bounds, frame_bounds
from sordino.golden.verify import verify
from sordino.isa.image import Image, ImageError
from sordino.report.head import image_head
from sordino.rtl.resources import memory_bits, multipliers

__all__ = ["disasm", "info"]


def _config_report(config: Config) -> dict[str, object]:
    return {
        "config": config.as_dict(),
        "id": f"{config.id:08x}",
        "memory_bits": memory_bits(config),
        "multipliers": multipliers(config),
    }


def _bounds(image: Image) -> Bounds | None:
    """Of a frame; None where no engine would run the image, or it reads no input."""
    try:
        verify(image)
    except ImageError:
        return None
    return frame_bounds(image)


def _print_bounds(bounds: Bounds, clock: int) -> None:
    def cells(cycles: int | None) -> tuple[str, str]:
        return (
            ("no bound", "") if cycles is None else (f"{cycles:,}", f"{cycles / clock * 1e3:.3f}")
        )

    print_table(
        ("tokens in a frame", "best cycles", "ms", "worst cycles", "ms"),
        [
            (name, *cells(span.best), *cells(span.worst))
            for name, span in [*bounds.tokens.items(), ("any", bounds.frame)]
        ],
        f"One input vector, at {clock / 1e6:g} MHz",
    )


@click.command(
    epilog="\b\nExamples:\n"
    "  sordino info model.sordino\n"
    "  sordino info --config small --set lanes=32",
)
@click.argument("image", type=path_type, required=False)
@click.option("--config", help="Describe a configuration instead of an image.")
@set_option
@json_option
def info(image: Path | None, config: str | None, changes: dict[str, int], as_json: bool) -> None:
    """What IMAGE holds and what a frame takes, or what a configuration is made of."""
    if (image is None) == (config is None):
        raise click.UsageError("give an IMAGE or --config NAME, one of them")
    if config is not None:
        report = _config_report(load_config(config, changes))
        if as_json:
            print_json(report)
            return
        print_table(("field", "value"), report["config"].items())  # type: ignore[attr-defined]
        memory: dict[str, int] = report["memory_bits"]  # type: ignore[assignment]
        print_table(("memory", "bits"), [(k, f"{v:,}") for k, v in memory.items()])
        print_table(("multipliers", "number"), report["multipliers"].items())  # type: ignore[attr-defined]
        console.print(f"configuration id {report['id']}")
        return
    assert image is not None
    loaded = Image.load(image)
    host, bounds = loaded.host, _bounds(loaded)
    if as_json:
        print_json(image_head(loaded, str(image), image.stat().st_size, bounds))
        return
    sections = image_head(loaded, "", 0, None)["sections"]
    print_table(
        ("section", "bytes"),
        [*((k, f"{v:,}") for k, v in sections.items()), ("file", f"{image.stat().st_size:,}")],
    )
    if bounds is not None:
        _print_bounds(bounds, loaded.config.clock_hz)
    model = host.get("model", {})
    console.print(
        f"{model.get('name', 'model')}: {len(loaded.matrices)} matrices, "
        f"{len(loaded.program)} instructions, {len(host.get('tokens', ()))} tokens, for "
        f"{loaded.config.name} ({loaded.config.lanes} lanes in groups of {loaded.config.group}, "
        f"id {loaded.config.id:08x}); licence {host.get('licence', 'not stated')}"
    )


@click.command(epilog="\b\nExample:\n  sordino disasm model.sordino")
@IMAGE
def disasm(image: Path) -> None:
    """List IMAGE's program with addresses, labels and layers."""
    click.echo(listing(Image.load(image)), nl=False)
