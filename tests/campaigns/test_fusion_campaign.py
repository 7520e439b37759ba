"""How the weights of the n-gram are chosen."""

from pathlib import Path

import numpy as np

from campaigns.fusion import AXES, DEFAULTS, GRID, Remembered, choose, choose_apart, smooth
from sordino.arch import PRESETS
from sordino.compiler.compile import CompileOptions, compile_model
from sordino.decode.beam import BeamOptions, beam_search
from sordino.decode.fusion import FusionOptions, NgramFusion
from sordino.decode.machine_transducer import MachineTransducer
from sordino.decode.ngram import estimate
from sordino.decode.transducer import FloatTransducer
from sordino.model.random_rnnt import random_model

PAGE = Path(__file__).parents[2] / "docs" / "results" / "fusion.md"


def test_the_defaults_are_what_the_page_says_was_chosen() -> None:
    text = " / ".join(f"{value:g}" for value in DEFAULTS)
    assert f"Chosen on all nine speakers with the model that ships: **{text}**." in PAGE.read_text()
    assert DEFAULTS in GRID


def test_on_speakers_left_out_the_page_is_better_than_greedy_and_never_much_worse() -> None:
    lines = PAGE.read_text().split("\n")
    first = next(n for n, line in enumerate(lines) if line.startswith("| speaker |")) + 2
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines[first : first + 10]]
    assert [row[0] for row in rows].index("all") == 9
    changes = [int(row[4]) - int(row[2]) for row in rows]
    assert changes[:9] == [int(row[5]) for row in rows[:9]]
    assert changes[9] == sum(changes[:9]) < 0
    assert max(changes[:9]) <= 2


def test_what_is_remembered_is_what_is_computed() -> None:
    model = random_model(3, scale=2.0)
    image = compile_model(model, PRESETS["tiny"], CompileOptions(weight_bits=5)).image
    x = np.random.default_rng(0).integers(-128, 128, (6, model.inputs)).astype(np.int8)
    lm = estimate([["ab", "c"], ["d"]])
    for transducer in (FloatTransducer(model), MachineTransducer(image)):
        remembered = Remembered(transducer, x)
        for internal, weight, bonus in ((0.0, 0.4, 1.5), (0.3, 0.8, -1.0), (0.0, 0.4, 1.5)):
            options = BeamOptions(beam=4, internal=internal)
            fusion = FusionOptions(weight=weight, word_bonus=bonus)
            wanted, got = (
                beam_search(t, x, options, NgramFusion(lm, model.tokens, fusion))
                for t in (transducer, remembered)
            )
            assert got == wanted


def test_smooth_takes_a_point_and_its_neighbours() -> None:
    errors = np.zeros(len(GRID), np.int64)
    errors[GRID.index((0.0, 0.1, -1.0))] = 8
    found = dict(zip(GRID, smooth(errors), strict=True))
    assert found[0.0, 0.1, -1.0] == 8 / 8  # a corner has seven neighbours
    assert found[0.1, 0.2, 0.0] == 8 / 27
    assert found[0.2, 0.1, -1.0] == 0
    assert len(GRID) == np.prod([len(axis) for axis in AXES])


def test_a_lucky_point_is_not_chosen() -> None:
    errors = np.full((len(GRID), 1), 100)
    lucky, good = GRID.index((0.3, 0.8, 3.0)), GRID.index((0.1, 0.4, 1.0))
    for place, point in enumerate(GRID):
        if np.abs(np.array(point) - GRID[good]).max() <= 0.51:
            errors[place] = 50
    errors[lucky] = 40
    assert choose(errors) != lucky
    assert errors[choose(errors), 0] == 50


def test_a_speaker_has_no_say_in_its_own_choice() -> None:
    rng = np.random.default_rng(1)
    errors = rng.integers(0, 9, (len(GRID), 6))
    speakers = ["ann", "bob", "eve"] * 2
    before = choose_apart(errors, speakers)
    errors[:, 1] = 1000 - errors[:, 1] * 100
    assert choose_apart(errors, speakers)["bob"] == before["bob"]
    assert choose_apart(errors, speakers) != before
