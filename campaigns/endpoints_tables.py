"""Tables of the page about end-pointers."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from campaigns.endpoints_data import FRAME_MS
from campaigns.endpoints_rules import Found
from sordino.endpoint.judge import Grid, Judged, bootstrap
from sordino.endpoint.rules import BLANKS, blanks

__all__ = [
    "FRAME", "HEADER", "LOOK_AHEAD", "apart_row", "curve", "hangover", "kind_of", "loud", "row",
    "saved", "saved_rows",
]  # fmt: skip

HEADER = ("what", "at most", "cut early", "wait, mean ms", "p50", "p90", "right", "sooner, ms",
          "right", "sooner, ms")  # fmt: skip
FRAME = FRAME_MS
LOOK_AHEAD = 56
"""Milliseconds of sound behind a frame that its features need."""
SERVICES = (
    ("re-ranking service", 5.3, 5.3),
    ("re-ranking over a network", 60.0, 5.3),
    ("understanding, stand-in", 150.0, 10.0),
    ("understanding, slow stand-in", 400.0, 20.0),
)
"""What comes downstream: milliseconds that it takes, and what a reset costs."""
_MOST_SHOWN = 0.3
"""Share cut early above which a threshold is not in the curve."""
_NUMBERS = """
ZERO OH ONE TWO THREE FOUR FIVE SIX SEVEN EIGHT NINE TEN ELEVEN TWELVE THIRTEEN FOURTEEN FIFTEEN
SIXTEEN SEVENTEEN EIGHTEEN NINETEEN TWENTY THIRTY FORTY FIFTY SIXTY SEVENTY EIGHTY NINETY HUNDRED
THOUSAND FIRST SECOND THIRD FOURTH FIFTH SIXTH SEVENTH EIGHTH NINTH TENTH ELEVENTH TWELFTH
THIRTEENTH TWENTIETH THIRTIETH
"""


def kind_of(text: str) -> str:
    """Whether most words of a text are letters, numbers or others."""
    words = text.split()
    letters = sum(len(word) == 1 for word in words)
    digits = sum(word in _NUMBERS.split() for word in words)
    if 2 * letters >= len(words):
        return "spelling"
    return "digits" if 2 * digits >= len(words) else "command"


def saved(sooner: NDArray[Any], right: NDArray[Any], takes: float, reset: float) -> float:
    """Milliseconds that an answer comes sooner, on average.

    sooner  milliseconds by which each speculation came before the final decision
    right   where it had all words; a wrong one costs `reset`, none costs nothing
    """
    spoke = sooner > 0
    won = np.where(right & spoke, np.minimum(sooner, takes), 0.0)
    return float((won - np.where(spoke & ~right, reset, 0.0)).mean())


def _share(hits: NDArray[Any]) -> str:
    low, high = bootstrap(hits.astype(float))
    return f"{hits.mean():.1%} ({low:.1%} to {high:.1%})"


def _time(frames: NDArray[Any], *, median: bool = False) -> str:
    ms = frames.astype(float) * FRAME
    low, high = bootstrap(ms, median=median)
    middle = np.median(ms) if median else ms.mean()
    return f"{middle:.0f} ({low:.0f} to {high:.0f})"


def row(found: Found, most: float) -> tuple[str, ...]:
    """Final and speculative decisions of one way, nested by speaker."""
    judged = found.judged(most)
    waits = judged.wait[~judged.early]
    cells = [found.name, f"{most:.0%}", _share(judged.early), _time(waits)]
    cells += [f"{quantile * FRAME:.0f}" for quantile in np.quantile(waits, [0.5, 0.9])]
    for _, right, sooner in judged.sooner.values():
        cells += [_share(right), f"{np.median(sooner) * FRAME:.0f}"]
    return tuple(cells)


def loud(found: Found, judged: Judged) -> NDArray[np.float64]:
    """Milliseconds from the last loud sound to a decision that is made, of those not early."""
    ends = np.array([one.loud for one in found.examples]) * 1000
    at = (judged.final + 1) * FRAME + LOOK_AHEAD - ends
    return np.asarray(at[~judged.early], np.float64)


def curve(found: Found, hangover: int, longest: int | None) -> list[tuple[str, ...]]:
    """A row for each threshold at a hangover, and at a longest run without a token: all
    utterances, and kind by kind."""
    kinds = np.array([kind_of(one.text) for one in found.examples])
    rows, before = list[tuple[str, ...]](), ""
    for point, level in enumerate(found.points):
        if level.frames != hangover or level.longest != longest:
            continue
        early, wait = found.grid.early[point], found.grid.wait[point]
        cells = []
        for kind in ("", "command", "spelling", "digits"):
            on = (kinds == kind) if kind else np.ones(len(kinds), np.bool_)
            fine = on & ~early
            ms = f"{wait[fine].mean() * FRAME:.0f}" if fine.any() else "–"
            cells.append(f"{early[on].mean():.1%} / {ms}")
        if cells[0] != before and early.mean() <= _MOST_SHOWN and 2 * level.threshold % 1 < 0.01:
            rows.append((f"{level.threshold:g}", *cells))
            before = cells[0]
    return rows


def saved_rows(judged: Judged) -> list[tuple[str, ...]]:
    """Milliseconds saved for each of what may come downstream."""
    rows = list[tuple[str, ...]]()
    for name, takes, reset in SERVICES:
        cells = [name, f"{takes:g}", f"{reset:g}"]
        for _, right, sooner in judged.sooner.values():
            cells.append(f"{saved(sooner * FRAME, right, takes, reset):.0f}")
        rows.append(tuple(cells))
    return rows


def hangover(found: Found, judged: Judged) -> tuple[int, int | None]:
    """The frames in a row, with the longest run, that are chosen for most speakers."""
    levels = [found.points[points[0]] for points in judged.points.values()]
    chosen = [(level.frames, level.longest) for level in levels]
    return max(sorted(set(chosen), key=str), key=chosen.count)


def apart_row(name: str, found: Found, final: int, spoken: int) -> tuple[str, ...]:
    """A network at given points of its grid, beside 640 ms of blanks, on other sounds."""
    early, wait = found.grid.early[final], found.grid.wait[final]
    frames, at = found.grid.frames[spoken], found.grid.at[final]
    right = found.grid.came[spoken] & ~found.grid.early[spoken] & (frames <= at)
    rule = Grid(blanks(found.examples), found.examples)
    count = BLANKS.index(640 // FRAME)
    return (
        name,
        str(len(found.examples)),
        _share(early),
        _time(wait[~early]),
        _share(right),
        f"{np.median(np.where(right, at - frames, 0)) * FRAME:.0f}",
        _share(rule.early[count]),
        _time(rule.wait[count][~rule.early[count]]),
    )
