"""A host over buses of every kind: its runs, its reset, and the host that waits for nobody."""

import inspect

import pytest

from sordino.driver import AsyncHost, Host, MachineError, Run
from sordino.driver.status import ADVICE
from sordino.errors import InputError
from sordino.isa.registers import COUNTERS, RANGES, REGISTER_MAP, Error
from sordino.stimuli.bus import InterruptedBus, SimulatedBus
from sordino.stimuli.fake_machine import counter_value
from sordino.stimuli.simulate import simulate
from sordino.stimuli.stalls import seeded
from tests.hw.driver.stand_in import AT, CONFIG, FEATURES, IMAGE, TOKENS, Registers, Wrapped


@pytest.mark.parametrize("again", [False, True])
def test_a_run_on_a_board(host, again):
    host.reset()
    host.load(IMAGE)
    for _ in range(1 + again):
        assert host.run(FEATURES) == Run(TOKENS, 0, Error.NONE)
    assert host.run(FEATURES.tobytes()[:8], "other") == Run(TOKENS[:8], 2, Error.NONE)
    assert host.run(entry=1) == Run([], 1, Error.NONE)
    assert host.counters() == {c.name: counter_value(n) for n, c in enumerate(COUNTERS)}


@pytest.mark.parametrize("interrupts", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_a_run_in_a_testbench(system, seed, interrupts):
    circuit = system.fake(CONFIG)
    manager = system.manager(circuit, stall=seeded(seed) if seed else lambda: 0)
    runs = []

    async def testbench(ctx):
        bus = (
            InterruptedBus(ctx, manager, circuit.irq) if interrupts else SimulatedBus(ctx, manager)
        )
        host = AsyncHost(bus, patience=100)
        await host.load(IMAGE)
        for length in (42, 0, 3):
            runs.append(await host.run(FEATURES.reshape(-1)[:length]))

    simulate(circuit, testbench, timeout=20_000)
    assert runs == [Run(TOKENS[:length], 0, Error.NONE) for length in (42, 0, 3)]


def test_by_hand_on_a_board(host):
    """What a host does that has no end of input in sight."""
    host.load(IMAGE)
    host.start("other", cycle_limit=1 << 40)
    assert host.status().busy
    tokens, rest = [], bytes(FEATURES)
    while rest:
        rest = rest[host.feed(rest) :]
        tokens += host.tokens()
    host.end_of_input()
    while not host.status().done:
        tokens += host.tokens()
    assert tokens + host.tokens() == TOKENS
    status = host.wait()
    assert (status.code, status.error, status.loaded) == (2, Error.NONE, True)
    assert str(status) == "DONE LOADED, code 2, error NONE"
    assert host.read("LIMIT_HIGH") == 1 << 8


def test_an_error_that_ends_a_run_is_raised_with_the_run(host):
    host.load(IMAGE)
    with pytest.raises(MachineError, match=r"got error ILLEGAL at address 0 after 0 tokens") as one:
        host.run(b"\1\2", cycle_limit=1)
    assert (one.value.run.tokens, one.value.run.error) == ([], Error.ILLEGAL)
    assert one.value.status.failed
    assert host.error() is Error.ILLEGAL
    with pytest.raises(MachineError, match=r"^cannot start: the machine has DONE FAILED LOADED, "):
        host.start()
    assert host.run(b"\1\2") == Run([3, 6], 0, Error.NONE), "a run clears first"


def test_waiting_has_an_end(host):
    host.load(IMAGE)
    host.start()
    with pytest.raises(TimeoutError, match="got nothing new in 50 looks"):
        host.wait()
    host.abort()
    assert host.wait().error is Error.LIMIT


def test_a_run_that_neither_stops_nor_asks_is_given_up(board):
    """Features that the machine does not take."""

    class Deaf(Wrapped):
        def read(self, address):
            return 0 if address == AT["FEATURE_ROOM"] else super().read(address)

    host = Host(Deaf(board), patience=20)
    host.load(IMAGE)
    with pytest.raises(TimeoutError, match="20 looks; feed it, take its tokens, or abort it"):
        host.run(b"\1\2\3\4")


# Reset


@pytest.mark.parametrize("where", ["new", "loaded", "busy", "failed", "loading", "done"])
def test_reset_without_a_reset_line(host, where):
    if where != "new":
        host.load(IMAGE)
    if where == "busy":
        host.start("other", cycle_limit=1 << 40)
    elif where == "failed":
        host.start(cycle_limit=1)
        host.wait()
    elif where == "loading":
        host.write("LOAD_ADDRESS", 1)
        host.write("LOAD_DATA", 5)
    elif where == "done":
        host.run(b"\1\2\3\4")
    host.write("INTERRUPT_ENABLE", 7)
    host.reset()
    status = host.status()
    assert (status.busy, status.failed, status.loaded) == (False, False, False)
    for register in REGISTER_MAP:
        if register.access == "rw" and register.offset < RANGES[0].size and not register.streaming:
            assert host.read(register.name) == 0, register.name
    assert host.image is None
    with pytest.raises(InputError, match="wanted an image for the entry point 'main', got none"):
        host.start()
    with pytest.raises(MachineError, match="cannot start"):
        host.start(0)
    host.load(IMAGE)
    assert host.run(b"\1\2") == Run([3, 6], 0, Error.NONE)


def test_a_bus_that_can_resets_the_machine(board):
    class Resettable(Wrapped):
        def reset(self):
            self.written.append("reset")

    bus = Resettable(board)
    Host(bus).reset()
    assert bus.written == ["reset"]


# Both kinds


def public(kind):
    return {name for name in dir(kind) if not name.startswith("_")}


def test_both_hosts_have_the_same_methods():
    methods = {
        name for name in public(AsyncHost) if inspect.iscoroutinefunction(getattr(AsyncHost, name))
    }
    assert methods == public(AsyncHost)
    assert public(Host) == methods | {"bus", "image"}
    for name in methods:
        assert inspect.signature(getattr(Host, name)) == inspect.signature(getattr(AsyncHost, name))
        assert inspect.getdoc(getattr(Host, name)) == inspect.getdoc(getattr(AsyncHost, name))


def test_a_bus_that_waits_needs_the_other_host():
    class Slow:
        async def read(self, address):
            await Forever()
            return 0

        async def write(self, address, value):
            await Forever()

    class Forever:
        def __await__(self):
            yield

    with pytest.raises(TypeError, match=r"got one that waits for others; use AsyncHost$"):
        Host(Slow()).read("ID")


def test_a_bus_that_does_not_wait_serves_both():
    coroutine = AsyncHost(Registers()).identity()
    with pytest.raises(StopIteration) as end:
        coroutine.send(None)
    assert end.value.value.config_id == CONFIG.id


def test_every_error_says_what_to_do():
    assert set(ADVICE) == set(Error) - {Error.NONE}
    assert len(set(ADVICE.values())) == len(ADVICE)
