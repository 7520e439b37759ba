"""`sordino run IMAGE -`: words printed as they are understood."""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from sordino.cli.shared.live import Live
from sordino.cli.shared.output import console, print_json_line
from sordino.cli.shared.speech import STANDARD_INPUT, complain, facts_of, standard_input
from sordino.cli.shared.transcribing import Runs, entry_of, print_run
from sordino.errors import InputError
from sordino.image.image import Image
from sordino.recogniser.decoding import Greedy
from sordino.recogniser.events import Event, Final
from sordino.recogniser.recogniser import Recogniser
from sordino.speech import transcript
from sordino.speech.doubts import doubts_of_audio, warn_of
from sordino.speech.features import FeatureDefinition

__all__ = ["listen"]

_NAME = "standard input"


def listen(
    image: Image,
    machine: Callable[[list[int] | None], Runs],
    clock: int,
    rate: int | None,
    cycle_limit: int | None,
    *,
    as_json: bool,
) -> int:
    """Hear standard input, print what is understood as it is, and return the exit code.

    `machine` decodes inputs of so many vectors, None for any number. Raises InputError where
    nothing can be heard; what goes wrong later is said on standard error, after the words before
    it.
    """
    definition = FeatureDefinition.of_image(image)
    live = Live(standard_input(), rate or definition.front_end.sample_rate)
    if rate not in (None, live.rate):
        raise InputError(
            f"wanted raw samples on standard input, as --rate {rate} says, got a file whose header "
            "says its rate; leave --rate out"
        )
    if live.rate is None:
        begin = time.perf_counter()
        heard = transcript.hear(image, live.whole(), _NAME)
        warn_of({STANDARD_INPUT: heard.doubts})
        runs = machine([len(heard.quantised)])
        listener = _Listener(image, runs, clock, None, cycle_limit, as_json=as_json)
        listener.say(listener.recogniser.push_vectors(heard.quantised))
        facts = {**facts_of(heard), "feature_seconds": time.perf_counter() - begin}
        return listener.finish(facts)
    listener = _Listener(image, machine(None), clock, live.rate, cycle_limit, as_json=as_json)
    return _hear(live, listener)


class _Listener:
    """A recogniser whose events are printed."""

    def __init__(
        self,
        image: Image,
        runs: Runs,
        clock: int,
        rate: int | None,
        cycle_limit: int | None,
        *,
        as_json: bool,
    ) -> None:
        if isinstance(runs.decoding, Greedy):
            runs.decoding.cycle_limit = cycle_limit or 0
        self.recogniser = Recogniser(image, runs.decoding, rate=rate)
        self._image, self._runs, self._clock, self._as_json = image, runs, clock, as_json
        self._shown = ""
        self.final: Final | None = None

    def say(self, events: Sequence[Event]) -> None:
        """Print what is not final, and keep what is."""
        for event in events:
            if isinstance(event, Final):
                self.final = event
            elif self._as_json:
                print_json_line(event.as_dict(), last=False)
            elif event.text != self._shown:
                self._shown = event.text
                console.print(f"{event.seconds:8.2f} s  {event.text}")

    def finish(self, facts: dict[str, Any]) -> int:
        """Print the end, with these facts of the input and those of its run; the exit code."""
        final = self.final
        if final is None:
            self.say(self.recogniser.finish())
            final = self.final
        assert final is not None
        vectors = self.recogniser.vectors
        facts = {**facts, **self._runs.facts(final)}
        entry = entry_of(self._image, STANDARD_INPUT, vectors, facts, self._clock)
        if self._as_json:
            print_json_line({**final.as_dict(), **entry}, last=True)
        else:
            print_run(entry)
        return 1 if final.error else 0


def _hear(live: Live, listener: _Listener) -> int:
    """Hear what comes to its end, or to what cannot be heard."""
    recogniser, sound, refused, missing = listener.recogniser, live.sound, None, None
    heard = 0
    assert sound is not None
    try:
        for piece in live.pieces():
            heard += len(piece)
            listener.say(recogniser.push(piece))
            if listener.final is not None:
                break
        else:
            missing = sound.end()
    except InputError as error:
        refused = f"{_NAME}: {error}"
    if refused is None and not heard:
        raise InputError(f"wanted a recording, but {_NAME} has no samples; record it again")
    ended = listener.final
    listener.say(recogniser.finish())
    listener.final = ended or listener.final
    more: list[str] = []
    if (audio := recogniser.audio) is not None:
        audio = replace(audio, channels=sound.channels, missing=missing, uncounted=sound.uncounted)
    if audio is not None and not (ended and ended.error):
        more = [doubt for doubt in doubts_of_audio(audio) if doubt not in recogniser.doubts]
        warn_of({STANDARD_INPUT: more})
    facts = {
        "audio": None if audio is None else audio.as_dict(),
        "saturated": recogniser.saturated,
        "spread": recogniser.like.spread,
        "distance": recogniser.like.distance,
        "doubts": [*recogniser.doubts, *more],
        "refused": refused,
    }
    code = listener.finish(facts)
    if refused is not None:
        complain(refused)
    return 2 if refused is not None or not recogniser.vectors else code
