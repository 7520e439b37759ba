"""A simulated board behind a serial line: the driver against the compiled circuit, with noise."""

import random
import shutil

import pytest

from sordino.arch import PRESETS
from sordino.driver import Host, MachineError, Refused
from sordino.driver.errors import LinkError, LinkLost, NoAnswer, WrongBridge
from sordino.driver.uart import Uart
from sordino.engines.device.line import FAKE, NOTED, SimulatedLine
from sordino.engines.device.noise import NoisyPort
from sordino.engines.device.trials import both_ways, one_way
from sordino.frames.codec import encode, pack
from sordino.frames.format import MOST_WORDS, Answer
from sordino.isa.registers import Error
from sordino.stimuli.noted_registers import READ_BIT, REFUSED_FROM, read_word
from tests.hw.driver.stand_in import CONFIG, FEATURES, IMAGE, TOKENS

pytestmark = pytest.mark.skipif(
    not any(map(shutil.which, ("c++", "g++", "clang++"))), reason="needs a C++ compiler"
)
CLOCK = 4_000_000


def noted(**options):
    """Registers that show every access, and a bus to them."""
    line = SimulatedLine(PRESETS["tiny"], kind=NOTED, clock_hz=CLOCK)
    return line, Uart(line, baud=line.baud, timeout=0.002, **options)


def fake():
    """A machine that makes the token 3 f of each feature f, and a host."""
    line = SimulatedLine(CONFIG, kind=FAKE, clock_hz=CLOCK)
    return line, Host(Uart(line, baud=line.baud, timeout=0.005), patience=200)


def accesses(line):
    return [(int(at), int(word)) for at, word in line.accesses()]


def test_words_arrive_once_in_order():
    line, bus = noted()
    generator = random.Random(1)
    expected = []
    for count in (1, 2, MOST_WORDS, MOST_WORDS + 1, 1000):
        values = [generator.getrandbits(32) for _ in range(count)]
        bus.write_many(8, values)
        expected += [(2, value) for value in values]
    bus.write(4, 7)
    assert bus.read(4) == read_word(1)
    assert bus.read_many(40, 300, advance=True) == [read_word(10 + n) for n in range(300)]
    expected += [(1, 7), (1 | 1 << READ_BIT, read_word(1))]
    expected += [(10 + n | 1 << READ_BIT, read_word(10 + n)) for n in range(300)]
    assert accesses(line) == expected
    assert bus.traffic.repeated == 0


def test_words_go_without_waiting_for_each_frame():
    """Less than a twentieth of the line's time is not for the words."""
    line, bus = noted()
    bus.read(0)
    before, sent = line.cycles, bus.traffic.sent
    words = 5000
    bus.write_many(8, [0x0102_0304] * words)
    alone = words * 4 * 10 * line.divider
    assert alone < line.cycles - before < 1.05 * alone
    assert bus.traffic.sent - sent < 1.05 * 4 * words


def test_behind_a_refused_word_nothing_is_written():
    line, bus = noted()
    values = list(range(1, 1000))
    with pytest.raises(Refused) as refused:
        bus.write_many(4 * REFUSED_FROM, values)
    assert (refused.value.address, refused.value.value) == (4 * REFUSED_FROM, 1)
    assert accesses(line) == [(REFUSED_FROM, 1)]
    with pytest.raises(Refused) as refused:
        bus.read_many(4 * REFUSED_FROM - 8, 5, advance=True)
    assert (refused.value.address, refused.value.value) == (4 * REFUSED_FROM, None)
    bus.write(4, 5)
    assert accesses(line)[-1] == (1, 5)


def test_a_refusal_is_told_where_its_answer_is_lost():
    """The requests behind it say which word it was."""
    line, bus = noted()
    bus.read(0)
    lost = []

    class Lossy:
        def write(self, data):
            line.write(data)

        def read(self, seconds):
            received = line.read(seconds)
            while not lost and received.count(0x7E) < 2:
                received += line.read(seconds)
            if not lost:
                lost.append(received)
                return b""
            return received

    bus.line.port = Lossy()
    with pytest.raises(Refused) as refused:
        bus.write_many(4 * REFUSED_FROM, range(77, 77 + 3 * MOST_WORDS))
    assert (refused.value.address, refused.value.value) == (4 * REFUSED_FROM, 77)
    assert accesses(line)[-1] == (REFUSED_FROM, 77)


@pytest.mark.parametrize("seed", range(2))
def test_noise_one_way(seed):
    faults, requests, words, right = one_way(3000, seed=seed)
    assert right
    assert faults >= 3000
    assert words > requests


@pytest.mark.parametrize("seed", range(2))
def test_noise_both_ways(seed):
    faults, words, repeated, right = both_ways(5000, seed=seed)
    assert right
    assert faults > 20
    assert repeated
    assert words >= 5000


def test_a_machine_is_loaded_and_run_over_noise():
    line, _ = fake()
    port = NoisyPort(line, 1e-3, seed=3)
    host = Host(Uart(port, baud=line.baud, timeout=0.005), patience=500)
    for _ in range(3):
        host.reset()
        host.load(IMAGE)
        assert host.run(FEATURES).tokens == TOKENS
    assert port.faults > 5


def test_runs_are_told_by_the_interrupt():
    line, host = fake()
    host.reset()
    host.load(IMAGE)
    assert host.run(FEATURES, "other").code == 2
    before = line.cycles
    run = host.run(FEATURES)
    assert run.tokens == TOKENS
    assert line.cycles - before < 0.005 * CLOCK * 40, "it waits for no timeout"


# What goes wrong.


class Silent:
    """A port that nobody is at; or one that talks of something else."""

    name = "/dev/null"

    def __init__(self, *said):
        self.said = list(said)

    def write(self, data):
        pass

    def read(self, seconds):
        return self.said.pop(0) if self.said and seconds else b""


def test_a_board_that_does_not_answer_is_given_up():
    bus = Uart(Silent(), tries=3)
    with pytest.raises(NoAnswer, match=r"^wanted an answer from the board at /dev/null, got none"):
        bus.read(0)
    bus = Uart(Silent(b"login: \x7e", b"?~?~", b""), tries=3)
    with pytest.raises(NoAnswer, match=r"got 3 pieces that are no frame in 3 tries of 0.25 s; see"):
        bus.read(0)
    assert issubclass(NoAnswer, TimeoutError)
    assert issubclass(NoAnswer, LinkError)


def test_another_version_is_refused():
    word = pack(Answer, version=2)
    bus = Uart(Silent(encode([word, 0])))
    with pytest.raises(WrongBridge, match="wanted a bridge that speaks version 1 of the frames"):
        bus.read(0)


def test_a_board_that_was_reset_is_seen_and_taken_up_again():
    old, bus = noted()
    bus.write(4, 1)
    new = SimulatedLine(PRESETS["tiny"], kind=NOTED, clock_hz=CLOCK)
    bus.line.port = new
    with pytest.raises(LinkLost, match=r"that does not: it was reset; reconnect, and load"):
        bus.write(4, 2)
    assert accesses(new) == []
    bus.reconnect()
    bus.write(4, 3)
    assert accesses(new) == [(1, 3)]
    assert accesses(old) == [(1, 1)]


def test_a_host_knows_after_reconnecting_whether_its_image_is_there():
    _, host = fake()
    host.reset()
    host.load(IMAGE)
    assert host.reconnect()
    assert host.run(FEATURES).tokens == TOKENS
    host.bus.line.port = SimulatedLine(CONFIG, kind=FAKE, clock_hz=CLOCK)
    with pytest.raises(LinkLost):
        host.run(FEATURES)
    assert not host.reconnect()
    assert host.image is None
    host.load(IMAGE)
    assert host.run(FEATURES).tokens == TOKENS


def test_two_hosts_see_each_other():
    random.seed(8)  # hosts begin to count anywhere: not at the same number
    line, first = noted()
    first.write(4, 1)
    second = Uart(line, baud=line.baud, timeout=0.002)
    for number in range(3):
        second.write(8, number)
    with pytest.raises(LinkLost, match="that does not: another program has used it"):
        first.write(4, 10)
    first.reconnect()
    first.write(4, 20)
    assert accesses(line)[-1] == (1, 20)


class Broken(Exception):
    """The line is cut."""


@pytest.mark.parametrize("requests", [35, 37, 40, 44])
def test_an_interrupted_load_is_seen_and_not_started(requests):
    line, host = fake()
    host.reset()
    host.load(IMAGE)
    cut_after = [requests]

    class Cut:
        def write(self, data):
            cut_after[0] -= 1
            if not cut_after[0]:
                raise Broken
            line.write(data)

        def read(self, seconds):
            return line.read(seconds)

    host.bus.line.port = Cut()
    with pytest.raises(Broken):
        host.load(IMAGE)
    assert host.image is None
    later = Host(Uart(line, baud=line.baud, timeout=0.005), patience=200)
    later.bus.connect()
    assert not later.status().loaded
    with pytest.raises(MachineError, match=r"^cannot start: the machine has .*; .*load an image"):
        later.start(0)
    with pytest.raises(MachineError, match=r"cannot start"):
        later.run(FEATURES, 0)
    later.load(IMAGE)
    assert later.run(FEATURES).tokens == TOKENS
    assert later.error() is Error.NONE
