"""`sordino run`."""

import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import click

from sordino.cli.ends.cutting import cut_inputs, end_options, take_options
from sordino.cli.ends.ranking import service_options
from sordino.cli.shared.devices import Device, DeviceRuns, device_options, opened
from sordino.cli.shared.engines import (
    ENGINES,
    make_engine,
    make_open_engine,
    memory_options,
    slow_option,
    vcd_option,
)
from sordino.cli.shared.listening import listen
from sordino.cli.shared.networks import warn_of_unfed
from sordino.cli.shared.options import IMAGE, INPUTS, json_option
from sordino.cli.shared.output import frequency, print_json, progress
from sordino.cli.shared.search import SearchChoice, search_options
from sordino.cli.shared.speech import STANDARD_INPUT, Heard, check_inputs, hear_all
from sordino.cli.shared.transcribing import GreedyRuns, Runs, SearchRuns, entry_of, print_run
from sordino.decode.machine_transducer import MachineTransducer
from sordino.engines.bound import cycle_bound
from sordino.engines.hosted import Hosted
from sordino.engines.memory_timing import MemoryTiming
from sordino.errors import InputError
from sordino.image.image import Image
from sordino.recogniser.events import Final
from sordino.recogniser.recogniser import Recogniser
from sordino.speech.files.audio import RATES

__all__ = ["run"]


def _recognise(
    image: Image, runs: Runs, heard: Heard, clock: int, limit: int | None, memory: MemoryTiming
) -> dict[str, Any]:
    """What comes of an input that was heard as a whole."""
    features = heard.features
    with progress() as bar:
        task = bar.add_task(Path(heard.path).name, total=len(features))
        if isinstance(runs, GreedyRuns):
            runs.decoding.cycle_limit = limit or cycle_bound(image, len(features), memory)
            runs.on_input = partial(bar.advance, task)
        recogniser = Recogniser(image, runs.decoding)
        final = [*recogniser.push_vectors(features), *recogniser.finish()][-1]
    assert isinstance(final, Final)
    facts = {"feature_seconds": heard.seconds_taken, **heard.facts, **runs.facts(final)}
    return entry_of(image, heard.path, len(features), facts, clock)


def _opened(path: Path) -> Image:
    """The image of a file; a warning where a network of it hears nothing here."""
    image = Image.load(path)
    warn_of_unfed(image)
    return image


def _check_options(
    choice: SearchChoice,
    engine: str | None,
    vcd: Path | None,
    cycle_limit: int | None,
    device: str | None,
    baud: int | None,
) -> None:
    """Raise UsageError for options that do not go together."""
    if device is not None and engine is not None:
        raise click.UsageError(f"wanted --device or --engine, got both, {device} and {engine}")
    if baud is not None and device is None:
        raise click.UsageError("--baud needs --device with a serial port")
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
    "  arecord -q -f S16_LE -r 16000 | sordino run model.sordino - --json\n"
    "  sordino run model.sordino - --rate 8000 < telephone.raw\n"
    "  sordino run model.sordino speech.wav --engine rtl --vcd speech.vcd\n"
    "  sordino run model.sordino speech.wav --beam 8 --lm an4.arpa\n"
    "  sordino run model.sordino speech.wav --beam 8 --phrases names.txt --json\n"
    "  sordino run model.sordino speech.wav --beam 4 --engine rtl\n"
    "  sordino run model.sordino speech.wav --device /dev/ttyUSB0\n"
    "  sordino run model.sordino speech.wav --device sim --json\n"
    "  sordino run model.sordino meeting.wav --endpoints\n"
    "  arecord -q -f S16_LE -r 16000 | sordino run model.sordino - --endpoints --beam 8 --json\n"
    "  sordino run model.sordino meeting.wav --endpoints --beam 8 --url http://127.0.0.1:8075",
)
@IMAGE
@INPUTS
@click.option(
    "--engine",
    type=ENGINES,
    help="Exact numpy machine, the compiled circuit, or the exact machine with the circuit's time "
    "and stall causes.  [default: golden]",
)
@device_options
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
@click.option(
    "--rate",
    type=click.IntRange(*RATES),
    metavar="HZ",
    help="Samples a second of raw samples on standard input.  [default: the model's]",
)
@end_options
@service_options
@search_options
@json_option
@memory_options
def run(
    image: Path,
    inputs: tuple[str, ...],
    engine: str | None,
    device: str | None,
    baud: int | None,
    clock: int | None,
    cycle_limit: int | None,
    vcd: Path | None,
    slow: bool,
    rate: int | None,
    as_json: bool,
    memory: MemoryTiming,
    **search: Any,
) -> None:
    """Transcribe INPUTS (WAV, FLAC, Sphere, Sphinx .mfc or .npy features) with IMAGE.

    An input of - is standard input. Alone it is heard as it comes, WAV or raw samples of 16 bits
    (little endian, one channel), and the words are printed as they are understood: with --json an
    object a line, the last one with `final` true and all that an input has in --json.

    One that cannot be read is refused in a line of its own, and in --json under `refused`; the
    others go on, and the exit code is 2. --json has under `audio` each recording's level, clipping
    and what is missing of it, with `saturated` the share of the model's int8 input at an end of its
    range, and under `doubts` why nothing good may come of it, of which a warning tells.
    .npy holds cepstra or model input in float (frames × width), or int8 model input as it is, the
    one thing that an image without feature definition takes.
    The tokens are those of the network that reads channel 0; what others emit in the same run is
    in --json under `networks`, by name. Requests are not made.
    With --beam or --lm the host searches through the machine's entry points, on any engine. Cycles
    are then those of all their runs together, and --json has under `window_words` the words that
    the host read and wrote in the machine's memories between them. With --phrases it has under
    `phrases` how many are listed, and which of them the words are.
    With --endpoints recordings of any length are cut into utterances as they are heard. --json has
    these under `utterances`; of standard input every event is a line, the last one of kind `end`.
    With --device a board decodes; what it held before is given up. --json has under `device` which
    it is, the bytes on its wire and how long loading took.
    """
    check_inputs(inputs)
    ends, choice, service = take_options(search)
    _check_options(choice, engine, vcd, cycle_limit, device, baud)
    if rate is not None and inputs != (STANDARD_INPUT,):
        raise click.UsageError("wanted --rate with standard input (-) alone, got other inputs")
    program = _opened(image)
    hertz, live = clock or program.config.clock_hz, _is_live(program, inputs, rate)
    machine: Callable[[Sequence[int] | None], Runs] = partial(
        _runs, engine or "golden", program, choice, vcd=vcd, slow=slow, memory=memory
    )
    with ExitStack() as stack:
        if device is not None:
            board = partial(stack.enter_context, opened(device, program, baud))
            machine = partial(_device_runs, board, program, choice)
        if ends is not None:
            stack.enter_context(service or nullcontext())
            given = (program, str(image)), inputs, machine, hertz, rate, cycle_limit, ends, service
            sys.exit(cut_inputs(*given, as_json))
        if live:
            sys.exit(listen(program, machine, hertz, rate, cycle_limit, as_json=as_json))
        entries = _recognise_all(program, inputs, machine, hertz, cycle_limit, memory, not as_json)
    _end(image, entries, as_json=as_json)


def _end(image: Path, entries: list[dict[str, Any]], *, as_json: bool) -> None:
    """Print what JSON has, and end with the code that the entries call for."""
    if as_json:
        print_json({"image": str(image), "inputs": entries})
    if any(entry["refused"] for entry in entries):
        sys.exit(2)
    if any(entry["error"] for entry in entries):
        sys.exit(1)


def _is_live(image: Image, inputs: tuple[str, ...], rate: int | None) -> bool:
    """Whether standard input is heard as it comes; InputError for a rate of what is no sound."""
    hears = image.host.features is not None
    if rate is not None and not hears:
        raise InputError(
            f"wanted int8 vectors for an image without feature definition, got --rate {rate} for "
            "samples; leave --rate out"
        )
    return hears and inputs == (STANDARD_INPUT,)


def _recognise_all(
    image: Image,
    inputs: Sequence[str],
    machine: Callable[[Sequence[int] | None], Runs],
    clock: int,
    limit: int | None,
    memory: MemoryTiming,
    shown: bool,
) -> list[dict[str, Any]]:
    """What comes of each input; the machine is made where one of them was heard."""
    heard = hear_all(image, inputs)
    frames = [len(each.features) for each in heard if not each.refused]
    runs = machine(frames) if frames else None
    entries = []
    for each in heard:
        if each.refused or runs is None:
            entries.append(entry_of(image, each.path, None, each.facts, clock))
            continue
        entries.append(_recognise(image, runs, each, clock, limit, memory))
        if shown:
            print_run(entries[-1])
    return entries


def _device_runs(
    board: Callable[[], Device],
    image: Image,
    choice: SearchChoice,
    frames: Sequence[int] | None,
) -> Runs:
    """The board that decodes, once it has loaded the image; frames are None where they come."""
    device = board()
    if choice.wanted:
        engine: Any = Hosted(device.host)
        machine = MachineTransducer(image, engine)
        return SearchRuns(choice.decoder(machine), machine)
    return DeviceRuns(image, device, live=frames is None)


def _runs(
    engine: str,
    image: Image,
    choice: SearchChoice,
    frames: Sequence[int] | None,
    *,
    vcd: Path | None,
    slow: bool,
    memory: MemoryTiming,
) -> Runs:
    """The machine that decodes inputs of so many frames; None: nobody knows how many."""
    if choice.wanted:
        machine = MachineTransducer(image, make_open_engine(engine, image, vcd=vcd, memory=memory))
        return SearchRuns(choice.decoder(machine), machine)
    device = make_engine(engine, image, frames=frames, vcd=vcd, slow=slow, memory=memory)
    return GreedyRuns(image, device)
