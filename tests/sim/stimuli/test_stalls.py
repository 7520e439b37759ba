"""Stalls: what they promise about their numbers."""

import itertools

import pytest

from sordino.stimuli.stalls import STALLS, never, pattern, seeded


def test_never():
    assert [never() for _ in range(5)] == [0] * 5


def test_pattern_repeats():
    stall = pattern(1, 0, 3)
    assert [stall() for _ in range(7)] == [1, 0, 3, 1, 0, 3, 1]


@pytest.mark.parametrize("waits", [(), (1, -1)])
def test_pattern_refuses(waits):
    with pytest.raises(ValueError, match="waits of 0 cycles or more"):
        pattern(*waits)


def test_seeded_is_reproducible_and_keeps_its_limits():
    first, second = seeded(4, chance=0.5, most=3), seeded(4, chance=0.5, most=3)
    waits = [first() for _ in range(2000)]
    assert waits == [second() for _ in range(2000)]
    assert set(waits) == {0, 1, 2, 3}
    assert 800 < waits.count(0) < 1200


@pytest.mark.parametrize(("chance", "most"), [(-0.1, 1), (1.1, 1), (0.5, 0)])
def test_seeded_refuses(chance, most):
    with pytest.raises(ValueError, match="wanted a chance from 0 to 1"):
        seeded(0, chance=chance, most=most)


def test_sides_of_one_test_differ():
    for name in ("fixed", "random"):
        sides = [STALLS[name](side) for side in (0, 1)]
        a, b = ([*itertools.islice(iter(side, None), 50)] for side in sides)
        assert a != b
        assert any(a)
        assert 0 in a
