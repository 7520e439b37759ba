"""AXI4-Lite bridge: every access arrives once, in order, under any stalls; AMBA's rules hold."""

import itertools
import random

import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from sordino.rtl.bridges.axi_lite import AxiLiteBridge, AxiLiteSignature
from sordino.rtl.shared.register_bus import Response
from sordino.stimuli.axi import AxiLiteManager
from sordino.stimuli.simulate import simulate
from tests.hw.rtl.bridges.subordinate import ADDRESS_WIDTH, READ_XOR, REFUSED_FROM, Registers

CYCLES = 20_000
"""More than any test takes."""


def stalls(kind, seed):
    """Stall generators: none, a fixed pattern, or seeded random."""
    if kind == "none":
        return lambda: 0
    if kind == "fixed":
        pattern = itertools.cycle([0, 3, 1, 0, 2])
        return lambda: next(pattern)
    generator = random.Random(seed)
    return lambda: generator.choice([0, 0, 0, 1, 2, 5])


class Bench(wiring.Component):
    axi: wiring.PureInterface
    ready: Signal

    def __init__(self):
        super().__init__({"axi": In(AxiLiteSignature(address_width=ADDRESS_WIDTH)), "ready": In(1)})
        self.bridge = AxiLiteBridge(address_width=ADDRESS_WIDTH)
        self.registers = Registers()

    def elaborate(self, platform):
        m = Module()
        m.submodules.bridge = self.bridge
        m.submodules.registers = self.registers
        wiring.connect(m, wiring.flipped(self.axi), self.bridge.s_axi)
        wiring.connect(m, self.bridge.bus, self.registers.bus)
        m.d.comb += self.registers.ready.eq(self.ready)
        return m


async def hold_rule(ctx, valid, ready, *payload):
    """A raised valid stays, with its payload, until the handshake."""
    before = None
    async for _, _, v, r, *values in ctx.tick().sample(valid, ready, *payload):
        if before is not None:
            assert v, "valid fell before the handshake"
            assert values == before, "payload changed before the handshake"
        before = values if v and not r else None


@pytest.mark.parametrize("kind", ["none", "fixed", "random-1", "random-2"])
def test_accesses_arrive_once_in_order_with_their_answers(kind):
    kind, _, seed = kind.partition("-")
    bench = Bench()
    axi, bus = bench.axi, bench.bridge.bus
    generator = random.Random(f"axi {seed}")
    # A third of the addresses is not a multiple of 4.
    addresses = [generator.choice([4, 4, 4, 4, 1, 1]) * generator.randrange(64) for _ in range(240)]
    writes = [(a, generator.getrandbits(32), generator.randrange(16)) for a in addresses[::2]]
    reads = addresses[1::2]
    seen, done, read = [], [], 0

    async def writer(ctx):
        manager = AxiLiteManager(axi, stall=stalls(kind, f"w{seed}"))
        for address, value, strobe in writes:
            refused = address // 4 >= REFUSED_FROM or address % 4
            expected = Response.SLVERR if refused else Response.OKAY
            assert await manager.write(ctx, address, value, strobe) is expected
            done.extend([address] if address % 4 == 0 else [])
            assert len(seen) == len(done), "response before the access"

    async def reader(ctx):
        manager = AxiLiteManager(axi, stall=stalls(kind, f"r{seed}"))
        for address in reads:
            refused = address // 4 >= REFUSED_FROM or address % 4
            value, response = await manager.read(ctx, address)
            assert value == (0 if address % 4 else (address // 4) ^ READ_XOR)
            assert response is (Response.SLVERR if refused else Response.OKAY)

    async def registers(ctx):
        wait = stalls(kind, f"b{seed}")
        while True:
            ctx.set(bench.ready, 0)
            for _ in range(wait()):
                await ctx.tick()
            ctx.set(bench.ready, 1)
            await ctx.tick()

    async def monitor(ctx):
        async for _, _, fire, *access in ctx.tick().sample(
            bus.write_valid & bus.write_ready, bus.write_address, bus.write_data, bus.write_strobe
        ):
            if fire:
                seen.append(tuple(access))

    async def monitor_reads(ctx):
        nonlocal read
        async for _, _, valid in ctx.tick().sample(bus.read_valid & bus.read_ready):
            read += bool(valid)

    async def hold_b(ctx):
        await hold_rule(ctx, axi.bvalid, axi.bready, axi.bresp)

    async def hold_r(ctx):
        await hold_rule(ctx, axi.rvalid, axi.rready, axi.rdata, axi.rresp)

    processes = [registers, monitor, monitor_reads, hold_b, hold_r]
    simulate(bench, writer, reader, timeout=CYCLES, background=processes)
    whole = [(address // 4, value, strobe) for address, value, strobe in writes if not address % 4]
    assert seen == whole
    assert 0 < len(whole) < len(writes)
    assert read == sum(not address % 4 for address in reads)


@pytest.mark.parametrize("kind", ["none", "fixed", "random-1", "random-2", "random-3"])
def test_requests_ahead_of_their_responses(kind):
    """Five channels, each with stalls of its own; requests do not wait for earlier responses."""
    kind, _, seed = kind.partition("-")
    bench = Bench()
    axi, bus = bench.axi, bench.bridge.bus
    generator = random.Random(f"ahead {seed}")
    words = [(generator.randrange(64), generator.getrandbits(32)) for _ in range(80)]
    reads = [generator.randrange(64) for _ in range(80)]
    written, responses, values = [], [], []

    async def send(ctx, valid, ready, payloads, wait):
        for signals in payloads:
            for _ in range(wait()):
                await ctx.tick()
            for signal, value in signals:
                ctx.set(signal, value)
            ctx.set(valid, 1)
            while True:
                _, _, taken = await ctx.tick().sample(ready)
                if taken:
                    break
            ctx.set(valid, 0)

    async def receive(ctx, valid, ready, payload, into, wait):
        while len(into) < len(words):
            for _ in range(wait()):
                await ctx.tick()
            ctx.set(ready, 1)
            while True:
                _, _, given, *value = await ctx.tick().sample(valid, *payload)
                if given:
                    break
            into.append(tuple(value))
            ctx.set(ready, 0)

    async def aw(ctx):
        items = [[(axi.awaddr, 4 * address)] for address, _ in words]
        await send(ctx, axi.awvalid, axi.awready, items, stalls(kind, f"aw{seed}"))

    async def w(ctx):
        items = [[(axi.wdata, value)] for _, value in words]
        await send(ctx, axi.wvalid, axi.wready, items, stalls(kind, f"w{seed}"))

    async def ar(ctx):
        items = [[(axi.araddr, 4 * address)] for address in reads]
        await send(ctx, axi.arvalid, axi.arready, items, stalls(kind, f"ar{seed}"))

    async def b(ctx):
        wait = stalls(kind, f"b{seed}")
        await receive(ctx, axi.bvalid, axi.bready, [axi.bresp], responses, wait)

    async def r(ctx):
        wait = stalls(kind, f"r{seed}")
        await receive(ctx, axi.rvalid, axi.rready, [axi.rdata, axi.rresp], values, wait)

    async def monitor(ctx):
        ctx.set(bench.ready, 1)
        async for _, _, fire, *access in ctx.tick().sample(
            bus.write_valid & bus.write_ready, bus.write_address, bus.write_data
        ):
            if fire:
                written.append(tuple(access))

    async def hold_b(ctx):
        await hold_rule(ctx, axi.bvalid, axi.bready, axi.bresp)

    async def hold_r(ctx):
        await hold_rule(ctx, axi.rvalid, axi.rready, axi.rdata, axi.rresp)

    simulate(bench, aw, w, ar, b, r, timeout=CYCLES, background=[monitor, hold_b, hold_r])
    assert written == words
    assert [response for (response,) in responses] == [answer(address) for address, _ in words]
    assert values == [(address ^ READ_XOR, answer(address)) for address in reads]


def answer(address):
    return Response.SLVERR if address >= REFUSED_FROM else Response.OKAY


def test_no_output_depends_on_an_input_of_the_same_cycle():
    bench = Bench()
    axi = bench.axi
    inputs = [axi.awvalid, axi.wvalid, axi.bready, axi.arvalid, axi.rready]
    outputs = [axi.awready, axi.wready, axi.bvalid, axi.arready, axi.rvalid, axi.rdata]
    states = set()

    async def testbench(ctx):
        generator = random.Random("paths")
        ctx.set(bench.ready, 1)
        for _ in range(300):
            before = [ctx.get(o) for o in outputs]
            states.add(tuple(before[:5]))
            for _ in range(4):
                for signal in inputs:
                    ctx.set(signal, generator.getrandbits(1))
                assert [ctx.get(o) for o in outputs] == before
            await ctx.tick()

    simulate(bench, testbench, timeout=CYCLES)
    assert len(states) > 8, "the stimulus must visit the bridge's states"


def test_one_access_every_two_cycles():
    bench = Bench()
    axi = bench.axi
    counts = {"b": 0, "r": 0}
    cycles = 41

    async def testbench(ctx):
        for signal in (axi.awvalid, axi.wvalid, axi.bready, axi.arvalid, axi.rready, bench.ready):
            ctx.set(signal, 1)
        for _ in range(cycles):
            _, _, b, r = await ctx.tick().sample(axi.bvalid, axi.rvalid)
            counts["b"] += b
            counts["r"] += r

    simulate(bench, testbench, timeout=CYCLES)
    # The first response is there two cycles after its handshake.
    assert counts == {"b": (cycles - 1) // 2, "r": (cycles - 1) // 2}


def test_address_width_is_checked():
    with pytest.raises(ValueError, match=r"^wanted AXI address width to be at least 3, got 2$"):
        AxiLiteSignature(address_width=2)


def test_signature_has_the_names_of_amba():
    signature = AxiLiteSignature(address_width=ADDRESS_WIDTH)
    ours = {name for name, member in signature.members.items() if member.flow is Out}
    assert ours == {
        "awaddr",
        "awprot",
        "awvalid",
        "wdata",
        "wstrb",
        "wvalid",
        "bready",
        "araddr",
        "arprot",
        "arvalid",
        "rready",
    }
    assert set(signature.members) - ours == {
        "awready",
        "wready",
        "bresp",
        "bvalid",
        "arready",
        "rdata",
        "rresp",
        "rvalid",
    }
