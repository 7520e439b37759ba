"""A search that hears frame by frame finds what one finds that hears all at once."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sordino.arch import PRESETS
from sordino.compiler.compile import CompileOptions, compile_model
from sordino.cycles.engine import Cycles
from sordino.decode.beam import BeamOptions, BeamSearch, beam_search
from sordino.decode.machine_transducer import MachineTransducer
from sordino.decode.transducer import FloatTransducer
from sordino.model.random_rnnt import random_model


class Length:
    """A language model that likes some lengths, and others where the utterance ends."""

    def start(self):
        return 0

    def advance(self, state, token):
        return state + 1 + token

    def score(self, state):
        return -0.1 * (state % 7)

    def final(self, state):
        return -0.3 * (state % 5)


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 50),
    frames=st.integers(0, 12),
    cuts=st.lists(st.integers(0, 12), max_size=6),
    beam=st.integers(1, 5),
    fused=st.booleans(),
    internal=st.sampled_from([0.0, 0.3]),
    merge=st.booleans(),
)
def test_cuts_change_nothing(seed, frames, cuts, beam, fused, internal, merge) -> None:
    transducer = FloatTransducer(random_model(seed, encoder=(6,), prediction=(5,), scale=3.0))
    options = BeamOptions(beam=beam, threshold=6.0, internal=internal, merge=merge)
    fusion = Length() if fused else None
    x = np.random.default_rng(seed).integers(-128, 128, (frames, 6)).astype(np.int8)
    encoded = transducer.encode(x) if frames else np.zeros((0, 1))
    search = BeamSearch(transducer, options, fusion)
    places = [0, *sorted(min(cut, frames) for cut in cuts), frames]
    for first, last in pairwise(places):
        search.push(encoded[first:last])
    assert search.finish() == beam_search(transducer, x, options, fusion)


@pytest.mark.parametrize("reduced", [False, True])
def test_the_machine_encodes_between_scores(reduced: bool) -> None:
    """The same scores, runs, cycles and words, whatever stands between two frames."""
    model = random_model(
        2,
        encoder=(8, 5),
        prediction=(7, 6),
        scale=2.0,
        time_reduction=(1, 2) if reduced else None,
    )
    image = compile_model(model, PRESETS["tiny"], CompileOptions(weight_bits=5)).image
    x = np.random.default_rng(3).integers(-128, 128, (9, model.inputs)).astype(np.int8)
    options = BeamOptions(beam=3)
    whole, steps = (MachineTransducer(image, Cycles(image)) for _ in range(2))
    wanted = beam_search(whole, x, options)
    size = steps.frames_at_once
    assert size == (2 if reduced else 1)
    steps.begin()
    search = BeamSearch(steps, options)
    for first in range(0, len(x), size):
        search.push(steps.encode_more(x[first : first + size]))
    assert search.finish() == wanted
    for name in ("runs", "cycles", "read"):  # what is written depends on what is there
        assert getattr(steps.work, name) == getattr(whole.work, name)


def test_it_holds_no_more_for_a_longer_utterance() -> None:
    model = random_model(4, encoder=(6,), prediction=(5,), scale=6.0)
    transducer = FloatTransducer(model)
    search = BeamSearch(transducer, BeamOptions(beam=4))
    rng, held = np.random.default_rng(1), []
    for _ in range(400):
        x = rng.integers(-128, 128, (1, model.inputs)).astype(np.int8)
        search.push(transducer.encode(x))
        held.append(len(search._frames) + len(search._states))
    assert len(search.best) > 100
    assert max(held[200:]) <= max(held[:200]) + 5
