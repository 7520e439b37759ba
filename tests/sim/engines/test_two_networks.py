"""Two toy networks on two channels: a threshold with a hangover, requests, stalls at random."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from sordino.arch import Config
from sordino.cycles.bounds import frame_bounds
from sordino.cycles.engine import Cycles
from sordino.driver import Host, Refused
from sordino.engines.amaranth.machine import Simulated
from sordino.engines.cosim import compare
from sordino.errors import InputError
from sordino.golden.machine import Golden
from sordino.image.checks.verify import verify
from sordino.image.image import Image, ImageError
from sordino.isa.fields import REGISTER_ZERO, Store
from sordino.isa.instruction import Control, Instruction
from sordino.isa.registers import Error
from sordino.isa.text.assemble import assemble
from sordino.isa.text.disassemble import disassemble
from sordino.rtl.top import Sordino
from sordino.stimuli.axi import AxiLiteManager
from sordino.stimuli.board import SimulatedBoard
from sordino.stimuli.stalls import seeded
from sordino.testing.images.builder import ProgramBuilder

CONFIG = Config(
    name="two",
    lanes=4,
    group=4,
    x_fifo=8,
    state_bits=5,
    lane_words=64,
    group_words=64,
    rows_per_lane=2,
    activation_words=32,
    state_words=16,
    parameter_words=4,
    program_words=64,
    tables=2,
    matrices=1,
    channels=2,
)
SCORE, HANGOVER = 0, 5
THRESHOLD, FRAMES = 20, 2
SPEECH, SILENCE, REQUEST, SUM = 7, 8, 200, 0
"""Channels that tokens come on; the second network has channel 0."""
PROGRAM = f"""
# The first network scores a frame; speech goes on for {FRAMES} frames after the last high score.
main:
    INPUT destination=0 count=2 end=done request=asked
    MULTIPLY state=8 activation=0 destination={SCORE} count=1 wide=1 multiplier=2 shift=1
    READ register=0 state={SCORE}
    READ register=1 state={HANGOVER}
    COUNT register=1 step=-1
    BRANCH register=0 condition=LT value={REGISTER_ZERO + THRESHOLD} target=low
    SET register=1 value={FRAMES}
low:
    WRITE register=1 state={HANGOVER}
    BRANCH register=1 condition=EQ value=0 target=silent
    EMIT register=0 channel={SPEECH}
    JUMP target=second
silent:
    EMIT register=0 channel={SILENCE}
# The second network has its own channel and adds what it reads.
second:
    INPUT destination=8 count=1 end=done channel=1
    CALL target=total
    JUMP target=main
# What the host asks for is done where the INPUT waits, and registers stay.
asked:
    TAKE register=7
    EMIT register=7 channel={REQUEST}
    BRANCH register=7 condition=NE value=2 target=main
    CALL target=total
    JUMP target=main
total:
    READ register=5 state=6
    EMIT register=5
    MULTIPLY state=8 activation=8 destination=7 count=1 wide=1 multiplier=2 shift=1
    READ register=6 state=7
    WRITE register=6 state=6
    RETURN unused=0
# Only this entry point forgets what lasts.
reset:
    FILL space=STATE destination=0 count=16 value=0
    FILL space=STATE destination=8 count=1 value=1
    SET register=1 value=0
    WRITE register=1 state={HANGOVER}
done:
    HALT code=3
"""


def image() -> Image:
    program, labels = assemble(PROGRAM)
    halted = ProgramBuilder(CONFIG)
    halted.end()
    made = halted.image()
    entries = {"main": labels["main"], "reset": labels["reset"]}
    host = replace(made.host, entries=entries)
    return replace(made, program=program, host=host)


SCORES = [5, 25, 3, 2, 1, 30, 1]


def features(scores: list[int], second: list[int]) -> dict[int, np.ndarray]:
    first = np.array([[score, 99] for score in scores], np.int8)
    return {0: first, 1: np.array(second, np.int8).reshape(-1, 1)}


def started(scores: list[int], requests: tuple[tuple[int, int], ...] = ()) -> tuple[Golden, object]:
    golden = Golden(image())
    golden.run(np.zeros((0, 1), np.int8), entry="reset")
    return golden, golden.run(features(scores, [1] * len(scores)), requests=requests)


def test_speech_lasts_for_some_frames_after_a_high_score() -> None:
    _, result = started(SCORES)
    heard = [channel for channel in result.channels if channel in (SPEECH, SILENCE)]
    assert heard == [SILENCE, SPEECH, SPEECH, SILENCE, SILENCE, SPEECH, SPEECH]
    assert (result.error, result.code) == (Error.NONE, 3)
    assert result.on(SPEECH) == [REGISTER_ZERO + score for score in (25, 3, 30, 1)]


def test_the_counter_survives_start() -> None:
    golden, _ = started(SCORES[:2])
    assert golden.state.memory.state[HANGOVER] == FRAMES - REGISTER_ZERO
    again = golden.run(features([1, 1, 1], [1, 1, 1]))
    heard = [channel for channel in again.channels if channel in (SPEECH, SILENCE)]
    assert heard == [SPEECH, SILENCE, SILENCE]


def test_a_request_is_served_where_the_program_waits_and_changes_no_other_token() -> None:
    _, plain = started(SCORES)
    requests = ((0, 1), (2, 2), (2, 9), (14, 5))
    _, asked = started(SCORES, requests)
    assert asked.on(REQUEST) == [1, 2, 9, 5]
    for channel in (SPEECH, SILENCE):
        assert asked.on(channel) == plain.on(channel)
    assert len(asked.on(SUM)) == len(plain.on(SUM)) + 1, "the one that asks for the total"
    # Served before the frame whose INPUT found it, the last one instead of the end of input.
    first = asked.channels.index(REQUEST)
    assert first == 0
    assert asked.channels[-1] == REQUEST
    assert asked.counters["frames"] == plain.counters["frames"]


@pytest.mark.parametrize("seed", range(3))
def test_golden_circuit_and_cycle_model_agree(seed: int) -> None:
    rng = np.random.default_rng(seed)
    count = 3 + int(rng.integers(3))
    given = features(rng.integers(-128, 128, count).tolist(), rng.integers(-9, 9, count).tolist())
    places = np.sort(rng.integers(0, 2 * count + 1, 3)).tolist()
    requests = tuple((place, int(rng.choice([1, 2, 65535]))) for place in places)
    made = image()
    stalled = Simulated(
        made, feature_stall=lambda: seeded(seed), token_stall=lambda: seeded(seed + 9)
    )
    found = compare(made, Golden(made), stalled, given, requests=requests)
    assert found.identical, found.first_difference
    assert (found.results[1].counters["wait_input"] > 0) or not seed
    timed = compare(made, Cycles(made), Simulated(made), given, requests=requests)
    assert timed.identical, timed.first_difference
    assert timed.results[0].counters == timed.results[1].counters, "the timed ones, too"


def test_the_program_is_the_same_in_text_and_in_a_file() -> None:
    made = image()
    text = disassemble(made.program, {"main": 0})
    assert assemble(text)[0] == made.program
    assert "channel=1" in text
    assert Image.from_bytes(made.to_bytes()).program == made.program
    assert made.version == 3


def test_a_channel_that_the_machine_lacks_is_refused() -> None:
    made = image()
    verify(made)
    single = replace(made, config=CONFIG.with_settings({"channels": 1}))
    with pytest.raises(ImageError, match=r"does not fit: channels: channel is 1, .*raise channels"):
        verify(single)
    with pytest.raises(InputError, match="wanted features for channels 0 to 1, got some for"):
        Golden(made).run({2: np.zeros((1, 1), np.int8)})


def test_a_request_target_is_an_address_and_a_way_of_the_program() -> None:
    made = image()
    read = made.program[0]
    assert {way.pc for way in read.ways(Control(0))} == {1, read.end, read.request}
    beyond = replace(made, program=(read.replace(request=99), *made.program[1:]))
    with pytest.raises(ImageError, match="request is address 99, wanted 0 to"):
        verify(beyond)


@pytest.mark.parametrize(
    ("requests", "text"),
    [
        (((2, 1), (1, 1)), "wanted requests in the order in which they come"),
        (((0, 0),), "wanted a request to be 1 to 65535, got 0"),
        (((0, 65536),), "wanted a request to be 1 to 65535, got 65536"),
    ],
)
def test_requests_that_are_none_are_refused(requests, text: str) -> None:
    with pytest.raises(InputError, match=text):
        Golden(image()).run(features([1], [1]), requests=requests)


def test_a_request_has_bounds_of_its_own() -> None:
    made = image()
    bounds = frame_bounds(made)
    assert bounds is not None
    assert bounds.request is not None
    assert bounds.as_dict()["request"]["best"] == bounds.request.best
    spent = []
    for requests in ((), ((0, 1),), ((0, 2),)):
        counters = Cycles(made).run(features([1], [1]), requests=requests).counters
        spent.append(counters["cycles"])
    for cycles in spent[1:]:
        assert bounds.request.holds(cycles - spent[0])
    single = replace(made, program=tuple(_without_requests(made)))
    plain = frame_bounds(single)
    assert plain is not None
    assert plain.request is None
    assert "request" not in plain.as_dict()


def _without_requests(made: Image) -> Iterator[Instruction]:
    for i in made.program:
        yield i.replace(request=0) if i.blocks else i


def test_registers_begin_at_0_and_memory_does_not() -> None:
    golden, result = started([1])
    assert golden.state.registers[2] == 0
    assert result.final[Store.STATE][SCORE] == 1


def test_a_host_feeds_channels_asks_and_looks_inside_while_the_program_waits() -> None:
    """Over AXI4-Lite: the same tokens as golden's, with their channels above them."""
    made, top = image(), Sordino(CONFIG)
    host = Host(SimulatedBoard(top, AxiLiteManager(top.s_axi)))
    host.load(made)
    host.start("reset")
    host.wait()
    host.start()
    given, tokens = features([25, 3], [4, 5]), list[int]()

    def waiting() -> None:
        for _ in range(100):
            if host.status().waiting:
                return
        raise AssertionError("the program does not wait")

    for frame in range(2):
        waiting()
        assert host.read("REQUEST") == 0
        if frame:
            # What the program made of the frame before; it goes on with what the host writes.
            assert list(host.read_memory(Store.STATE, SCORE, 1)) == [25]
            host.write_memory(Store.STATE, 6, [77])
            host.request(2)
            waiting()
        host.feed(given[0][frame])
        for _ in range(100):
            if host.read("FEATURE_ROOM") == CONFIG.feature_fifo:
                break
        assert not host.status().waiting, "the second network's INPUT is no yield point"
        with pytest.raises(Refused):
            host.read("WINDOW_DATA")
        host.feed(given[1][frame], 1)
        tokens += host.tokens()
    waiting()
    host.request(9)
    host.end_of_input(1)
    host.end_of_input()
    assert host.wait().code == 3
    tokens += host.tokens()
    found = [(token >> 16, token & 0xFFFF) for token in tokens]
    zero = REGISTER_ZERO
    assert found == [
        (SPEECH, zero + 25),
        (SUM, zero),
        (REQUEST, 2),
        (SUM, zero + 77),
        (SPEECH, zero + 3),
        (SUM, zero + 4),
        (REQUEST, 9),
    ]
