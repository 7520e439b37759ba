"""`sordino run --endpoints`: utterances cut out of recordings as they are heard."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import click

from sordino.cli.ends.ranking import Service, service_of
from sordino.cli.shared.live import Live
from sordino.cli.shared.output import console, print_json, print_json_line
from sordino.cli.shared.search import SearchChoice
from sordino.cli.shared.speech import (
    STANDARD_INPUT,
    Heard,
    complain,
    facts_of,
    hear,
    standard_input,
)
from sordino.cli.shared.transcribing import Runs, entry_of
from sordino.decode.decoder import Decoder
from sordino.decode.machine_transducer import MachineTransducer
from sordino.engines.engine import OpenEngine
from sordino.errors import InputError
from sordino.image.image import Image
from sordino.lattice.coding.owner import image_vocabulary
from sordino.recogniser.decoding import Beam, Greedy
from sordino.recogniser.ends import FINAL_MS, LONGEST_S, SPECULATIVE_MS, EndOptions
from sordino.recogniser.events import Ended, Event, Speculative
from sordino.recogniser.recogniser import Recogniser
from sordino.speech.doubts import doubts_of_audio, warn_of
from sordino.speech.features import FeatureDefinition
from sordino.speech.files.pcm import HEAD, kind_of
from sordino.speech.inputs import ModelInput

__all__ = ["cut_inputs", "end_options", "end_recogniser", "ends_of", "take_ends"]
__all__ += ["take_options"]

_PIECE = 4096
"""Frames of cepstra, or input vectors of a file, that are pushed at once."""
_NAMES = ("endpoints", "speculative_ms", "final_ms", "longest_s")
_Command = TypeVar("_Command", bound=Callable[..., Any])


def end_options(command: _Command) -> _Command:
    """Options --endpoints, --speculative-ms, --final-ms and --longest-s."""
    for option in (
        click.option(
            "--longest-s",
            type=float,
            metavar="SECONDS",
            help=f"With --endpoints: the longest utterance.  [default: {LONGEST_S:g}]",
        ),
        click.option(
            "--final-ms",
            type=float,
            metavar="MS",
            help="With --endpoints: an utterance ends so long after its last token, whatever an "
            f"end-pointer says.  [default: as the end-pointer says; without one {FINAL_MS}]",
        ),
        click.option(
            "--speculative-ms",
            type=float,
            metavar="MS",
            help="With --endpoints: the end is likely so long after the last token.  "
            f"[default: as --final-ms; without an end-pointer {SPECULATIVE_MS}]",
        ),
        click.option(
            "--endpoints",
            is_flag=True,
            help="Cut utterances where they end, by the image's end-pointer; without one, by how "
            "long no token has come. See docs/endpoints.md.",
        ),
    ):
        command = option(command)
    return command


def ends_of(endpoints: bool, **given: float | None) -> EndOptions | None:
    """What the options say; None without --endpoints, and a usage error for others then."""
    stated = {name: value for name, value in given.items() if value is not None}
    if endpoints:
        return EndOptions(**stated)
    if stated:
        names = " and ".join(f"--{name.replace('_', '-')}" for name in stated)
        raise click.UsageError(f"wanted --endpoints beside {names}, got none")
    return None


def take_ends(options: dict[str, Any]) -> EndOptions | None:
    """Take those of `end_options` out of a command's options: `ends_of` them."""
    return ends_of(**{name: options.pop(name) for name in _NAMES})


def take_options(
    options: dict[str, Any],
) -> tuple[EndOptions | None, SearchChoice, Service | None]:
    """What a command's options say of ends, of the search, and of a service that ranks again."""
    url, deadline = options.pop("url"), options.pop("deadline")
    ends = take_ends(options)
    choice = SearchChoice(**options)
    return ends, choice, service_of(url, deadline, ends, choice)


def end_recogniser(
    image: Image, engine: OpenEngine, choice: SearchChoice, ends: EndOptions
) -> tuple[Recogniser, Decoder | None]:
    """What cuts utterances out, greedily or with a search, whose decoder is given too."""
    if not choice.wanted:
        return Recogniser(image, Greedy(image, engine), ends=ends), None
    machine = MachineTransducer(image, engine)
    decoder = choice.decoder(machine)
    beam = Beam(machine, decoder.options, decoder.fusion)
    return Recogniser(image, beam, ends=ends), decoder


class _Cutter:
    """Utterances of one input: printed as they end, and held for JSON where that comes at the end.

    `live` prints every event as a line of JSON instead. `service` ranks what may have been said.
    """

    def __init__(self, runs: Runs, service: Service | None, *, shown: bool, live: bool) -> None:
        self._runs, self.service, self._shown, self.live = runs, service, shown, live
        self._likely: Speculative | None = None
        self.utterances: list[dict[str, Any]] = []
        self.count, self.cycles = 0, 0
        self.error: str | None = None
        self.engine: dict[str, Any] = {}

    def say(self, events: Sequence[Event]) -> None:
        """Take events as they come."""
        for event in events:
            if self.live:
                print_json_line(event.as_dict(), last=False)
            ranked = None if self.service is None else self.service.hear(event)
            if isinstance(event, Speculative):
                self._likely = event
            elif isinstance(event, Ended):
                self._ended(event, ranked)

    def _ended(self, event: Ended, ranked: dict[str, Any] | None) -> None:
        self.count += 1
        self.error = self.error or event.error
        facts = self._runs.facts(event)
        cycles = facts.get("cycles")
        self.engine = {name: facts.get(name) for name in ("engine", "simulator")}
        self.cycles += cycles or 0
        if self._shown:
            text = event.text if ranked is None else ranked["transcript"]
            console.print(f"{event.begin:8.2f} to {event.seconds:.2f} s  {text}")
            if text != event.text:
                console.print(f"  the device's own best path: {event.text or '(nothing)'}")
        elif self.live:
            if ranked is not None:
                said = {"kind": "reranked", "utterance": event.utterance, **ranked, "final": False}
                print_json_line(said, last=False)
        else:
            likely, self._likely = self._likely, None
            said = {} if likely is None else {"seconds": likely.seconds, "text": likely.text}
            names = ("begin", "seconds", "text", "tokens", "reason", "revision", "error")
            own = {name: value for name, value in event.as_dict().items() if name in names}
            own |= {"cycles": cycles, "speculative": said or None}
            own |= {} if self.service is None else {"reranked": ranked}
            self.utterances.append(own)


def cut_inputs(
    named: tuple[Image, str],
    inputs: Sequence[str],
    machine: Callable[[list[int] | None], Runs],
    clock: int,
    rate: int | None,
    cycle_limit: int | None,
    ends: EndOptions,
    service: Service | None,
    as_json: bool,
) -> int:
    """Cut utterances out of all inputs, print them, and return the exit code.

    `named` is the image, and its name in JSON. `service` ranks again what a search finds.
    """
    image, name = named
    FeatureDefinition.of_image(image)
    runs = machine(None)
    if isinstance(runs.decoding, Greedy):
        runs.decoding.cycle_limit = cycle_limit or 0
    elif isinstance(runs.decoding, Beam):
        runs.decoding.vocabulary = image_vocabulary(image, None)
        if service is not None:
            service.vocabulary = runs.decoding.vocabulary
    live = inputs == (STANDARD_INPUT,)
    entries = []
    for path in inputs:
        cutter = _Cutter(runs, service, shown=not as_json, live=live and as_json)
        try:
            entries.append(_cut(image, path, runs, cutter, clock, rate, ends))
        except InputError as error:
            if len(inputs) == 1:
                raise
            complain(str(error))
            refused = Heard.not_heard(path, str(error))
            entries.append(entry_of(image, path, None, refused.facts, clock))
        if not as_json and entries[-1]["frames"] is not None:
            _print_end(entries[-1])
    if live and as_json:
        print_json_line({"kind": "end", **entries[0], "final": False}, last=True)
    elif as_json:
        url = {} if service is None else {"url": service.url}
        print_json({"image": name, **url, "inputs": entries})
    if any(entry["refused"] for entry in entries):
        return 2
    return 1 if any(entry["error"] for entry in entries) else 0


def _cut(
    image: Image,
    path: str,
    runs: Runs,
    cutter: _Cutter,
    clock: int,
    rate: int | None,
    ends: EndOptions,
) -> dict[str, Any]:
    """The entry of one input; InputError where nothing of it can be heard."""
    with _opened(path) as file:
        live = None if file is None else Live(file, rate or _rate(image))
        if live is not None and rate not in (None, live.rate):
            raise InputError(
                f"wanted raw samples on standard input, as --rate {rate} says, got a file whose "
                "header says its rate; leave --rate out"
            )
        if live is not None and live.rate is not None:
            recogniser = Recogniser(image, runs.decoding, rate=live.rate, ends=ends)
            facts = _stream(live, path, recogniser, cutter)
        else:
            recogniser = Recogniser(image, runs.decoding, ends=ends)
            whole = hear(image, path, None if live is None else live.whole())
            warn_of({path: whole.doubts})
            _push(whole, recogniser, cutter)
            facts = {**facts_of(whole), "saturated": recogniser.saturated}
    return _entry(image, path, recogniser.vectors, facts, cutter, clock)


def _push(whole: ModelInput, recogniser: Recogniser, cutter: _Cutter) -> None:
    """Hear a file that was read as a whole, by its cepstra where they are known."""
    if whole.cepstra is None:
        for first in range(0, len(whole.quantised), _PIECE):
            cutter.say(recogniser.push_vectors(whole.quantised[first : first + _PIECE]))
    else:
        for first in range(0, len(whole.cepstra), _PIECE):
            cutter.say(recogniser.push_cepstra(whole.cepstra[first : first + _PIECE]))
    cutter.say(recogniser.finish())


def _rate(image: Image) -> int:
    return FeatureDefinition.of_image(image).front_end.sample_rate


@contextmanager
def _opened(path: str) -> Iterator[BinaryIO | None]:
    """Standard input, or a WAV file; None for a file that only can be read as a whole."""
    if path == STANDARD_INPUT:
        yield standard_input()
        return
    with ExitStack() as stack:
        try:
            file = stack.enter_context(Path(path).open("rb"))
        except (OSError, ValueError):
            yield None  # whoever reads it says why it cannot be read
            return
        head = file.read(HEAD) if Path(path).is_file() else b""
        file.seek(0)
        yield file if kind_of(head) == "wav" else None


def _stream(live: Live, path: str, recogniser: Recogniser, cutter: _Cutter) -> dict[str, Any]:
    """Hear what comes to its end, or to what cannot be heard; what JSON has of it."""
    name = "standard input" if path == STANDARD_INPUT else path
    sound, refused, missing, heard = live.sound, None, None, 0
    assert sound is not None
    try:
        for piece in live.pieces():
            heard += len(piece)
            cutter.say(recogniser.push(piece))
            if cutter.error is not None:
                break
        else:
            missing = sound.end()
    except InputError as error:
        refused = f"{name}: {error}"
    if not heard:
        raise InputError(refused or f"wanted a recording, but {name} has no samples; record it")
    cutter.say(recogniser.finish())
    audio, doubts = recogniser.audio, list(recogniser.doubts)
    if audio is not None:
        audio = replace(audio, channels=sound.channels, missing=missing, uncounted=sound.uncounted)
        more = [doubt for doubt in doubts_of_audio(audio) if doubt not in doubts]
        warn_of({path: more})
        doubts += more
    if refused is not None:
        complain(refused)
    return {
        "audio": None if audio is None else audio.as_dict(),
        "saturated": recogniser.saturated,
        "spread": recogniser.like.spread,
        "distance": recogniser.like.distance,
        "doubts": doubts,
        "refused": refused,
    }


def _entry(
    image: Image,
    path: str,
    vectors: int,
    facts: dict[str, Any],
    cutter: _Cutter,
    clock: int,
) -> dict[str, Any]:
    """What JSON has of an input."""
    said = cutter.utterances
    own = {
        **cutter.engine,
        "transcript": " ".join(each["text"] for each in said if each["text"]),
        "tokens": [token for each in said for token in each["tokens"]],
        "cycles": cutter.cycles or None,
        "error": cutter.error,
        "utterance_count": cutter.count,
        "utterances": said,
    }
    if cutter.live:
        own |= dict.fromkeys(("transcript", "tokens", "utterances"))
    return entry_of(image, path, vectors, {**facts, **own}, clock)


def _print_end(entry: dict[str, Any]) -> None:
    count = entry["utterance_count"]
    console.print(
        f"  {entry['input']}: {entry['seconds']:.2f} s, {entry['frames']} frames, {count} "
        f"{'utterance' if count == 1 else 'utterances'}"
    )
