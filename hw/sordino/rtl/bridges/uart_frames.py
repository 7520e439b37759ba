"""Frames of `sordino.frames.format`, as words: what comes from a line, and what goes to it."""

from typing import Any

from amaranth.hdl import *
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from sordino.frames.format import CRC_RESIDUE, ESCAPE, FLAG, FLIP, MOST_WORDS, OVERHEAD_WORDS
from sordino.rtl.shared.crc import CRC_BITS, CRC_START, crc_bit

__all__ = ["FrameReceiver", "FrameSender", "FrameWord"]

_BYTE = 8
_WORD = 32
_FEWEST = 1 + OVERHEAD_WORDS
"""Words of a request: it has one at least besides header and CRC."""
_MOST = MOST_WORDS + OVERHEAD_WORDS


class FrameReceiver(wiring.Component):
    """Words of frames, from bytes of a line.

    The words come while the frame does, its CRC as the last one. Only its end says whether they
    are to be believed. The CRC takes a bit a cycle: bytes may come every ten cycles.

    Members
    -------
    data, valid
        A byte has come, in one cycle.
    spoil
        The frame in progress is worth nothing.
    word, store, stored
        A word is complete, until it is stored, for which there are 24 cycles.
    place
        Which word of its frame that is; the header is 0.
    whole
        A frame has ended that is one, in one cycle; it had `place` words.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "data": In(_BYTE),
                "valid": In(1),
                "spoil": In(1),
                "word": Out(_WORD),
                "store": Out(1),
                "stored": In(1),
                "place": Out(range(_MOST + 1)),
                "whole": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        crc = Signal(CRC_BITS, init=CRC_START)
        rest = Signal(_BYTE)
        bits, part = Signal(range(_BYTE + 1)), Signal(2)
        escaped, spoilt = Signal(), Signal(init=1)
        m.d.comb += [
            self.whole.eq(
                (self.valid & (self.data == FLAG))
                & ~(spoilt | escaped | self.spoil)
                & (part == 0)
                & (self.place >= _FEWEST)
                & (crc == CRC_RESIDUE)
            ),
        ]
        with m.If(bits != 0):
            m.d.sync += [
                bits.eq(bits - 1),
                rest.eq(rest[1:]),
                self.word.eq(Cat(self.word[1:], rest[0])),
                crc.eq(crc_bit(crc, rest[0])),
            ]
            with m.If(bits == 1):
                m.d.sync += part.eq(part + 1)
                with m.If((part == 3) & ~spoilt):
                    with m.If(self.place == _MOST):
                        m.d.sync += spoilt.eq(1)
                    with m.Else():
                        m.d.sync += self.store.eq(1)
        with m.If(self.store & self.stored):
            m.d.sync += [self.store.eq(0), self.place.eq(self.place + 1)]
        with m.If(self.valid):
            with m.If(self.data == FLAG):
                m.d.sync += [
                    crc.eq(CRC_START), part.eq(0), self.place.eq(0),
                    escaped.eq(0), spoilt.eq(0),
                ]  # fmt: skip
            with m.Elif(self.data == ESCAPE):
                m.d.sync += [escaped.eq(1), spoilt.eq(spoilt | escaped)]
            with m.Else():
                m.d.sync += [
                    rest.eq(Mux(escaped, self.data ^ FLIP, self.data)),
                    bits.eq(_BYTE),
                    escaped.eq(0),
                ]
        with m.If(self.spoil):
            m.d.sync += spoilt.eq(1)
        return m


class FrameWord(data.Struct):
    """A word of a frame; `last` marks the last one before the CRC."""

    word: _WORD
    last: 1


class FrameSender(wiring.Component):
    """Bytes of frames for a line, from their words; the CRC is made here.

    Latency: ten cycles from a word to its first byte. A byte then takes ten cycles or, where it is
    sent changed, one more, if the line is free.

    Members
    -------
    words
        Header and what follows it.
    bytes
        For the line.
    """

    def __init__(self) -> None:
        super().__init__(
            {"words": In(stream.Signature(FrameWord)), "bytes": Out(stream.Signature(_BYTE))}
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        crc = Signal(CRC_BITS, init=CRC_START)
        word, byte = Signal(_WORD), Signal(_BYTE)
        bits, part = Signal(range(_BYTE)), Signal(2)
        last, closing, escaped = Signal(), Signal(), Signal()
        out = self.bytes
        special = (byte == FLAG) | (byte == ESCAPE)
        with m.FSM():
            with m.State("REST"):
                m.d.sync += [crc.eq(CRC_START), closing.eq(0)]
                m.d.comb += [out.payload.eq(FLAG), out.valid.eq(self.words.valid)]
                with m.If(out.valid & out.ready):
                    m.next = "WORD"
            with m.State("WORD"):
                m.d.comb += self.words.ready.eq(1)
                m.d.sync += [word.eq(self.words.payload.word), last.eq(self.words.payload.last)]
                with m.If(self.words.valid):
                    m.next = "BYTE"
            with m.State("BYTE"):
                m.d.sync += [
                    word.eq(word[1:]),
                    byte.eq(Cat(byte[1:], word[0])),
                    crc.eq(crc_bit(crc, word[0])),
                    bits.eq(bits + 1),
                ]
                with m.If(bits == _BYTE - 1):
                    m.next = "SEND"
            with m.State("SEND"):
                m.d.comb += [
                    out.valid.eq(1),
                    out.payload.eq(Mux(escaped, byte ^ FLIP, Mux(special, ESCAPE, byte))),
                ]
                with m.If(out.ready):
                    m.d.sync += escaped.eq(special & ~escaped)
                    with m.If(~special | escaped):
                        m.d.sync += part.eq(part + 1)
                        m.next = "BYTE"
                        with m.If(part == 3):
                            m.d.sync += [closing.eq(last), word.eq(~crc)]
                            m.next = "WORD"
                            with m.If(last):
                                m.next = "BYTE"
                            with m.If(closing):
                                m.next = "CLOSE"
            with m.State("CLOSE"):
                m.d.comb += [out.payload.eq(FLAG), out.valid.eq(1)]
                with m.If(out.ready):
                    m.next = "REST"
        return m
