"""The machine: sequencer, tables, matvec array, vector unit and the memories between them."""

from typing import Any

from amaranth.hdl import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from sordino.arch import Config
from sordino.arith import ACTIVATION, CELL_STATE
from sordino.isa.registers import COUNTERS, LoadTarget
from sordino.rtl.lanes.array import MatvecArray
from sordino.rtl.sequencer import SEQUENCER_COUNTERS, Sequencer
from sordino.rtl.shared.memories import VectorMemory, WideMemory
from sordino.rtl.shared.ports import HostSignature, Trace, external_signature, feature_sources
from sordino.rtl.tables import TableLoader
from sordino.rtl.vector.unit import VectorUnit

__all__ = ["Machine"]


class Machine(wiring.Component):
    """Everything but the host's interface. See `Sequencer` for what stops it and what it costs.

    Words on `host.load` are in their memory, or on their way there ahead of everything that could
    read them, in the next cycle. Words may come in every cycle in which the machine is not busy,
    and those of a segment that is not in use in every cycle, but for POSITIONS and VALUES while
    `host.fetching` is high.

    Submodules, whose names stay: `sequencer` (its port `registers`), `tables`, `array`
    (`group{g}.lane{i}` with the memories `bank0` and `bank1`), `vector`, and `activation`, `state`
    and `parameters`, each with the memory `memory`. Its twin is `sordino.golden.machine`.

    Members
    -------
    host
        Where programs, commands and features come from, and tokens go.
    trace
        Instructions that began or are done; all they wrote is in the memories in this cycle.
    m_axi
        External memory, in machines that stream.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        streaming = {"m_axi": Out(external_signature(config))} if config.stream_bus else {}
        super().__init__(
            {
                "host": In(
                    HostSignature(streaming=bool(config.stream_bus), channels=config.channels)
                ),
                "trace": Out(Trace),
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
        wiring.connect(m, sequencer.array, array.unit)
        wiring.connect(m, sequencer.vector, vector.unit)
        wiring.connect(m, sequencer.table, tables.unit)
        wiring.connect(m, vector.drain, array.drain)
        wiring.connect(m, tables.table, array.table)
        m.d.comb += [
            array.clear_counts.eq(sequencer.clear_counts),
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
                array.base.eq(self.host.stream_base),
                self.host.fetching.eq(array.fetching),
            ]
        for number, counter in enumerate(COUNTERS):
            kept = sequencer.counters if counter.name in SEQUENCER_COUNTERS else array.counts
            m.d.comb += self.host.counters[number].eq(kept[counter.name])
        return m

    def _host(self, m: Module, sequencer: Sequencer, vector: VectorUnit) -> None:
        wiring.connect(m, wiring.flipped(self.host.run), sequencer.run)
        wiring.connect(m, sequencer.tokens, wiring.flipped(self.host.tokens))
        wiring.connect(m, wiring.flipped(self.host.window), vector.window)
        self._channels(m, vector)
        m.d.comb += [
            vector.open.eq(sequencer.run.open),
            sequencer.request.eq(self.host.request),
            self.host.taken.eq(sequencer.taken),
            sequencer.checked.eq(self.host.checked),
            self.host.in_use.eq(sequencer.in_use),
            self.host.waiting.eq(sequencer.waiting),
            self.trace.eq(sequencer.trace),
        ]

    def _channels(self, m: Module, vector: VectorUnit) -> None:
        """Lead the channel's features that INPUT names to the vector unit."""
        sources = feature_sources(self.host, self.config.channels)
        with m.Switch(vector.channel):
            for number, source in reversed(list(enumerate(sources))):
                # Programs name no channel that the machine lacks.
                with m.Case(number) if number else m.Default():
                    m.d.comb += [
                        vector.features.valid.eq(source.features.valid),
                        vector.features.payload.eq(source.features.payload),
                        source.features.ready.eq(vector.features.ready),
                        vector.end_of_input.eq(source.end_of_input),
                    ]

    def _load(self, m: Module, array: MatvecArray, *others: Any) -> None:
        """Spread host words: one register for the array, which has its own, one for the others."""
        load = self.host.load
        wiring.connect(m, wiring.flipped(load), array.load)
        valid, payload = Signal(), Signal.like(load.payload)
        m.d.sync += [valid.eq(load.valid), payload.eq(load.payload)]
        for component in others:
            m.d.comb += [component.load.valid.eq(valid), component.load.payload.eq(payload)]
