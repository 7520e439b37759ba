"""Every write of a host in every state of the machine does what `sordino.isa.commands` says."""

from zlib import crc32

import pytest

from sordino.arch import Config
from sordino.isa.choices import Space
from sordino.isa.commands import ANSWERS, Answer, State
from sordino.isa.registers import (
    REGISTER_MAP,
    REGISTERS,
    STATUS_ERROR,
    Control,
    Error,
    Interrupt,
    LoadTarget,
    Status,
)
from sordino.rtl.shared.register_bus import Response
from sordino.stimuli.fake_machine import window_word
from sordino.stimuli.simulate import simulate

CONFIG = Config(
    lanes=4,
    group=4,
    x_fifo=8,
    lane_words=64,
    group_words=64,
    rows_per_lane=8,
    program_words=16,
    feature_fifo=8,
    token_fifo=4,
    channels=2,
    stream_bus=64,
    stream_burst=4,
    stream_ring=2,
)
AT = {name: register.offset for name, register in REGISTERS.items()}
SETTLE = 8
WORD = 0x600D_600D
FEATURES = ("FEATURE", "CHANNEL_FEATURE")
BITS = {flag.name: flag for flag in Control}


class Session:
    """What a test does with the bench, one access after the other."""

    def __init__(self, system):
        self.bench = system.fake(CONFIG)
        self.manager = system.manager(self.bench)
        self.loads = 0
        self.words = []

    async def monitor(self, ctx):
        """Keeps what the machine's memories see."""
        host = self.bench.machine.host
        window = host.window
        async for _, _, loads, writes, *word in ctx.tick().sample(
            host.load.valid, window.write, window.space, window.lane, window.address, window.value
        ):
            self.loads += bool(loads)
            if writes:
                self.words.append(tuple(word))

    async def reset(self):
        self.ctx.set(self.bench.sync.rst, 1)
        await self.ctx.tick()
        self.ctx.set(self.bench.sync.rst, 0)

    async def write(self, name, value, strobe=15, plus=0):
        response = await self.manager.write(self.ctx, AT[name] + plus, int(value), strobe)
        for _ in range(SETTLE):
            await self.ctx.tick()
        return response

    async def does(self, name, value):
        assert await self.write(name, value) is Response.OKAY, name

    async def read(self, name):
        value, response = await self.manager.read(self.ctx, AT[name])
        assert response is Response.OKAY
        return value

    async def control(self, flag):
        await self.does("CONTROL", flag.value)

    async def section(self, target, *, wrong=0, check=True):
        await self.does("LOAD_TARGET", target.value)
        await self.does("LOAD_ADDRESS", 0)
        await self.does("LOAD_DATA", WORD)
        if check:
            await self.does("LOAD_CHECK", crc32(WORD.to_bytes(4, "little")) ^ wrong)

    async def program(self):
        await self.section(LoadTarget.PROGRAM)

    async def run(self):
        await self.control(Control.START | Control.END_OF_INPUT)

    async def error(self):
        status = await self.read("STATUS")
        error = Error(status >> STATUS_ERROR & 0xFF)
        assert bool(status & Status.FAILED) == (error is not Error.NONE)
        assert not (status & Status.BUSY and status & Status.FAILED)
        return error

    async def seen(self):
        """Everything that a host can see, but for what reading changes, and the words loaded."""
        kept = {
            name: await self.read(name)
            for name, register in REGISTERS.items()
            if register.access != "wo"
            and register.present(CONFIG)
            and name not in ("TOKEN", "COUNTERS", "WINDOW_DATA")
        }
        ended = await self.write("FEATURE", 0, strobe=0) is Response.SLVERR
        return {**kept, "ended": ended, "loads": self.loads, "words": list(self.words)}


async def nothing(s):
    """After reset."""


async def no_program(s):
    await s.section(LoadTarget.VALUES)


async def wrong_program(s):
    await s.section(LoadTarget.PROGRAM, wrong=1)
    await s.control(Control.CLEAR)


async def wrong_part(s):
    await s.program()
    await s.section(LoadTarget.PARAMETERS, wrong=1 << 31)
    await s.control(Control.CLEAR)


async def part_cleared(s):
    await s.program()
    await s.section(LoadTarget.PARAMETERS, check=False)
    await s.control(Control.CLEAR)


async def part_given_up(s):
    await s.program()
    await s.section(LoadTarget.PARAMETERS, check=False)
    await s.does("LOAD_ADDRESS", 0)
    await s.control(Control.CLEAR)


async def reset_after_a_run(s):
    await s.program()
    await s.run()
    await s.reset()


async def reset_while_busy(s):
    await started(s)
    await s.reset()


async def loading(s):
    await s.section(LoadTarget.PROGRAM, check=False)


async def loading_a_part(s):
    await s.program()
    await s.section(LoadTarget.VALUES, check=False)


async def loading_after_a_run(s):
    await finished(s)
    await s.section(LoadTarget.VALUES, check=False)


async def loaded(s):
    await s.program()


async def loaded_parts(s):
    await s.section(LoadTarget.VALUES)
    await s.program()
    await s.section(LoadTarget.PARAMETERS)
    await s.control(Control.CLEAR)


async def loaded_after_a_failure(s):
    await wrong_part(s)
    await s.section(LoadTarget.PARAMETERS)
    await s.program()


async def started(s):
    """It waits for features."""
    await s.program()
    await s.control(Control.START)


async def waits_for_room(s):
    """More features than fit as tokens."""
    await started(s)
    for _ in range(CONFIG.token_fifo // 4 + 1):
        await s.does("FEATURE", 0x0403_0201)
    assert await s.read("FEATURE_ROOM") < CONFIG.feature_fifo


async def started_again(s):
    await finished(s)
    await s.control(Control.CLEAR)
    await s.control(Control.START)


async def started_after_abort(s):
    await aborted(s)
    await s.control(Control.CLEAR)
    await s.control(Control.START)


async def finished(s):
    await s.program()
    await s.run()


async def finished_and_cleared(s):
    await finished(s)
    await s.control(Control.CLEAR)


async def started_without_a_program(s):
    await s.control(Control.START)


async def started_while_loading(s):
    await loading_a_part(s)
    await s.control(Control.START)


async def wrong_check(s):
    await s.section(LoadTarget.PROGRAM, wrong=1 << 16)


async def aborted(s):
    await started(s)
    await s.control(Control.ABORT)


async def illegal(s):
    await s.program()
    await s.does("LIMIT_LOW", 1)
    await s.control(Control.START)


WAYS = {
    State.EMPTY: (
        nothing,
        no_program,
        wrong_program,
        wrong_part,
        part_cleared,
        part_given_up,
        reset_after_a_run,
        reset_while_busy,
    ),
    State.LOADING: (loading, loading_a_part, loading_after_a_run),
    State.READY: (loaded, loaded_parts, loaded_after_a_failure),
    State.BUSY: (started, waits_for_room, started_again, started_after_abort),
    State.DONE: (finished, finished_and_cleared),
    State.FAILED: (started_without_a_program, started_while_loading, wrong_check, aborted, illegal),
}
"""How a machine comes into each state."""

NEW = {
    "ENTRY": 5,
    "LIMIT_LOW": 77,
    "LIMIT_HIGH": 3,
    "INTERRUPT_ENABLE": Interrupt.TOKEN.value,
    "LOAD_TARGET": LoadTarget.LANE_DIRECTORY.value | 1 << 16,
    "LOAD_ADDRESS": 2,
    "STREAM_BASE": 0x321,
    "REQUEST": 0x1234,
    "WINDOW_MEMORY": Space.BANK1.value | (CONFIG.lanes - 1) << 16,
    "WINDOW_ADDRESS": 0x1_0007,
}
"""Values of registers that keep what is written."""


async def check(s, command, answer):
    """Does `command` where it is answered so, and looks at what became of it."""
    name = "CONTROL" if command in BITS else command
    value = {
        **NEW,
        **{flag: bit.value for flag, bit in BITS.items()},
        "INTERRUPT_STATUS": 7,
        "LOAD_DATA": WORD,
        "LOAD_CHECK": crc32(WORD.to_bytes(4, "little")),
        "FEATURE": 0xFB,
        "CHANNEL_FEATURE": 0xFB,
        "CHANNEL_END": 2,
        "WINDOW_DATA": 0xFFFF_FFFD,
    }[command]
    before = await s.seen()
    failed = before["STATUS"] & Status.FAILED
    response = await s.write(name, value, 1 if command in FEATURES else 15)
    assert response is (Response.SLVERR if answer is Answer.REFUSED else Response.OKAY)
    after = await s.seen()
    error = await s.error()
    match answer:
        case Answer.REFUSED | Answer.IGNORED:
            assert after == before
        case Answer.FAILS:
            assert not after["STATUS"] & Status.BUSY
            assert after["INTERRUPT_STATUS"] & Interrupt.STOPPED
            assert failed or error is Error.LOAD
            changed = {name for name in before if before[name] != after[name]}
            assert changed <= {"STATUS", "INTERRUPT_STATUS"}
        case Answer.ACTS:
            await acted(s, command, before, after, error)


async def acted(s, command, before, after, error):
    busy = before["STATUS"] & Status.BUSY
    if command in NEW:
        assert after[command] == NEW[command] != before[command]
        return
    match command:
        case "START":
            # Where the end of input was announced before, the run is over already.
            assert after["STATUS"] & (Status.DONE if before["ended"] else Status.BUSY)
            assert error is Error.NONE
        case "END_OF_INPUT":
            assert after["ended"]
        case "ABORT":
            assert error is Error.LIMIT
        case "CLEAR":
            assert not after["ended"]
            assert error is Error.NONE
            assert after["FEATURE_ROOM"] == CONFIG.feature_fifo
            if before["STATUS"] & Status.LOADED:
                assert after["STATUS"] & Status.LOADED, "what was checked stays"
        case "INTERRUPT_STATUS":
            assert not after["INTERRUPT_STATUS"] & ~Interrupt.FEATURES.value
        case "LOAD_DATA":
            assert after["loads"] == before["loads"] + 1 + (
                before["LOAD_TARGET"] == LoadTarget.VALUES.value
            )
            assert after["LOAD_ADDRESS"] == before["LOAD_ADDRESS"] + 1
            assert not after["STATUS"] & Status.LOADED
        case "LOAD_CHECK":
            assert error is Error.NONE
            await s.control(Control.START)
            assert bool(await s.error() is Error.NONE) == bool(after["STATUS"] & Status.LOADED)
        case "CHANNEL_END":
            assert await s.write("CHANNEL_FEATURE", 5, 1, plus=4) is Response.SLVERR
        case "FEATURE" | "CHANNEL_FEATURE":
            taken = before["FEATURE_ROOM"] - after["FEATURE_ROOM"]
            assert taken == 1 or (busy and after["TOKEN_LEVEL"] == before["TOKEN_LEVEL"] + 1)
        case "WINDOW_DATA":
            assert after["WINDOW_ADDRESS"] == before["WINDOW_ADDRESS"] + 1
            place = Space.ACTIVATION, 0, before["WINDOW_ADDRESS"]
            assert after["words"] == [*before["words"], (*place, -3)]
        case _:
            raise AssertionError(f"nothing is known of {command}")


async def unended(s, command):
    """FEATURE is refused after END_OF_INPUT, whatever the state."""
    return command not in FEATURES or await s.write("FEATURE", 0, strobe=0) is Response.OKAY


@pytest.fixture
def run(system):
    """Runs a testbench on a bench of its own."""

    def start(testbench):
        session = Session(system)

        async def job(ctx):
            session.ctx = ctx
            await testbench(session)

        simulate(session.bench, job, timeout=60_000, background=(session.monitor,))

    return start


def test_the_table_is_whole():
    writable = {r.name for r in REGISTER_MAP if r.access != "ro"} - {"CONTROL"}
    assert set(ANSWERS) == writable | {flag.name for flag in Control}
    assert all(list(answers) == list(State) for answers in ANSWERS.values())
    assert set(WAYS) == set(State)


@pytest.mark.parametrize(
    ("state", "way"),
    [(s, way) for s, ways in WAYS.items() for way in ways],
    ids=lambda x: x.name if isinstance(x, State) else x.__name__,
)
def test_every_command(run, state, way):
    commands = []

    async def testbench(s):
        for command, answers in ANSWERS.items():
            await s.reset()
            await way(s)
            if await unended(s, command):
                await check(s, command, answers[state])
                commands.append(command)

    run(testbench)
    assert set(ANSWERS) - set(commands) <= set(FEATURES)


@pytest.mark.parametrize(
    ("state", "way"),
    [(s, way) for s, ways in WAYS.items() for way in ways],
    ids=lambda x: x.name if isinstance(x, State) else x.__name__,
)
def test_reading_the_window_is_answered_as_writing_it(run, state, way):
    async def testbench(s):
        await way(s)
        await s.does("WINDOW_MEMORY", Space.BANK0.value | 2 << 16)
        await s.does("WINDOW_ADDRESS", 5)
        answers = [await s.manager.read(s.ctx, AT["WINDOW_DATA"]) for _ in range(4)]
        if ANSWERS["WINDOW_DATA"][state] is Answer.REFUSED:
            assert answers == [(0, Response.SLVERR)] * 4
            assert await s.read("WINDOW_ADDRESS") == 5
            return
        words = [window_word(Space.BANK0, 2, row) for row in range(5, CONFIG.rows_per_lane)]
        found = [(word & 0xFFFF_FFFF, Response.OKAY) for word in words]
        assert answers == [*found, (0, Response.SLVERR)], "behind the last row"
        assert await s.read("WINDOW_ADDRESS") == CONFIG.rows_per_lane

    run(testbench)


@pytest.mark.parametrize("way", WAYS[State.EMPTY], ids=lambda way: way.__name__)
def test_no_way_leads_to_a_run_without_a_checked_program(run, way):
    """Neither clearing nor checking nothing nor trying again helps; loading does."""

    async def testbench(s):
        await way(s)
        for _ in range(2):
            assert not await s.read("STATUS") & Status.LOADED
            assert await s.write("LOAD_CHECK", 0) is Response.SLVERR
            await s.control(Control.START)
            assert await s.error() is Error.LOAD
            assert not await s.read("STATUS") & (Status.BUSY | Status.DONE)
            await s.control(Control.CLEAR)
        await s.program()
        await s.run()
        assert await s.error() is Error.NONE
        assert await s.read("STATUS") & Status.DONE

    run(testbench)


def test_what_is_loaded_runs_again_and_again(run):
    async def testbench(s):
        await s.program()
        for flag in (Control.END_OF_INPUT, Control.ABORT):
            for _ in range(2):
                await s.control(Control.START)
                assert await s.read("STATUS") & Status.BUSY
                await s.control(flag)
                await s.control(Control.CLEAR)
        await s.run()
        await s.control(Control.START)  # without CLEAR: the end of input is still announced
        assert await s.error() is Error.NONE

    run(testbench)


@pytest.mark.parametrize("before", [loaded, finished, finished_and_cleared, loaded_parts])
@pytest.mark.parametrize("target", [LoadTarget.PROGRAM, LoadTarget.VALUES])
def test_a_host_gives_an_image_up_before_it_loads_another(run, before, target):
    """Else sections of the new one that were checked would run under the old one's program."""

    async def testbench(s):
        await before(s)
        await s.section(target, check=False)
        await s.control(Control.CLEAR)
        assert await s.error() is Error.NONE
        await s.section(LoadTarget.POSITIONS)
        await s.section(LoadTarget.VALUES)
        assert not await s.read("STATUS") & Status.LOADED
        await s.control(Control.START)
        assert await s.error() is Error.LOAD
        await s.control(Control.CLEAR)
        await s.program()
        await s.run()
        assert await s.error() is Error.NONE

    run(testbench)


@pytest.mark.parametrize("strobe", range(16))
@pytest.mark.parametrize("bits", [Control.START, Control.START | Control.END_OF_INPUT])
def test_bytes_of_control_that_are_not_written_command_nothing(run, bits, strobe):
    async def testbench(s):
        await s.program()
        assert await s.write("CONTROL", bits.value, strobe) is Response.OKAY
        assert bool(await s.read("STATUS") & (Status.BUSY | Status.DONE)) == bool(strobe & 1)
        await s.reset()
        await s.program()
        other = await s.write("CONTROL", bits.value << 8, strobe)
        assert other is (Response.SLVERR if strobe & 2 else Response.OKAY)
        assert not await s.read("STATUS") & (Status.BUSY | Status.DONE)

    run(testbench)


@pytest.mark.parametrize("words", [1, 2, 3])
@pytest.mark.parametrize("target", [LoadTarget.PROGRAM, LoadTarget.VALUES])
def test_a_reset_in_the_middle_of_a_loading(run, target, words):
    """Also between the two halves of a word; what follows is a loading as any other."""

    async def testbench(s):
        await s.program()
        await s.does("LOAD_TARGET", target.value)
        await s.does("LOAD_ADDRESS", 0)
        for _ in range(words):
            await s.manager.write(s.ctx, AT["LOAD_DATA"], WORD)
        await s.reset()
        assert await s.read("STATUS") == 0
        assert await s.read("LOAD_ADDRESS") == 0
        assert await s.write("LOAD_CHECK", crc32(WORD.to_bytes(4, "little"))) is Response.SLVERR
        await s.control(Control.START)
        assert await s.error() is Error.LOAD
        await s.control(Control.CLEAR)
        await s.program()
        await s.run()
        assert await s.error() is Error.NONE

    run(testbench)


@pytest.mark.parametrize("right", [False, True])
def test_a_check_while_busy_is_refused_and_changes_nothing(run, right):
    async def testbench(s):
        await started(s)
        before = await s.seen()
        value = crc32(WORD.to_bytes(4, "little")) ^ (not right)
        assert await s.write("LOAD_CHECK", value) is Response.SLVERR
        assert await s.seen() == before
        assert before["STATUS"] & (Status.BUSY | Status.FAILED) == Status.BUSY
        await s.control(Control.END_OF_INPUT)
        assert await s.error() is Error.NONE

    run(testbench)


def test_commands_that_contradict_each_other_or_mean_nothing_are_refused(run):
    async def testbench(s):
        await s.program()
        before = await s.seen()
        for bits in range(16):
            both = bits & Control.START and bits & Control.ABORT
            if both or (bits & Control.CLEAR and bits != Control.CLEAR):
                assert await s.write("CONTROL", bits) is Response.SLVERR, bits
        for name, register in REGISTERS.items():
            if register.access in ("rw", "wo"):
                for bit in range(32):
                    if not register.mask >> bit & 1:
                        assert await s.write(name, 1 << bit) is Response.SLVERR, (name, bit)
        for entry in (CONFIG.program_words, 0xFFFF):
            assert await s.write("ENTRY", entry) is Response.SLVERR
        assert await s.seen() == before
        await s.does("ENTRY", CONFIG.program_words - 1)

    run(testbench)
