"""UART line: how long a bit takes, bytes back to back, glitches and breaks."""

import random

import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring

from sordino.errors import InputError
from sordino.rtl.bridges.uart import UartBridge
from sordino.rtl.bridges.uart_line import UartReceiver, UartTransmitter, divider
from sordino.stimuli.simulate import simulate


@pytest.mark.parametrize(
    ("clock_hz", "baud", "cycles"),
    [
        (50_000_000, 115_200, 434),
        (50_000_000, 1_000_000, 50),
        (50_000_000, 3_000_000, 17),
        (48_000_000, 3_000_000, 16),
        (65_000_000, 3_000_000, 22),
        (25_000_000, 1_000_000, 25),
        (4_000_000, 1_000_000, 4),
    ],
)
def test_a_bit_takes_so_many_cycles(clock_hz, baud, cycles):
    assert divider(clock_hz, baud) == cycles


@pytest.mark.parametrize(
    ("clock_hz", "baud", "message"),
    [
        (25_000_000, 3_000_000, r"got 3,000,000: a bit of 8 cycles is 4\.0 % off; take 3,125,000"),
        (
            3_000_000,
            1_000_000,
            r"got 1,000,000: a bit of 3 cycles is 0\.0 % off; take 750,000 baud",
        ),
        (50_000_000, 60_000_000, "wanted a baud rate that a clock of 50,000,000 Hz can keep"),
        (50_000_000, 0, "wanted a clock and a baud rate of 1 Hz or more, got 50000000 and 0"),
        (-1, 9600, "wanted a clock and a baud rate"),
    ],
)
def test_a_baud_rate_that_the_clock_cannot_keep_is_refused(clock_hz, baud, message):
    with pytest.raises(InputError, match=message):
        divider(clock_hz, baud)
    with pytest.raises(InputError, match=message):
        UartBridge(address_width=12, clock_hz=clock_hz, baud=baud)


class Loop(wiring.Component):
    """A transmitter before a receiver whose bits are longer or shorter."""

    def __init__(self, sends, receives):
        super().__init__({})
        self.transmitter = UartTransmitter(divider=sends)
        self.receiver = UartReceiver(divider=receives)

    def elaborate(self, platform):
        m = Module()
        m.submodules.transmitter = self.transmitter
        m.submodules.receiver = self.receiver
        m.d.comb += self.receiver.rx.eq(self.transmitter.tx)
        return m


@pytest.mark.parametrize(
    ("sends", "receives"), [(4, 4), (5, 5), (17, 17), (100, 96), (96, 100), (434, 434)]
)
def test_bytes_pass_back_to_back_also_where_bits_differ_a_little(sends, receives):
    loop, received, times = Loop(sends, receives), [], []
    sent = bytes(random.Random(sends).randbytes(12)) + b"\x00\xff\x55"
    out = loop.transmitter.bytes

    async def testbench(ctx):
        ctx.set(out.valid, 1)
        for byte in sent:
            ctx.set(out.payload, byte)
            ready = False
            while not ready:
                _, _, ready = await ctx.tick().sample(out.ready)
        ctx.set(out.valid, 0)
        while len(received) < len(sent):
            await ctx.tick()

    async def receiver(ctx):
        cycle = 0
        async for _, _, valid, broken, byte in ctx.tick().sample(
            loop.receiver.valid, loop.receiver.broken, loop.receiver.data
        ):
            cycle += 1
            assert not broken
            if valid:
                received.append(byte)
                times.append(cycle)

    simulate(loop, testbench, timeout=20 * 10 * 500, background=(receiver,))
    assert bytes(received) == sent
    assert (times[-1] - times[0] + 1) // (len(sent) - 1) == 10 * sends


def test_a_glitch_is_no_byte_and_a_break_is_a_broken_one():
    receiver = UartReceiver(divider=8)
    told = []

    async def testbench(ctx):
        for level, cycles in ((1, 20), (0, 2), (1, 200), (0, 400), (1, 200)):
            ctx.set(receiver.rx, level)
            for _ in range(cycles):
                _, _, valid, broken = await ctx.tick().sample(receiver.valid, receiver.broken)
                if valid or broken:
                    told.append((valid, broken))

    simulate(receiver, testbench, timeout=2000)
    assert told == [(0, 1)]
