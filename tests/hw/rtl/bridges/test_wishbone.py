"""Wishbone bridge: every access arrives once, in order, under any stalls; the rules hold."""

import random

import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from sordino.rtl.bridges.wishbone import WishboneBridge, WishboneSignature
from sordino.rtl.shared.register_bus import Response
from sordino.stimuli.simulate import simulate
from sordino.stimuli.stalls import STALLS
from sordino.stimuli.wishbone import WishboneManager
from tests.hw.rtl.bridges.subordinate import ADDRESS_WIDTH, READ_XOR, REFUSED_FROM, Registers

CYCLES = 20_000
"""More than any test takes."""


class Bench(wiring.Component):
    def __init__(self):
        super().__init__({"wb": In(WishboneSignature(address_width=ADDRESS_WIDTH)), "ready": In(1)})
        self.bridge = WishboneBridge(address_width=ADDRESS_WIDTH)
        self.registers = Registers()

    def elaborate(self, platform):
        m = Module()
        m.submodules.bridge = self.bridge
        m.submodules.registers = self.registers
        wiring.connect(m, wiring.flipped(self.wb), self.bridge.wb)
        wiring.connect(m, self.bridge.bus, self.registers.bus)
        m.d.comb += self.registers.ready.eq(self.ready)
        return m

    async def readiness(self, ctx, wait):
        """Registers that make the bridge wait."""
        while True:
            ctx.set(self.ready, 0)
            for _ in range(wait()):
                await ctx.tick()
            ctx.set(self.ready, 1)
            await ctx.tick()

    async def watch(self, ctx, seen):
        """Every access of the register bus, in the cycle in which it is done."""
        bus = self.bridge.bus
        async for _, _, written, read, address, data, strobe in ctx.tick().sample(
            bus.write_valid & bus.write_ready,
            bus.read_valid & bus.read_ready,
            bus.write_address,
            bus.write_data,
            bus.write_strobe,
        ):
            assert not (written and read)
            if written:
                seen.append((address, data, strobe))
            if read:
                seen.append((address,))

    async def rules(self, ctx):
        """An answer is either one, lasts for one cycle, and comes to a request that is there."""
        wb, before = self.wb, 0
        async for _, _, ack, err, request in ctx.tick().sample(wb.ack, wb.err, wb.cyc & wb.stb):
            assert not (ack and err)
            assert not (before and (ack or err)), "two answers to one request"
            assert request or not (ack or err) or self.withdraws
            before = ack or err

    withdraws = False


def expected_answer(address):
    return Response.SLVERR if address // 4 >= REFUSED_FROM or address % 4 else Response.OKAY


@pytest.mark.parametrize("kind", STALLS)
@pytest.mark.parametrize("seed", [1, 2])
def test_accesses_arrive_once_in_order_with_their_answers(kind, seed):
    bench, generator = Bench(), random.Random(seed)
    manager = WishboneManager(bench.wb, stall=STALLS[kind](seed))
    accesses, seen = [], []
    for _ in range(200):
        # A third of the addresses is not a multiple of 4.
        address = generator.choice([4, 4, 4, 4, 1, 1]) * generator.randrange(64)
        written = (generator.getrandbits(32), generator.randrange(16))
        accesses.append((address, written if generator.random() < 0.5 else None))

    async def testbench(ctx):
        for address, written in accesses:
            if written:
                assert await manager.write(ctx, address, *written) is expected_answer(address)
            else:
                word = 0 if address % 4 else address // 4 ^ READ_XOR
                assert await manager.read(ctx, address) == (word, expected_answer(address))

    async def ready(ctx):
        await bench.readiness(ctx, STALLS[kind](seed + 1))

    async def watch(ctx):
        await bench.watch(ctx, seen)

    simulate(bench, testbench, timeout=CYCLES, background=(ready, watch, bench.rules))
    whole = [(address // 4, *(written or ())) for address, written in accesses if not address % 4]
    assert seen == whole
    assert 0 < len(whole) < len(accesses)


@pytest.mark.parametrize("seed", range(3))
def test_a_request_that_is_withdrawn_gets_no_answer(seed):
    """The next one is answered once, with its own word, however soon it comes."""
    bench, generator = Bench(), random.Random(seed)
    bench.withdraws = True
    wb, answers = bench.wb, []

    async def testbench(ctx):
        for number in range(60):
            for address, patience in ((4, generator.randrange(4)), (8, CYCLES)):
                ctx.set(wb.adr, address)
                ctx.set(wb.cyc, 1)
                ctx.set(wb.stb, 1)
                for _ in range(patience):
                    _, _, ack, word = await ctx.tick().sample(wb.ack, wb.dat_r)
                    if ack:
                        answers.append((address, word))
                        break
                ctx.set(wb.cyc, generator.randrange(2))
                ctx.set(wb.stb, 0)
                # A cycle without a request is the least between two of them.
                for _ in range(1 + generator.randrange(2)):
                    _, _, ack = await ctx.tick().sample(wb.ack)
                    assert not ack or address == 4, number

    async def ready(ctx):
        await bench.readiness(ctx, lambda: generator.randrange(4))

    simulate(bench, testbench, timeout=CYCLES, background=(ready, bench.rules))
    assert {word for address, word in answers if address == 8} == {2 ^ READ_XOR}
    assert [address for address, _ in answers].count(8) == 60
    assert 0 < [address for address, _ in answers].count(4) < 60


def test_no_output_depends_on_an_input_of_the_same_cycle():
    bench = Bench()
    wb, states = bench.wb, set()
    inputs, outputs = [wb.cyc, wb.stb, wb.we], [wb.ack, wb.err, wb.dat_r]

    async def testbench(ctx):
        generator = random.Random("paths")
        ctx.set(bench.ready, 1)
        for _ in range(300):
            ctx.set(wb.adr, generator.choice([4, 4 * REFUSED_FROM]))
            before = [ctx.get(output) for output in outputs]
            states.add(tuple(before[:2]))
            for _ in range(4):
                for signal in inputs:
                    ctx.set(signal, generator.getrandbits(1))
                assert [ctx.get(output) for output in outputs] == before
            await ctx.tick()

    simulate(bench, testbench, timeout=CYCLES)
    assert states == {(0, 0), (1, 0), (0, 1)}


def test_one_access_every_three_cycles():
    bench = Bench()
    wb, answers = bench.wb, []
    cycles = 31

    async def testbench(ctx):
        for signal in (wb.cyc, wb.stb, bench.ready):
            ctx.set(signal, 1)
        for _ in range(cycles):
            _, _, ack = await ctx.tick().sample(wb.ack)
            answers.append(ack)

    simulate(bench, testbench, timeout=CYCLES)
    assert answers == [int(cycle % 3 == 2) for cycle in range(cycles)]


def test_a_manager_that_is_not_answered_gives_up():
    bench = Bench()

    async def testbench(ctx):
        with pytest.raises(TimeoutError, match="no answer to a write to 0x8 in 20 cycles"):
            await WishboneManager(bench.wb, patience=20).write(ctx, 8, 1)

    simulate(bench, testbench, timeout=CYCLES)


def test_address_width_is_checked():
    with pytest.raises(ValueError, match=r"^wanted Wishbone address width to be at least 3, got 2"):
        WishboneSignature(address_width=2)


def test_signature_has_the_names_of_wishbone():
    signature = WishboneSignature(address_width=ADDRESS_WIDTH)
    ours = {name for name, member in signature.members.items() if member.flow is Out}
    assert ours == {"cyc", "stb", "we", "adr", "sel", "dat_w"}
    assert set(signature.members) - ours == {"dat_r", "ack", "err"}
