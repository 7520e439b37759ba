"""A machine that tests of the host's side can foresee."""

from typing import Any

from amaranth.hdl import Const, Module, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from sordino.isa.choices import Space
from sordino.isa.fields import SEGMENTS
from sordino.isa.registers import COUNTERS, Error
from sordino.rtl.shared.ports import REGISTER_BITS, WINDOW_BITS, WINDOW_READ, HostSignature

__all__ = ["FakeMachine", "counter_value", "window_word"]

_WORD_BITS = {Space.ACTIVATION: 8, Space.STATE: 16, Space.BANK0: 24, Space.BANK1: 24}


def counter_value(number: int) -> int:
    """What counter `number` always holds, unless the stand-in is `counting`."""
    return (number + 1) << 33 | 0x8000_0000 | 0x111 * number


def window_word(space: Space, lane: int, address: int) -> int:
    """The word that a stand-in always has at a place of its memories, whatever is written."""
    word = _mixed(space.value, lane, address) & (1 << _WORD_BITS[space]) - 1
    return word - (word >> _WORD_BITS[space] - 1 << _WORD_BITS[space])


def _mixed(space: Any, lane: Any, address: Any) -> Any:
    return (address * 40_503 + lane * 12_289 + space * 3_571 + 201) * 77


class FakeMachine(wiring.Component):
    """A machine that turns each feature f into the token 3 f while it is busy, and keeps none.

    It stops at the end of input with the low byte of `entry` as code, at once with ILLEGAL if
    `limit` is 1, and with LIMIT on `abort`. With `counting`, all counters are one that counts
    every cycle from 64 before the low word overflows. The words of its memories are `window_word`.
    The bits of each feature are segments that it uses, if they are checked, until the next one.
    """

    host: wiring.PureInterface

    def __init__(
        self, *, counting: bool = False, streaming: bool = False, channels: int = 1
    ) -> None:
        self.counting = counting
        super().__init__({"host": In(HostSignature(streaming=streaming, channels=channels))})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        host, run = self.host, self.host.run
        moving, token = Signal(), Signal(signed(REGISTER_BITS))
        now = Signal(48, init=(1 << 32) - 64)
        m.d.sync += now.eq(now + 1)
        m.d.comb += [
            moving.eq(run.busy & (run.limit != 1)),
            host.tokens.valid.eq(moving & host.features.valid),
            token.eq(host.features.payload * 3),
            host.tokens.payload.eq(token[:]),
            host.features.ready.eq(moving & host.tokens.ready),
        ]
        for number in range(len(COUNTERS)):
            value = now if self.counting else Const(counter_value(number), 48)
            m.d.comb += host.counters[number].eq(value)
        self._window(m)
        self._segments(m)
        with m.If(run.busy):
            with m.If(run.limit == 1):
                m.d.sync += [run.error.eq(Error.ILLEGAL), run.busy.eq(0), run.finished.eq(1)]
            with m.Elif(run.abort):
                m.d.sync += [run.error.eq(Error.LIMIT), run.busy.eq(0), run.finished.eq(1)]
            with m.Elif(host.end_of_input & ~host.features.valid):
                m.d.sync += [run.code.eq(run.pc[:8]), run.busy.eq(0), run.finished.eq(1)]
        with m.If(run.start):
            m.d.sync += [run.busy.eq(1), run.finished.eq(0), run.pc.eq(run.entry)]
        with m.If(run.clear):
            m.d.sync += run.error.eq(Error.NONE)
        return m

    def _segments(self, m: Module) -> None:
        host = self.host
        uses, taken = Signal(SEGMENTS), Signal()
        now = host.features.payload.as_unsigned() & host.checked
        m.d.comb += [
            taken.eq(host.features.valid & host.features.ready),
            host.in_use.eq(uses),
        ]
        with m.If(~host.run.busy):
            m.d.sync += uses.eq(0)
        with m.Elif(taken):
            m.d.sync += uses.eq(now)

    def _window(self, m: Module) -> None:
        window = self.host.window
        mixed, word = Signal(64), Signal(signed(WINDOW_BITS))
        m.d.comb += [
            self.host.run.open.eq(~self.host.run.busy),
            mixed.eq(_mixed(window.space.as_value(), window.lane, window.address)),
        ]
        with m.Switch(window.space):
            for space, bits in _WORD_BITS.items():
                with m.Case(space):
                    m.d.comb += word.eq(mixed[:bits].as_signed())
        for _ in range(WINDOW_READ):
            late = Signal.like(word, name="late")
            m.d.sync += late.eq(word)
            word = late
        m.d.comb += window.data.eq(word)
