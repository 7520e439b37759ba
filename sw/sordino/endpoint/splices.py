"""Utterances whose ends and pauses are made: silence behind, before and between words.

AN4's files end a fifth of a second after the last word, and few speakers pause for long. Silence
comes from each utterance's own leading frames. The same splice is made at ends and at pauses
inside, so that no splice says which of the two it is. Somebody may go on behind an end, too: then
another utterance follows.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sordino.endpoint.silence import MARGIN, NEPERS, SECOND, Silence
from sordino.speech.text import plain
from sordino.train.corpus.augment import MelAxis
from sordino.train.corpus.room import put_in_room
from sordino.train.recipes.room import RoomRecipe

__all__ = ["Said", "SpliceOptions", "Spliced", "boundaries", "splice"]

_Array = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class SpliceOptions:
    """What is drawn for a spliced utterance: shares of utterances, and seconds.

    pause    share with a pause inside, `pauses` long; every fourth of them has another one
    before   share with silence before, up to a second
    behind   silence behind all of them
    cut      share whose end is cut off right behind the last loud frame, as pauses are
    noisy    share behind whose speech and silence there is noise, `below` dB below the speech
    level    dB by which they are louder
    gain     dB by which the silence that is made is louder than the own one, in half of them
    rustle   share in whose made silence alone there is noise, `below` dB below the speech
    joined   share behind which the same speaker says another utterance, `gap` later: the silence
             between them is behind the first one, as it is behind all
    warp     by which frequencies are stretched: the transducer knows the speakers as they are, and
             is surer of them than of others
    """

    pause: float = 0.5
    pauses: tuple[float, float] = (0.2, 1.0)
    before: float = 0.3
    behind: tuple[float, float] = (0.6, 1.6)
    cut: float = 0.4
    noisy: float = 0.3
    below: tuple[float, float] = (15.0, 40.0)
    level: tuple[float, float] = (-6.0, 6.0)
    gain: tuple[float, float] = (-3.0, 9.0)
    rustle: float = 0.2
    joined: float = 0.25
    gap: tuple[float, float] = (0.3, 1.6)
    warp: tuple[float, float] = (0.85, 1.15)


@dataclass(frozen=True, eq=False, kw_only=True)
class Said:
    """An utterance to splice: cepstra (frames, cepstra).

    end     in frames of cepstra, behind the last token
    places  where pauses may be
    """

    cepstra: _Array
    end: int
    places: Sequence[int] = ()


@dataclass(frozen=True, eq=False, kw_only=True)
class Spliced:
    """Cepstra (frames, cepstra), and where speech ends in them, in frames of cepstra.

    end    behind the transducer's frame with the last token
    loud   behind the last loud frame
    gaps   from the end of each utterance but the last to the beginning of the next one
    """

    cepstra: _Array
    end: int
    loud: int
    gaps: tuple[tuple[int, int], ...] = ()


def boundaries(
    cepstra: _Array, tokens: Sequence[int], frames: Sequence[int], texts: Sequence[str], stack: int
) -> list[int]:
    """The quietest frame between two words each, from when their tokens are written.

    frames  of each token, in vectors of `stack` frames; `texts` are those of all tokens
    """
    level = np.convolve(cepstra[:, 0], np.ones(3) / 3, mode="same")
    found = []
    for n in range(1, len(tokens)):
        text = plain(texts[tokens[n]])
        if not text.startswith(" "):
            continue
        following = n + 1 if text == " " and n + 1 < len(tokens) else n
        first, last = stack * int(frames[n - 1]), stack * (int(frames[following]) + 1)
        last = min(last, len(level))
        if last > first:
            found.append(first + int(level[first:last].argmin()))
    return found


class _Made:
    """The silence of one utterance, as loud and as noisy as was drawn for it."""

    def __init__(
        self, cepstra: _Array, options: SpliceOptions, axis: MelAxis, rng: np.random.Generator
    ) -> None:
        own = Silence(cepstra)
        self.speech = own.speech
        gain = rng.uniform(*options.gain) if rng.random() < 0.5 else 0.0
        self._louder = axis.flat(gain * NEPERS)
        self._noise: RoomRecipe | None = None
        if rng.random() < options.rustle:
            below = rng.uniform(*options.below)
            self._noise = RoomRecipe(noisy=1.0, below=(below, below))
        self._own, self._cepstra, self._axis, self._rng = own, cepstra, axis, rng

    def make(self, seconds: float) -> _Array:
        """Make a silence of so many seconds."""
        made = self._own.make(round(seconds * SECOND), self._rng) + self._louder
        if self._noise is None or not len(made):
            return made
        whole = np.concatenate([self._cepstra, made])
        return put_in_room(whole, self._noise, self._axis, self._rng)[len(self._cepstra) :]


def splice(
    said: Sequence[Said], options: SpliceOptions, axis: MelAxis, rng: np.random.Generator
) -> Spliced:
    """Utterances with silence around and inside, from numbers drawn from `rng`.

    One behind the other, with what `options.gap` says between them. All are in one room.
    """
    parts, gaps, at, end, loud = list[_Array](), list[tuple[int, int]](), 0, 0, 0
    for number, one in enumerate(said):
        behind = options.behind if number == len(said) - 1 else options.gap
        made, begin = _alone(one, behind, options, axis, rng)
        if number:
            gaps.append((end, at + begin))
        end, loud = at + made.end, at + made.loud
        parts.append(made.cepstra)
        at += len(made.cepstra)
    recipe = RoomRecipe(noisy=options.noisy, below=options.below, level=options.level)
    whole = np.concatenate(parts)
    if options.warp != (1.0, 1.0):
        whole = whole @ axis.matrix(rng.uniform(*options.warp)).T
    whole = put_in_room(whole, recipe, axis, rng)
    return Spliced(cepstra=whole, end=end, loud=loud, gaps=tuple(gaps))


def _alone(
    said: Said,
    behind: tuple[float, float],
    options: SpliceOptions,
    axis: MelAxis,
    rng: np.random.Generator,
) -> tuple[Spliced, int]:
    """An utterance with silence around and inside, and the first frame of its speech."""
    cepstra, places = said.cepstra, said.places
    silence = _Made(cepstra, options, axis, rng)
    loud = max(silence.speech[1], said.end - 8)
    chosen: list[int] = []
    if len(places) and rng.random() < options.pause:
        count = 1 + int(rng.random() < 0.25)
        chosen = sorted(set(rng.choice(np.array(places), count).tolist()))
    stop = len(cepstra)
    if rng.random() < options.cut:
        stop = min(stop, max(said.end, loud + int(rng.integers(0, 6))))
    parts, at = [], 0
    if rng.random() < options.before:
        parts.append(silence.make(rng.uniform(0, 1)))
    more = sum(map(len, parts))
    begin = more + max(0, silence.speech[0] - MARGIN)
    for place in chosen:
        pause = silence.make(rng.uniform(*options.pauses))
        parts += [cepstra[at:place], pause]
        more, at = more + len(pause), place
    parts += [cepstra[at:stop], silence.make(rng.uniform(*behind))]
    made = Spliced(cepstra=np.concatenate(parts), end=said.end + more, loud=loud + more)
    return made, begin
