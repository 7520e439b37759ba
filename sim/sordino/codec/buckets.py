"""Choice of an alphabet: symbols (base, extra) that cover the values that occur.

A symbol stands for 2^extra neighbouring values and costs its state bits and `extra` raw bits
every time, and about 11 bits of the image once. Dynamic programming over the range of values finds
the cheapest cover; where it has more symbols than there are states, a symbol is made dearer. Of
weights, a cover by magnitude (`sordino.codec.mirror`) is the other candidate.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sordino.codec.frequencies import LOG2_UNIT, coded_bits, normalise
from sordino.codec.mirror import SymbolSpan, mirrored_cover, span_costs
from sordino.image.tans import MAX_EXTRA_BITS, MAX_VALUE_EXTRA_BITS, Symbol

__all__ = ["SYMBOL_COST", "choose_symbols"]

SYMBOL_COST = 11 * LOG2_UNIT
"""What a symbol takes in the image's tables, roughly."""


@dataclass(frozen=True)
class _Counts:
    """How often each value from `low` on occurs, and what limits the alphabet."""

    low: int
    counts: NDArray[np.int64]
    padding: int
    state_bits: int
    room: int
    """Values from `low` to the highest that a symbol may stand for."""
    weights: bool

    @property
    def total(self) -> int:
        return int(self.counts.sum()) + self.padding


def choose_symbols(
    values: NDArray[np.int64],
    *,
    padding: int,
    state_bits: int,
    top: int,
    weights: bool = False,
) -> tuple[Symbol, ...]:
    """The table for these values and so many padding places.

    Ordered by base, then mirrored symbols (only of `weights`), then padding (if any); no symbol
    stands for a value above `top`; frequencies sum to 2^state_bits. Without values the table is
    one symbol that nothing uses. Raises ValueError where even symbols of 2^MAX_EXTRA_BITS values
    are too many for the states.
    """
    states = 1 << state_bits
    if not values.size:
        return (Symbol(0, 0, states),)
    low = int(values.min())
    counts = np.bincount(values - low)
    histogram = _Counts(low, counts, padding, state_bits, top - low + 1, weights)
    best: tuple[int, tuple[Symbol, ...]] | None = None
    price = SYMBOL_COST
    # No alphabet saves more than this by one more symbol: a dearer one changes nothing.
    ceiling = 2 * histogram.total * (state_bits + MAX_EXTRA_BITS) * LOG2_UNIT + SYMBOL_COST
    while True:
        covers = [_cover(histogram, price)]
        if weights:
            cover = mirrored_cover(low, counts, state_bits, price)
            # A mirrored symbol has one state: another one has the rest.
            covers += [] if all(span.mirrored for span in cover) else [cover]
        fitting = [cover for cover in covers if len(cover) + bool(padding) <= states]
        if fitting:
            found = min((_table(histogram, cover) for cover in fitting), key=lambda made: made[0])
            if best is not None and found[0] >= best[0]:
                return best[1]
            best = found
        elif price > ceiling:
            raise ValueError(
                f"runs or values from {low} to {low + len(counts) - 1} need {len(covers[0])} "
                f"symbols, more than {states} states hold; take more state bits"
            )
        if len(covers[0]) == 1 or price > ceiling:
            assert best is not None
            return best[1]
        price *= 2


def _table(histogram: _Counts, cover: Sequence[SymbolSpan]) -> tuple[int, tuple[Symbol, ...]]:
    """Symbols of a cover with their frequencies, and what they cost in all."""
    counts = [span.count(histogram.low, histogram.counts) for span in cover]
    raw = sum(count * span.extra for count, span in zip(counts, cover, strict=True))
    if histogram.padding:
        counts.append(histogram.padding)
    frequencies = _frequencies(counts, cover, 1 << histogram.state_bits)
    tunes = [
        _tune(count, frequency, histogram)
        for count, frequency in zip(counts, frequencies, strict=True)
    ]
    symbols = [
        Symbol(span.base, span.extra, frequency, tune=tune, mirrored=span.mirrored)
        for span, frequency, tune in zip(cover, frequencies, tunes, strict=False)
    ]
    if histogram.padding:
        symbols.append(Symbol(0, 0, frequencies[-1], padding=True, tune=tunes[-1]))
    bits = coded_bits(counts, frequencies) + raw * LOG2_UNIT
    return bits + len(symbols) * SYMBOL_COST, tuple(symbols)


def _frequencies(counts: Sequence[int], cover: Sequence[SymbolSpan], states: int) -> list[int]:
    """Frequencies as `normalise` gives them, but mirrored symbols have a single state each."""
    mirrored = sum(span.mirrored for span in cover)
    first = len(cover) - mirrored
    if not mirrored:
        return normalise(counts, states)
    shared = normalise([*counts[:first], *counts[len(cover) :]], states - mirrored)
    return [*shared[:first], *[1] * mirrored, *shared[first:]]


def _tune(count: int, frequency: int, histogram: _Counts) -> int:
    """The share of states that these counts call for less the frequency, in quarters, rounded."""
    quarters = (count << histogram.state_bits + 3) + histogram.total
    return max(-2, min(1, quarters // (2 * histogram.total) - 4 * frequency))


def _cover(histogram: _Counts, price: int) -> list[SymbolSpan]:
    """The cheapest symbols that are not mirrored where each costs `price` beside its bits."""
    size = len(histogram.counts)
    present = (histogram.counts > 0).tolist()
    costs = _costs(histogram)
    best: list[int | None] = [0] + [None] * size
    came: list[tuple[int, int]] = [(0, -1)] * (size + 1)
    for start in range(size):
        so_far = best[start]
        if so_far is None:
            continue
        if not present[start]:
            steps = [(start + 1, so_far, -1)]
        else:
            steps = [
                (min(size, start + (1 << extra)), so_far + price + cost[start], extra)
                for extra, cost in enumerate(costs)
                if start + (1 << extra) <= histogram.room
            ]
        for end, total, extra in steps:
            known = best[end]
            if known is None or total < known:
                best[end] = total
                came[end] = (start, extra)
    cover, end = [], size
    while end:
        start, extra = came[end]
        if extra >= 0:
            cover.append(SymbolSpan(histogram.low + start, extra))
        end = start
    return cover[::-1]


def _costs(histogram: _Counts) -> list[list[int]]:
    """Bits of the values that a symbol at each offset stands for, for each number of raw bits."""
    size = len(histogram.counts)
    sums = np.concatenate(([0], np.cumsum(histogram.counts)))
    starts = np.arange(size)
    most = MAX_VALUE_EXTRA_BITS if histogram.weights else MAX_EXTRA_BITS
    costs = []
    for extra in range(most + 1):
        count = sums[np.minimum(size, starts + (1 << extra))] - sums[:-1]
        costs.append(span_costs(count, extra, histogram.total, histogram.state_bits).tolist())
    return costs
