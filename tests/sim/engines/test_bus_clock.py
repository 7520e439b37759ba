"""What a host spends on the bus is known without one, and is what a simulated host spends."""

from collections import Counter

import numpy as np
import pytest

from sordino.arch import PRESETS, Config
from sordino.compiler.compile import CompileOptions, compile_model
from sordino.cycles.engine import Cycles
from sordino.driver import AsyncHost
from sordino.engines.bus_clock import AxiLite, BusClock, Call, Spent, price
from sordino.errors import InputError
from sordino.image.image import Image
from sordino.isa.fields import Store
from sordino.isa.operations import Emit, Fill, Input, Set
from sordino.model.random_rnnt import random_model
from sordino.rtl.top import Sordino
from sordino.stimuli.axi import AxiLiteManager
from sordino.stimuli.bus import InterruptedBus, SimulatedBus
from sordino.stimuli.simulate import simulate
from sordino.testing.images.by_hand import program_image

SIZES = {"lane_words": 64, "group_words": 64, "rows_per_lane": 4, "activation_words": 64}
MORE = {"state_words": 32, "parameter_words": 4, "program_words": 16, "tables": 2, "matrices": 2}
CONFIG = Config(lanes=4, group=4, x_fifo=8, feature_fifo=32, token_fifo=4, **SIZES, **MORE)
"""A machine that is simulated in seconds."""


def heard(count: int, work: int) -> Image:
    """A program that takes so many features and then works for a while."""
    steps = [(Input, {"destination": 0, "count": count, "end": 1 + work})] if count else []
    steps += [(Fill, {"count": 60})] * work
    return program_image(*steps, config=CONFIG)


def spent_by_a_host(image: Image, count: int, *, interrupt: bool) -> list[tuple[Call, int]]:
    """What a host in Amaranth's simulator does with the circuit, and the cycles that it took."""
    machine = Sordino(CONFIG)
    manager, ticks, found = AxiLiteManager(machine.s_axi), [0], []

    async def clock(ctx):
        while True:
            await ctx.tick()
            ticks[0] += 1

    async def testbench(ctx):
        bus = SimulatedBus(ctx, manager)
        if interrupt:
            bus = InterruptedBus(ctx, manager, machine.irq)
        host = AsyncHost(bus)
        await host.load(image)
        for first in (True, False):
            begun = ticks[0]
            await host.run(bytes(count))
            cycles = (await host.counters())["cycles"]
            found.append((Call("main", cycles, count, first=first), ticks[0] - begun))
        for size in (1, 7):
            begun = ticks[0]
            await host.write_memory(Store.STATE, 0, [5] * size)
            found.append((Call(None, 0, size, Store.STATE, writes=True), ticks[0] - begun))
            begun = ticks[0]
            assert await host.read_memory(Store.STATE, 0, size) == [5] * size
            found.append((Call(None, 0, size, Store.STATE), ticks[0] - begun))

    simulate(machine, testbench, background=[clock], timeout=10_000)
    return found


@pytest.mark.parametrize("interrupt", [False, True], ids=["polled", "interrupt"])
@pytest.mark.parametrize(("count", "work"), [(0, 1), (7, 2), (32, 6)])
def test_our_own_manager_takes_as_long(count: int, work: int, interrupt: bool) -> None:
    """It lets no cycle pass between two accesses, and has one on its way."""
    image = heard(count, work)
    how = AxiLite(idle=0, in_flight=1, interrupt=interrupt)
    for call, took in spent_by_a_host(image, count, interrupt=interrupt):
        spent = price(Counter([call]), image, how)
        assert spent.cycles == took, call
        assert spent.running == call.cycles


def test_prices_add_up() -> None:
    image = heard(3, 2)
    calls = Counter({Call("main", 40, 3): 3, Call(None, 0, 9, Store.STATE, writes=True): 2})
    parts = [price(Counter([call]), image) for call in calls]
    assert price(calls, image) == Spent().plus(parts[0], 3).plus(parts[1], 2)
    assert price(Counter(), image) == Spent()
    assert parts[1].window == parts[1].cycles == 4 + 4 + 4 + 8 * 2
    assert (parts[1].reads, parts[1].writes) == (0, 11)
    assert parts[0].beside == 8, "END_OF_INPUT, and the interrupt's enable"


def test_a_row_of_a_bank_is_a_word_in_every_lane() -> None:
    image = heard(0, 1)
    clock = BusClock(Cycles(image))
    clock.write(Store.BANK0, 1, clock.read(Store.BANK0, 0, 2))
    spent = price(clock.calls, image, AxiLite(idle=1, in_flight=1))
    assert spent.reads == 2 * CONFIG.lanes
    assert spent.writes == 2 * CONFIG.lanes + 2 * 2 * CONFIG.lanes


def test_it_is_the_engine_in_it() -> None:
    model = random_model(1)
    image = compile_model(model, PRESETS["tiny"], CompileOptions(weight_bits=5)).image
    clock, plain = BusClock(Cycles(image)), Cycles(image)
    x = np.random.default_rng(1).integers(-128, 128, (1, model.inputs)).astype(np.int8)
    for entry, features in (("reset", x[:0]), ("encode", x)):
        one, other = (each.run(features, entry=entry) for each in (clock, plain))
        assert one.counters == other.counters
    first, count = image.network.search.encoded
    assert clock.read(Store.STATE, first, count).any()
    assert [(call.what, call.first) for call in clock.calls if call.what] == [
        ("reset", True),
        ("encode", False),
    ]


@pytest.mark.parametrize(
    ("steps", "more"),
    [
        ([(Set, {"register": 0, "value": 7}), (Emit, {"register": 0})], {}),
        ([(Fill, {"count": 60})], {"cycle_limit": 2}),
        ([(Fill, {"count": 60})], {"requests": [(0, 1)]}),
        ([(Fill, {"count": 60})], {"features": np.zeros(33, np.int8)}),
    ],
    ids=["tokens", "an error", "a request", "more than the FIFO holds"],
)
def test_runs_that_take_the_host_longer_are_refused(steps, more) -> None:
    clock = BusClock(Cycles(program_image(*steps, config=CONFIG)))
    features = more.pop("features", np.zeros(0, np.int8))
    with pytest.raises(InputError, match=r"^wanted a run .*, got .*; run it on the circuit$"):
        clock.run(features, **more)
    assert not clock.calls
