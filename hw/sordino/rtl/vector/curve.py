"""Sigmoid and tanh: straight segments between exactly rounded knots, from a ROM."""

from typing import Any

from amaranth.hdl import *
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from sordino import arith
from sordino.isa import timing

__all__ = ["Curve", "sigmoid", "tanh"]

_MAGNITUDE_BITS = arith.PREACTIVATION.bits - 1
_SEGMENT_BITS = (arith.CURVE_SEGMENTS - 1).bit_length()
_FRACTION_BITS = _MAGNITUDE_BITS - _SEGMENT_BITS


class Curve(wiring.Component):
    """value = curve.odd(z) + offset, one a cycle, without flow control.

    `value` belongs to the `z` of `LATENCY` cycles before. The ROM holds knot and slope of each of
    the 256 segments side by side. Its twins are `sordino.arith.tanh` and `sordino.arith.sigmoid`.

    Parameters
    ----------
    curve : the odd function
    offset : added after the sign is put back; the sum must stay within int16

    Members
    -------
    z
        The argument, Q3.12.
    value
        The value, Q0.15.
    """

    LATENCY = timing.CURVE

    z: In(signed(arith.PREACTIVATION.bits))
    value: Out(signed(arith.GATE.bits))

    def __init__(self, curve: arith.Curve, *, offset: int = 0) -> None:
        reach = curve.knots[-1]
        if not arith.GATE.low <= offset - reach <= offset + reach <= arith.GATE.high:
            raise ValueError(
                f"{curve.name} reaches {reach}; with an offset of {offset} it leaves int16"
            )
        self._curve = curve
        self._offset = offset
        super().__init__()

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        segment = data.StructLayout(
            {
                "knot": range(self._curve.knots[-1] + 1),
                "slope": range(max(self._curve.slopes) + 1),
            }
        )
        rom: Any = memory.Memory(
            shape=segment,
            depth=arith.CURVE_SEGMENTS,
            init=[
                {"knot": knot, "slope": slope}
                for knot, slope in zip(self._curve.knots, self._curve.slopes, strict=False)
            ],
        )
        m.submodules.rom = rom
        read = rom.read_port()

        magnitude = Signal(_MAGNITUDE_BITS)
        fraction = Signal(_FRACTION_BITS)
        knot = Signal(segment["knot"].shape)
        rise = Signal(segment["slope"].shape)
        negative = Signal(3)
        m.d.comb += read.addr.eq(magnitude[_FRACTION_BITS:])
        distance = abs(self.z)
        m.d.sync += [
            # The magnitude of -32768 is one too large, and its only one with the top bit set.
            magnitude.eq(distance - distance[_MAGNITUDE_BITS]),
            fraction.eq(magnitude),
            knot.eq(read.data.knot),
            rise.eq((read.data.slope * fraction + (1 << (_FRACTION_BITS - 1))) >> _FRACTION_BITS),
            negative.eq(Cat(self.z < 0, negative)),
            self.value.eq(Mux(negative[-1], -(knot + rise), knot + rise) + self._offset),
        ]
        return m


def tanh() -> Curve:
    """`arith.tanh` as a pipeline."""
    return Curve(arith.TANH)


def sigmoid() -> Curve:
    """`arith.sigmoid` as a pipeline."""
    return Curve(arith.SIGMOID, offset=1 << (arith.GATE.fraction - 1))
