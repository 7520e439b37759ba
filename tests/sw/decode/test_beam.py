"""The search against enumeration of every path, and against greedy decoding."""

import math
from collections import defaultdict
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sordino.arch import PRESETS
from sordino.compiler.compile import CompileOptions, compile_model
from sordino.decode.beam import BeamOptions, Hypothesis, beam_search
from sordino.decode.machine_transducer import MachineTransducer
from sordino.decode.trace import Trace
from sordino.decode.transducer import FloatTransducer
from sordino.errors import InputError
from sordino.golden.machine import Golden
from sordino.model.random_rnnt import random_model
from sordino.model.reference import FloatRnnt

WIDE = 10_000
MOST = 3
"""Tokens that a toy may say in all."""


class Toy:
    """Probabilities drawn for every frame and every sequence of tokens; its state is those."""

    tokens = ["<blank>", "a", "b"]

    def __init__(self, seed: int, blank: int = 0, max_symbols: int = MOST + 1) -> None:
        self._seed, self.blank, self.max_symbols = seed, blank, max_symbols
        self.scores = cache(self._draw)

    def encode(self, x):
        return list(range(len(x)))

    def start(self):
        return ()

    def advance(self, state, token):
        return (*state, token)

    def _draw(self, frame, state):
        drawn = np.random.default_rng([self._seed, frame, *state]).exponential(size=3)
        if len(state) == MOST:
            drawn[[k for k in range(3) if k != self.blank]] = 0
        with np.errstate(divide="ignore"):
            return np.log(drawn / drawn.sum())


def every_path(toy: Toy, frames: int):
    """Tokens and logarithm of each way through the lattice."""

    def follow(frame, tokens, log):
        if frame == frames:
            yield tokens, log
            return
        scores = toy.scores(frame, tokens)
        for token in range(3):
            if token == toy.blank:
                yield from follow(frame + 1, tokens, log + scores[token])
            elif scores[token] > -np.inf:
                yield from follow(frame, (*tokens, token), log + scores[token])

    yield from follow(0, (), 0.0)


def input_of(frames: int) -> np.ndarray:
    return np.zeros((frames, 6), np.int8)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), frames=st.integers(1, 3), blank=st.integers(0, 2))
def test_a_wide_search_adds_up_every_path(seed: int, frames: int, blank: int) -> None:
    toy = Toy(seed, blank)
    sums: dict[tuple[int, ...], float] = defaultdict(float)
    for tokens, log in every_path(toy, frames):
        sums[tokens] += math.exp(log)
    wanted = sorted(sums.items(), key=lambda item: -item[1])
    found = beam_search(toy, input_of(frames), BeamOptions(beam=WIDE, threshold=1e9))
    assert [h.tokens for h in found] == [tokens for tokens, _ in wanted]
    np.testing.assert_allclose([math.exp(h.score) for h in found], [p for _, p in wanted])
    assert math.isclose(sum(math.exp(h.acoustic) for h in found), 1.0)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1000), frames=st.integers(1, 3))
def test_without_merging_every_path_is_a_hypothesis(seed: int, frames: int) -> None:
    toy = Toy(seed)
    wanted = sorted(log for _, log in every_path(toy, frames))
    options = BeamOptions(beam=WIDE, threshold=1e9, merge=False)
    found = beam_search(toy, input_of(frames), options)
    np.testing.assert_allclose(sorted(h.score for h in found), wanted)


class Liking:
    """Adds for every `b`, and at the end for every `a`."""

    def start(self):
        return (0, 0)

    def advance(self, state, token):
        return state[0] + (token == 1), state[1] + (token == 2)

    def score(self, state):
        return 0.7 * state[1]

    def final(self, state):
        return 0.7 * state[1] + 0.4 * state[0]


def test_fusion_is_added_to_every_hypothesis() -> None:
    toy, options = Toy(5), BeamOptions(beam=WIDE, threshold=1e9)
    alone = {h.tokens: h for h in beam_search(toy, input_of(3), options)}
    found = beam_search(toy, input_of(3), options, Liking())
    assert len(found) == len(alone)
    assert [h.score for h in found] == sorted((h.score for h in found), reverse=True)
    for h in found:
        assert h.acoustic == alone[h.tokens].acoustic
        likes = 0.4 * h.tokens.count(1) + 0.7 * h.tokens.count(2)
        assert math.isclose(h.score, h.acoustic + likes)
    assert [h.tokens for h in found] != list(alone), "another order"


class Hearing(Toy):
    """A toy whose frames are vectors; frame 0 is the one of zeros."""

    def encode(self, x):
        return np.arange(len(x))[:, None]

    def __init__(self, seed: int, blank: int) -> None:
        super().__init__(seed, blank)
        drawn = self.scores
        self.scores = lambda frame, state: drawn(int(frame[0]), state)


@pytest.mark.parametrize("blank", [0, 2])
def test_the_transducers_own_language_model_is_taken_off(blank: int) -> None:
    toy, weight = Hearing(6, blank), 0.3
    options = BeamOptions(beam=WIDE, threshold=1e9)
    alone = {h.tokens: h for h in beam_search(toy, input_of(3), options)}
    found = beam_search(toy, input_of(3), replace(options, internal=weight))
    assert len(found) == len(alone)
    assert [h.score for h in found] == sorted((h.score for h in found), reverse=True)
    for h in found:
        assert h.acoustic == alone[h.tokens].acoustic
        expected = 0.0
        for place, token in enumerate(h.tokens):
            shares = np.exp(toy.scores(np.zeros(1), h.tokens[:place]))
            expected += math.log(shares[token] / (1 - shares[blank]))
        assert math.isclose(h.score, h.acoustic - weight * expected)
    assert [h.tokens for h in found] != list(alone), "another order"


def greedy(toy: Toy, frames: int) -> list[int]:
    tokens: tuple[int, ...] = ()
    for frame in range(frames):
        for _ in range(toy.max_symbols):
            token = int(toy.scores(frame, tokens).argmax())
            if token == toy.blank:
                break
            tokens = (*tokens, token)
    return list(tokens)


@pytest.mark.parametrize("merge", [True, False])
def test_beam_1_is_greedy(merge: bool) -> None:
    said = 0
    for seed in range(40):
        toy = Toy(seed, max_symbols=1 + seed % 2)
        (found,) = beam_search(toy, input_of(6), BeamOptions(beam=1, merge=merge))
        assert list(found.tokens) == greedy(toy, 6)
        said += len(found.tokens)
    assert said > 40


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 2**16), activation=st.sampled_from(["tanh", "relu"]))
def test_beam_1_is_greedy_in_float_and_on_the_machine(seed: int, activation: str) -> None:
    reduction = (1, 2) if seed % 2 else None
    model = random_model(
        seed,
        activation=activation,
        encoder=(8, 5),
        prediction=(7, 6),
        scale=2.0,
        time_reduction=reduction,
    )
    x = np.random.default_rng(seed).integers(-128, 128, (9, model.inputs)).astype(np.int8)
    options = BeamOptions(beam=1, merge=False)
    (found,) = beam_search(FloatTransducer(model), x, options)
    network = FloatRnnt(model.arrays(), model.meta)
    assert list(found.tokens) == network.transcribe(x / 2.0**model.input_fraction)
    image = compile_model(model, PRESETS["tiny"], CompileOptions(weight_bits=5)).image
    (found,) = beam_search(MachineTransducer(image), x, options)
    assert list(found.tokens) == Golden(image).run(x).tokens


def test_a_narrow_search_keeps_its_width_and_its_order() -> None:
    found = beam_search(Toy(1), input_of(4), BeamOptions(beam=3))
    assert 1 < len(found) <= 3
    assert [h.score for h in found] == sorted((h.score for h in found), reverse=True)
    assert len({h.tokens for h in found}) == len(found)


def test_symbols_in_a_frame_are_limited() -> None:
    toy = Toy(3, max_symbols=1)
    found = beam_search(toy, input_of(2), BeamOptions(beam=WIDE, threshold=1e9))
    assert max(len(h.tokens) for h in found) == 2


def test_nothing_heard_nothing_said() -> None:
    assert beam_search(Toy(1), input_of(0)) == [Hypothesis((), 0.0, 0.0)]


def test_options_that_mean_nothing() -> None:
    with pytest.raises(InputError, match="beam of at least 1, got 0"):
        BeamOptions(beam=0)
    with pytest.raises(InputError, match="threshold above 0"):
        BeamOptions(threshold=float("nan"))
    with pytest.raises(InputError, match="weight of at least 0 to take off, got -1"):
        BeamOptions(internal=-1.0)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), frames=st.integers(0, 4), beam=st.sampled_from([1, 2, WIDE]))
def test_a_trace_holds_every_node_that_leads_to_a_hypothesis(
    seed: int, frames: int, beam: int
) -> None:
    trace = Trace()
    found = beam_search(Toy(seed), input_of(frames), BeamOptions(beam=beam), trace=trace)
    assert found == beam_search(Toy(seed), input_of(frames), BeamOptions(beam=beam))
    nodes = {(trace.tokens(node.prefix), node.frame): node for node in trace.nodes}
    assert len(nodes) == len(trace.nodes), "with merging there is one of a kind"
    for tokens, frame in nodes:
        before = [(tokens, frame - 1), (tokens[:-1], frame)]
        assert any(b == ((), 0) or (b in nodes and nodes[b].kept) for b in before)
    for hypothesis in found if frames else []:
        node = nodes[hypothesis.tokens, frames]
        assert (node.kept, node.acoustic) == (True, hypothesis.acoustic)
        tokens, ends = hypothesis.tokens, []
        while tokens:
            ends.append(node.last)
            tokens = tokens[:-1]
            node = nodes.get((tokens, node.last))
        assert hypothesis.frames == tuple(reversed(ends))
