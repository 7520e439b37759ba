"""A segment is loaded and checked in every state that has a program, and changes nothing else."""

from zlib import crc32

import pytest

from sordino.isa.commands import ANSWERS, OPENED, Answer, State
from sordino.isa.fields import SEGMENTS
from sordino.isa.registers import Control, Error, LoadTarget, Status
from sordino.rtl.host.loader import load_words
from sordino.rtl.shared.register_bus import Response
from tests.hw.rtl.host.session import CONFIG, WAYS, WORD, started, word_bytes

OKAY, SLVERR = Response.OKAY, Response.SLVERR
FIRST = 8
ACTING = [state for state in State if ANSWERS["SEGMENT"][state] is Answer.ACTS]
LOADABLE = [target for target in LoadTarget if target is not LoadTarget.PROGRAM]
STATUS = Status.BUSY | Status.DONE | Status.FAILED | Status.LOADED


def in_states(states):
    """Every way into each of some states."""
    ways = [(state, way) for state in states for way in WAYS[state]]
    return pytest.mark.parametrize(
        ("state", "way"), ways, ids=lambda x: x.name if isinstance(x, State) else x.__name__
    )


@in_states(ACTING)
def test_a_segment_is_loaded_whatever_the_program_does(run, state, way):
    """Opened, written, refused with a wrong check, checked, replaced: the status stays."""

    async def testbench(s):
        for target in LOADABLE:
            await s.bound(target, FIRST)
        await way(s)
        status = await s.read("STATUS") & STATUS
        await s.open_segment(5)
        assert await s.read("SEGMENT") == 6
        before = s.loads
        await s.segment_words(LoadTarget.PARAMETERS, FIRST, 1, 2)
        await s.segment_words(LoadTarget.VALUES, FIRST, 3, unit=CONFIG.lanes - 1)
        assert s.loads == before + 2 + 2
        for bit in (0, 31):
            assert await s.check_segment(wrong=1 << bit) is SLVERR
            assert await s.read("SEGMENT") == 6
            assert await s.read("SEGMENT_CHECKED") == 0
        assert await s.check_segment() is OKAY
        assert await s.read("SEGMENT") == 0
        assert await s.read("SEGMENT_CHECKED") == 1 << 5
        await s.segment(0)
        await s.segment(SEGMENTS - 1)
        assert await s.read("SEGMENT_CHECKED") == 1 << 5 | 1 | 1 << SEGMENTS - 1
        await s.open_segment(5)
        assert await s.read("SEGMENT_CHECKED") == 1 | 1 << SEGMENTS - 1
        await s.does("SEGMENT", 0)
        assert await s.read("SEGMENT_CHECKED") == 1 | 1 << SEGMENTS - 1
        await s.segment(5)
        assert await s.read("STATUS") & STATUS == status
        assert await s.error() is Error.NONE

    run(testbench)


@in_states(ACTING)
def test_commands_while_a_segment_is_open(run, state, way):
    """Of these no answer depends on it, and but for two they leave it open."""

    async def testbench(s):
        for command in set(ANSWERS) - set(OPENED) - {"FEATURE", "CHANNEL_FEATURE"}:
            await s.reset()
            await way(s)
            await s.open_segment(2)
            if command in Control.__members__:
                response = await s.write("CONTROL", Control[command].value)
            else:
                response = await s.write(command, 0, plus=4 * (command == "SEGMENT_FIRST"))
            refused = ANSWERS[command][state] is Answer.REFUSED
            assert response is (SLVERR if refused else OKAY), command
            closes = command in ("SEGMENT", "CLEAR") and not refused
            assert await s.read("SEGMENT") == (0 if closes else 3), command

    run(testbench)


async def fails(s):
    """A run ends with an error while a segment is open."""
    await s.control(Control.START)
    await s.open_segment(1)
    await s.segment_words(LoadTarget.PARAMETERS, FIRST, WORD)
    await s.control(Control.ABORT)


def test_with_an_error_a_segment_waits_for_clear_and_is_closed(run):
    async def testbench(s):
        await s.bound(LoadTarget.PARAMETERS, FIRST)
        await s.program()
        await s.segment(4)
        await fails(s)
        before = await s.seen()
        assert before["SEGMENT"] == 2
        for name in OPENED:
            word = crc32(s.crc) if name == "LOAD_CHECK" else FIRST
            assert await s.write(name, word) is SLVERR, name
        for number in range(SEGMENTS + 1):
            assert await s.write("SEGMENT", number) is SLVERR
        assert await s.seen() == before
        await s.control(Control.CLEAR)
        assert await s.read("SEGMENT") == 0
        assert await s.read("SEGMENT_CHECKED") == 1 << 4, "what was checked stays"
        assert await s.check_segment() is SLVERR
        await s.segment(1)
        assert await s.error() is Error.NONE

    run(testbench)


def test_words_go_where_segments_may_write_and_nowhere_else(run):
    """Below the bound, behind the memory, to a unit that is none, and to PROGRAM: refused."""

    async def testbench(s):
        for target in LOADABLE:
            await s.bound(target, load_words(CONFIG, target)[1] - 1)
        await started(s)
        assert await s.write("SEGMENT_FIRST", 0, plus=4) is SLVERR, "while BUSY"
        await s.open_segment(0)
        for target in LOADABLE:
            units, words = load_words(CONFIG, target)
            await s.segment_words(target, words - 1, WORD, unit=units - 1)
            before = await s.seen()
            assert await s.write("LOAD_DATA", WORD) is SLVERR
            assert await s.seen() == before
            for unit, address in ((0, words - 2), (0, 0), (units, words - 1)):
                await s.segment_words(target, address, unit=unit)
                before = await s.seen()
                assert await s.write("LOAD_DATA", WORD) is SLVERR, (target, unit, address)
                assert await s.seen() == before
        for address in (0, FIRST, 4 * CONFIG.program_words - 1):
            await s.segment_words(LoadTarget.PROGRAM, address)
            assert await s.write("LOAD_DATA", WORD) is SLVERR
        assert await s.check_segment() is OKAY

    run(testbench)


def test_the_bound_is_each_targets_own_and_program_has_none(run):
    async def testbench(s):
        assert await s.write("SEGMENT_FIRST", 0) is SLVERR, "PROGRAM"
        for number, target in enumerate(LOADABLE):
            await s.bound(target, number + 2)
        await s.program()
        await s.open_segment(0)
        for number, target in enumerate(LOADABLE):
            await s.segment_words(target, number + 1)
            assert await s.write("LOAD_DATA", WORD) is SLVERR
            await s.segment_words(target, number + 2, WORD)

    run(testbench)


def test_at_power_up_no_word_is_a_segments(run):
    async def testbench(s):
        await s.program()
        await s.open_segment(0)
        for target in LoadTarget:
            await s.segment_words(target, load_words(CONFIG, target)[1] - 1)
            assert await s.write("LOAD_DATA", WORD) is SLVERR, target

    run(testbench)


async def same(s):
    await s.open_segment(2)
    await s.segment_words(LoadTarget.VALUES, FIRST, 1, 2, unit=1)


async def another_number(s):
    await s.open_segment(1)
    await s.segment_words(LoadTarget.VALUES, FIRST, 1, 2, unit=1)


async def another_target(s):
    await s.open_segment(2)
    await s.segment_words(LoadTarget.TABLES, FIRST, 1, 2)


async def another_unit(s):
    await s.open_segment(2)
    await s.segment_words(LoadTarget.VALUES, FIRST, 1, 2, unit=0)


async def another_address(s):
    await s.open_segment(2)
    await s.segment_words(LoadTarget.VALUES, FIRST + 1, 1, 2, unit=1)


async def other_data(s):
    await s.open_segment(2)
    await s.segment_words(LoadTarget.VALUES, FIRST, 1, 3, unit=1)


async def swapped(s):
    await s.open_segment(2)
    await s.segment_words(LoadTarget.VALUES, FIRST, 2, 1, unit=1)


async def too_few(s):
    await s.open_segment(2)
    await s.segment_words(LoadTarget.VALUES, FIRST, 1, unit=1)


async def begun_again(s):
    """What was written before a segment is opened anew does not count, nor what is refused."""
    await s.open_segment(2)
    await s.segment_words(LoadTarget.VALUES, FIRST, 7)
    await s.open_segment(2)
    await s.segment_words(LoadTarget.VALUES, FIRST, 1, unit=1)
    assert await s.write("LOAD_DATA", 9, strobe=3) is SLVERR
    assert await s.write("LOAD_CHECK", 9) is SLVERR
    await s.does("LOAD_DATA", 2)
    s.crc += word_bytes(2)


MISTAKES = (another_number, another_target, another_unit, another_address, other_data, swapped)


@pytest.mark.parametrize("way", [same, begun_again, too_few, *MISTAKES])
def test_the_check_covers_number_target_unit_address_and_data(run, way):
    async def testbench(s):
        for target in LOADABLE:
            await s.bound(target, FIRST)
        await started(s)
        await same(s)
        right = crc32(s.crc)
        assert await s.check_segment() is OKAY
        await way(s)
        assert crc32(s.crc) == right or way not in (same, begun_again)
        taken = await s.write("LOAD_CHECK", right)
        assert taken is (OKAY if way in (same, begun_again) else SLVERR)

    run(testbench)


def test_a_check_without_words_is_refused(run):
    """Else what a loading left that was given up would count as checked."""

    async def testbench(s):
        await s.bound(LoadTarget.VALUES, FIRST)
        await s.program()
        await s.segment(3, LoadTarget.VALUES)
        await s.open_segment(3)
        assert await s.check_segment() is SLVERR
        await s.segment_words(LoadTarget.VALUES, FIRST)
        assert await s.check_segment() is SLVERR
        assert await s.write("LOAD_DATA", WORD, strobe=0) is OKAY
        assert await s.check_segment() is SLVERR
        await s.does("LOAD_DATA", WORD)
        s.crc += word_bytes(WORD)
        assert await s.check_segment() is OKAY

    run(testbench)


@pytest.mark.parametrize("strobe", [1, 7, 14, 12, 0])
def test_whole_words_alone(run, strobe):
    async def testbench(s):
        await s.bound(LoadTarget.VALUES, FIRST)
        await s.program()
        await s.open_segment(3)
        await s.segment_words(LoadTarget.VALUES, FIRST, WORD)
        before = await s.seen()
        for name in ("SEGMENT", *OPENED):
            assert await s.write(name, 1, strobe) is (SLVERR if strobe else OKAY), name
            assert await s.seen() == before
        assert await s.check_segment() is OKAY

    run(testbench)


def test_a_segment_in_use_is_not_opened(run):
    """The stand-in uses a feature's bits. An open one that was refused stays as it is."""

    async def testbench(s):
        await s.bound(LoadTarget.PARAMETERS, FIRST)
        await started(s)
        await s.segment(1)
        await s.segment(6)
        await s.write("FEATURE", 1 << 1 | 1 << 2, strobe=1)
        await s.open_segment(3)
        before = await s.seen()
        assert await s.write("SEGMENT", 1 + 1) is SLVERR
        assert await s.seen() == before
        await s.segment(6)
        await s.segment(2)
        await s.write("FEATURE", 1 << 6, strobe=1)
        await s.segment(1)
        assert await s.write("SEGMENT", 6 + 1) is SLVERR
        await s.control(Control.END_OF_INPUT)
        assert await s.read("STATUS") & Status.DONE
        await s.segment(6)
        assert await s.read("SEGMENT_CHECKED") == 1 << 6 | 1 << 2 | 1 << 1

    run(testbench)


@pytest.mark.parametrize("number", [*range(SEGMENTS + 1, 17), 1 << 31, 0xFFFF_FFFF])
def test_numbers_of_no_segment_are_refused(run, number):
    async def testbench(s):
        await s.program()
        await s.open_segment(7)
        assert await s.write("SEGMENT", number) is SLVERR
        assert await s.read("SEGMENT") == 8

    run(testbench)


async def another_image(s):
    await s.program()


async def a_part(s):
    """Unchecked yet."""
    await s.section(LoadTarget.VALUES, check=False)


async def a_part_that_fails(s):
    await s.section(LoadTarget.VALUES, wrong=1)


async def reset(s):
    await s.reset()
    await s.program()


@pytest.mark.parametrize("way", [another_image, a_part, a_part_that_fails, reset])
def test_what_is_loaded_into_an_image_unchecks_its_segments(run, way):
    async def testbench(s):
        await s.bound(LoadTarget.PARAMETERS, FIRST)
        await s.program()
        for number in range(SEGMENTS):
            await s.segment(number)
        assert await s.read("SEGMENT_CHECKED") == (1 << SEGMENTS) - 1
        await way(s)
        assert await s.read("SEGMENT_CHECKED") == 0
        assert await s.read("SEGMENT") == 0

    run(testbench)


def test_an_image_is_loaded_as_before_after_a_segment(run):
    """Its CRC begins with LOAD_ADDRESS again."""

    async def testbench(s):
        await s.bound(LoadTarget.PARAMETERS, FIRST)
        await s.program()
        await s.open_segment(1)
        await s.segment_words(LoadTarget.PARAMETERS, FIRST, 1, 2, 3)
        await s.does("SEGMENT", 0)
        await s.section(LoadTarget.PARAMETERS)
        await s.program()
        await s.segment(1)
        await s.section(LoadTarget.VALUES)
        await s.run()
        assert await s.error() is Error.NONE

    run(testbench)
