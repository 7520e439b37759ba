"""A host over buses of every kind: what it does, what it refuses, and what it says of it."""

import inspect
from dataclasses import replace

import numpy as np
import pytest

from sordino.arch import Config
from sordino.driver import AsyncHost, Host, MachineError, Refused, Run
from sordino.errors import InputError
from sordino.image.host import HostSection
from sordino.image.image import ImageError
from sordino.image.loading import LoadSection, load_sections
from sordino.image.memories import MEMORIES, memory_shape
from sordino.isa.choices import Space
from sordino.isa.fields import Store
from sordino.isa.operations import Halt, Set
from sordino.isa.registers import (
    COUNTERS,
    ISA_VERSION,
    MAP_VERSION,
    RANGES,
    REGISTER_MAP,
    REGISTERS,
    Control,
    Error,
    LoadTarget,
    capacities,
)
from sordino.stimuli.board import SimulatedBoard
from sordino.stimuli.bus import InterruptedBus, SimulatedBus
from sordino.stimuli.fake_machine import counter_value, window_word
from sordino.stimuli.simulate import simulate
from sordino.stimuli.stalls import seeded
from sordino.testing.images.by_hand import program_image

CONFIG = Config(
    lanes=4,
    group=4,
    x_fifo=8,
    lane_words=64,
    group_words=64,
    rows_per_lane=4,
    activation_words=16,
    state_words=16,
    parameter_words=4,
    program_words=16,
    tables=2,
    matrices=2,
    feature_fifo=8,
    token_fifo=4,
)
AT = {name: register.offset for name, register in REGISTERS.items()}
IMAGE = program_image((Set, {"register": 0, "value": 1}), (Halt, {"code": 9}), config=CONFIG)
"""The stand-in for the machine does not read it: it makes the token 3 f of each feature f."""
IMAGE = replace(IMAGE, host=HostSection(entries={"main": 0, "other": 2}))


@pytest.fixture(scope="module")
def one_board(system):
    circuit = system.fake(CONFIG)
    return SimulatedBoard(circuit, system.manager(circuit), timeout=100)


@pytest.fixture
def board(one_board):
    """A board that was used before, as boards are."""
    Host(one_board, patience=50).reset()
    return one_board


@pytest.fixture
def host(board):
    return Host(board, patience=50)


class Wrapped:
    """A bus with the two methods that every bus has, and a list of what was written."""

    def __init__(self, bus):
        self.bus = bus
        self.written = []

    def read(self, address):
        return self.bus.read(address)

    def write(self, address, value):
        self.written.append((address, value))
        self.bus.write(address, value)


# Runs


FEATURES = np.arange(-20, 22, dtype=np.int8).reshape(6, 7)
TOKENS = [3 * int(feature) & 0xFFFF for feature in FEATURES.flat]


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


# Loading


class Registers:
    """A machine that only says what it is."""

    def __init__(self, **words):
        held = capacities(CONFIG)
        self.words = {
            AT["ID"]: CONFIG.id,
            AT["VERSION"]: ISA_VERSION | MAP_VERSION << 16,
            **{AT["CAPACITIES"] + 4 * n: value for n, value in enumerate(held.values())},
            **{AT[name]: word for name, word in words.items()},
        }

    def read(self, address):
        return self.words[address]

    def write(self, address, value):
        raise AssertionError("nothing is written")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"ID": 7}, rf"^the image needs a machine with .* id {CONFIG.id:08x} \(it has 00000007\);"),
        ({"VERSION": MAP_VERSION << 16}, r"version \d of the instruction set, .* has version 0;"),
        ({"VERSION": ISA_VERSION | 9 << 16}, rf"map version {MAP_VERSION} \(it has 9\)"),
        ({"VERSION": 0, "ID": 0}, r"id .*, register map version "),
        ({"CAPACITIES": 8}, r"lanes = 4 \(it has 8\)"),
    ],
)
def test_nothing_is_written_of_an_image_for_another_machine(words, message):
    host = Host(Registers(**words))
    with pytest.raises(ImageError, match=message):
        host.load(IMAGE)
    assert host.image is None


def test_what_is_written_is_what_the_one_loader_says(board):
    bus = Wrapped(board)
    host = Host(bus)
    host.check(IMAGE)
    assert bus.written == []
    host.load(IMAGE)
    expected = []
    for section in load_sections(IMAGE):
        expected += [(AT["LOAD_TARGET"], section.target.value | section.unit << 16)]
        expected += [(AT["LOAD_ADDRESS"], 0)]
        expected += [(AT["LOAD_DATA"], word) for word in section]
        expected += [(AT["LOAD_CHECK"], section.crc)]
    assert bus.written == [(AT["CONTROL"], Control.CLEAR.value), *expected]


def test_many_words_at_a_time_where_the_bus_can(board):
    class Quick(Wrapped):
        def write_many(self, address, values):
            self.written.append((address, len(values)))
            for value in values:
                self.bus.write(address, value)

    bus = Quick(board)
    host = Host(bus)
    host.load(IMAGE)
    sizes = [len(section.words) // 4 for section in load_sections(IMAGE)]
    assert [n for address, n in bus.written if address == AT["LOAD_DATA"]] == sizes
    assert host.run(FEATURES.reshape(-1)[:40]) == Run(TOKENS[:40], 0, Error.NONE)


@pytest.mark.parametrize("word", [0, 5])
def test_a_word_that_arrives_wrong(board, word):
    class Noisy(Wrapped):
        def write(self, address, value):
            count = sum(a == AT["LOAD_DATA"] for a, _ in self.written)
            flip = address == AT["LOAD_DATA"] and count == word
            self.written.append((address, value))
            self.bus.write(address, value ^ flip << 31)

    host = Host(Noisy(board))
    with pytest.raises(MachineError, match=r"\d+ bytes of [A-Z]+, unit 0, .*got another CRC"):
        host.load(IMAGE)
    assert host.image is None
    host.load(IMAGE)
    assert host.run(b"\1\2\3\4") == Run([3, 6, 9, 12], 0, Error.NONE)


def test_no_mixture_of_two_images_starts(board):
    """An image whose loading fails half way leaves nothing that starts."""

    class Loose(Wrapped):
        broken = False

        def write(self, address, value):
            if self.broken and address == AT["LOAD_CHECK"]:
                raise OSError("cable")
            super().write(address, value)

    host = Host(Loose(board))
    host.load(IMAGE)
    host.bus.broken = True
    with pytest.raises(OSError, match="cable"):
        host.load(IMAGE)
    host.clear()
    assert not host.status().loaded
    assert host.image is None


def test_a_section_beside_what_is_loaded(host):
    """With its own address and its own check; one that is wrong gives everything up."""
    host.load(IMAGE)
    host.load_section(LoadSection(LoadTarget.PARAMETERS, 0, b"abcdefgh", address=4))
    assert host.read("LOAD_ADDRESS") == 6
    assert host.status().loaded
    with pytest.raises(Refused, match=r"^cannot write 0x64636261 to LOAD_DATA at 0x02c: "):
        host.load_section(LoadSection(LoadTarget.PARAMETERS, 0, b"abcd", address=1 << 10))


def test_a_machine_that_runs_is_neither_loaded_nor_started(host):
    host.load(IMAGE)
    host.start()
    with pytest.raises(MachineError, match="cannot load: the machine has a program that runs"):
        host.load(IMAGE)
    with pytest.raises(MachineError, match="cannot start: the machine has a program that runs"):
        host.start()
    assert host.image is IMAGE


def test_streamed_weights_need_a_page():
    host = Host(Registers())
    with pytest.raises(InputError, match="got 3 for 0 bytes"):
        host.load(IMAGE, external_page=3)
    with pytest.raises(InputError, match=r"got None for 1 bytes; put image\.external at a page"):
        host.load(replace(IMAGE, external=b"x"))


def test_an_entry_point_that_is_not_there(host):
    host.load(IMAGE)
    with pytest.raises(ImageError, match="nowhere"):
        host.start("nowhere")


# Features


@pytest.mark.parametrize(
    ("features", "got"),
    [
        (np.zeros(4), "an array whose elements are 'd'"),
        (np.zeros(4, np.uint8), "an array whose elements are 'B'"),
        (np.zeros(4, np.int16), "an array whose elements are 'h'"),
        ([1, 2], "list"),
        ("abc", "str"),
    ],
)
def test_features_that_are_no_int8_are_refused(host, features, got):
    with pytest.raises(InputError, match=rf"^wanted features .*, got {got}; quantise them first$"):
        host.feed(features)
    assert host.read("FEATURE_ROOM") == CONFIG.feature_fifo


def test_features_are_in_the_order_of_their_elements(host):
    host.load(IMAGE)
    turned = FEATURES[:2, :3].T
    expected = [3 * int(value) & 0xFFFF for value in turned.flat]
    for same in (turned, turned.tobytes(), bytearray(turned.tobytes())):
        assert host.run(same).tokens == expected
    assert host.feed(b"") == 0


def test_as_many_features_as_fit(host):
    assert host.feed(FEATURES) == CONFIG.feature_fifo
    assert host.feed(FEATURES) == 0


def test_a_bus_without_strobes_takes_features_in_fours(board):
    host = Host(Wrapped(board))
    host.load(IMAGE)
    assert host.run(FEATURES.reshape(-1)[:40]).tokens == TOKENS[:40]
    with pytest.raises(InputError, match="got a bus that writes whole words; give its write"):
        host.run(b"\1\2\3\4\5")


# Registers


@pytest.mark.parametrize(
    ("address", "name"),
    [
        (AT["CONTROL"], "CONTROL"),
        (AT["COUNTERS"], r"COUNTERS\[0\]"),
        (AT["COUNTERS"] + 12, r"COUNTERS\[3\]"),
        (AT["CONTROL"] + 1, "no register"),
        (0xFFC, "no register"),
    ],
)
def test_a_refusal_names_the_register(address, name):
    with pytest.raises(Refused, match=rf"^cannot read {name} at 0x[0-9a-f]{{3}}: the machine has "):
        raise Refused(address)
    error = Refused(address, 0x12)
    assert str(error).startswith("cannot write 0x12 to ")
    assert (error.address, error.value) == (address, 0x12)


def test_what_the_machine_refuses_is_raised(host):
    for name, register in REGISTERS.items():
        if register.access == "wo":
            with pytest.raises(Refused) as read:
                host.read(name)
            called = name if register.words == 1 else f"{name}[0]"
            assert (read.value.register, read.value.value) == (called, None)
        if register.access == "ro" and register.words == 1:
            with pytest.raises(Refused) as written:
                host.write(name, 3)
            assert (written.value.register, written.value.value) == (name, 3)
    assert not host.status().failed


def test_names_and_words_that_the_map_has_not():
    host = Host(Registers())
    with pytest.raises(InputError, match="wanted a register of the map, got 'FOO'; its registers "):
        host.read("FOO")
    with pytest.raises(InputError, match=r"wanted a word of ID from 0 to 0, got 1"):
        host.read("ID", 1)
    with pytest.raises(InputError, match=r"wanted a word of COUNTERS from 0 to .*, got -1"):
        host.read("COUNTERS", -1)


def test_identity_and_capacities(host):
    identity = host.identity()
    assert identity.config_id == CONFIG.id
    assert (identity.isa_version, identity.map_version) == (ISA_VERSION, MAP_VERSION)
    assert host.capacities() == capacities(CONFIG)


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


WORDS = {
    store: [window_word(Space(store.value), 0, at) for at in range(3, 12)] for store in MEMORIES
}


@pytest.mark.parametrize("store", MEMORIES, ids=lambda store: store.name)
def test_memories_are_read_and_written(host, store):
    """The stand-in's words are always the same; what it is written is told by the refusals."""
    words = memory_shape(CONFIG, store).words
    count = min(9, words - 3)
    assert host.read_memory(store, 3, count) == WORDS[store][:count]
    assert host.read("WINDOW_ADDRESS") == 3 + count
    shape = memory_shape(CONFIG, store)
    host.write_memory(store, 1, [shape.lowest, -1, shape.highest])
    assert host.read("WINDOW_ADDRESS") == 4
    assert host.read_memory(store, words, 0) == []
    for value in (shape.lowest - 1, shape.highest + 1):
        wide = shape.bits == 32
        with pytest.raises(InputError if wide else Refused, match="32 bits" if wide else "DATA"):
            host.write_memory(store, 0, [0, value, 0])
        assert host.read("WINDOW_ADDRESS") == (4 if wide else 1)
    with pytest.raises(Refused, match="WINDOW_DATA"):
        host.read_memory(store, words - 1, 2)
    with pytest.raises(Refused, match="WINDOW_DATA"):
        host.write_memory(store, words, [0])


def test_lanes_of_a_bank(host):
    for lane in range(CONFIG.lanes):
        word = window_word(Space.BANK1, lane, 2)
        assert host.read_memory(Store.BANK1, 2, 1, lane=lane) == [word]
    with pytest.raises(Refused, match="WINDOW_MEMORY"):
        host.read_memory(Store.BANK1, 2, 1, lane=CONFIG.lanes)
    with pytest.raises(Refused, match="WINDOW_MEMORY"):
        host.write_memory(Store.STATE, 2, [0], lane=1)


def test_memories_that_no_machine_has(host):
    before = host.read("WINDOW_MEMORY"), host.read("WINDOW_ADDRESS")
    for call, said in (
        (lambda: host.read_memory(Store.REGISTER, 0, 1), "wanted one of the memories ACTIVATION"),
        (lambda: host.write_memory(Store.PC, 0, [1]), "got PC; choose one of them"),
        (lambda: host.read_memory(Store.STATE, -1, 1), "got word -1 of lane 0"),
        (lambda: host.read_memory(Store.STATE, 1 << 17, 1), "got word 131072 of lane 0"),
        (lambda: host.read_memory(Store.BANK0, 0, 1, lane=-1), "got word 0 of lane -1"),
        (lambda: host.read_memory(Store.BANK0, 0, 1, lane=1 << 16), "of lane 65536"),
    ):
        with pytest.raises(InputError) as refused:
            call()
        assert said in str(refused.value)
    assert (host.read("WINDOW_MEMORY"), host.read("WINDOW_ADDRESS")) == before


def test_a_run_is_not_looked_into(host):
    host.load(IMAGE)
    host.start()
    with pytest.raises(Refused, match="WINDOW_DATA"):
        host.read_memory(Store.STATE, 0, 1)
    with pytest.raises(Refused, match="WINDOW_DATA"):
        host.write_memory(Store.STATE, 0, [1])
    host.abort()
    assert host.wait().failed
    assert host.read_memory(Store.STATE, 3, 1) == WORDS[Store.STATE][:1]
