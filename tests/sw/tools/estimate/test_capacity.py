"""Capacity: a trimmed machine runs the same and has nothing to spare."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from sordino.arch import PRESETS
from sordino.cycles.engine import Cycles
from sordino.golden.machine import Golden
from sordino.image.checks.verify import verify
from sordino.image.image import Image
from sordino.image.sizes import used_words
from sordino.testing.images.streaming import streamed_image
from sordino.tools.estimate.capacity import roomy, trimmed
from sordino.tools.estimate.memories import bits_by_kind
from sordino.tools.trials import MACHINES


def test_a_trimmed_machine_keeps_its_rings(small_image: Callable[..., Image]) -> None:
    """What streams takes no more than the rings; what stays resident comes on top."""
    resident = trimmed(small_image("g4"))
    marks = [number > 0 for number in range(len(resident.matrices))]
    image = trimmed(streamed_image(resident, marks))
    verify(image)
    stays = max(len(words) for words in image.values) // 2
    assert stays
    assert 0 <= image.config.lane_words - image.config.ring_words - stays < 4
    features = np.random.default_rng(1).integers(-128, 128, (5, 6)).astype(np.int8)
    assert Golden(image).run(features).tokens == Golden(resident).run(features).tokens


@pytest.mark.parametrize("machine", MACHINES)
def test_a_trimmed_machine_runs_the_same(small_image: Callable[..., Image], machine: str) -> None:
    image = small_image(machine)
    small = trimmed(image)
    verify(small)
    assert small.config.id == image.config.id
    assert sum(bits_by_kind(small.config).values()) < sum(bits_by_kind(image.config).values())
    features = np.random.default_rng(1).integers(-128, 128, (5, 6)).astype(np.int8)
    ours, theirs = (Golden(one).run(features) for one in (small, image))
    assert (ours.tokens, ours.error) == (theirs.tokens, theirs.error)
    assert Cycles(small).run(features).counters == Cycles(image).run(features).counters


@pytest.mark.parametrize(
    "name", ["lane_words", "group_words", "activation_words", "state_words", "rows_per_lane"]
)
def test_a_trimmed_machine_has_nothing_to_spare(
    small_image: Callable[..., Image], name: str
) -> None:
    image = trimmed(small_image("g1"))
    less = replace(image.config, **{name: getattr(image.config, name) - 1})
    with pytest.raises(ValueError, match=name):
        verify(replace(image, config=less))


def test_any_model_fits_a_roomy_machine(small_image: Callable[..., Image]) -> None:
    config = roomy(PRESETS["small"])
    assert config.rows_per_lane == PRESETS["small"].rows_per_lane
    words = used_words(small_image())
    assert all(max(n) <= getattr(config, name) for name, n in words.items() if name in words)
