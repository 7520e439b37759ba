"""Dealing: which output stands where, so that all lanes have as nearly the same work.

Items (LSTM units, or blocks of neighbouring rows) go to bins (quads, or groups). An item's load
may depend on its row in the bin, modulo the number of rotations: a unit's gates move on one lane
from row to row. Longest-processing-time first, then swaps of two items as long as one lowers the
cost; last, heavy rows go before light ones, which loads do not feel and position streams do.
Everything is deterministic.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sordino.arch import QUAD

__all__ = ["Load", "block_load", "deal", "unit_load", "weigh"]

_POWER_DOUBLINGS = 6
"""Loads relative to the mean enter the cost to the power 2^6: nearly the largest one alone."""
_MOST_SWAPS = 600
_CANDIDATES = 1 << 19
"""Loads looked at in one step of the search."""
_STREAM_WEIGHT = 0.05
"""Of balanced value streams against balanced time."""
_BIT_FRACTION = 64
"""Code lengths are multiples of 1/64, so that their sums are exact."""
_Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Load:
    """The work that items bring to their bins.

    items    (items, rotations, measures): what an item adds to each measure of its bin, at a row
             of that remainder
    weights  (measures,): how much each measure matters
    kinds    (measures,): measures of one kind belong to like parts of bins and share a mean
    """

    items: _Floats
    weights: _Floats
    kinds: NDArray[np.int64]


def weigh(measures: _Floats, weights: _Floats) -> _Floats:
    """Weighted sum over the last axis, added in order: the same bits on every processor."""
    total = np.zeros(measures.shape[:-1])
    for number, weight in enumerate(weights.tolist()):
        total += measures[..., number] * weight
    return total


def _code_lengths(values: NDArray[np.int8], occupied: NDArray[np.bool_]) -> _Floats:
    """Bits of each weight in an ideal value stream; 0 where no group stops."""
    counts = np.bincount(values[occupied].astype(np.int64) + 128, minlength=256)
    bits = np.log2(max(1, counts.sum())) - np.log2(np.maximum(counts, 1))
    bits = np.floor(bits * _BIT_FRACTION + 0.5) / _BIT_FRACTION
    return np.asarray(bits[values.astype(np.int64) + 128] * occupied)


def unit_load(matrices: Sequence[NDArray[np.int8]], group: int) -> Load:
    """Load of LSTM units from W and U, each int8 (4 · units, columns).

    Measures are, for W and then U, the places of each group within the quad and, where lanes
    share a group, the bits of each lane's value stream. Groups of more than a quad are taken as
    one quad: which units then share places is not considered.
    """
    lanes, kinds, weights, measures = min(group, QUAD), [], [], []
    for number, matrix in enumerate(matrices):
        gates = matrix.reshape(QUAD, -1, matrix.shape[1])
        at = (np.arange(QUAD)[None, :] - np.arange(QUAD)[:, None]) % QUAD  # [row mod 4, lane]
        nonzero = (gates != 0)[at]  # row mod 4, lane, unit, column
        grouped = nonzero.reshape(QUAD, QUAD // lanes, lanes, *nonzero.shape[2:]).any(axis=2)
        places = grouped.sum(axis=3).transpose(2, 0, 1)  # unit, row mod 4, group
        measures.append(places)
        share = float(places.sum())
        weights += [share] * places.shape[2]
        kinds += [2 * number] * places.shape[2]
        if lanes > 1:
            occupied = (gates != 0).any(axis=0)[None].repeat(QUAD, axis=0)
            bits = _code_lengths(gates, occupied).sum(axis=2)  # gate, unit
            measures.append(bits[at].transpose(2, 0, 1))
            weights += [share * _STREAM_WEIGHT] * QUAD
            kinds += [2 * number + 1] * QUAD
    items = np.concatenate(measures, axis=2).astype(np.float64)
    return Load(items, np.array(weights), np.array(kinds))


def block_load(matrices: Sequence[NDArray[np.int8]], group: int) -> Load:
    """Load of blocks of `group` neighbouring rows: the places of each matrix (rows, columns)."""
    columns = []
    for matrix in matrices:
        padded = np.pad(matrix != 0, ((0, -len(matrix) % group), (0, 0)))
        blocks = padded.reshape(-1, group, matrix.shape[1]).any(axis=1)
        columns.append(blocks.sum(axis=1))
    items = np.stack(columns, axis=1)[:, None, :].astype(np.float64)
    return Load(items, items.sum(axis=(0, 1)), np.arange(len(matrices)))


def deal(
    load: Load, capacities: Sequence[int], fixed: tuple[int, int] | None = None
) -> list[list[int]]:
    """Items by bin, in the order of their rows; every bin is filled to its capacity.

    The capacities sum to the number of items. `fixed` names an item and a bin whose last row it
    keeps.
    """
    return _Dealer(load, capacities, fixed).run()


class _Dealer:
    """Normalised loads, the bins so far and their totals."""

    def __init__(
        self, load: Load, capacities: Sequence[int], fixed: tuple[int, int] | None
    ) -> None:
        mean = np.array([load.items[:, :, load.kinds == k].sum() for k in load.kinds])
        parts = np.array([(load.kinds == k).sum() for k in load.kinds])
        mean = mean / (parts * load.items.shape[1] * len(capacities))
        self.items = load.items / np.where(mean > 0, mean, 1.0)
        self.weights = load.weights / max(float(load.weights.sum()), 1.0)
        self.capacities = list(capacities)
        self.fixed = fixed
        self.bins: list[list[int]] = [[] for _ in capacities]
        self.totals = np.zeros((len(capacities), len(self.weights)))

    @property
    def rotations(self) -> int:
        return int(self.items.shape[1])

    def run(self) -> list[list[int]]:
        if self.fixed is not None:
            item, home = self.fixed
            self.capacities[home] -= 1
            self.totals[home] += self.items[item, 0]
        self._fill()
        self._improve()
        self._sort()
        if self.fixed is not None:
            self.bins[home].append(item)
        return self.bins

    def _heaviest_first(self) -> list[int]:
        """All items by their mean load; of equal ones the first."""
        weight = weigh(self.items.mean(axis=1), self.weights)
        order: list[int] = np.argsort(-weight, kind="stable").tolist()
        return order

    def _fill(self) -> None:
        """Deal the items, heaviest first, each to the bin that it leaves lightest."""
        order = self._heaviest_first()
        room = np.array(self.capacities)
        sizes = np.zeros(len(room), np.int64)
        for item in order:
            if self.fixed is not None and item == self.fixed[0]:
                continue
            open_bins = np.flatnonzero(sizes < room)
            after = self.totals[open_bins] + self.items[item, sizes[open_bins] % self.rotations]
            cost = (after * self.weights).max(axis=1) + 1e-3 * weigh(after, self.weights)
            chosen = int(open_bins[np.argmin(cost)])
            self.totals[chosen] += self.items[item, sizes[chosen] % self.rotations]
            self.bins[chosen].append(item)
            sizes[chosen] += 1

    def _cost(self, totals: _Floats) -> _Floats:
        """Cost of bins with these totals (..., measures)."""
        power = totals
        for _ in range(_POWER_DOUBLINGS):
            power = power * power
        return weigh(power, self.weights)

    def _improve(self) -> None:
        """Swap an item of a costly bin with any other, while that helps."""
        self.bin_of = np.array([b for b, items in enumerate(self.bins) for _ in items], np.int64)
        self.rows = np.array([r for items in self.bins for r in range(len(items))], np.int64)
        self.slots = np.array([i for items in self.bins for i in items], np.int64)
        swaps = 0
        improved = True
        while improved and swaps < _MOST_SWAPS:
            costliest = np.argsort(-self._cost(self.totals), kind="stable")[:4].tolist()
            improved = any(self._swap_best(worst, swaps) for worst in costliest)
            swaps += 1
        for number in range(len(self.bins)):
            self.bins[number] = self.slots[self.bin_of == number].tolist()

    def _sort(self) -> None:
        """Move heavy items first among a bin's rows of like rotation; every load stays what it is.

        Walks then pass dense rows together and sparse ones together, and runs are shorter and
        longer than they would be: their entropy is lower.
        """
        rank = np.empty(len(self.items), np.int64)
        rank[self._heaviest_first()] = np.arange(len(rank))
        ranks: list[int] = rank.tolist()
        for bin_items in self.bins:
            for turn in range(self.rotations):
                bin_items[turn :: self.rotations] = sorted(
                    bin_items[turn :: self.rotations], key=ranks.__getitem__
                )

    def _swap_best(self, worst: int, turn: int) -> bool:
        mine = np.flatnonzero(self.bin_of == worst)
        if not len(mine):
            return False
        few = max(1, _CANDIDATES // (len(self.slots) * len(self.weights)))
        if len(mine) > few:
            mine = np.roll(mine, -turn * few)[:few]
        rotation = self.rows % self.rotations
        a, b = self.slots[mine][:, None], self.slots[None, :]
        ra, rb = rotation[mine][:, None], rotation[None, :]
        change = self.items[b, ra] - self.items[a, ra]
        other = self.items[a, rb] - self.items[b, rb]
        same = (self.bin_of == worst)[None, :, None]
        before = self._cost(self.totals)
        mine_after = self._cost(self.totals[worst] + change + other * same)
        other_after = self._cost(self.totals[self.bin_of][None] + other)
        gain = before[worst] - mine_after
        gain += np.where(same[..., 0], 0.0, before[self.bin_of][None, :] - other_after)
        best = int(gain.argmax())
        if gain.flat[best] <= 1e-9 * before[worst]:
            return False
        i, j = divmod(best, len(self.slots))
        at, to = int(mine[i]), j
        self.totals[worst] += change[i, j]
        self.totals[self.bin_of[to]] += other[i, j]
        self.slots[at], self.slots[to] = self.slots[to], self.slots[at]
        return True
