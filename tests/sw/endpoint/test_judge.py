"""Points that are chosen on other speakers, and what is judged to be early."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sordino.endpoint.judge import Grid, bootstrap, choose, judge
from sordino.endpoint.sets import Example


def example(speaker: str, end: int, count: int = 30) -> Example:
    nothing = np.zeros((count, 1), np.int8)
    return Example(
        name="a",
        speaker=speaker,
        text="A",
        encoder=nothing,
        lower=nothing,
        prediction=nothing,
        end=end,
        loud=0.0,
        tokens=(1,),
        frames=(end,),
    )


EXAMPLES = [example(f"s{number % 3}", 10) for number in range(9)]
SPEAKERS = [one.speaker for one in EXAMPLES]
EVERYONE = np.ones(9, np.bool_)


def grid(*waits: list[int]) -> Grid:
    """Decisions so many frames behind the end; those before it are early, 99 are none."""
    frames = np.array(waits) + 10
    return Grid(np.where(frames > 60, -1, frames), EXAMPLES)


def test_a_decision_that_never_came_waits_to_the_end() -> None:
    one = grid([99, *[3] * 8])
    assert one.wait[0].tolist() == [19, *[3] * 8]
    assert not one.early.any()


def test_of_what_waits_long_enough_the_one_with_the_surest_speculation_is_chosen() -> None:
    quick, slow, slower = [4] * 9, [9] * 9, [14] * 9
    hasty = [-2, -2, *[4] * 7]
    found = grid(quick, slow, slower, hasty)
    # Five frames before `quick` nothing is right; before `slow`, `quick` is.
    assert choose(found, found, EVERYONE, most=0.0, within=10.0, sooner=(5,)) == (1, (0,))
    # Within three frames nothing comes: what waits shortest is taken.
    assert choose(found, found, EVERYONE, most=0.0, within=3.0, sooner=(1,))[0] == 0


@settings(deadline=None)
@given(seed=st.integers(0, 2**16))
def test_each_speaker_gets_what_the_others_choose(seed: int) -> None:
    rng = np.random.default_rng(seed)
    found = grid(*rng.integers(-3, 15, (6, 9)).tolist())
    judged = judge(found, SPEAKERS, most=0.2, within=8.0)
    for name in set(SPEAKERS):
        own = np.array(SPEAKERS) == name
        point, others = choose(found, found, ~own, most=0.2, within=8.0, sooner=(5, 3))
        assert judged.points[name] == (point, *others)
        assert (judged.final[own] == found.at[point, own]).all()
        assert (judged.early[own] == found.early[point, own]).all()
    for said, right, sooner in judged.sooner.values():
        assert (sooner >= 0).all()
        assert (said[right] >= 10).all()
        assert (sooner[said < 0] == 0).all()


def test_an_interval_holds_the_mean_and_is_the_same_again() -> None:
    values = np.arange(20.0)
    low, high = bootstrap(values)
    assert low < 9.5 < high
    assert bootstrap(values) == (low, high)
    assert bootstrap(np.ones(5)) == (1.0, 1.0)
