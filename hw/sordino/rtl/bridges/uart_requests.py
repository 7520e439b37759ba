"""What a host asks for in a frame: done once, in its turn, and answered as often as it is asked."""

from dataclasses import dataclass
from typing import Any

from amaranth.hdl import *
from amaranth.lib import data, memory, stream, wiring
from amaranth.lib.wiring import In, Out

from sordino.frames.format import (
    MOST_WORDS,
    OVERHEAD_WORDS,
    VERSION,
    Answer,
    Command,
    Outcome,
    Request,
)
from sordino.rtl.bridges.uart_frames import FrameWord
from sordino.rtl.shared.attributes import BLOCK
from sordino.rtl.shared.register_bus import DATA_BITS, RegisterBusSignature

__all__ = ["Requests"]

_ROOM_WORDS = 1 << (MOST_WORDS + OVERHEAD_WORDS - 1).bit_length()
_PLACES = range(_ROOM_WORDS)
_BYTE_BITS = 2
"""Bits of an address below those that count words."""


@dataclass(frozen=True)
class _Inside:
    """The memory, and what is known of the request that was taken last and of its answer."""

    write: Any
    read: Any
    request: Any
    synced: Signal
    failed: Signal
    """The request before was refused, or skipped."""
    refused: Signal
    """Number of the request that was refused."""
    words: Signal
    """How many the request has besides its header, or wants to be read."""
    outcome: Signal
    index: Signal
    answers: Signal
    """Words of the answer besides its header."""
    aside: Signal
    event: Signal
    """This frame does not answer the last request: TURN, RESET or, where `event` is set, EVENT."""
    told: Signal
    """The host knows that the interrupt line is high."""
    receiving: Signal
    """The room that frames come to; the other one has the last request and its answer."""
    length: Signal
    """Words besides its header of the request that has come."""
    at: Signal

    def refuse(self, m: Module, outcome: Outcome) -> None:
        """Do nothing more of a request, and tell why."""
        m.d.sync += [
            self.outcome.eq(outcome),
            self.failed.eq(1),
            self.index.eq(self.at),
            self.refused.eq(self.request.sequence),
        ]
        m.next = "ANSWER"


class Requests(wiring.Component):
    """Requests from frames, as accesses of a register bus, and their answers.

    A memory has two rooms for frames. One receives; the other one has the last request that was
    taken, and then what was read for it. So the last answer can be given again.

    Latency: a request's first read is six cycles after its frame is whole, its first write five.
    Throughput: a read every two cycles where the registers are ready, a write every three.

    Members
    -------
    word, place, store, stored
        A word of the frame that comes, and which one. It waits a cycle where a register is read.
    whole
        The frame that comes is complete; it has `place` words.
    full
        It has not been looked at yet: nothing else may come.
    interrupt
        The machine's interrupt line.
    answers
        Answers, and news of the interrupt line.
    bus
        The registers.
    """

    def __init__(self, *, address_width: int) -> None:
        self.address_width = address_width
        super().__init__(
            {
                "word": In(DATA_BITS),
                "place": In(range(_ROOM_WORDS + 1)),
                "store": In(1),
                "stored": Out(1),
                "whole": In(1),
                "full": Out(1),
                "interrupt": In(1),
                "answers": Out(stream.Signature(FrameWord)),
                "bus": Out(RegisterBusSignature(address_width=address_width)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        kept: Any = memory.Memory(
            shape=unsigned(DATA_BITS), depth=2 * _ROOM_WORDS, init=[], attrs=BLOCK
        )
        m.submodules.memory = kept
        inside = _Inside(
            write=kept.write_port(),
            read=kept.read_port(),
            request=Signal(Request),
            synced=Signal(),
            failed=Signal(),
            refused=Signal(8),
            words=Signal(_PLACES),
            outcome=Signal(Outcome),
            index=Signal(_PLACES),
            answers=Signal(_PLACES),
            aside=Signal(),
            event=Signal(),
            told=Signal(),
            receiving=Signal(),
            length=Signal(_PLACES),
            at=Signal(_PLACES),
        )
        self._store(m, inside)
        with m.If(~self.interrupt):
            m.d.sync += inside.told.eq(0)
        bus, request = self.bus, inside.request
        m.d.comb += [
            bus.write_address.eq(request.address >> _BYTE_BITS),
            bus.read_address.eq(request.address >> _BYTE_BITS),
            bus.write_strobe.eq(request.strobe),
            # Word `at` behind the header, where a state does not say otherwise.
            inside.read.addr.eq(Cat((inside.at + 1)[: len(inside.at)], ~inside.receiving)),
        ]
        with m.FSM():
            self._look(m, inside)
            self._begin(m, inside)
            self._write(m, inside)
            self._read(m, inside)
            self._answer(m, inside)
        return m

    def _store(self, m: Module, inside: _Inside) -> None:
        """Keep the words that come."""
        write = inside.write
        m.d.comb += [
            self.stored.eq(1),
            write.en.eq(self.store),
            write.addr.eq(Cat(self.place[: len(inside.at)], inside.receiving)),
            write.data.eq(self.word),
        ]
        with m.If(self.whole):
            m.d.sync += [self.full.eq(1), inside.length.eq(self.place - OVERHEAD_WORDS)]

    def _look(self, m: Module, inside: _Inside) -> None:
        """Take a request in its turn; else say the last answer again, or whose turn it is."""
        held = self.bus.write_data  # the memory's output comes late in its cycle
        came: Any = data.View(Request, held)
        sequence = inside.request.sequence
        with m.State("REST"):
            m.d.comb += inside.read.addr.eq(Cat(C(0, len(inside.at)), inside.receiving))
            m.d.sync += [inside.at.eq(0), inside.event.eq(~self.full)]
            with m.If(self.full):
                m.next = "HEADER"
            with m.Elif(self.interrupt & ~inside.told):
                m.d.sync += inside.aside.eq(1)
                m.next = "ANSWER"
        with m.State("HEADER"):
            m.d.sync += held.eq(inside.read.data)
            m.next = "LOOK"
        with m.State("LOOK"):
            follows = inside.synced & (came.sequence == (sequence + 1)[: len(sequence)])
            again = inside.synced & (came.sequence == sequence)
            m.d.sync += [self.full.eq(0), inside.aside.eq(0)]
            with m.If((came.command == Command.SYNC) | follows):
                m.d.sync += [
                    inside.request.eq(came),
                    inside.synced.eq(1),
                    inside.words.eq(inside.length),
                    inside.receiving.eq(~inside.receiving),
                    inside.outcome.eq(Outcome.DONE),
                    inside.answers.eq(0),
                ]
                m.next = "BEGIN"
            with m.Else():
                m.d.sync += inside.aside.eq(~again)
                m.next = "ANSWER"

    def _begin(self, m: Module, inside: _Inside) -> None:
        """Decide what to do for a request; its first word is read meanwhile."""
        request = inside.request
        with m.State("BEGIN"):
            with m.If(request.command == Command.SYNC):
                m.d.sync += [
                    inside.failed.eq(0),
                    inside.index.eq(MOST_WORDS),
                    inside.answers.eq(inside.words),
                ]
                m.next = "ANSWER"
            with m.Elif(request.chained & inside.failed):
                m.d.sync += inside.outcome.eq(Outcome.SKIPPED)
                m.next = "ANSWER"
            with m.Elif(request.command == Command.WRITE):
                m.d.sync += inside.failed.eq(0)
                m.next = "HOLD"
            with m.Elif((request.command == Command.READ) & (inside.words == 1)):
                m.d.sync += inside.failed.eq(0)
                m.next = "COUNT"
            with m.Else():
                inside.refuse(m, Outcome.UNKNOWN)
        count = self.bus.write_data
        with m.State("COUNT"):
            m.d.sync += count.eq(inside.read.data)
            m.next = "CHECK"
        with m.State("CHECK"):
            m.d.sync += inside.words.eq(count)
            m.next = "READ"
            with m.If((count == 0) | (count > MOST_WORDS)):
                inside.refuse(m, Outcome.UNKNOWN)

    def _reachable(self, inside: _Inside) -> Value:
        """Whether the bus has the address."""
        address = inside.request.address
        above = address[self.address_width + _BYTE_BITS :]
        return ~(address[:_BYTE_BITS].any() | above.any())

    def _advance(self, m: Module, inside: _Inside) -> None:
        """One word is done."""
        request = inside.request
        m.d.sync += inside.at.eq(inside.at + 1)
        with m.If(request.advance):
            m.d.sync += request.address.eq(request.address + (1 << _BYTE_BITS))

    def _write(self, m: Module, inside: _Inside) -> None:
        """Write the words; each is read from the memory before, and held in a register."""
        bus, reachable = self.bus, self._reachable(inside)
        with m.State("HOLD"):
            m.d.sync += bus.write_data.eq(inside.read.data)
            m.next = "WRITE"
        with m.State("WRITE"):
            m.d.comb += bus.write_valid.eq(reachable)
            with m.If(bus.write_ready | ~reachable):
                self._advance(m, inside)
                m.next = "FETCH"
                with m.If(bus.write_refused | ~reachable):
                    inside.refuse(m, Outcome.REFUSED)
                with m.Elif(inside.at + 1 == inside.words):
                    m.next = "ANSWER"
        with m.State("FETCH"):
            m.next = "HOLD"

    def _read(self, m: Module, inside: _Inside) -> None:
        """Read registers; the words take the request's place."""
        bus, reachable = self.bus, self._reachable(inside)
        with m.State("READ"):
            m.d.comb += bus.read_valid.eq(reachable)
            with m.If(bus.read_ready | ~reachable):
                m.next = "PAUSE"
                with m.If(bus.read_refused | ~reachable):
                    inside.refuse(m, Outcome.REFUSED)
                with m.Else():
                    self._advance(m, inside)
                    m.d.sync += inside.answers.eq(inside.answers + 1)
                    m.d.comb += [
                        self.stored.eq(0),
                        inside.write.en.eq(1),
                        inside.write.addr.eq(inside.read.addr),
                        inside.write.data.eq(bus.read_data),
                    ]
                    with m.If(inside.at + 1 == inside.words):
                        m.next = "ANSWER"
        with m.State("PAUSE"):  # a word that comes is stored meanwhile
            m.next = "READ"

    def _answer(self, m: Module, inside: _Inside) -> None:
        """Send a header, and the words of the answer behind it."""
        header: Any = Signal(Answer)
        out, count = self.answers, Mux(inside.aside, 0, inside.answers)
        m.d.comb += [
            header.sequence.eq(inside.request.sequence),
            header.outcome.eq(
                Mux(
                    inside.aside,
                    Mux(
                        inside.event,
                        Outcome.EVENT,
                        Mux(inside.synced, Outcome.TURN, Outcome.RESET),
                    ),
                    inside.outcome,
                )
            ),
            header.interrupt.eq(self.interrupt),
            header.version.eq(VERSION),
            header.index.eq(inside.index),
            header.refused.eq(inside.refused),
        ]
        with m.State("ANSWER"):
            m.d.comb += [
                out.valid.eq(1),
                out.payload.word.eq(header),
                out.payload.last.eq(count == 0),
            ]
            m.d.sync += inside.at.eq(0)
            with m.If(out.ready):
                m.d.sync += inside.told.eq(self.interrupt)
                m.next = "LOAD"
                with m.If(count == 0):
                    m.next = "REST"
        with m.State("LOAD"):
            m.next = "SEND"
        with m.State("SEND"):
            m.d.comb += [
                out.valid.eq(1),
                out.payload.word.eq(inside.read.data),
                out.payload.last.eq(inside.at + 1 == count),
            ]
            with m.If(out.ready):
                m.d.sync += inside.at.eq(inside.at + 1)
                m.next = "LOAD"
                with m.If(out.payload.last):
                    m.next = "REST"
