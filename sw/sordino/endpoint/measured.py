"""What a recogniser's ends are worth on recordings whose texts are known."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sordino.decode.transducer import Transducer
from sordino.endpoint.alignment import end_of_speech
from sordino.endpoint.decisions import LATE
from sordino.endpoint.silence import padded
from sordino.recogniser.events import Ended, Event, Partial, Revised, Speculative
from sordino.recogniser.recogniser import Recogniser
from sordino.speech.features import FeatureDefinition
from sordino.speech.inputs import load_cepstra
from sordino.speech.text import Speller, plain

__all__ = ["SILENCE_S", "EndFigures", "Measured", "measured", "tokens_of"]

SILENCE_S = 1.5
"""Seconds of silence behind each recording, made of its own first frames."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """The ends of one recording with silence behind it; times in frames of the transducer.

    early   whether it ended before the speech did, or before a last token was written
    wait    from the end of speech to the end; None where it was early
    right   whether the first speculation had the words of the end, and the end was not early
    sooner  from a right speculation to the end; else 0
    resets  how often what was sent before was revised
    """

    early: bool
    wait: int | None
    right: bool
    sooner: int
    resets: int


def measured(events: Sequence[Event], end: int, frame: int) -> Measured:
    """What the events of a recording are worth whose speech ends in a frame, of `frame` samples."""
    ended = next(event for event in events if isinstance(event, Ended))
    first = events[: events.index(ended)]
    wrote = [_frame(event, frame) for event in first if isinstance(event, Partial)]
    at = _frame(ended, frame)
    every = [_frame(event, frame) for event in events if isinstance(event, Partial)]
    ready = max([end, *(t for t in every if t <= end + LATE)])
    early = at < ready
    likely = next((event for event in first if isinstance(event, Speculative)), None)
    right = likely is not None and not early and likely.text == ended.text and bool(wrote)
    return Measured(
        early=early,
        wait=None if early else at - end,
        right=right,
        sooner=at - _frame(likely, frame) if right and likely is not None else 0,
        resets=sum(isinstance(event, Revised) for event in events),
    )


def _frame(event: Event, frame: int) -> int:
    """The frame behind which something was sent, from 0 on."""
    assert event.samples is not None
    return -(-event.samples // frame) - 1


def tokens_of(text: str, tokens: Sequence[str], blank: int) -> list[int] | None:
    """The numbers of tokens that write a text, the longest first; None where none do."""
    known = {plain(token): n for n, token in reversed(list(enumerate(tokens))) if n != blank}
    longest = max(map(len, known), default=0)
    if not any(" " in token.strip(" ") or token == " " for token in known):
        text = f" {text}"  # word pieces: each word begins with its space
    found, at = list[int](), 0
    while at < len(text):
        sizes = range(min(longest, len(text) - at), 0, -1)
        size = next((n for n in sizes if text[at : at + n] in known), 0)
        if not size:
            return None
        found.append(known[text[at : at + size]])
        at += size
    return found


class EndFigures:
    """Recordings heard with silence behind them.

    `transducer` aligns the texts, and shares no engine with the recogniser. Texts that cannot be
    written are left out of the figures, and their number is `missing`. InputError for an image that
    takes no recordings.
    """

    def __init__(
        self, recogniser: Recogniser, transducer: Transducer[Any], speller: Speller
    ) -> None:
        self._recogniser, self._transducer, self._speller = recogniser, transducer, speller
        self._definition = definition = FeatureDefinition.of_image(recogniser.image)
        self._frame = recogniser.image.network.time_reduction * definition.stack
        self._frame *= definition.front_end.frame_shift
        self._ms = 1000 * self._frame / definition.front_end.sample_rate
        self.found: list[Measured] = []
        self.missing = 0
        self.error: str | None = None
        """That which stopped the machine in the last recording, if one did."""

    def hear(self, path: Path, text: str) -> str:
        """The words of all utterances that are cut out of a recording."""
        definition, number = self._definition, len(self.found) + self.missing
        cepstra = load_cepstra(path, definition.front_end)
        rng = np.random.default_rng(number)
        long = padded(cepstra, SILENCE_S, rng, front_end=definition.front_end)
        x = definition.quantise(definition.model_input(long))
        events = [*self._recogniser.push_cepstra(long), *self._recogniser.finish()]
        errors = [event.error for event in events if isinstance(event, Ended) and event.error]
        self.error = errors[0] if errors else None
        self._measure(events, x, text)
        return " ".join(e.text for e in events if isinstance(e, Ended) and e.text)

    def _measure(self, events: Sequence[Event], x: NDArray[np.int8], text: str) -> None:
        host = self._recogniser.image.network
        tokens = tokens_of(self._speller.adapt(text), host.tokens, host.blank)
        end = None if tokens is None else end_of_speech(self._transducer, x, tokens)
        if end is None:
            self.missing += 1
            return
        self.found.append(measured(events, end, self._frame))

    def as_dict(self) -> dict[str, Any]:
        """The figures; None where there is nothing to count."""
        found = self.found
        if not found:
            names = ("early", "wait_ms_mean", "wait_ms_p90", "speculative_right", "saved_ms")
            return {**dict.fromkeys((*names, "resets")), "utterances": 0, "missing": self.missing}
        waits = np.array([one.wait for one in found if one.wait is not None]) * self._ms
        return {
            "early": sum(one.early for one in found) / len(found),
            "wait_ms_mean": float(waits.mean()) if len(waits) else None,
            "wait_ms_p90": float(np.quantile(waits, 0.9)) if len(waits) else None,
            "speculative_right": sum(one.right for one in found) / len(found),
            "saved_ms": sum(one.sooner for one in found) * self._ms / len(found),
            "resets": sum(one.resets for one in found) / len(found),
            "utterances": len(found),
            "missing": self.missing,
        }

    def line(self) -> str:
        """The figures in words."""
        found = self.as_dict()
        if found["wait_ms_mean"] is None:
            return f"ends: {found['utterances']} utterances, none that was not cut early"
        return (
            f"ends of {found['utterances']} utterances: {found['early']:.1%} early, wait "
            f"{found['wait_ms_mean']:.0f} ms (90 %: {found['wait_ms_p90']:.0f} ms), speculation "
            f"right {found['speculative_right']:.1%}, saves {found['saved_ms']:.0f} ms"
        )
