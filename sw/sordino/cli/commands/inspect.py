"""`sordino info` and `sordino disasm`."""

from pathlib import Path
from typing import Any

import click

from sordino.arch import Config, load_config
from sordino.cli.shared.engines import memory_options
from sordino.cli.shared.options import IMAGE, json_option, machine_type, path_type, set_option
from sordino.cli.shared.output import console, echo, print_json, print_table
from sordino.cycles.bounds import Bounds, Span, entry_bounds, frame_bounds
from sordino.cycles.durations import Durations
from sordino.cycles.traffic import speech_traffic
from sordino.engines.memory_timing import MemoryTiming
from sordino.image.checks.verify import verify
from sordino.image.host import NetworkSection
from sordino.image.image import Image, ImageError
from sordino.image.listing import listing
from sordino.rtl.export.resources import memory_bits, multipliers
from sordino.speech.transcript import frame_seconds
from sordino.tools.report.entries import entry_rows
from sordino.tools.report.networks import NETWORK_COLUMNS, network_rows
from sordino.tools.report.summary import image_summary

__all__ = ["disasm", "info"]


def _config_report(config: Config) -> dict[str, Any]:
    return {
        "config": config.as_dict(),
        "id": f"{config.id:08x}",
        "memory_bits": memory_bits(config),
        "multipliers": multipliers(config),
    }


def _bounds(image: Image, memory: MemoryTiming) -> Bounds | None:
    """A frame's bounds; None where no engine would run the image, or it reads no input."""
    try:
        verify(image)
    except ImageError:
        return None
    return frame_bounds(image, durations=Durations(image, memory))


def _traffic(image: Image) -> dict[str, float] | None:
    """What an RNN-T reads over the bus; None where nothing is streamed."""
    if not image.external or not isinstance(image.host, NetworkSection):
        return None
    traffic = speech_traffic(image)
    report: dict[str, float] = {"bytes_per_frame": traffic.frame, "bytes_per_token": traffic.token}
    if image.host.features is not None:
        report["bytes_per_second"] = traffic.frame / frame_seconds(image)
    return report


def _entries(image: Image, memory: MemoryTiming) -> dict[str, Bounds | Span | None]:
    """The bounds of every entry point; none where no engine would run the image."""
    try:
        verify(image)
    except ImageError:
        return {}
    return entry_bounds(image, durations=Durations(image, memory))


def _cells(span: Span, clock: int) -> tuple[str, ...]:
    """Best and worst cycles and milliseconds of a span."""
    found: list[str] = []
    for cycles in (span.best, span.worst):
        found += (
            ["no bound", ""] if cycles is None else [f"{cycles:,}", f"{cycles / clock * 1e3:.3f}"]
        )
    return tuple(found)


def _print_entries(image: Image, found: dict[str, Bounds | Span | None]) -> None:
    """A table of the best and worst case of everything that a host may ask for."""
    clock = image.config.clock_hz
    rows = entry_rows(found, image.host.networks)
    print_table(
        ("entry point", "", "best cycles", "ms", "worst cycles", "ms"),
        [(name, what, *_cells(span, clock)) for name, what, span in rows],
        f"Entry points, at {clock / 1e6:g} MHz",
    )


def _print_bounds(bounds: Bounds, clock: int, chunk: int) -> None:
    print_table(
        ("tokens in a frame", "best cycles", "ms", "worst cycles", "ms"),
        [
            (name, *_cells(span, clock))
            for name, span in [*bounds.tokens.items(), ("any", bounds.frame)]
        ],
        f"{'One input vector' if chunk == 1 else f'A chunk of {chunk} input vectors'}, "
        f"at {clock / 1e6:g} MHz",
    )


def _print_config(config: Config, as_json: bool) -> None:
    """What a configuration is made of."""
    report = _config_report(config)
    if as_json:
        print_json(report)
        return
    print_table(("field", "value"), report["config"].items())
    memories = [(name, f"{bits:,}") for name, bits in report["memory_bits"].items()]
    print_table(("memory", "bits"), memories)
    print_table(("multipliers", "number"), report["multipliers"].items())
    console.print(f"configuration id {report['id']}")


@click.command(
    epilog="\b\nExamples:\n"
    "  sordino info model.sordino\n"
    "  sordino info --config small --set lanes=32",
)
@click.argument("image", type=path_type, required=False)
@click.option(
    "--config",
    type=machine_type,
    metavar="MACHINE",
    help="Describe a configuration instead of an image.",
)
@set_option
@json_option
@memory_options
def info(
    image: Path | None,
    config: str | None,
    changes: dict[str, int],
    as_json: bool,
    memory: MemoryTiming,
) -> None:
    """What IMAGE holds and what a frame takes, or what a configuration is made of.

    An image of several networks has a table of them: entry points or request, input, tokens, the
    results that they leave in memory, and the words that they keep from one vector to the next; and
    one of the best and worst cycles of each entry point and each request. --json has these of any
    image under `entry_cycles`.
    """
    if (image is None) == (config is None):
        raise click.UsageError("give an IMAGE or --config NAME, one of them")
    if config is not None:
        _print_config(load_config(config, changes), as_json)
        return
    assert image is not None
    loaded = Image.load(image)
    host, bounds, traffic = loaded.host, _bounds(loaded, memory), _traffic(loaded)
    if as_json:
        size, entries = image.stat().st_size, _entries(loaded, memory)
        head = image_summary(loaded, str(image), size, bounds, entries)
        print_json(head if traffic is None else {**head, "bus": traffic})
        return
    sections = image_summary(loaded, "", 0, None, {})["sections"]
    print_table(
        ("section", "bytes"),
        [*((k, f"{v:,}") for k, v in sections.items()), ("file", f"{image.stat().st_size:,}")],
    )
    if bounds is not None:
        _print_bounds(bounds, loaded.config.clock_hz, host.chunk)
    if host.networks:
        print_table(NETWORK_COLUMNS, network_rows(host.networks))
        _print_entries(loaded, _entries(loaded, memory))
    if traffic is not None:
        streamed = sum(matrix.streamed for matrix in loaded.matrices)
        second = traffic.get("bytes_per_second")
        console.print(
            f"{streamed} of {len(loaded.matrices)} matrices streamed: "
            f"{traffic['bytes_per_frame']:,.0f} bytes a frame, "
            f"{traffic['bytes_per_token']:,.0f} more a token"
            + ("" if second is None else f", {second:,.0f} a second of speech without tokens")
        )
    name, tokens = "program", 0
    if isinstance(host, NetworkSection):
        name, tokens = host.model.name, len(host.tokens)
    console.print(
        f"{name}: {len(loaded.matrices)} matrices, "
        f"{len(loaded.program)} instructions, {tokens} tokens, for "
        f"{loaded.config.name} ({loaded.config.lanes} lanes in groups of {loaded.config.group}, "
        f"id {loaded.config.id:08x}); licence {host.licence or 'not stated'}"
    )


@click.command(epilog="\b\nExample:\n  sordino disasm model.sordino")
@IMAGE
def disasm(image: Path) -> None:
    """List IMAGE's program with addresses, labels and layers."""
    echo(listing(Image.load(image)), end="")
