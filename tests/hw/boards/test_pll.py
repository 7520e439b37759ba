"""PLL settings: exact, within the device's limits, or refused with what can be made."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sordino.boards.pll import OUTPUT_HZ, PHASE_HZ, VCO_HZ, pll_settings
from sordino.errors import InputError


def check(made, input_hz, output_hz):
    """By the device's own sums, not by those that found them."""
    phase = Fraction(input_hz, made.input_divider)
    vco = phase * made.feedback_divider * made.primary_divider
    assert vco / made.output_divider == output_hz
    assert made.vco_hz == vco
    for hertz, (low, high) in (
        (phase, PHASE_HZ),
        (vco, VCO_HZ),
        (vco / made.primary_divider, OUTPUT_HZ),
        (vco / made.output_divider, OUTPUT_HZ),
    ):
        assert low <= hertz <= high
    assert all(
        1 <= divider <= 128
        for divider in (made.input_divider, made.primary_divider, made.output_divider)
    )
    assert 1 <= made.feedback_divider <= 80


@pytest.mark.parametrize(
    ("input_hz", "output_hz"),
    [(25_000_000, 40_000_000), (25_000_000, 65_000_000), (100_000_000, 48_000_000),
     (12_000_000, 60_000_000), (50_000_000, 3_125_000), (8_000_000, 400_000_000)],
)  # fmt: skip
def test_frequencies_that_can_be_made(input_hz, output_hz):
    if (input_hz, output_hz) == (8_000_000, 400_000_000):
        with pytest.raises(InputError, match="wanted a clock that the PLL can make"):
            pll_settings(input_hz, output_hz)  # its phase detector would be too slow
        return
    check(pll_settings(input_hz, output_hz), input_hz, output_hz)


@settings(deadline=None, max_examples=25)
@given(st.sampled_from([12_000_000, 25_000_000, 48_000_000, 100_000_000]),
       st.integers(3, 100))  # fmt: skip
def test_every_frequency_is_made_exactly_or_refused(input_hz, megahertz):
    output_hz = megahertz * 1_000_000
    try:
        made = pll_settings(input_hz, output_hz)
    except InputError as refusal:
        offers = str(refusal).rpartition("take ")[2].replace(",", "").split(" or ")
        assert offers
        for offer in offers:
            check(pll_settings(input_hz, int(offer)), input_hz, int(offer))
    else:
        check(made, input_hz, output_hz)


@pytest.mark.parametrize(
    ("input_hz", "output_hz", "message"),
    [
        (25_000_000, 48_000_000, "got 48,000,000 Hz; take 47,656,250 or 48,437,500$"),
        (25_000_000, 1, "got 1 Hz; take 3,125,000$"),
        (25_000_000, 500_000_000, "got 500,000,000 Hz; take 400,000,000$"),
        (1_000_000, 40_000_000, "wanted an oscillator of 8,000,000 to 400,000,000 Hz, got 1,0"),
    ],
)
def test_others_are_refused(input_hz, output_hz, message):
    with pytest.raises(InputError, match=message):
        pll_settings(input_hz, output_hz)
