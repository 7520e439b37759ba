"""When each token of a known text was said, by a transducer's own scores.

The lattice of all ways to write the text, exactly: where the token is written on average over all
of them, weighed by their probability; and the likeliest way alone.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sordino.decode.transducer import Transducer

__all__ = ["BEHIND", "end_of_speech", "token_frames"]

BEHIND = 12.0
"""Natural logarithms by which a way may fall behind the best one."""
_Floats = NDArray[np.float64]


def token_frames(blank: _Floats, label: _Floats) -> NDArray[np.int64]:
    """The frame of each token on the likeliest way, (tokens,).

    blank, label  natural logarithms of the probability of the blank and of the next token in each
                  frame after each number of tokens, (T, tokens + 1)
    """
    frames, places = blank.shape
    best = np.full((frames, places), -np.inf)
    written = np.zeros((frames, places), np.bool_)
    for t in range(frames):
        row = best[t - 1] + blank[t - 1] if t else np.where(np.arange(places), -np.inf, 0.0)
        for u in range(1, places):
            through = row[u - 1] + label[t, u - 1]
            if through > row[u]:
                row[u], written[t, u] = through, True
        best[t] = row
    found, t, u = np.zeros(places - 1, np.int64), frames - 1, places - 1
    while u:
        if written[t, u]:
            u -= 1
            found[u] = t
        else:
            t -= 1
    return found


def end_of_speech(
    transducer: Transducer[Any],
    x: NDArray[np.int8],
    tokens: Sequence[int],
    behind: float = BEHIND,
) -> int | None:
    """The frame in which the last token of a text is written on the likeliest way through `x`.

    None where the text has no token or cannot be written in so few frames. Ways that fall behind
    the best by more than `behind` nats are let go, so that few scores are asked for; where no way
    is left, none is let go.
    """
    if not tokens:
        return None
    encoded = transducer.encode(x)
    found = _end(transducer, encoded, tokens, behind)
    return _end(transducer, encoded, tokens, np.inf) if found is None else found


def _end(
    transducer: Transducer[Any], encoded: NDArray[Any], tokens: Sequence[int], behind: float
) -> int | None:
    """The frame of the last token on the likeliest way that is left."""
    states = [transducer.start()]
    alive = {0: 0.0}
    last: dict[int, int] = {}
    for t, frame in enumerate(encoded):
        reached = dict(alive)
        after: dict[int, float] = {}
        at = {u: last.get(u, -1) for u in alive}
        for u in range(len(tokens) + 1):
            if u not in reached or reached[u] < max(alive.values()) - behind:
                continue
            while len(states) <= u:
                states.append(transducer.advance(states[-1], tokens[len(states) - 1]))
            scores = transducer.scores(frame, states[u])
            after[u] = reached[u] + float(scores[transducer.blank])
            if u < len(tokens):
                through = reached[u] + float(scores[tokens[u]])
                if through > reached.get(u + 1, -np.inf):
                    reached[u + 1], at[u + 1] = through, t
        best = max(after.values())
        alive = {u: score for u, score in after.items() if score >= best - behind}
        last = {u: at[u] for u in alive}
    return last.get(len(tokens))
