"""Utterances whose ends and pauses are made: silence behind, before and between words.

AN4's files end a fifth of a second after the last word, and few speakers pause for long. Silence
comes from each utterance's own leading frames. The same splice is made at ends and at pauses
inside, so that no splice says which of the two it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sordino.endpoint.silence import SECOND, Silence
from sordino.speech.text import plain
from sordino.train.corpus.augment import MelAxis
from sordino.train.corpus.room import put_in_room
from sordino.train.recipes.room import RoomRecipe

__all__ = ["SpliceOptions", "Spliced", "boundaries", "splice"]

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
    """

    pause: float = 0.5
    pauses: tuple[float, float] = (0.2, 1.0)
    before: float = 0.3
    behind: tuple[float, float] = (0.6, 1.6)
    cut: float = 0.4
    noisy: float = 0.3
    below: tuple[float, float] = (15.0, 40.0)
    level: tuple[float, float] = (-6.0, 6.0)


@dataclass(frozen=True, eq=False, kw_only=True)
class Spliced:
    """Cepstra (frames, cepstra), and where speech ends in them, in frames of cepstra.

    end   behind the transducer's frame with the last token
    loud  behind the last loud frame
    """

    cepstra: _Array
    end: int
    loud: int


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


def splice(
    cepstra: _Array,
    end: int,
    places: Sequence[int],
    options: SpliceOptions,
    axis: MelAxis,
    rng: np.random.Generator,
) -> Spliced:
    """An utterance with silence around and inside, from numbers drawn from `rng`.

    end     in frames of cepstra, behind the last token
    places  where pauses may be
    """
    silence = Silence(cepstra)
    loud = max(silence.speech[1], end - 8)
    chosen: list[int] = []
    if places and rng.random() < options.pause:
        count = 1 + int(rng.random() < 0.25)
        chosen = sorted(set(rng.choice(np.array(places), count).tolist()))
    stop = len(cepstra)
    if rng.random() < options.cut:
        stop = min(stop, max(end, loud + int(rng.integers(0, 6))))
    parts, at = [], 0
    if rng.random() < options.before:
        parts.append(silence.make(int(rng.uniform(0, 1) * SECOND), rng))
    more = sum(map(len, parts))
    for place in chosen:
        pause = silence.make(round(rng.uniform(*options.pauses) * SECOND), rng)
        parts += [cepstra[at:place], pause]
        more, at = more + len(pause), place
    parts += [cepstra[at:stop], silence.make(round(rng.uniform(*options.behind) * SECOND), rng)]
    whole = np.concatenate(parts)
    recipe = RoomRecipe(noisy=options.noisy, below=options.below, level=options.level)
    whole = put_in_room(whole, recipe, axis, rng)
    return Spliced(cepstra=whole, end=end + more, loud=loud + more)
