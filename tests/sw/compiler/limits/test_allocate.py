"""Memory: words given out one after the other, and what a machine must have for them."""

import numpy as np
import pytest

from sordino.arch import PRESETS
from sordino.codec import encode_matrices
from sordino.compiler.limits.allocate import Allocation, Parameters, Words, need_streams
from sordino.compiler.limits.errors import DoesNotFit
from sordino.compiler.limits.limits import Limits

TINY = PRESETS["tiny"]


def test_words_are_given_out_in_order() -> None:
    words = Words()
    assert [words.take(count) for count in (3, 0, 5, 1)] == [0, 3, 3, 8]
    assert words.used == 9


def test_parameters_begin_on_whole_words() -> None:
    parameters = Parameters()
    assert parameters.add(b"abc") == 0
    biases = bytes(range(20))
    assert parameters.add(biases) == 1
    assert parameters.add(bytes(32)) == 3
    assert bytes(parameters.contents[:16]) == b"abc" + bytes(13)
    assert bytes(parameters.contents[16:36]) == biases
    assert len(parameters.contents) == 5 * 16


@pytest.mark.parametrize(
    "name", ["activation_words", "state_words", "parameter_words", "program_words"]
)
def test_one_word_too_few_is_refused(name: str) -> None:
    memory = Allocation()
    memory.activation.take(TINY.activation_words)
    memory.state.take(TINY.state_words)
    memory.parameters.add(bytes(16 * TINY.parameter_words))
    limits = Limits(TINY)
    memory.need(limits, TINY.program_words)
    limits.check()
    limits = Limits(TINY.with_settings({name: getattr(TINY, name) - 1}))
    memory.need(limits, TINY.program_words)
    with pytest.raises(DoesNotFit, match=f"raise {name} to {getattr(TINY, name)}$"):
        limits.check()


def test_streams_need_the_longest_memory_of_each_kind() -> None:
    rng = np.random.default_rng(1)
    shape = (2, TINY.lanes, 90)
    slots = (rng.integers(-7, 8, shape) * (rng.random(shape) < 0.2)).astype(np.int8)
    encoded = encode_matrices([slots, slots[:, :, :9]], TINY)
    limits = Limits(TINY.with_settings({"lane_words": 4, "group_words": 4}))
    need_streams(encoded, limits)
    assert limits.needed == {
        "lane_words": max(map(len, encoded.values)) // 2,
        "group_words": max(map(len, encoded.positions)) // 2,
    }
