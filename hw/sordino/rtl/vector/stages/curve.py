"""Sigmoid and tanh: straight segments between exactly rounded knots, from a ROM."""

from typing import Any

from amaranth.hdl import *
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out

from sordino import arith
from sordino.isa import timing

__all__ = ["Curve", "either", "sigmoid", "tanh"]

_MAGNITUDE_BITS = arith.PREACTIVATION.bits - 1
_SEGMENT_BITS = (arith.CURVE_SEGMENTS - 1).bit_length()
_FRACTION_BITS = _MAGNITUDE_BITS - _SEGMENT_BITS
_TANH = (arith.TANH, 0)
_SIGMOID = (arith.SIGMOID, 1 << (arith.GATE.fraction - 1))


class Curve(wiring.Component):
    """value = curve.odd(z) + offset, one a cycle, without flow control.

    `value` belongs to the `z` of `LATENCY` cycles before. The ROM holds knot and slope of each of
    the 256 segments side by side; that of a second curve follows, which still fits one block RAM of
    an ECP5. Its twins are `sordino.arith.tanh` and `sordino.arith.sigmoid`.

    Parameters
    ----------
    curves : one odd function or two, each with its offset, which is added after the sign is put
        back; the sum must stay within int16
    varying : whether the curve is chosen for each z anew

    Members
    -------
    second
        Take the second curve, if there are two; held still from the first `z` until the last value,
        unless it is varying.
    z
        The argument, Q3.12.
    value
        The value, Q0.15.
    """

    LATENCY = timing.CURVE

    def __init__(self, *curves: tuple[arith.Curve, int], varying: bool = False) -> None:
        for curve, offset in curves:
            reach = curve.knots[-1]
            if not arith.GATE.low <= offset - reach <= offset + reach <= arith.GATE.high:
                raise ValueError(
                    f"{curve.name} reaches {reach}; with an offset of {offset} it leaves int16"
                )
        if len(curves) not in (1, 2):
            raise ValueError(f"wanted one curve or two, got {len(curves)}")
        self._curves, self._varying = curves, varying
        super().__init__(
            {
                "z": In(signed(arith.PREACTIVATION.bits)),
                **({"second": In(1)} if len(curves) > 1 else {}),
                "value": Out(signed(arith.GATE.bits)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        segment = data.StructLayout(
            {
                "knot": range(max(curve.knots[-1] for curve, _ in self._curves) + 1),
                "slope": range(max(max(curve.slopes) for curve, _ in self._curves) + 1),
            }
        )
        rom: Any = memory.Memory(
            shape=segment,
            depth=len(self._curves) * arith.CURVE_SEGMENTS,
            init=[
                {"knot": knot, "slope": slope}
                for curve, _ in self._curves
                for knot, slope in zip(curve.knots, curve.slopes, strict=False)
            ],
        )
        m.submodules.rom = rom
        read = rom.read_port()

        magnitude = Signal(_MAGNITUDE_BITS)
        fraction = Signal(_FRACTION_BITS)
        found = Signal(segment)  # the memory's output, which comes late in its cycle
        knot = Signal(segment["knot"].shape)
        # Exact: it is rounded a cycle later.
        rise = Signal(Shape.cast(segment["slope"].shape).width + _FRACTION_BITS)
        negative = Signal(3)
        # The magnitude of -32768 is one too large, so it is one less.
        sign = self.z < 0
        size = ((self.z ^ sign.replicate(len(self.z)))[:_MAGNITUDE_BITS].as_unsigned()) + (
            sign & self.z[:_MAGNITUDE_BITS].any()
        )
        m.d.comb += read.addr.eq(size[_FRACTION_BITS:_MAGNITUDE_BITS])
        offset: Any = Const(self._curves[0][1])
        if len(self._curves) > 1:
            chosen, added = self.second, self.second
            if self._varying:
                history = Signal(3)
                m.d.sync += history.eq(Cat(self.second, history))
                added = history[2]
            m.d.comb += read.addr[_SEGMENT_BITS].eq(chosen)
            offset = Mux(added, self._curves[1][1], offset)
        half = Const(1 << (_FRACTION_BITS - 1), _FRACTION_BITS)
        height = ((Cat(half, knot) + rise) >> _FRACTION_BITS)[: len(knot)]
        # −height − 1 where it is turned.
        turned = Cat(height ^ negative[-1].replicate(len(knot)), negative[-1]).as_signed()
        m.d.sync += [
            magnitude.eq(size),
            fraction.eq(magnitude),
            found.eq(read.data),
            knot.eq(found.knot),
            rise.eq(found.slope * fraction),
            negative.eq(Cat(sign, negative)),
            self.value.eq(turned + (offset + negative[-1])),
        ]
        return m


def tanh() -> Curve:
    """`arith.tanh` as a pipeline."""
    return Curve(_TANH)


def sigmoid() -> Curve:
    """`arith.sigmoid` as a pipeline."""
    return Curve(_SIGMOID)


def either(*, varying: bool = False) -> Curve:
    """`arith.tanh`, or with `second` `arith.sigmoid`, as a pipeline."""
    return Curve(_TANH, _SIGMOID, varying=varying)
