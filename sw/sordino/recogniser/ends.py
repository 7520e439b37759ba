"""When utterances end: an image's end-pointer decides, or how long no token has come."""

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real

from sordino.errors import InputError
from sordino.image.image import Image
from sordino.image.section.networks import CONTEXTS, ImageNetwork

__all__ = ["FINAL_MS", "FOLLOW", "LONGEST_S", "PADDING", "SPECULATIVE_MS", "EndOptions", "EndRule"]
__all__ += ["end_pointer_of"]

SPECULATIVE_MS, FINAL_MS = 440, 640
"""Without a token, where no end-pointer decides: measured on AN4's development speakers."""
LONGEST_S = 20.0
"""The longest utterance."""
FOLLOW = "follow"
"""What the entry point of an utterance behind another one does for an end-pointer."""
PADDING = 6
"""How often the last input vector of what ends without an end is heard again.

So no last word is lost. Measured on AN4's tuning speakers: 4 times are enough where a recording is
cut tight. The quietest vector of a recording is no better there, and makes words where it ends in
noise.
"""
_MOST_MS, _MOST_S = 60_000, 3600


def end_pointer_of(image: Image) -> ImageNetwork | None:
    """The end-pointer of an image; None where it has none."""
    return next((one for one in image.host.networks.values() if one.ends is not None), None)


@dataclass(frozen=True, kw_only=True)
class EndOptions:
    """How a recogniser looks for ends; InputError for values that mean nothing.

    speculative_ms  milliseconds without a token from which on the end is likely
    final_ms        the same from which on the utterance ends. Where either is given, or the image
                    has no end-pointer, these decide; one that is not given is as documented
    longest_s       seconds after which an utterance ends in any case
    """

    speculative_ms: float | None = None
    final_ms: float | None = None
    longest_s: float = LONGEST_S

    def __post_init__(self) -> None:
        for name, value, most in (
            ("speculative_ms", self.speculative_ms, _MOST_MS),
            ("final_ms", self.final_ms, _MOST_MS),
            ("longest_s", self.longest_s, _MOST_S),
        ):
            if value is None and name != "longest_s":
                continue
            if isinstance(value, bool) or not isinstance(value, Real) or not 0 < value <= most:
                raise InputError(
                    f"wanted {name} above 0 and at most {most}, got {value!r}; choose another"
                )
        early, late = self.blanks
        if early > late:
            raise InputError(
                f"wanted speculative_ms of at most final_ms, {late:g}, got {early:g}; the likely "
                "end comes first"
            )

    @property
    def stated(self) -> bool:
        """Whether it is said how long no token may come."""
        return self.speculative_ms is not None or self.final_ms is not None

    @property
    def blanks(self) -> tuple[float, float]:
        """Milliseconds without a token: of a likely end, and of an end."""
        late = FINAL_MS if self.final_ms is None else self.final_ms
        early = self.speculative_ms
        return min(SPECULATIVE_MS, late) if early is None else early, late


class EndRule:
    """What is decided behind each input vector of an utterance.

    `by` says who decides: `endpoint`, the image's end-pointer, or `blanks`. `keeps` says whether
    the encoder keeps its state from one utterance to the next, as the image's end-pointer says,
    whoever decides. InputError for an image that says no times, or that lacks the entry point.
    """

    def __init__(self, image: Image, options: EndOptions, vector_ms: float | None) -> None:
        found = end_pointer_of(image)
        self._own = None if options.stated else found
        self.by = "blanks" if self._own is None else "endpoint"
        if vector_ms is None:
            raise InputError(
                "wanted an image that says what its input is, so that times mean something, got "
                "one without feature definition; compile its model with features"
            )
        ends = None if found is None else found.ends
        self.keeps = ends is not None and ends.context != CONTEXTS[0]
        if found is not None and self.keeps and FOLLOW not in found.entries:
            raise InputError(
                "wanted an image with an entry point for utterances behind others, since its "
                f"end-pointer's context is {CONTEXTS[1]}, got none; compile it again"
            )
        self._ms, self._options = vector_ms, options
        self.begin()

    @property
    def asks(self) -> bool:
        """Whether the image's end-pointer decides."""
        return self._own is not None

    def begin(self) -> None:
        """Begin an utterance."""
        self._vectors = self._silent = 0
        self._likely = self._spoken = False

    def decide(self, wrote: bool, decided: Sequence[int]) -> tuple[bool, str | None]:
        """Whether the end is likely now, and why the utterance ends now, if it does.

        `wrote` says whether the program has just written a token, and `decided` is what the
        end-pointer emitted. Nothing is decided before the first token.
        """
        self._vectors += 1
        self._silent = 0 if wrote else self._silent + 1
        self._spoken |= wrote
        if not self._spoken:
            return False, None
        if self._own is not None and self._own.tokens is not None:
            first, _ = self._own.tokens.numbers
            likely, ended = first in decided, first + 1 in decided
        else:
            self._likely = self._likely and not wrote
            early, late = self._options.blanks
            silent = self._silent * self._ms
            likely = silent >= early and not self._likely
            self._likely, ended = self._likely or likely, silent >= late
        if ended:
            return likely, self.by
        return likely, "longest" if self.long else None

    @property
    def long(self) -> bool:
        """Whether the utterance is as long as one may be."""
        return self._vectors * self._ms >= self._options.longest_s * 1000
