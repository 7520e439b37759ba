"""The machine: sequencer, tables, matvec array, vector unit and the memories between them."""

from typing import Any

from amaranth.hdl import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from sordino.arch import Config
from sordino.arith import ACTIVATION, CELL_STATE
from sordino.isa.registers import COUNTER_BITS, COUNTERS, Error, LoadTarget
from sordino.rtl.array import MatvecArray
from sordino.rtl.fetch import BASE_BITS, external_signature
from sordino.rtl.memories import VectorMemory, WideMemory
from sordino.rtl.ports import LoadSignature, Trace
from sordino.rtl.sequencer import SEQUENCER_COUNTERS, Sequencer
from sordino.rtl.tables import TableLoader
from sordino.rtl.vector import VectorUnit

__all__ = ["Machine"]


class Machine(wiring.Component):
    """Everything but the host's interface. See `Sequencer` for what stops it and what it costs.

    Words on `load` are in their memory, or on their way there ahead of everything that could read
    them, in the next cycle; words may come in every cycle in which the machine is not busy.

    Submodules, whose names stay: `sequencer` (its port `registers`), `tables`, `array`
    (`group{g}.lane{i}` with the memories `bank0` and `bank1`), `vector`, and `activation`, `state`
    and `parameters`, each with the memory `memory`.

    Members
    -------
    load : In(LoadSignature)
        Words for the memories that the host fills.
    start : In(1), entry : In(16), limit : In(48)
        One cycle high: begin at `entry`, with a limit of cycles unless it is 0. Ignored while
        busy or with an error pending.
    abort : In(1)
        Stop with LIMIT if busy.
    clear : In(1)
        Forget the error, unless busy.
    features : In(stream of signed(8)), end_of_input : In(1)
        Input; it ends when `end_of_input` is high and no feature is valid.
    tokens : Out(stream of 16 bits)
        Output; a token that waits is withdrawn when the machine stops with LIMIT.
    busy, finished : Out(1), error : Out(Error), code : Out(8), pc : Out(16)
        Running; stopped since `start`; why; HALT's code; the instruction that begins next, or that
        stopped the machine.
    trace : Out(Trace)
        Instructions that began or are done; all they wrote is in the memories in this cycle.
    counters : Out(one of 48 bits for each of COUNTERS)
        What happened since `start`. They stand still from the cycle in which `finished` rises.
    m_axi : Out(AxiReadSignature), stream_base : In(32)
        External memory and the 4 KiB page at which it begins, where the machine streams.
    """

    load: stream.Interface
    start: Signal
    entry: Signal
    limit: Signal
    abort: Signal
    clear: Signal
    end_of_input: Signal
    features: stream.Interface
    tokens: stream.Interface
    busy: Signal
    finished: Signal
    error: Any
    code: Signal
    pc: Signal
    trace: Any
    counters: Any
    m_axi: wiring.PureInterface
    stream_base: Signal

    def __init__(self, config: Config) -> None:
        self.config = config
        streaming = {}
        if config.stream_bus:
            axi = Out(external_signature(config))
            streaming = {"m_axi": axi, "stream_base": In(BASE_BITS)}
        super().__init__(
            {
                "load": In(LoadSignature),
                "start": In(1),
                "entry": In(16),
                "limit": In(COUNTER_BITS),
                "abort": In(1),
                "clear": In(1),
                "end_of_input": In(1),
                "features": In(stream.Signature(signed(ACTIVATION.bits))),
                "tokens": Out(stream.Signature(16)),
                "busy": Out(1),
                "finished": Out(1),
                "error": Out(Error),
                "code": Out(8),
                "pc": Out(16),
                "trace": Out(Trace),
                "counters": Out(data.ArrayLayout(COUNTER_BITS, len(COUNTERS))),
                **streaming,
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        config = self.config
        m.submodules.sequencer = sequencer = Sequencer(config)
        m.submodules.tables = tables = TableLoader(config)
        m.submodules.array = array = MatvecArray(config)
        m.submodules.vector = vector = VectorUnit(config)
        m.submodules.activation = activation = VectorMemory(
            width=ACTIVATION.bits, depth=config.activation_words
        )
        m.submodules.state = state = VectorMemory(width=CELL_STATE.bits, depth=config.state_words)
        m.submodules.parameters = parameters = WideMemory(
            LoadTarget.PARAMETERS, depth=config.parameter_words
        )
        self._host(m, sequencer, vector)
        self._load(m, array, sequencer, tables, parameters)
        self._dispatch(m, sequencer, tables, array, vector)
        wiring.connect(m, vector.drain, array.drain)
        wiring.connect(m, tables.table, array.table)
        m.d.comb += [
            activation.write.eq(vector.activation_write),
            activation.address_a.eq(array.x_address),
            array.x_data.eq(activation.data_a),
            activation.address_b.eq(vector.activation_address),
            vector.activation_data.eq(activation.data_b),
            state.write.eq(vector.state_write),
            state.address_a.eq(vector.state_address_a),
            vector.state_data_a.eq(state.data_a),
            state.address_b.eq(vector.state_address_b),
            vector.state_data_b.eq(state.data_b),
            parameters.enable.eq(1),
            parameters.address.eq(vector.parameter_address),
            vector.parameter_data.eq(parameters.data),
        ]
        if config.stream_bus:
            wiring.connect(m, array.axi, wiring.flipped(self.m_axi))
            m.d.comb += [
                array.base.eq(self.stream_base),
                array.replay.eq(sequencer.array_replay),
                sequencer.array_corrupt.eq(array.corrupt),
            ]
        for number, counter in enumerate(COUNTERS):
            kept = sequencer.counters if counter.name in SEQUENCER_COUNTERS else array.counts
            m.d.comb += self.counters[number].eq(kept[counter.name])
        return m

    def _host(self, m: Module, sequencer: Sequencer, vector: VectorUnit) -> None:
        for name in ("start", "entry", "limit", "abort", "clear"):
            m.d.comb += getattr(sequencer, name).eq(getattr(self, name))
        for name in ("busy", "finished", "error", "code", "pc", "trace"):
            m.d.comb += getattr(self, name).eq(getattr(sequencer, name))
        wiring.connect(m, sequencer.tokens, wiring.flipped(self.tokens))
        wiring.connect(m, wiring.flipped(self.features), vector.features)
        m.d.comb += vector.end_of_input.eq(self.end_of_input)

    def _load(self, m: Module, array: MatvecArray, *others: Any) -> None:
        """Spread host words: one register for the array, which has its own, one for the others."""
        wiring.connect(m, wiring.flipped(self.load), array.load)
        valid, payload = Signal(), Signal.like(self.load.payload)
        m.d.sync += [valid.eq(self.load.valid), payload.eq(self.load.payload)]
        for component in others:
            m.d.comb += [component.load.valid.eq(valid), component.load.payload.eq(payload)]

    def _dispatch(
        self,
        m: Module,
        sequencer: Sequencer,
        tables: TableLoader,
        array: MatvecArray,
        vector: VectorUnit,
    ) -> None:
        """Start, done and errors between the sequencer and its units."""
        for name, unit in (("table", tables), ("array", array), ("vector", vector)):
            m.d.comb += [
                unit.start.eq(getattr(sequencer, f"{name}_start")),
                unit.abort.eq(sequencer.unit_abort),
                getattr(sequencer, f"{name}_done").eq(unit.done),
            ]
        m.d.comb += [
            tables.arguments.eq(sequencer.table_arguments),
            array.arguments.eq(sequencer.array_arguments),
            array.clear_counts.eq(sequencer.clear_counts),
            sequencer.array_error.eq(array.error),
            vector.word.eq(sequencer.word),
            vector.operand.eq(sequencer.operand),
            sequencer.vector_error.eq(vector.error),
            sequencer.vector_ended.eq(vector.ended),
            sequencer.vector_result.eq(vector.result),
            sequencer.vector_waiting.eq(vector.waiting),
        ]
