"""Host side of the machine: registers, load window, FIFOs, interrupt."""

from amaranth.hdl import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from sordino.arch import Config
from sordino.isa.commands import ANSWERS, Answer, State
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
    Status,
    capacities,
)
from sordino.rtl.axi import RegisterBusSignature
from sordino.rtl.fetch import BASE_BITS
from sordino.rtl.fifos import FeatureFifo, Queue
from sordino.rtl.loader import Loader
from sordino.rtl.ports import LoadSignature

__all__ = ["Host", "HostSignature"]


class HostSignature(wiring.Signature):
    """What host and machine say to each other (`Out` at the host).

    Members
    -------
    load            words for the machine's memories
    start           one cycle, never while `busy`: begin at `entry`; `limit` cycles at most
    abort           one cycle while `busy`: stop with LIMIT
    clear           one cycle, never while `busy`: forget the error
    features        features in order; `end_of_input` is high when none is left and none follows
    tokens          emitted tokens
    busy, finished  the machine runs; it stopped since `start`
    error, code, pc error code, HALT code, address of the instruction that begins next
    counters        in the order of COUNTERS
    stream_base     page at which external memory begins, in machines that stream
    """

    def __init__(self, *, streaming: bool = False) -> None:
        super().__init__(
            {
                "load": Out(LoadSignature),
                "start": Out(1),
                "entry": Out(16),
                "limit": Out(COUNTER_BITS),
                "abort": Out(1),
                "clear": Out(1),
                "features": Out(stream.Signature(signed(8))),
                "end_of_input": Out(1),
                "tokens": In(stream.Signature(16)),
                "busy": In(1),
                "finished": In(1),
                "error": In(Error),
                "code": In(8),
                "pc": In(16),
                "counters": In(data.ArrayLayout(COUNTER_BITS, len(COUNTERS))),
                **({"stream_base": Out(BASE_BITS)} if streaming else {}),
            }
        )


class Host(wiring.Component):
    """The registers of REGISTER_MAP on a register bus, and what is behind them.

    A write is ready when the one before has taken effect: at once, but after a FEATURE write up
    to four cycles later and after a LOAD_DATA write to a stream memory one cycle later. Reads are
    always ready. `interrupt` is a register: one cycle after INTERRUPT_STATUS.
    """

    bus: wiring.PureInterface
    machine: wiring.PureInterface
    interrupt: Signal

    def __init__(self, config: Config) -> None:
        self.config = config
        super().__init__(
            {
                "bus": In(RegisterBusSignature(address_width=ADDRESS_BITS - 2)),
                "machine": Out(HostSignature(streaming=bool(config.stream_bus))),
                "interrupt": Out(1),
            }
        )

    def elaborate(self, platform) -> Module:
        m = Module()
        config = self.config
        m.submodules.loader = self._loader = Loader(config)
        m.submodules.features = self._features = FeatureFifo(depth=config.feature_fifo)
        m.submodules.tokens = self._tokens = Queue(shape=unsigned(16), depth=config.token_fifo)
        # Registers that only keep what was written.
        self._kept = {
            name: Signal(32, name=name.lower())
            for name in (
                *("ENTRY", "LIMIT_LOW", "LIMIT_HIGH", "INTERRUPT_ENABLE", "LOAD_TARGET"),
                *(r.name for r in REGISTER_MAP if r.streaming and config.stream_bus),
            )
        }
        self._error = Signal(Error)
        self._ended = Signal()
        self._seen = Signal(32)
        self._high = Signal(COUNTER_BITS - 32)
        self._taken = Signal()  # the oldest token is read in this cycle
        self._not_started = Signal()
        self._state = {state: Signal(name=f"state_{state.name.lower()}") for state in State}
        self._states(m)
        readable = self._readable()
        writes = self._decode(m, readable)
        self._read(m, readable)
        self._control(m, *writes["CONTROL"])
        self._load(m, writes)
        self._queues(m, writes["FEATURE"])
        self._interrupts(m, *writes["INTERRUPT_STATUS"])
        return m

    def _states(self, m: Module) -> None:
        """Which of State the machine is in."""
        machine, loader = self.machine, self._loader
        order = (
            (State.BUSY, machine.busy),
            (State.FAILED, self._error != Error.NONE),
            (State.LOADING, loader.unchecked),
            (State.EMPTY, ~loader.loaded),
            (State.DONE, machine.finished),
            (State.READY, Const(1)),
        )
        for number, (state, reached) in enumerate(order):
            with m.Elif(reached) if number else m.If(reached):
                m.d.comb += self._state[state].eq(1)

    def _answered(self, command: str, answer: Answer) -> Value:
        """Whether `command` is answered so in the state the machine is in."""
        states = [self._state[s] for s in State if ANSWERS[command][s] is answer]
        return Cat(states).any() if states else Const(0)

    def _readable(self) -> dict[str, Value]:
        """Value of every register that can be read, counters and capacities apart."""
        machine, tokens = self.machine, self._tokens
        status = {
            Status.BUSY: machine.busy,
            Status.DONE: machine.finished,
            Status.FAILED: self._error != Error.NONE,
            Status.TOKEN: tokens.o.valid,
            Status.LOADED: self._loader.loaded & ~self._loader.unchecked,
        }
        flags = [bit << (flag.value.bit_length() - 1) for flag, bit in status.items()]
        return {
            "ID": Const(self.config.id, 32),
            "VERSION": Const(ISA_VERSION | MAP_VERSION << MAP_VERSION_BIT, 32),
            "STATUS": (
                sum(flags) | machine.code << STATUS_CODE | self._error.as_value() << STATUS_ERROR
            ),
            **self._kept,
            "INTERRUPT_STATUS": self._seen,
            "LOAD_ADDRESS": self._loader.address,
            "FEATURE_ROOM": self._features.room,
            "TOKEN": Mux(tokens.o.valid, tokens.o.payload, NO_TOKEN),
            "TOKEN_LEVEL": tokens.level,
            "PC": machine.pc,
        }

    def _decode(self, m: Module, readable: dict[str, Value]) -> dict[str, tuple[Value, Value]]:
        """For each writable register whether it is written in this cycle, and the value.

        Refused writes and writes without a strobe do not count.
        """
        bus = self.bus
        idle = Signal()
        written = Signal()
        m.d.comb += [
            idle.eq(self._loader.idle & self._features.idle),
            bus.write_ready.eq(idle),
            bus.write_refused.eq(1),
            written.eq(bus.write_valid & idle & ~bus.write_refused & bus.write_strobe.any()),
        ]
        strobes = Cat(bit.replicate(8) for bit in bus.write_strobe)
        refusals = self._refusals()
        writes: dict[str, tuple[Value, Value]] = {}
        with m.Switch(bus.write_address):
            for register in REGISTER_MAP:
                if register.access == "ro" or (register.streaming and not self.config.stream_bus):
                    continue
                write = Signal(name=f"write_{register.name.lower()}")
                value = Signal(32, name=f"value_{register.name.lower()}")
                rest = readable[register.name] if register.access == "rw" else Const(0, 32)
                unknown = 0 if register.access == "w1c" else ~register.mask & 0xFFFF_FFFF
                refused = [
                    (bus.write_data & strobes & unknown).any(),
                    refusals.get(register.name, Const(0)),
                ]
                if register.name in ANSWERS:
                    refused.append(self._answered(register.name, Answer.REFUSED))
                if register.name == "ENTRY":
                    refused.append(value >= self.config.program_words)
                with m.Case(register.offset // 4):
                    m.d.comb += [bus.write_refused.eq(Cat(refused).any()), write.eq(written)]
                m.d.comb += value.eq((bus.write_data & strobes | rest & ~strobes) & register.mask)
                writes[register.name] = write, value
        for name, signal in self._kept.items():
            with m.If(writes[name][0]):
                m.d.sync += signal.eq(writes[name][1])
        return writes

    def _refusals(self) -> dict[str, Value]:
        """When a write is refused for what it says, and what CONTROL's bits are refused for."""
        bus = self.bus
        control = Mux(bus.write_strobe[0], bus.write_data[:4], 0)
        asked = {flag: (control & flag.value).any() for flag in Control}
        partial = bus.write_strobe.any() & ~bus.write_strobe.all()
        return {
            "CONTROL": Cat(
                *(asked[f] & self._answered(str(f.name), Answer.REFUSED) for f in Control),
                asked[Control.CLEAR] & (control != Control.CLEAR.value),
                asked[Control.START] & asked[Control.ABORT],
            ).any(),
            "LOAD_DATA": partial | self._loader.outside,
            "LOAD_CHECK": partial,
            "FEATURE": self._ended | (self._features.room < sum(bus.write_strobe)),
        }

    def _read(self, m: Module, readable: dict[str, Value]) -> None:
        bus, counters = self.bus, self.machine.counters
        m.d.comb += bus.read_refused.eq(1)
        with m.Switch(bus.read_address):
            for name, value in readable.items():
                register = REGISTERS[name]
                with m.Case(register.offset // 4):
                    m.d.comb += [
                        bus.read_refused.eq(0),
                        bus.read_data.eq(value & register.mask),
                    ]
                    if name == "TOKEN":
                        m.d.comb += self._taken.eq(bus.read_valid)
            first = REGISTERS["COUNTERS"].offset // 4
            for number in range(len(COUNTERS)):
                with m.Case(first + 2 * number):
                    m.d.comb += [
                        bus.read_refused.eq(0),
                        bus.read_data.eq(counters[number][:32]),
                    ]
                    with m.If(bus.read_valid):
                        m.d.sync += self._high.eq(counters[number][32:])
                with m.Case(first + 2 * number + 1):
                    m.d.comb += [bus.read_refused.eq(0), bus.read_data.eq(self._high)]
            first = REGISTERS["CAPACITIES"].offset // 4
            for number, capacity in enumerate(capacities(self.config).values()):
                with m.Case(first + number):
                    m.d.comb += [bus.read_refused.eq(0), bus.read_data.eq(capacity)]

    def _control(self, m: Module, written: Value, value: Value) -> None:
        machine, loader = self.machine, self._loader
        acts = {flag: written & (value & flag.value).any() for flag in Control}
        start = acts[Control.START]
        m.d.comb += [
            machine.entry.eq(self._kept["ENTRY"]),
            machine.limit.eq(Cat(self._kept["LIMIT_LOW"], self._kept["LIMIT_HIGH"])),
            machine.start.eq(start & self._answered("START", Answer.ACTS)),
            machine.abort.eq(acts[Control.ABORT] & self._answered("ABORT", Answer.ACTS)),
            machine.clear.eq(acts[Control.CLEAR]),
            loader.require.eq(self._not_started),
            self._not_started.eq(start & self._answered("START", Answer.FAILS)),
        ]
        if self.config.stream_bus:
            m.d.comb += machine.stream_base.eq(self._kept["STREAM_BASE"])
        with m.If(machine.error != Error.NONE):
            m.d.comb += self._error.eq(machine.error)
        with m.Elif(loader.failed):
            m.d.comb += self._error.eq(Error.LOAD)
        with m.If(acts[Control.END_OF_INPUT]):
            m.d.sync += self._ended.eq(1)
        with m.If(machine.clear):
            m.d.sync += self._ended.eq(0)

    def _load(self, m: Module, writes: dict[str, tuple[Value, Value]]) -> None:
        loader = self._loader
        wiring.connect(m, loader.load, wiring.flipped(self.machine.load))
        m.d.comb += [
            loader.target.eq(self._kept["LOAD_TARGET"][:3]),
            loader.unit.eq(self._kept["LOAD_TARGET"][16:]),
            loader.restart.eq(writes["LOAD_ADDRESS"][0]),
            loader.restart_address.eq(writes["LOAD_ADDRESS"][1]),
            loader.write.eq(writes["LOAD_DATA"][0]),
            loader.check.eq(writes["LOAD_CHECK"][0]),
            loader.data.eq(self.bus.write_data),
            loader.clear.eq(self.machine.clear),
        ]

    def _queues(self, m: Module, feature: tuple[Value, Value]) -> None:
        machine, features, tokens = self.machine, self._features, self._tokens
        wiring.connect(m, features.features, wiring.flipped(machine.features))
        wiring.connect(m, wiring.flipped(machine.tokens), tokens.i)
        m.d.comb += [
            features.write.eq(feature[0]),
            features.data.eq(self.bus.write_data),
            features.strobe.eq(self.bus.write_strobe),
            features.clear.eq(machine.clear),
            machine.end_of_input.eq(self._ended & features.empty),
            tokens.o.ready.eq(self._taken),
            tokens.clear.eq(machine.clear),
        ]

    def _interrupts(self, m: Module, written: Value, value: Value) -> None:
        machine = self.machine
        finished = Signal()  # a cycle ago
        events = {
            Interrupt.STOPPED: (machine.finished & ~finished) | self._not_started,
            Interrupt.TOKEN: machine.tokens.valid & machine.tokens.ready,
            Interrupt.FEATURES: self._features.room >= (self.config.feature_fifo + 1) // 2,
        }
        set_now = Signal(32)
        for flag, event in events.items():
            m.d.comb += set_now[flag.value.bit_length() - 1].eq(event)
        cleared = Mux(written, value, 0)
        m.d.sync += [
            finished.eq(machine.finished),
            self._seen.eq(self._seen & ~cleared | set_now),
            self.interrupt.eq((self._seen & self._kept["INTERRUPT_ENABLE"]).any()),
        ]
