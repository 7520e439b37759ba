"""What tests of the host's commands do with a bench, and how a machine comes into each state."""

from zlib import crc32

from sordino.arch import Config
from sordino.isa.commands import State
from sordino.isa.registers import REGISTERS, STATUS_ERROR, Control, Error, LoadTarget, Status
from sordino.rtl.shared.register_bus import Response

__all__ = ["AT", "CONFIG", "WAYS", "WORD", "Session"]

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


def word_bytes(word):
    """A word's bytes, as they count in a CRC."""
    return word.to_bytes(4, "little")


class Session:
    """What a test does with the bench, one access after the other."""

    def __init__(self, system):
        self.bench = system.fake(CONFIG)
        self.manager = system.manager(self.bench)
        self.loads = 0
        self.words = []
        self.crc = b""

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

    async def bound(self, target, first):
        """Segments may write a target from word `first` on."""
        response = await self.write("SEGMENT_FIRST", first, plus=4 * target.value)
        assert response is Response.OKAY

    async def open_segment(self, number):
        """Open a segment, and begin its CRC."""
        await self.does("SEGMENT", number + 1)
        self.crc = word_bytes(number + 1)

    async def segment_words(self, target, address, *words, unit=0):
        """Load words of the open segment."""
        place = target.value | unit << 16
        written = [("LOAD_TARGET", place), ("LOAD_ADDRESS", address)]
        written += [("LOAD_DATA", word) for word in words]
        for name, word in written:
            await self.does(name, word)
            self.crc += word_bytes(word)

    async def check_segment(self, wrong=0):
        """The answer to the CRC of what was written since `open_segment`."""
        return await self.write("LOAD_CHECK", crc32(self.crc) ^ wrong)

    async def segment(self, number, target=LoadTarget.PARAMETERS, first=8):
        """Load and check a segment of one word."""
        await self.open_segment(number)
        await self.segment_words(target, first, WORD)
        assert await self.check_segment() is Response.OKAY

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
