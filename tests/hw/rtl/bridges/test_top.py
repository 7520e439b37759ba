"""The top module with any bridge: its ports, and a machine behind a bridge that nobody knows."""

import numpy as np
import pytest
from amaranth.hdl import Fragment, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from sordino.driver import AsyncHost, Refused, Run
from sordino.errors import InputError
from sordino.golden.machine import Golden
from sordino.isa.registers import ADDRESS_BITS
from sordino.rtl.bridges.axi_lite import AxiLiteBridge
from sordino.rtl.bridges.ports import with_ports
from sordino.rtl.bridges.registry import BRIDGES, make_bridge
from sordino.rtl.export.emit import ports_of
from sordino.rtl.shared.register_bus import RegisterBusSignature
from sordino.rtl.top import Sordino
from sordino.stimuli.bus import InterruptedBus
from sordino.stimuli.simulate import simulate
from sordino.stimuli.stalls import seeded
from sordino.testing.images.by_hand import PLAIN
from sordino.testing.images.programs import random_config, random_features, random_program


class OwnBridge(wiring.Component):
    """A request and an answer, each a word with a flag: the least that is a bus."""

    def __init__(self):
        super().__init__(
            {
                "bus": Out(RegisterBusSignature(address_width=ADDRESS_BITS - 2)),
                "ask": In(1),
                "writes": In(1),
                "at": In(ADDRESS_BITS - 2),
                "bytes": In(4),
                "word": In(32),
                "answer": Out(1),
                "bad": Out(1),
                "back": Out(32),
            }
        )

    def elaborate(self, platform):
        m = Module()
        bus, done = self.bus, Signal()
        m.d.comb += [
            bus.write_valid.eq(self.ask & self.writes & ~self.answer),
            bus.read_valid.eq(self.ask & ~self.writes & ~self.answer),
            bus.write_address.eq(self.at),
            bus.read_address.eq(self.at),
            bus.write_data.eq(self.word),
            bus.write_strobe.eq(self.bytes),
            done.eq(bus.write_valid & bus.write_ready | bus.read_valid & bus.read_ready),
        ]
        m.d.sync += self.answer.eq(done)
        with m.If(done):
            refused = self.writes & bus.write_refused | ~self.writes & bus.read_refused
            m.d.sync += [self.bad.eq(refused), self.back.eq(bus.read_data)]
        return m


class OwnBus:
    """Its manager, as a driver's bus."""

    def __init__(self, ctx, top):
        self.ctx, self.top = ctx, top

    async def access(self, address, value, strobe):
        ctx, top = self.ctx, self.top
        for signal, level in (
            (top.at, address // 4),
            (top.writes, value is not None),
            (top.word, value or 0),
            (top.bytes, strobe),
            (top.ask, 1),
        ):
            ctx.set(signal, level)
        for _ in range(100):
            _, _, answer, bad, back = await ctx.tick().sample(top.answer, top.bad, top.back)
            if answer:
                ctx.set(top.ask, 0)
                if bad:
                    raise Refused(address, value)
                return back
        raise TimeoutError("no answer in 100 cycles")

    async def read(self, address):
        return await self.access(address, None, 0)

    async def write(self, address, value, strobe=15):
        await self.access(address, value, strobe)


def an_image(seed):
    """A small random program, and its features."""
    rng = np.random.default_rng(seed)
    image = random_program(rng, random_config(rng), steps=1)
    features = random_features(rng, image, 2)
    result = Golden(image).run(features)
    assert result.tokens
    assert result.counters["useful"]
    return image, features, result


def run_whole(top, bus_of, seed):
    """Load, run and count over a bus; everything equals golden."""
    image, features, expected = an_image(seed)
    circuit = top(image.config)
    seen = []

    async def testbench(ctx):
        host = AsyncHost(bus_of(ctx, circuit), patience=10_000)
        await host.reset()
        await host.load(image)
        seen.append((await host.run(features), await host.counters()))
        with pytest.raises(Refused, match="cannot write 0x0 to ID at 0x000"):
            await host.write("ID", 0)

    simulate(circuit, testbench, timeout=30_000)
    ((run, counters),) = seen
    assert run == Run(expected.tokens, expected.code, expected.error)
    assert {name: counters[name] for name in expected.counters} == expected.counters


@pytest.mark.parametrize("seed", [25, 32])
def test_a_whole_machine_over_every_bus_equals_golden(system, seed):
    """A serial line is too slow for this simulator: tests/sim/engines/device has it."""

    def bus(ctx, circuit):
        manager = system.manager(circuit, stall=seeded(seed))
        return InterruptedBus(ctx, manager, circuit.irq)

    run_whole(system.whole, bus, seed)


def test_a_bridge_that_nobody_knows():
    run_whole(lambda config: Sordino(config, OwnBridge()), OwnBus, 25)


def test_ports_are_those_of_the_bridge_and_the_interrupt():
    def names(*arguments):
        top = Sordino(PLAIN, *arguments)
        found = set(ports_of(top, "_"))
        simulate(top, idle, timeout=2)
        return found

    async def idle(ctx):
        await ctx.tick()

    assert names(OwnBridge()) == {
        *("ask", "writes", "at", "bytes", "word", "answer", "bad", "back"),
        "irq",
    }
    assert names() == names(AxiLiteBridge(address_width=ADDRESS_BITS))
    assert names(make_bridge("wishbone")) == {
        *(f"wb_{name}" for name in ("cyc", "stb", "we", "adr", "sel", "dat_w", "dat_r")),
        *("wb_ack", "wb_err", "irq"),
    }
    assert names(make_bridge("uart")) == {"uart_rx", "uart_tx", "irq"}


class Other(wiring.Component):
    """Any component."""

    def elaborate(self, platform):
        return Module()


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({}, r"wanted a bridge whose member bus is Out\(RegisterBusSignature\) with 10 address"),
        ({"bus": Out(32)}, "whose member bus is"),
        ({"bus": In(RegisterBusSignature(address_width=ADDRESS_BITS - 2))}, "whose member bus is"),
        ({"bus": Out(RegisterBusSignature(address_width=ADDRESS_BITS))}, "with 10 address bits"),
        (
            {
                "bus": Out(RegisterBusSignature(address_width=ADDRESS_BITS - 2)),
                "interrupt": Out(1),
            },
            r"wanted a bridge whose member interrupt is In\(1\), got Other",
        ),
        (
            {
                "bus": Out(RegisterBusSignature(address_width=ADDRESS_BITS - 2)),
                **{"irq": In(1), "rst": In(1), "x": In(1)},
            },
            "wanted a bridge without ports named irq, rst, got one that has",
        ),
    ],
)
def test_what_is_no_bridge_is_refused(members, message):
    other = Other(members)
    with pytest.raises(ValueError, match=message):
        with_ports(other, {"irq": Out(1)})
    Fragment.get(other, None)


def test_a_bus_without_a_bridge():
    with pytest.raises(InputError, match=r"^wanted a bus that there is a bridge for, axi, .*'spi'"):
        make_bridge("spi")


@pytest.mark.parametrize("bus", BRIDGES)
def test_every_bridge_has_a_manager(system, bus):
    assert bus in system.managers()
