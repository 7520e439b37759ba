"""A machine behind its registers is fed bit by bit: tokens as golden's, with their vectors."""

from itertools import pairwise

import numpy as np
import pytest

from sordino.arch import Config
from sordino.driver import Host
from sordino.engines.hosted import Hosted
from sordino.errors import InputError
from sordino.golden.machine import Golden
from sordino.isa.operations import Emit, Input, Set
from sordino.isa.registers import Error
from sordino.rtl.top import Sordino
from sordino.stimuli.axi import AxiLiteManager
from sordino.stimuli.board import SimulatedBoard
from sordino.testing.images.programs import ProgramBuilder

CONFIG = Config(
    lanes=4,
    group=4,
    x_fifo=8,
    feature_fifo=8,
    token_fifo=4,
    state_bits=4,
    lane_words=8,
    group_words=8,
    rows_per_lane=3,
    activation_words=32,
    state_words=16,
    parameter_words=4,
    program_words=32,
    tables=2,
    matrices=1,
)


def made() -> tuple[Golden, Hosted]:
    """A program that takes vectors of six and says seven tokens of each."""
    builder = ProgramBuilder(CONFIG)
    builder.label("frame")
    builder.add(Input, destination=2, count=6, end="end")
    for token in range(7):
        builder.add(Set, register=0, value=40 + token)
        builder.add(Emit, register=0)
    builder.go("frame")
    builder.label("end")
    builder.end(3)
    image, top = builder.image(), Sordino(CONFIG)
    host = Host(SimulatedBoard(top, AxiLiteManager(top.s_axi)))
    host.load(image)
    return Golden(image), Hosted(host)


def test_tokens_come_with_their_vector() -> None:
    """More tokens than its FIFO holds, and features in pieces that cut vectors."""
    golden, hosted = made()
    features = np.arange(24, dtype=np.int8)
    for cuts in ([0, 6, 12, 18, 24], [0, 1, 1, 8, 24]):
        exact, found = golden.session(), hosted.session()
        for first, last in pairwise(cuts):
            assert found.feed(features[first:last]) == exact.feed(features[first:last])
            assert found.running
        wanted, result = exact.finish(), found.finish()
        assert (result.tokens, result.code, result.error) == (wanted.tokens, 3, Error.NONE)
        assert len(result.tokens) == 28
        assert {n: result.counters[n] for n in wanted.counters} == wanted.counters
        assert result.counters["wait_input"] > 0


def test_what_ends_and_what_is_refused() -> None:
    golden, hosted = made()
    first = hosted.session(cycle_limit=20)
    first.feed(np.zeros(12, np.int8))
    assert not first.running
    assert first.feed(np.zeros(6, np.int8)) == []
    assert first.finish().error is Error.LIMIT
    with pytest.raises(InputError, match="wanted a session in progress"):
        first.feed(np.zeros(6, np.int8))
    with pytest.raises(InputError, match="without records and requests"):
        hosted.session(record=True)
    with pytest.raises(InputError, match="without records and requests"):
        hosted.session(requests=[(1, 1)])
    assert hosted.run(np.zeros((1, 6), np.int8)).tokens == golden.run(np.zeros(6, np.int8)).tokens
