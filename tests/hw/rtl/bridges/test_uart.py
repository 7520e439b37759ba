"""UART bridge: a request happens once, in its turn, or not at all, whatever the line does."""

import random
import zlib

import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from sordino.frames.codec import Decoder, encode, pack, unpack
from sordino.frames.format import (
    ESCAPE,
    FLAG,
    MOST_WORDS,
    VERSION,
    Answer,
    Command,
    Outcome,
    Request,
)
from sordino.rtl.bridges.uart import UartBridge
from sordino.rtl.bridges.uart_line import UartSignature
from sordino.stimuli.simulate import simulate
from sordino.stimuli.stalls import never, seeded
from sordino.stimuli.uart import UartManager, UartWire
from tests.hw.rtl.bridges.subordinate import ADDRESS_WIDTH, REFUSED_FROM, Registers

READ_XOR = 0x5A7D_7E34
CYCLES = 2_000_000
"""More than any test takes."""
WHOLE = 0xF


class Bench(wiring.Component):
    """A bridge before registers, which keep a list of what was done."""

    def __init__(self, cycles=4):
        super().__init__({"uart": In(UartSignature()), "ready": In(1, init=1), "interrupt": In(1)})
        self.bridge = UartBridge(
            address_width=ADDRESS_WIDTH, clock_hz=cycles * 1_000_000, baud=1_000_000
        )
        self.registers = Registers(READ_XOR)
        self.cycles = cycles
        self.seen = []

    def elaborate(self, platform):
        m = Module()
        m.submodules.bridge = self.bridge
        m.submodules.registers = self.registers
        wiring.connect(m, wiring.flipped(self.uart), self.bridge.uart)
        wiring.connect(m, self.bridge.bus, self.registers.bus)
        m.d.comb += [
            self.registers.ready.eq(self.ready),
            self.bridge.interrupt.eq(self.interrupt),
        ]
        return m

    async def readiness(self, ctx, wait):
        """Registers that make the bridge wait."""
        while True:
            ctx.set(self.ready, 0)
            for _ in range(wait()):
                await ctx.tick()
            ctx.set(self.ready, 1)
            await ctx.tick()

    async def watch(self, ctx):
        """Every access of the register bus, in the cycle in which it is done."""
        bus = self.bridge.bus
        async for _, _, written, read, address, data, strobe, read_address in ctx.tick().sample(
            bus.write_valid & bus.write_ready,
            bus.read_valid & bus.read_ready,
            bus.write_address,
            bus.write_data,
            bus.write_strobe,
            bus.read_address,
        ):
            assert not (written and read)
            if written:
                self.seen.append((address, data, strobe))
            if read:
                self.seen.append((read_address,))

    def manager(self, **options):
        return UartManager(self.uart, divider=self.cycles, **options)

    def run(self, testbench, wait=never):
        async def ready(ctx):
            await self.readiness(ctx, wait)

        background = (self.watch, ready) if wait is not never else (self.watch,)
        simulate(self, testbench, timeout=CYCLES, background=background)


def frame(sequence, command, words, **fields):
    return encode([pack(Request, sequence=sequence, command=command, **fields), *words])


# Requests.


@pytest.mark.parametrize("seed", range(2))
def test_accesses_arrive_once_in_order_with_their_answers(seed):
    bench, generator = Bench(cycles=4 + seed), random.Random(seed)
    manager, expected = bench.manager(stall=seeded(seed)), []

    async def testbench(ctx):
        for _ in range(12):
            count = generator.choice((1, 1, 2, 5))
            word, advance = generator.randrange(62), generator.randrange(2)
            strobe = generator.randrange(16)
            places = [word + advance * n for n in range(count)]
            good = [at for at in places if at < REFUSED_FROM]
            refused = places[len(good) : len(good) + 1]
            refused = [at for at in refused if at < 64]  # beyond, there is no access at all
            outcome = Outcome.DONE if len(good) == count else Outcome.REFUSED
            fields = {"address": 4 * word, "advance": advance}
            if generator.random() < 0.5:
                values = [generator.getrandbits(32) for _ in range(count)]
                answer, words = await manager.request(
                    ctx, Command.WRITE, values, strobe=strobe, **fields
                )
                done = list(zip([*good, *refused], values, strict=False))
                expected.extend((at, value, strobe) for at, value in done)
                assert not words
            else:
                answer, words = await manager.request(ctx, Command.READ, [count], **fields)
                expected.extend((at,) for at in [*good, *refused])
                assert words == [at ^ READ_XOR for at in good]
            assert answer.outcome is outcome
            if outcome is Outcome.REFUSED:
                assert (answer.index, answer.refused) == (len(good), answer.sequence)
            assert answer.version == VERSION
            assert answer.interrupt == 0

    bench.run(testbench, seeded(seed + 1))
    assert bench.seen == expected
    assert {len(access) for access in expected} == {1, 3}


@pytest.mark.parametrize("address", [1, 2, 7, 0x100, 0x8004])
def test_an_address_that_the_bus_lacks_is_refused(address):
    bench = Bench()
    manager = bench.manager()

    async def testbench(ctx):
        for command, word in ((Command.WRITE, 5), (Command.READ, 1)):
            answer, words = await manager.request(ctx, command, [word], address=address)
            assert (answer.outcome, answer.index, words) == (Outcome.REFUSED, 0, [])

    bench.run(testbench)
    assert not bench.seen


def test_the_longest_request_and_the_longest_answer():
    """Every word is a flag and escapes; the frames are twice as long on the line."""
    bench = Bench()
    manager = bench.manager()
    values = [(ESCAPE | FLAG << 8) * 0x10001 ^ n << 4 for n in range(MOST_WORDS)]

    async def testbench(ctx):
        answer, _ = await manager.request(ctx, Command.WRITE, values, address=8, strobe=WHOLE)
        assert answer.outcome is Outcome.DONE
        answer, words = await manager.request(ctx, Command.READ, [MOST_WORDS], address=8)
        assert answer.outcome is Outcome.DONE
        assert words == [2 ^ READ_XOR] * MOST_WORDS
        answer, words = await manager.request(ctx, Command.SYNC, values)
        assert (answer.outcome, answer.index, words) == (Outcome.DONE, MOST_WORDS, values)

    bench.run(testbench)
    assert bench.seen == [(2, value, WHOLE) for value in values] + [(2,)] * MOST_WORDS


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (3, [1]),
        (Command.READ, [0]),
        (Command.READ, [MOST_WORDS + 1]),
        (Command.READ, [1 << 7]),
        (Command.READ, [1 << 31]),
        (Command.READ, [1, 1]),
    ],
)
def test_what_means_nothing_is_said_to_mean_nothing(command, words):
    bench, sent = Bench(), []
    manager = bench.manager()

    async def testbench(ctx):
        await manager.request(ctx, Command.SYNC, [0])
        header = (
            pack(Request, sequence=2, address=4)
            | int(command if isinstance(command, int) else command.value) << 8
        )
        answers = await asked(ctx, manager.wire, encode([header, *words]), 1)
        sent.append(answers[0].outcome)

    bench.run(testbench)
    assert sent == [Outcome.UNKNOWN]
    assert not bench.seen


async def asked(ctx, wire, sent, count, patience=20_000):
    """Headers of the first `count` answers to bytes; fewer where no more come."""
    decoder, answers = Decoder(), []
    await wire.send(ctx, sent)
    for _ in range(patience):
        answers += [unpack(Answer, words[0]) for words in decoder.push(bytes(wire.received))]
        wire.received.clear()
        if len(answers) >= count:
            break
        await wire.tick(ctx)
    return answers


def test_a_request_is_done_once_and_answered_as_often_as_it_is_asked():
    bench = Bench()
    wire = UartWire(bench.uart, divider=4)

    async def testbench(ctx):
        early = frame(0, Command.WRITE, [1], address=4, strobe=WHOLE)
        (answer,) = await asked(ctx, wire, early, 1)
        assert answer.outcome is Outcome.RESET, "nobody has said where to begin"
        await asked(ctx, wire, frame(254, Command.SYNC, [0]), 1)
        for sequence in (255, 0, 1):
            write = frame(sequence, Command.WRITE, [sequence], address=4, strobe=WHOLE)
            answers = await asked(ctx, wire, 3 * write, 3)
            assert [(a.sequence, a.outcome) for a in answers] == 3 * [(sequence, Outcome.DONE)]
        read = frame(2, Command.READ, [3], address=12, advance=1)
        for _ in range(2):
            decoder = Decoder()
            await wire.send(ctx, read)
            found = []
            while not found:
                await wire.tick(ctx)
                found = list(decoder.push(bytes(wire.received)))
                wire.received.clear()
            assert found[0][1:] == [n ^ READ_XOR for n in (3, 4, 5)]
        for sequence in (1, 4, 200):
            late = frame(sequence, Command.WRITE, [9], address=4, strobe=WHOLE)
            (answer,) = await asked(ctx, wire, late, 1)
            assert (answer.sequence, answer.outcome) == (2, Outcome.TURN)

    bench.run(testbench)
    assert bench.seen == [(1, 255, 15), (1, 0, 15), (1, 1, 15), (3,), (4,), (5,)]


def test_behind_a_refused_request_chained_ones_do_nothing():
    bench = Bench()
    wire = UartWire(bench.uart, divider=4)

    async def testbench(ctx):
        chained = {"strobe": WHOLE, "chained": 1}
        rows = [
            frame(0, Command.SYNC, [0]),
            frame(1, Command.WRITE, [1], address=4, **chained),
            frame(2, Command.WRITE, [2, 3, 4], address=4 * 47, advance=1, **chained),
            frame(3, Command.WRITE, [5], address=4, **chained),
            frame(4, Command.READ, [1], address=4, chained=1),
            frame(5, Command.WRITE, [6], address=4, strobe=WHOLE),
            frame(6, Command.WRITE, [7], address=4, **chained),
        ]
        answers = await asked(ctx, wire, b"".join(rows), len(rows))
        assert [a.sequence for a in answers] == list(range(7))
        assert [a.outcome.name for a in answers] == [
            "DONE", "DONE", "REFUSED", "SKIPPED", "SKIPPED", "DONE", "DONE",
        ]  # fmt: skip
        assert [(a.refused, a.index) for a in answers[2:5]] == 3 * [(2, 1)]

    bench.run(testbench)
    assert bench.seen == [(1, 1, 15), (47, 2, 15), (48, 3, 15), (1, 6, 15), (1, 7, 15)]


def test_the_interrupt_line_is_told_once_for_each_rise():
    bench = Bench()
    wire = UartWire(bench.uart, divider=4)

    async def testbench(ctx):
        await asked(ctx, wire, frame(7, Command.SYNC, [0]), 1)
        for _ in range(2):
            ctx.set(bench.interrupt, 1)
            (event,) = await asked(ctx, wire, b"", 2, patience=2000)
            assert (event.outcome, event.interrupt, event.sequence) == (Outcome.EVENT, 1, 7)
            ctx.set(bench.interrupt, 0)
            for _ in range(20):
                await wire.tick(ctx)
        (answer,) = await asked(ctx, wire, frame(7, Command.SYNC, [0]), 1)
        assert answer.interrupt == 0
        ctx.set(bench.interrupt, 1)
        answers = await asked(ctx, wire, frame(7, Command.SYNC, [0]), 3, patience=2000)
        assert [a.outcome.name for a in answers] == ["EVENT", "DONE"]
        assert answers[1].interrupt == 1

    bench.run(testbench)


# Noise.


@pytest.mark.parametrize("kind", ["cut", "flip", "add", "swap"])
def test_a_frame_with_any_fault_does_nothing_and_the_next_one_is_understood(kind):
    """Every byte of a request in turn, flags and CRC among them."""
    bench, generator = Bench(), random.Random(kind)
    wire = UartWire(bench.uart, divider=4)
    expected = []

    async def testbench(ctx):
        await asked(ctx, wire, frame(0, Command.SYNC, [0]), 1)
        whole = frame(1, Command.WRITE, [0x7E00_0001], address=4, strobe=WHOLE)
        sequence = 0
        for at in range(1, len(whole) - 1, 2 if kind == "flip" else 1):
            bad = bytearray(whole)
            if kind == "cut":
                del bad[at]
            elif kind == "flip":
                bad[at] ^= 1 << generator.randrange(8)
            elif kind == "add":
                bad.insert(at, generator.randrange(1, FLAG))
            else:
                bad[at] = FLAG
            good = [sequence + 1, sequence + 2]
            frames = [frame(n, Command.WRITE, [n], address=4, strobe=WHOLE) for n in good]
            answers = await asked(ctx, wire, bytes(bad) + b"".join(frames), 2, patience=1000)
            assert [(a.sequence, a.outcome) for a in answers] == [
                (n, Outcome.DONE) for n in good
            ], at
            expected.extend((1, n, 15) for n in good)
            sequence += 2

    bench.run(testbench)
    assert bench.seen == expected


def test_the_crc_is_that_of_zlib():
    body = (5).to_bytes(4, "little") + (6).to_bytes(4, "little")
    assert encode([5, 6]) == b"\x7e" + body + zlib.crc32(body).to_bytes(4, "little") + b"\x7e"
