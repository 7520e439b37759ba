"""Every write of a host in every state of the machine does what `sordino.isa.commands` says."""

from zlib import crc32

import pytest

from sordino.isa.choices import Space
from sordino.isa.commands import ANSWERS, Answer, State
from sordino.isa.registers import (
    REGISTER_MAP,
    REGISTERS,
    Control,
    Error,
    Interrupt,
    LoadTarget,
    Status,
)
from sordino.rtl.shared.register_bus import Response
from sordino.stimuli.fake_machine import window_word
from tests.hw.rtl.host.session import (
    AT,
    CONFIG,
    WAYS,
    WORD,
    finished,
    finished_and_cleared,
    loaded,
    loaded_parts,
    started,
)

FEATURES = ("FEATURE", "CHANNEL_FEATURE")
BITS = {flag.name: flag for flag in Control}
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
    "SEGMENT": 3,
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
        "SEGMENT_FIRST": 5,
    }[command]
    before = await s.seen()
    failed = before["STATUS"] & Status.FAILED
    plus = 4 if command == "SEGMENT_FIRST" else 0
    response = await s.write(name, value, 1 if command in FEATURES else 15, plus)
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
            assert not after["SEGMENT"]
            assert after["SEGMENT_CHECKED"] == before["SEGMENT_CHECKED"]
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
        case "SEGMENT_FIRST":
            assert after == before, "no register can be read that has it"
        case _:
            raise AssertionError(f"nothing is known of {command}")


async def unended(s, command):
    """FEATURE is refused after END_OF_INPUT, whatever the state."""
    return command not in FEATURES or await s.write("FEATURE", 0, strobe=0) is Response.OKAY


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
