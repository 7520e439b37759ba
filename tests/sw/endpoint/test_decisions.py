"""When a score has been high for long enough, and what is early."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sordino.endpoint.decisions import Level, firings, first_time, outcome, ready
from sordino.endpoint.sets import Example


def example(end: int, frames: tuple[int, ...], count: int = 20) -> Example:
    nothing = np.zeros((count, 1), np.int8)
    return Example(
        name="a",
        speaker="b",
        text="C",
        encoder=nothing,
        lower=nothing,
        prediction=nothing,
        end=end,
        loud=0.0,
        tokens=(1,) * len(frames),
        frames=frames,
    )


@settings(deadline=None)
@given(
    high=st.lists(st.tuples(st.booleans(), st.integers(0, 3)), max_size=30),
    frames=st.integers(1, 4),
    longest=st.none() | st.integers(1, 3),
)
def test_a_count_as_a_machine_keeps_it(
    high: list[tuple[bool, int]], frames: int, longest: int | None
) -> None:
    wanted, count = [], 0
    for t, (above, run) in enumerate(high):
        above = above or (longest is not None and run - 1 >= longest)
        count = count + 1 if above and run >= 2 else 0
        if count == frames:
            wanted.append(t)
    scores = np.array([1.0 if above else 0.0 for above, _ in high])
    run = np.array([run for _, run in high], np.int64)
    level = Level(1.0, frames, longest)
    assert firings(scores, run, level).tolist() == wanted
    assert first_time(scores, run, level) == (wanted[0] if wanted else None)


def test_early_is_before_the_end_or_before_a_token_that_is_written_late() -> None:
    assert ready(example(8, (2, 8))) == 8
    assert ready(example(8, (2, 10))) == 10
    assert ready(example(8, (2, 15))) == 8, "a token in the silence behind"
    found = [outcome(example(8, (2, 10)), frame) for frame in (7, 9, 10, 14, None)]
    assert [o.early for o in found] == [True, True, False, False, False]
    assert [o.wait for o in found] == [None, None, 2, 6, None]
