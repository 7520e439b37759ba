"""PLL of the ECP5: settings for a frequency, computed or refused, and the primitive."""

from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from math import ceil, floor
from typing import Any

from amaranth.hdl import Instance, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from sordino.errors import InputError

__all__ = ["Pll", "PllSettings", "pll_settings"]

INPUT_HZ = (8_000_000, 400_000_000)
PHASE_HZ = (10_000_000, 400_000_000)
"""At the phase detector."""
VCO_HZ = (400_000_000, 800_000_000)
OUTPUT_HZ = (3_125_000, 400_000_000)
MOST_DIVIDER = 128
"""Lattice FPGA-DS-02012, sysCLOCK PLL timing; dividers from FPGA-TN-02200."""
_MOST_FEEDBACK = 80


@dataclass(frozen=True)
class PllSettings:
    """Dividers that make `output_hz` of `input_hz`, exactly.

    The feedback is output P: the VCO runs at input / input_divider * feedback_divider *
    primary_divider, and output S is that divided by output_divider.
    """

    input_hz: int
    output_hz: int
    input_divider: int
    feedback_divider: int
    primary_divider: int
    output_divider: int

    @property
    def vco_hz(self) -> Fraction:
        """Frequency of the oscillator."""
        factor = self.feedback_divider * self.primary_divider
        return Fraction(self.input_hz * factor, self.input_divider)


def _inside(hertz: Fraction | int, limits: tuple[int, int]) -> bool:
    return limits[0] <= hertz <= limits[1]


def _feedback(ratio: int, vco: Fraction) -> tuple[int, int] | None:
    """Dividers of feedback and output P whose product is `ratio`, the smallest P."""
    for primary in range(1, MOST_DIVIDER + 1):
        feedback, rest = divmod(ratio, primary)
        if not rest and feedback <= _MOST_FEEDBACK and _inside(vco / primary, OUTPUT_HZ):
            return feedback, primary
    return None


@cache
def _all_settings(input_hz: int) -> dict[Fraction, PllSettings]:
    """One setting for each frequency that can be made.

    It has the fastest phase detector, and then a VCO in the middle of its range.
    """
    middle = sum(VCO_HZ) // 2
    found: dict[Fraction, PllSettings] = {}
    for divider in range(1, MOST_DIVIDER + 1):
        phase = Fraction(input_hz, divider)
        if not _inside(phase, PHASE_HZ):
            continue
        ratios = range(ceil(VCO_HZ[0] / phase), floor(VCO_HZ[1] / phase) + 1)
        for ratio in sorted(ratios, key=lambda n: abs(n * phase - middle)):
            vco = phase * ratio
            split = _feedback(ratio, vco)
            if split is None:
                continue
            for output in range(1, MOST_DIVIDER + 1):
                hertz = vco / output
                if _inside(hertz, OUTPUT_HZ) and hertz not in found:
                    found[hertz] = PllSettings(
                        input_hz, int(hertz), divider, split[0], split[1], output
                    )
    return found


def pll_settings(input_hz: int, output_hz: int) -> PllSettings:
    """Settings of the PLL; InputError with the nearest frequencies where there are none."""
    if not _inside(input_hz, INPUT_HZ):
        raise InputError(
            f"wanted an oscillator of {INPUT_HZ[0]:,} to {INPUT_HZ[1]:,} Hz, got {input_hz:,}; "
            "the PLL takes no other"
        )
    found = _all_settings(input_hz)
    if output_hz in found:
        return found[Fraction(output_hz)]
    whole = [int(hertz) for hertz in found if hertz.denominator == 1]
    near = [
        max((hertz for hertz in whole if hertz < output_hz), default=None),
        min((hertz for hertz in whole if hertz > output_hz), default=None),
    ]
    offer = " or ".join(f"{hertz:,}" for hertz in near if hertz is not None)
    raise InputError(
        f"wanted a clock that the PLL can make of {input_hz:,} Hz, got {output_hz:,} Hz; take "
        f"{offer}"
    )


class Pll(wiring.Component):
    """The primitive EHXPLLL with these settings.

    Members
    -------
    i
        The oscillator.
    o
        The clock.
    locked
        The clock has its frequency.
    """

    i: In(1)
    o: Out(1)
    locked: Out(1)

    def __init__(self, settings: PllSettings) -> None:
        self.settings = settings
        super().__init__()

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        settings, primary = self.settings, Signal(attrs={"keep": "true"})
        m.submodules.ehxplll = Instance(
            "EHXPLLL",
            a_FREQUENCY_PIN_CLKI=str(settings.input_hz / 1e6),
            a_FREQUENCY_PIN_CLKOS=str(settings.output_hz / 1e6),
            a_ICP_CURRENT="12",
            a_LPF_RESISTOR="8",
            p_PLLRST_ENA="DISABLED",
            p_INTFB_WAKE="DISABLED",
            p_STDBY_ENABLE="DISABLED",
            p_DPHASE_SOURCE="DISABLED",
            p_OUTDIVIDER_MUXA="DIVA",
            p_OUTDIVIDER_MUXB="DIVB",
            p_FEEDBK_PATH="CLKOP",
            p_CLKI_DIV=settings.input_divider,
            p_CLKFB_DIV=settings.feedback_divider,
            p_CLKOP_ENABLE="ENABLED",
            p_CLKOP_DIV=settings.primary_divider,
            p_CLKOP_CPHASE=settings.primary_divider - 1,
            p_CLKOP_FPHASE=0,
            p_CLKOS_ENABLE="ENABLED",
            p_CLKOS_DIV=settings.output_divider,
            p_CLKOS_CPHASE=settings.output_divider - 1,
            p_CLKOS_FPHASE=0,
            i_CLKI=self.i,
            i_CLKFB=primary,
            i_RST=0,
            i_STDBY=0,
            i_PHASESEL0=0,
            i_PHASESEL1=0,
            i_PHASEDIR=0,
            i_PHASESTEP=0,
            i_PHASELOADREG=0,
            i_PLLWAKESYNC=0,
            i_ENCLKOP=0,
            i_ENCLKOS=0,
            o_CLKOP=primary,
            o_CLKOS=self.o,
            o_LOCK=self.locked,
        )
        return m
