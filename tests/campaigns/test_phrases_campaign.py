"""Which words are a phrase's, what looks like it, and how a bonus is chosen."""

import random
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from campaigns.phrases_page import Found, choose
from campaigns.phrases_runs import (
    ALONE,
    DEFAULT,
    GRIDS,
    GROUPS,
    JOBS,
    SEEDS,
    Point,
    look_alikes,
    phrase_errors,
    spelled_run,
    without,
)

PAGE = Path(__file__).parents[2] / "docs" / "results" / "phrases.md"


def test_the_defaults_are_what_the_page_says() -> None:
    text = f"The defaults of the command line are {DEFAULT.bonus:g} / {DEFAULT.contrast:g}."
    assert text in " ".join(PAGE.read_text().split())
    assert DEFAULT in GRIDS[ALONE]


@pytest.mark.parametrize(
    ("text", "run"),
    [
        ("U M N SIX", (0, 3)),
        ("RUBOUT A B SEVEN C D E", (4, 7)),
        ("A B SIX C D", (0, 2)),
        ("SIX A SIX", None),
        ("A B", (0, 2)),
        ("", None),
    ],
)
def test_the_phrase_is_the_longest_run_of_letters(text, run) -> None:
    assert spelled_run(text.split()) == (None if run is None else slice(*run))


@pytest.mark.parametrize(
    ("said", "errors"),
    [
        ("RUBOUT A B C SIX", (0, 0)),
        ("RUBOUT A P C SIX", (1, 0)),
        ("RUBOUT A C SIX", (1, 0)),
        ("RUBOUT A B B C SIX", (1, 0)),
        ("RUBOUT A B C E SIX", (0, 1)),
        ("A RUBOUT A B C SIX", (0, 1)),
        ("ROBOT A B C TEN", (0, 2)),
        ("", (3, 2)),
    ],
)
def test_errors_are_the_phrases_or_others(said, errors) -> None:
    assert phrase_errors("RUBOUT A B C SIX", said, slice(1, 4)) == errors


@pytest.mark.parametrize("odd", [False, True])
def test_look_alikes_differ_in_one_letter(odd) -> None:
    found = look_alikes(["P", "L", "A"], random.Random(1), odd=odd)
    assert len(found) == len(set(found)) == (20 if odd else 8 + 3)
    for text in found:
        ((letter, other),) = [
            pair for pair in zip("PLA", text.split(), strict=True) if pair[0] != pair[1]
        ]
        assert any(letter in group and other in group for group in GROUPS) != odd


def test_what_is_chosen_harms_little_on_the_others() -> None:
    """The first speaker's errors have no say in what is chosen for that speaker."""
    utterances = [SimpleNamespace(text="A B " * 50, speaker=name) for name in "xy"]
    errors = np.zeros((2, len(JOBS), 2), np.int64)
    grid = GRIDS[ALONE]
    best = Point(1.5, 3.0)
    for column, (point, kind, _) in enumerate(JOBS):
        if point == without(best):
            errors[:, column, 0] = 10
        elif kind == "listed":
            errors[1, column, 0] = 1 if point.contrast == 4 else 3 if point == best else 9
            errors[0, column, 0] = 50
        elif kind == "not listed":
            errors[1, column, 0] = 30 if point.contrast == 4 else 2
    found = Found(errors, utterances)
    assert found.words.tolist() == [100, 100]
    assert found.of(best, "listed").tolist() == [50 * SEEDS, 3 * SEEDS]
    others = found.speakers != "x"
    chosen = grid[choose(found, grid, others)]
    assert chosen.contrast < 4, "a neighbour on the grid that harms counts, too"
    assert found.apart(ALONE)[0] == chosen
