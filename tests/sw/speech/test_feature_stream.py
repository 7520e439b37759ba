"""A running mean: what is heard later changes nothing, and frame by frame is the same."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sordino.errors import InputError
from sordino.speech.feature_stream import FeatureStream
from sordino.speech.features import FeatureDefinition

RANDOM = np.random.default_rng(1)
WHOLE = FeatureDefinition(
    mean=tuple(RANDOM.normal(size=13).tolist()), std=tuple(RANDOM.uniform(0.5, 2, 13).tolist())
)
RUNNING = replace(WHOLE, mean_over="running", prior_frames=20.0)


def test_the_running_mean_is_the_definition() -> None:
    c = RANDOM.normal(size=(31, 13)) + 3
    got = RUNNING.model_input(c).reshape(-1, 39)[:, :13]
    mean = np.array(RUNNING.mean)
    for t in range(len(got)):
        running = (20 * mean + c[: t + 1].sum(0)) / (20 + t + 1)
        wanted = (c[t] - 0.7 * running - 0.3 * mean) / np.array(RUNNING.std)
        np.testing.assert_allclose(got[t], wanted, rtol=1e-12, atol=1e-12)


@given(
    st.integers(1, 40),
    st.integers(1, 5),
    st.sampled_from([(0.5,), (0.3, 0.6), (0.1, 0.2, 0.3)]),
    st.sampled_from([(0.7, "running"), (1.0, "running"), (0.0, "utterance")]),
)
def test_frame_by_frame_is_the_same(
    frames: int, stack: int, taps: tuple[float, ...], mean: tuple[float, str]
) -> None:
    definition = replace(
        RUNNING, stack=stack, delta_taps=taps, utterance_mean_weight=mean[0], mean_over=mean[1]
    )
    c = np.random.default_rng(frames).normal(size=(frames, 13)) * 5
    stream, got, ready = FeatureStream(definition), [], []
    for frame in c:
        got.append(stream.push(frame))
        ready.append(sum(map(len, got)))
    got.append(stream.end())
    found = np.concatenate(got)
    if frames < stack:
        assert found.shape == (0, definition.dim)
        return
    np.testing.assert_array_equal(found, definition.model_input(c))
    late = [max(0, t + 1 - 2 * len(taps)) // stack for t in range(frames)]
    assert ready == late, "each vector comes with the frame `look_ahead` after its last"


@given(st.integers(0, 39))
def test_what_comes_later_changes_nothing_before_it(heard: int) -> None:
    c = RANDOM.normal(size=(40, 13))
    other = c.copy()
    other[heard:] += 1.0
    assert RUNNING.look_ahead == 4
    vectors = max(0, heard - RUNNING.look_ahead) // RUNNING.stack
    x, y = RUNNING.model_input(c), RUNNING.model_input(other)
    np.testing.assert_array_equal(x[:vectors], y[:vectors])
    assert (x[heard // RUNNING.stack :] != y[heard // RUNNING.stack :]).any(axis=1).all()


def test_a_mean_that_is_known_at_the_end_cannot_be_streamed() -> None:
    assert WHOLE.look_ahead is None
    with pytest.raises(InputError, match="wanted features with a running mean"):
        FeatureStream(WHOLE)
    stream = FeatureStream(RUNNING)
    for frame in (np.zeros(12), np.full(13, np.nan)):
        with pytest.raises(InputError, match="wanted frames of 13 finite cepstra"):
            stream.push(frame)
    assert FeatureStream(RUNNING).end().shape == (0, 117)
