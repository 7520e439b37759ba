"""What an end-pointer reads, against the exact machine; and when tokens were written."""

from itertools import combinations_with_replacement
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sordino.arch import PRESETS
from sordino.compiler.compile import CompileOptions, compile_model
from sordino.decode.machine_transducer import MachineTransducer
from sordino.endpoint.alignment import end_of_speech, token_frames
from sordino.endpoint.hearing import RUN_ROWS, Hearing, runs
from sordino.golden.machine import Golden
from sordino.model.random_rnnt import random_model

SEEDS = st.integers(0, 2**16)


def made(seed: int) -> tuple[Hearing, MachineTransducer, Any, np.ndarray[Any, Any]]:
    model = random_model(seed, encoder=[6, 5], prediction=[4], zeros=0.3, scale=4.0)
    image = compile_model(model, PRESETS["tiny"], CompileOptions(weight_bits=4)).image
    rng = np.random.default_rng(seed)
    x = rng.integers(-128, 128, (9, model.inputs)).astype(np.int8)
    return Hearing(model, 4, PRESETS["tiny"].accumulator_bits), MachineTransducer(image), model, x


@pytest.mark.filterwarnings("ignore::sordino.errors.InputWarning")
@settings(max_examples=10, deadline=None)
@given(seed=SEEDS)
def test_what_is_heard_is_what_the_machine_has(seed: int) -> None:
    hearing, machine, _, x = made(seed)
    first, heard = hearing.listen([x[:4], x], all_layers=True)
    assert heard.tokens == tuple(Golden(machine.image).run(x).tokens)
    assert first.tokens == heard.tokens[: len(first.tokens)]
    assert [len(layer[0]) for layer in heard.layers] == [5, 6]
    state, rest = machine.start(), list(zip(heard.tokens, heard.frames, strict=True))
    for t in range(len(x)):
        while rest and rest[0][1] == t:
            state = machine.advance(state, rest.pop(0)[0])
        # The machine has the units in another order.
        assert sorted(heard.prediction[t].tolist()) == sorted(state.hidden[-1].tolist())


@pytest.mark.filterwarnings("ignore::sordino.errors.InputWarning")
@settings(max_examples=10, deadline=None)
@given(seed=SEEDS, tokens=st.lists(st.integers(1, 6), min_size=1, max_size=4))
def test_scores_of_a_text_are_the_machines(seed: int, tokens: list[int]) -> None:
    hearing, machine, _, x = made(seed)
    ((blank, label),) = hearing.arcs([x], [tokens])
    encoded, state = machine.encode(x), machine.start()
    for u in range(len(tokens) + 1):
        for t, frame in enumerate(encoded):
            scores = machine.scores(frame, state)
            # The machine's scores are int16, a rounding apart from the sums.
            assert abs(blank[t, u] - scores[machine.blank]) < 0.05
            if u < len(tokens):
                assert abs(label[t, u] - scores[tokens[u]]) < 0.05
        if u < len(tokens):
            state = machine.advance(state, tokens[u])


@settings(deadline=None)
@given(
    seed=SEEDS,
    frames=st.integers(1, 5),
    tokens=st.integers(0, 3),
)
def test_the_likeliest_way_is_the_best_of_all(seed: int, frames: int, tokens: int) -> None:
    rng = np.random.default_rng(seed)
    blank, label = rng.normal(size=(2, frames, tokens + 1))

    def score(way: tuple[int, ...]) -> float:
        said = [sum(t <= at for t in way) for at in range(frames)]
        found = sum(label[t, u] for u, t in enumerate(way))
        return float(found + sum(blank[t, said[t]] for t in range(frames)))

    ways = list(combinations_with_replacement(range(frames), tokens))
    assert tuple(token_frames(blank, label).tolist()) == max(ways, key=score)


class Drawn:
    """A transducer whose scores are random numbers; a state is the number of tokens before it."""

    def __init__(self, seed: int, frames: int, tokens: int) -> None:
        rng = np.random.default_rng(seed)
        self.logs = np.log(rng.dirichlet(np.ones(4), size=(frames, tokens + 1)))
        self.tokens, self.blank, self.max_symbols = ["", *"abc"], 0, 9

    def encode(self, x: Any) -> Any:
        return np.arange(len(x))[:, None]

    def start(self) -> int:
        return 0

    def advance(self, state: int, _token: int) -> int:
        return state + 1

    def scores(self, encoded: Any, state: int) -> Any:
        return self.logs[int(encoded[0]), state]


@settings(deadline=None)
@given(seed=SEEDS, frames=st.integers(1, 8), text=st.lists(st.integers(1, 3), max_size=4))
def test_the_end_is_where_the_last_token_is(seed: int, frames: int, text: list[int]) -> None:
    drawn = Drawn(seed, frames, len(text))
    x = np.zeros((frames, 1), np.int8)
    found = end_of_speech(drawn, x, text, np.inf)
    # Where all ways fall behind none is let go.
    assert (end_of_speech(drawn, x, text) is None) == (end_of_speech(drawn, x, text, 0.0) is None)
    if not text:
        assert found is None
        return
    places = np.arange(len(text) + 1)
    label = drawn.logs[:, places, np.array([*text, 0])]
    assert found == token_frames(drawn.logs[..., 0], label)[-1]


def test_a_run_is_nothing_then_one_then_what_has_passed() -> None:
    assert runs([2, 2, 5], 9).tolist() == [0, 0, 1, 2, 3, 1, 2, 3, 4]
    assert runs([0], 99)[-1] == RUN_ROWS - 1
    assert runs([], 3).tolist() == [0, 0, 0]
