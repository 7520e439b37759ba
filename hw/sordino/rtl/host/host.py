"""Host side of the machine: registers, load window, FIFOs, interrupt."""

from typing import Any

from amaranth.hdl import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from sordino.arch import Config
from sordino.isa.commands import Answer, State
from sordino.isa.registers import (
    ADDRESS_BITS,
    COUNTER_BITS,
    COUNTERS,
    ISA_VERSION,
    MAP_VERSION,
    MAP_VERSION_BIT,
    NO_TOKEN,
    REGISTER_MAP,
    REGISTERS,
    STATUS_CODE,
    STATUS_ERROR,
    Control,
    Error,
    Interrupt,
    LoadTarget,
    Status,
    capacities,
)
from sordino.rtl.host.channels import Channels
from sordino.rtl.host.fifos import Queue
from sordino.rtl.host.loader import Loader
from sordino.rtl.host.refusals import Inside, Refusals
from sordino.rtl.host.segments import Segments
from sordino.rtl.host.window import Window
from sordino.rtl.shared.ports import TOKEN_BITS, HostSignature, feature_sources
from sordino.rtl.shared.register_bus import RegisterBusSignature

__all__ = ["Host"]


class Host(wiring.Component):
    """The registers of REGISTER_MAP on a register bus, and what is behind them.

    A write is ready when the one before has taken effect: in the second cycle after it, but after
    a FEATURE write up to five cycles later. A read is ready at once, but not in the cycle after a
    write; one of WINDOW_DATA up to six cycles after the access before it was, and not while a write
    waits. In a machine that streams, a segment's word for a stream memory waits while others come
    from external memory.

    Members
    -------
    bus
        Reads and writes of registers.
    machine
        The machine.
    interrupt
        A bit of INTERRUPT_STATUS was set a cycle ago that INTERRUPT_ENABLE had too.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        super().__init__(
            {
                "bus": In(RegisterBusSignature(address_width=ADDRESS_BITS - 2)),
                "machine": Out(
                    HostSignature(streaming=bool(config.stream_bus), channels=config.channels)
                ),
                "interrupt": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        config = self.config
        m.submodules.loader = loader = Loader(config)
        m.submodules.segments = segments = Segments(config)
        m.submodules.channels = channels = Channels(config)
        m.submodules.tokens = tokens = Queue(shape=unsigned(TOKEN_BITS), depth=config.token_fifo)
        m.submodules.window = window = Window(config)
        kept = (
            "ENTRY",
            "LIMIT_LOW",
            "LIMIT_HIGH",
            "INTERRUPT_ENABLE",
            "LOAD_TARGET",
            "REQUEST",
            *(r.name for r in REGISTER_MAP if r.streaming and config.stream_bus),
        )
        inside = Inside(
            loader=loader,
            segments=segments,
            channels=channels,
            tokens=tokens,
            window=window,
            kept={name: Signal(32, name=name.lower()) for name in kept},
            states={state: Signal(name=f"state_{state.name.lower()}") for state in State},
            error=Signal(Error, name="error"),
            seen=Signal(32, name="seen"),
            recent=Signal(name="recent"),
        )
        self._states(m, inside)
        readable = self._readable(inside)
        writes = self._decode(m, inside, readable)
        taken = self._read(m, inside, readable)
        not_started = self._control(m, inside, *writes["CONTROL"])
        self._load(m, inside, writes)
        self._segments(m, inside, writes)
        self._queues(m, inside, writes, taken["TOKEN"])
        self._window(m, inside, writes, taken["WINDOW_DATA"])
        self._interrupts(m, inside, *writes["INTERRUPT_STATUS"], not_started)
        return m

    def _states(self, m: Module, inside: Inside) -> None:
        """Which of State the machine is in."""
        machine, loader = self.machine, inside.loader
        order = (
            (State.BUSY, machine.run.busy),
            (State.FAILED, inside.error != Error.NONE),
            (State.LOADING, loader.unchecked),
            (State.EMPTY, ~loader.loaded),
            (State.DONE, machine.run.finished),
            (State.READY, Const(1)),
        )
        for number, (state, reached) in enumerate(order):
            with m.Elif(reached) if number else m.If(reached):
                m.d.comb += inside.states[state].eq(1)

    def _readable(self, inside: Inside) -> dict[str, Value]:
        """Value of every register that can be read, counters and capacities apart."""
        machine, tokens = self.machine, inside.tokens
        status = {
            Status.BUSY: machine.run.busy,
            Status.DONE: machine.run.finished,
            Status.FAILED: inside.error != Error.NONE,
            Status.TOKEN: tokens.o.valid,
            Status.LOADED: inside.loader.loaded & ~inside.loader.unchecked,
            Status.WAITING: machine.waiting & inside.channels.empty,
        }
        flags = [bit << (flag.value.bit_length() - 1) for flag, bit in status.items()]
        return {
            "ID": Const(self.config.id, 32),
            "VERSION": Const(ISA_VERSION | MAP_VERSION << MAP_VERSION_BIT, 32),
            "STATUS": (
                sum(flags)
                | machine.run.code << STATUS_CODE
                | inside.error.as_value() << STATUS_ERROR
            ),
            **inside.kept,
            "SEGMENT": inside.segments.chosen,
            "SEGMENT_CHECKED": inside.segments.checked,
            "INTERRUPT_STATUS": inside.seen,
            "LOAD_ADDRESS": inside.loader.address,
            "FEATURE_ROOM": inside.channels.room[0],
            "TOKEN": Mux(tokens.o.valid, tokens.o.payload, NO_TOKEN),
            "TOKEN_LEVEL": tokens.level,
            "PC": machine.run.pc,
            "WINDOW_MEMORY": inside.window.chosen,
            "WINDOW_ADDRESS": inside.window.address,
            "WINDOW_DATA": machine.window.data.as_unsigned(),
        }

    def _decode(
        self, m: Module, inside: Inside, readable: dict[str, Value]
    ) -> dict[str, tuple[Value, Value]]:
        """Decode writes: for each writable register whether it is written now, and the value.

        Refused writes and writes without a strobe do not count.
        """
        bus = self.bus
        ready, recent, written = Signal(), inside.recent, Signal()
        # Each register is written by what it is refused for itself: the answer, which depends on
        # all of them, comes later in the cycle.
        m.d.comb += [
            ready.eq(inside.loader.idle & inside.channels.idle & ~recent & ~self._held(inside)),
            bus.write_ready.eq(ready),
            bus.write_refused.eq(1),
            written.eq(bus.write_valid & ready & bus.write_strobe.any()),
        ]
        m.d.sync += recent.eq(written)
        strobes = Cat(bit.replicate(8) for bit in bus.write_strobe)
        refusals = Refusals(self.config, bus, inside)
        writes: dict[str, tuple[Value, Value]] = {}
        with m.Switch(bus.write_address):
            for register in REGISTER_MAP:
                if register.access == "ro" or not register.present(self.config):
                    continue
                if register.name == "CHANNEL_FEATURE":
                    for number, write in enumerate(inside.channels.write):
                        refused = inside.channels.refused[number]
                        with m.Case(register.offset // 4 + number):
                            m.d.comb += bus.write_refused.eq(refused)
                            m.d.comb += write.eq(written & ~refused)
                    continue
                if register.name == "SEGMENT_FIRST":
                    first = register.offset // 4
                    refused = refusals.of(register.name)
                    with m.Case(*range(first, first + register.words)):
                        m.d.comb += bus.write_refused.eq(refused)
                        m.d.comb += inside.segments.bound.eq(written & ~refused)
                    continue
                write = Signal(name=f"write_{register.name.lower()}")
                value = Signal(32, name=f"value_{register.name.lower()}")
                rest = readable[register.name] if register.access == "rw" else Const(0, 32)
                unknown = 0 if register.access == "w1c" else ~register.mask & 0xFFFF_FFFF
                wrong = [(bus.write_data & strobes & unknown).any(), refusals.of(register.name)]
                if register.name == "ENTRY":
                    wrong.append(value >= self.config.program_words)
                refused = Signal(name=f"refused_{register.name.lower()}")
                m.d.comb += refused.eq(Cat(wrong).any())
                with m.Case(register.offset // 4):
                    m.d.comb += [bus.write_refused.eq(refused), write.eq(written & ~refused)]
                m.d.comb += value.eq((bus.write_data & strobes | rest & ~strobes) & register.mask)
                writes[register.name] = write, value
        self._keep(m, inside, writes)
        return writes

    def _keep(self, m: Module, inside: Inside, writes: dict[str, tuple[Value, Value]]) -> None:
        bus = self.bus
        # Bits outside of a register's mask are refused: each byte is what the bus says, or stays.
        for name, signal in inside.kept.items():
            for byte in range(4):
                held = (REGISTERS[name].mask >> 8 * byte) & 0xFF
                with m.If(writes[name][0] & bus.write_strobe[byte]):
                    m.d.sync += signal.word_select(byte, 8).eq(
                        bus.write_data.word_select(byte, 8) & held
                    )

    def _held(self, inside: Inside) -> Value:
        """A word of a segment waits, since its memory is written from external memory."""
        if not self.config.stream_bus:
            return Const(0, 1)
        target = inside.loader.target
        streams = (target == LoadTarget.POSITIONS) | (target == LoadTarget.VALUES)
        asked = self.bus.write_address == REGISTERS["LOAD_DATA"].offset // 4
        return self.machine.fetching & inside.segments.open & streams & asked

    def _read(self, m: Module, inside: Inside, readable: dict[str, Value]) -> dict[str, Signal]:
        """Answer reads; returns whether they take the oldest token and the window's word."""
        bus, counters, window = self.bus, self.machine.counters, inside.window
        taken = {name: Signal(name=f"taken_{name.lower()}") for name in ("TOKEN", "WINDOW_DATA")}
        high = Signal(COUNTER_BITS - 32)
        m.d.comb += [bus.read_ready.eq(~inside.recent), bus.read_refused.eq(1)]
        with m.Switch(bus.read_address):
            for name, value in readable.items():
                register, answers = REGISTERS[name], Const(1)
                if name == "WINDOW_DATA":
                    answers = window.open & ~window.outside
                with m.Case(register.offset // 4), m.If(answers):
                    m.d.comb += [bus.read_refused.eq(0), bus.read_data.eq(value & register.mask)]
                    ready = ~inside.recent
                    if name == "WINDOW_DATA":
                        # A write of it in the same cycle would be to another address.
                        ready &= window.fresh & ~bus.write_valid
                        m.d.comb += bus.read_ready.eq(ready)
                    if name in taken:
                        m.d.comb += taken[name].eq(bus.read_valid & ready)
            first = REGISTERS["COUNTERS"].offset // 4
            for number in range(len(COUNTERS)):
                with m.Case(first + 2 * number):
                    m.d.comb += [
                        bus.read_refused.eq(0),
                        bus.read_data.eq(counters[number][:32]),
                    ]
                    with m.If(bus.read_valid):
                        m.d.sync += high.eq(counters[number][32:])
                with m.Case(first + 2 * number + 1):
                    m.d.comb += [bus.read_refused.eq(0), bus.read_data.eq(high)]
            listed: list[tuple[str, Any]] = [("CAPACITIES", capacities(self.config).values())]
            if self.config.channels > 1:
                listed.append(("CHANNEL_ROOM", inside.channels.room))
            for name, values in listed:
                for number, held in enumerate(values):
                    with m.Case(REGISTERS[name].offset // 4 + number):
                        m.d.comb += [bus.read_refused.eq(0), bus.read_data.eq(held)]
        return taken

    def _control(self, m: Module, inside: Inside, written: Value, value: Value) -> Signal:
        """Do what CONTROL asks for; returns whether a START fails in this cycle.

        What all of the machine hangs on comes a cycle after the write, when there is no other.
        """
        machine, loader, not_started = self.machine, inside.loader, Signal()
        acts = {flag: written & (value & flag.value).any() for flag in Control}
        start = acts[Control.START]
        m.d.comb += [
            machine.run.entry.eq(inside.kept["ENTRY"]),
            machine.run.limit.eq(Cat(inside.kept["LIMIT_LOW"], inside.kept["LIMIT_HIGH"])),
            loader.require.eq(not_started),
        ]
        m.d.sync += [
            machine.run.start.eq(start & inside.answered("START", Answer.ACTS)),
            machine.run.abort.eq(acts[Control.ABORT] & inside.answered("ABORT", Answer.ACTS)),
            machine.run.clear.eq(acts[Control.CLEAR]),
            not_started.eq(start & inside.answered("START", Answer.FAILS)),
        ]
        if self.config.stream_bus:
            m.d.comb += machine.stream_base.eq(inside.kept["STREAM_BASE"])
        with m.If(machine.run.error != Error.NONE):
            m.d.comb += inside.error.eq(machine.run.error)
        with m.Elif(loader.failed):
            m.d.comb += inside.error.eq(Error.LOAD)
        with m.If(acts[Control.END_OF_INPUT]):
            m.d.comb += inside.channels.end.eq(~0)
        request = inside.kept["REQUEST"]
        m.d.comb += machine.request.eq(request)
        # What is taken was there: nothing is written in this cycle.
        with m.If(machine.run.clear | (machine.taken & request.any())):
            m.d.sync += request.eq(0)
        return not_started

    def _load(self, m: Module, inside: Inside, writes: dict[str, tuple[Value, Value]]) -> None:
        loader = inside.loader
        wiring.connect(m, loader.load, wiring.flipped(self.machine.load))
        m.d.comb += [
            loader.target.eq(inside.kept["LOAD_TARGET"][:3]),
            loader.unit.eq(inside.kept["LOAD_TARGET"][16:]),
            loader.restart.eq(writes["LOAD_ADDRESS"][0]),
            loader.restart_address.eq(writes["LOAD_ADDRESS"][1]),
            loader.write.eq(writes["LOAD_DATA"][0]),
            loader.check.eq(writes["LOAD_CHECK"][0] & ~inside.segments.open),
            loader.data.eq(self.bus.write_data),
            loader.clear.eq(self.machine.run.clear),
        ]

    def _segments(self, m: Module, inside: Inside, writes: dict[str, tuple[Value, Value]]) -> None:
        segments, loader, bus = inside.segments, inside.loader, self.bus
        m.d.comb += [
            segments.data.eq(bus.write_data),
            segments.select.eq(writes["SEGMENT"][0]),
            segments.check.eq(writes["LOAD_CHECK"][0] & segments.open),
            segments.close.eq(self.machine.run.clear),
            segments.forget.eq(loader.unchecked | ~loader.loaded),
            segments.in_use.eq(self.machine.in_use),
            self.machine.checked.eq(segments.checked),
            segments.bound_target.eq(bus.write_address),
            segments.target.eq(loader.target),
            segments.address.eq(loader.address),
            loader.segment.eq(segments.open),
            loader.begin.eq(segments.select),
            loader.count.eq(segments.open & (writes["LOAD_TARGET"][0] | writes["LOAD_ADDRESS"][0])),
        ]

    def _queues(
        self, m: Module, inside: Inside, writes: dict[str, tuple[Value, Value]], taken: Value
    ) -> None:
        machine, channels, tokens = self.machine, inside.channels, inside.tokens
        wiring.connect(m, wiring.flipped(machine.tokens), tokens.i)
        for number, goal in enumerate(feature_sources(machine, self.config.channels)):
            source = getattr(channels, f"channel{number}")
            wiring.connect(m, source.features, wiring.flipped(goal.features))
            m.d.comb += goal.end_of_input.eq(source.end_of_input)
        with m.If(writes["FEATURE"][0]):
            m.d.comb += channels.write[0].eq(1)
        if "CHANNEL_END" in writes:
            with m.If(writes["CHANNEL_END"][0]):
                m.d.comb += channels.end.eq(writes["CHANNEL_END"][1])
        m.d.comb += [
            channels.data.eq(self.bus.write_data),
            channels.strobe.eq(self.bus.write_strobe),
            channels.clear.eq(machine.run.clear),
            tokens.o.ready.eq(taken),
            tokens.clear.eq(machine.run.clear),
        ]

    def _window(
        self, m: Module, inside: Inside, writes: dict[str, tuple[Value, Value]], taken: Value
    ) -> None:
        window, empty = inside.window, inside.channels.empty
        wiring.connect(m, window.machine, wiring.flipped(self.machine.window))
        m.d.comb += [
            # While features are on their way a program that waits is about to go on.
            window.open.eq(self.machine.run.open & (~self.machine.run.busy | empty)),
            window.select.eq(writes["WINDOW_MEMORY"][0]),
            window.move.eq(writes["WINDOW_ADDRESS"][0]),
            window.write.eq(writes["WINDOW_DATA"][0]),
            window.data.eq(self.bus.write_data),
            window.read.eq(taken),
        ]

    def _interrupts(
        self, m: Module, inside: Inside, written: Value, value: Value, not_started: Value
    ) -> None:
        machine = self.machine
        finished = Signal()  # a cycle ago
        events = {
            Interrupt.STOPPED: (machine.run.finished & ~finished) | not_started,
            Interrupt.TOKEN: machine.tokens.valid & machine.tokens.ready,
            Interrupt.FEATURES: inside.channels.room[0] >= (self.config.feature_fifo + 1) // 2,
        }
        set_now = Signal(32)
        for flag, event in events.items():
            m.d.comb += set_now[flag.value.bit_length() - 1].eq(event)
        cleared = Mux(written, value, 0)
        m.d.sync += [
            finished.eq(machine.run.finished),
            inside.seen.eq(inside.seen & ~cleared | set_now),
            self.interrupt.eq((inside.seen & inside.kept["INTERRUPT_ENABLE"]).any()),
        ]
