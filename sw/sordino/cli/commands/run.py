"""`sordino run`."""

import sys
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import click

from sordino.cli.shared.engines import (
    ENGINES,
    make_engine,
    make_open_engine,
    memory_options,
    simulator_of,
    slow_option,
    vcd_option,
)
from sordino.cli.shared.networks import heard_tokens, other_texts, warn_of_unfed
from sordino.cli.shared.options import IMAGE, INPUTS, json_option
from sordino.cli.shared.output import (
    console,
    frequency,
    print_json,
    print_table,
    progress,
)
from sordino.cli.shared.search import SearchChoice, search_options
from sordino.cli.shared.speech import Heard, check_inputs, hear_all
from sordino.cycles.engine import Cycles
from sordino.cycles.stalls import GROUP_CAUSES, layer_stalls
from sordino.cycles.traffic import bus_bytes
from sordino.decode.decoder import Decoder
from sordino.decode.machine_transducer import MachineTransducer
from sordino.engines.bound import cycle_bound
from sordino.engines.engine import Record
from sordino.engines.memory_timing import MemoryTiming
from sordino.engines.native.rtl import Rtl
from sordino.engines.profile import layer_times
from sordino.image.image import Image
from sordino.isa.operations import Input
from sordino.isa.registers import Error
from sordino.speech.transcript import seconds_of, text_of

__all__ = ["run"]

_MACHINE_STALLS = ("matvec", "vector", "table", "control", "hidden")


def _entry(image: Image, heard: Heard, clock: int, **more: Any) -> dict[str, Any]:
    """What every input has in JSON, null where it was refused."""
    frames = None if heard.refused else len(heard.features)
    return {
        "input": heard.path,
        "transcript": None,
        "tokens": None,
        "networks": {},
        "frames": frames,
        "seconds": None if frames is None else seconds_of(image, frames),
        "cycles": None,
        "clock_hz": clock,
        "real_time_factor": None,
        "engine": None,
        "simulator": None,
        "feature_seconds": None if heard.refused else heard.seconds_taken,
        **heard.facts,
        "error": None,
        **more,
    }


def _run_one(
    image: Image, engine: Any, heard: Heard, clock: int, limit: int | None, memory: MemoryTiming
) -> dict[str, Any]:
    features = heard.features
    bound = limit or cycle_bound(image, len(features), memory)
    executed = Counter[int]()
    inputs = [number for number, i in enumerate(image.program) if isinstance(i, Input)]
    with progress() as bar:
        task = bar.add_task(Path(heard.path).name, total=len(features))

        def on_record(record: Record) -> None:
            executed[record.pc] += 1
            if record.pc in inputs:
                bar.advance(task)

        result = engine.run(features, cycle_limit=bound, record=on_record)
    cycles = result.counters.get("cycles")
    said, tokens = other_texts(image, result), heard_tokens(image, result)
    entry = _entry(
        image,
        heard,
        clock,
        transcript=text_of(image, tokens),
        tokens=tokens,
        networks={n: {"tokens": its, "transcript": words} for n, (its, words) in said.items()},
        cycles=cycles,
        engine=engine.name,
        simulator=simulator_of(engine),
        counters=result.counters,
        error=None if result.error is Error.NONE else result.error.name,
    )
    if image.external:
        entry["bus_bytes"] = bus_bytes(image, executed.elements())
    if cycles is not None and entry["seconds"] is not None:
        entry["real_time_factor"] = cycles / clock / entry["seconds"]
    if isinstance(engine, Rtl | Cycles):
        entry["layers"] = [time.as_dict() for time in layer_times(image, engine.profile())]
    if isinstance(engine, Cycles):
        entry["stalls"] = [stalls.as_dict() for stalls in layer_stalls(engine.last_profile)]
    return entry


def _search_one(
    decoder: Decoder, machine: MachineTransducer, clock: int, heard: Heard
) -> dict[str, Any]:
    """Run one input as `_run_one` does, with the host's hypotheses, best first.

    The cycles are those of all runs of entry points together.
    """
    before, image, engine = machine.work, machine.image, machine.engine
    found = decoder.hypotheses(heard.features)
    work = machine.work.since(before)
    entry = _entry(
        image,
        heard,
        clock,
        transcript=decoder.spelt(found[0]),
        tokens=list(found[0].tokens),
        cycles=work.cycles,
        engine=engine.name,
        simulator=simulator_of(engine),
        runs=work.runs,
        window_words={"read": work.read, "written": work.written},
        hypotheses=[
            {"transcript": decoder.spelt(h), "score": h.score, "acoustic": h.acoustic}
            for h in found
        ],
    )
    if work.cycles is not None and entry["seconds"]:
        entry["real_time_factor"] = work.cycles / clock / entry["seconds"]
    return entry


def _print_run(entry: dict[str, Any]) -> None:
    console.print(entry["transcript"] or "(nothing)", style="bold")
    for name, its in entry["networks"].items():
        numbers = " ".join(map(str, its["tokens"])) if its["transcript"] is None else ""
        console.print(f"  {name}: {its['transcript'] or numbers or '(nothing)'}")
    seconds = entry["seconds"]
    line = f"  {entry['input']}: " + ("" if seconds is None else f"{seconds:.2f} s, ")
    line += f"{entry['frames']} frames"
    if entry["cycles"] is not None:
        line += f", {entry['cycles']:,} cycles"
    if entry["real_time_factor"] is not None:
        line += (
            f", real-time factor {entry['real_time_factor']:.3f} at {entry['clock_hz'] / 1e6:g} MHz"
        )
    console.print(line + f"; features {entry['feature_seconds'] * 1e3:.0f} ms on the host")
    if "bus_bytes" in entry:
        read = entry["bus_bytes"]
        line = f"  streamed {read:,} bytes: {read / max(1, entry['frames']):,.0f} a frame"
        if seconds is not None:
            line += f", {read / max(1e-9, seconds):,.0f} a second of speech"
        console.print(line)
    if "hypotheses" in entry:
        words, runs = entry["window_words"], entry["runs"]
        console.print(
            f"  {sum(runs.values()):,} runs ("
            + ", ".join(f"{count:,} {name}" for name, count in runs.items())
            + f"); window: {words['read']:,} words read, {words['written']:,} written"
        )
        print_table(
            ("hypothesis", "score", "acoustic"),
            [
                (h["transcript"] or "(nothing)", f"{h['score']:.2f}", f"{h['acoustic']:.2f}")
                for h in entry["hypotheses"]
            ],
        )
    if "layers" in entry:
        print_table(
            ("layer", "times", "cycles", "share", "cycles each", "utilisation", "useful"),
            [
                (
                    layer["name"],
                    f"{layer['times']:,}",
                    f"{layer['cycles']:,}",
                    f"{layer['cycles'] / entry['cycles']:.1%}",
                    f"{layer['cycles'] / layer['times']:,.0f}",
                    "" if layer["utilisation"] is None else f"{layer['utilisation']:.3f}",
                    "" if layer["useful"] is None else f"{layer['useful']:.3f}",
                )
                for layer in entry["layers"]
            ],
        )
    if "stalls" in entry:
        _print_stalls(entry["stalls"])
    if entry["error"]:
        console.print(f"  stopped: {entry['error']}")


def _print_stalls(layers: list[dict[str, Any]]) -> None:
    print_table(
        ("layer", "MATVEC", "vector", "table", "control", "hidden", "limiter"),
        [
            (layer["name"], *(f"{layer[name]:,}" for name in _MACHINE_STALLS), layer["limiter"])
            for layer in layers
        ],
        "Cycles by what is at work (hidden: behind something else)",
    )
    print_table(
        ("layer", "places", "padding", "broadcast", "FIFO", "stream", "imbalance", "overhead"),
        [
            (layer["name"], *(f"{layer[name] / total:.1%}" for name in GROUP_CAUSES))
            for layer in layers
            if (total := sum(layer[name] for name in GROUP_CAUSES))
        ],
        "Groups during MATVEC: at a place, or why not",
    )


def _opened(path: Path) -> Image:
    """The image of a file; a warning where a network of it hears nothing here."""
    image = Image.load(path)
    warn_of_unfed(image)
    return image


def _check_options(
    choice: SearchChoice, engine: str, vcd: Path | None, cycle_limit: int | None
) -> None:
    """Raise UsageError for options that do not go together."""
    if vcd is not None and engine != "rtl":
        raise click.UsageError("--vcd needs --engine rtl")
    if choice.wanted and cycle_limit is not None:
        raise click.UsageError("wanted --cycle-limit or a search (--beam, --lm), got both")


@click.command(
    epilog="\b\nExamples:\n"
    "  sordino run model.sordino speech.wav\n"
    "  sordino run model.sordino *.flac --engine rtl --clock 100MHz --json\n"
    "  sordino run model.sordino speech.wav --engine cycles\n"
    "  sox speech.mp3 -t wav - | sordino run model.sordino -\n"
    "  sordino run model.sordino speech.wav --engine rtl --vcd speech.vcd\n"
    "  sordino run model.sordino speech.wav --beam 8 --lm an4.arpa\n"
    "  sordino run model.sordino speech.wav --beam 4 --engine rtl",
)
@IMAGE
@INPUTS
@click.option(
    "--engine",
    type=ENGINES,
    default="golden",
    show_default=True,
    help="Exact numpy machine, the compiled circuit, or the exact machine with the circuit's time "
    "and stall causes.",
)
@click.option(
    "--clock",
    callback=frequency,
    metavar="HZ",
    help="Clock for the real-time factor.  [default: the configuration's]",
)
@click.option(
    "--cycle-limit",
    type=click.IntRange(1),
    help="Stop after that many cycles (golden: instructions).  "
    "[default: a bound of the program's longest path]",
)
@vcd_option("Write a waveform (rtl; large: use a short input).")
@slow_option
@search_options
@json_option
@memory_options
def run(
    image: Path,
    inputs: tuple[str, ...],
    engine: str,
    clock: int | None,
    cycle_limit: int | None,
    vcd: Path | None,
    slow: bool,
    as_json: bool,
    memory: MemoryTiming,
    **search: Any,
) -> None:
    """Transcribe INPUTS (WAV, FLAC, Sphere, Sphinx .mfc or .npy features) with IMAGE.

    An input of - is standard input. One that cannot be read is refused in a line of its own, and
    in --json under `refused`; the others go on, and the exit code is 2. --json has under `audio`
    each recording's level, clipping and what is missing of it, with `saturated` the share of the
    model's int8 input at an end of its range, and under `doubts` why nothing good may come of it,
    of which a warning tells.

    .npy holds cepstra or model input in float (frames × width), or int8 model input as it is, the
    one thing that an image without feature definition takes.

    The tokens are those of the network that reads channel 0; what others emit in the same run is
    in --json under `networks`, by name. Requests are not made.

    With --beam or --lm the host searches through the machine's entry points, on any engine. Cycles
    are then those of all their runs together, and --json has under `window_words` the words that
    the host read and wrote in the machine's memories between them.
    """
    check_inputs(inputs)
    choice = SearchChoice(**search)
    _check_options(choice, engine, vcd, cycle_limit)
    program = _opened(image)
    heard = hear_all(program, inputs)
    frames = [len(each.features) for each in heard if not each.refused]
    hertz = clock or program.config.clock_hz
    transcribe: Callable[[Heard], dict[str, Any]]
    if not frames:
        transcribe = partial(_entry, program, clock=hertz)
    elif choice.wanted:
        open_engine = make_open_engine(engine, program, vcd=vcd, memory=memory)
        machine = MachineTransducer(program, open_engine)
        transcribe = partial(_search_one, choice.decoder(machine), machine, hertz)
    else:
        device = make_engine(engine, program, frames=frames, vcd=vcd, slow=slow, memory=memory)
        transcribe = partial(
            _run_one, program, device, clock=hertz, limit=cycle_limit, memory=memory
        )
    entries = []
    for each in heard:
        entries.append(_entry(program, each, hertz) if each.refused else transcribe(each))
        if not (as_json or each.refused):
            _print_run(entries[-1])
    if as_json:
        print_json({"image": str(image), "inputs": entries})
    if len(frames) < len(inputs):
        sys.exit(2)
    if any(entry["error"] for entry in entries):
        sys.exit(1)
