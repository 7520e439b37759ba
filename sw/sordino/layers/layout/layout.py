"""The places of a layer's outputs: storage order, tiles, and the dealt slots of its matrices.

An output's storage index is its place in memory and, for consumers, its column. Storage indices
have no gaps: all rows but the last are full.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sordino.arch import QUAD, Config
from sordino.layers.layout.deal import Load, block_load, deal, unit_load, weigh

__all__ = ["Layout", "Tile", "gated_layout", "linear_layout", "shared_layouts"]

_Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Tile:
    """Rows of the accumulator banks that one MATVEC fills.

    first_index, count  storage indices of its outputs
    rows                rows a lane
    """

    first_index: int
    count: int
    rows: int


@dataclass(frozen=True, eq=False)
class Layout:
    """The dealing of one layer.

    order  (outputs,): the unit or row at each storage index
    tiles  in storage order; all but the last are full
    gated  whether outputs are units with four sums each, on the lanes of a quad
    """

    config: Config
    order: _Ints
    tiles: tuple[Tile, ...]
    gated: bool

    @property
    def sums(self) -> int:
        """Sums of an output."""
        return QUAD if self.gated else 1

    def slots(self, values: NDArray[np.int8], columns: _Ints) -> list[NDArray[np.int8]]:
        """A matrix dealt to lanes: for each tile int8 (rows, lanes, columns).

        `values` is (outputs or 4 · units, inputs); `columns` gives the input at each column.
        """
        wide = values[:, columns]
        lanes = self.config.lanes
        dealt = []
        for tile in self.tiles:
            out = np.zeros((tile.rows * lanes, len(columns)), np.int8)
            slots, sources = self._places(tile)
            out[slots] = wide[sources]
            dealt.append(out.reshape(tile.rows, lanes, -1))
        return dealt

    def _places(self, tile: Tile) -> tuple[_Ints, _Ints]:
        """Slots of a tile that are not empty, and the matrix row in each."""
        local = np.arange(tile.count)
        items = self.order[tile.first_index : tile.first_index + tile.count]
        if not self.gated:
            return local, items
        row, quad = local // self.config.quads, local % self.config.quads
        gate = np.arange(QUAD)[:, None]
        slots = row * self.config.lanes + QUAD * quad + (gate + row) % QUAD
        return slots.ravel(), (gate * len(self.order) + items).ravel()


def _split(rows: int, most: int) -> list[int]:
    """Rows of each tile: as few tiles as possible, as equal as possible, larger ones first."""
    tiles = -(-rows // most)
    return [rows // tiles + (number < rows % tiles) for number in range(tiles)]


def _deal_tiles(
    load: Load,
    bins: int,
    most_rows: int,
    *,
    last: bool = False,
    first_load: Callable[[Sequence[int]], Load] | None = None,
) -> list[tuple[list[list[int]], int]]:
    """Items by bin for every tile, and the tile's rows. With `last`, the last item stays last.

    `first_load` makes, from the first tile's items, the load by which that tile is dealt.
    """
    items = len(load.items)
    heights = _split(-(-items // bins), most_rows)
    counts = [height * bins for height in heights]
    counts[-1] = items - sum(counts[:-1])
    shares = _spread(load, counts, items - 1 if last else None)
    dealt: list[tuple[list[list[int]], int]] = []
    for height, share in zip(heights, shares, strict=True):
        full = len(share) - bins * (height - 1)
        capacities = [height - (number >= full) for number in range(bins)]
        of = first_load(share) if first_load is not None and not dealt else load
        part = Load(of.items[share], of.weights, of.kinds)
        fixed = None
        if last and share[-1] == items - 1:
            fixed = (len(share) - 1, full - 1)
        local = deal(part, capacities, fixed)
        dealt.append(([[share[item] for item in held] for held in local], height))
    return dealt


def _spread(load: Load, counts: Sequence[int], last: int | None) -> list[list[int]]:
    """Items for every tile, heavy and light ones alike; item `last` goes to the last tile."""
    weight = weigh(load.items.mean(axis=1), load.weights)
    order = [i for i in np.argsort(-weight, kind="stable").tolist() if i != last]
    shares: list[list[int]] = [[] for _ in counts]
    room = list(counts)
    if last is not None:
        room[-1] -= 1
    for item in order:
        chosen = max(range(len(room)), key=lambda tile: (room[tile] / counts[tile], -tile))
        shares[chosen].append(item)
        room[chosen] -= 1
    if last is not None:
        shares[-1].append(last)
    return shares


def gated_layout(
    matrices: Sequence[NDArray[np.int8]], config: Config, *, cut: bool = False
) -> Layout:
    """Deal units with four sums by the work of W and U, each int8 (4 · units, columns).

    Unit at row r of quad q has storage index r · quads + q, counted from its tile's first. If it
    is to be `cut`, there are two tiles or more, and the first one's U is in two parts: columns of
    its own units, and the rest.
    """
    rows = -(-matrices[0].shape[0] // config.lanes)
    most_rows = min(config.rows_per_lane, -(-rows // 2) if cut else rows)

    def first_load(units: Sequence[int]) -> Load:
        w, u = matrices
        own = np.isin(np.arange(u.shape[1]), units)
        return unit_load([w, u[:, own], u[:, ~own]], config.group)

    load = unit_load(matrices, config.group)
    order: list[int] = []
    tiles = []
    for bins, rows in _deal_tiles(
        load, config.quads, most_rows, first_load=first_load if cut else None
    ):
        held = [bins[q][r] for r in range(rows) for q in range(len(bins)) if r < len(bins[q])]
        tiles.append(Tile(len(order), len(held), rows))
        order += held
    return Layout(config, np.array(order, np.int64), tuple(tiles), gated=True)


def linear_layout(matrices: Sequence[NDArray[np.int8]], config: Config) -> Layout:
    """Deal the rows of matrices that share one order, each int8 (rows, columns).

    Blocks of `group` neighbouring rows stand side by side on one group's lanes; a smaller last
    block keeps the last storage indices.
    """
    outputs, group = len(matrices[0]), config.group
    load = block_load(matrices, group)
    order: list[int] = []
    tiles = []
    partial = outputs % group != 0
    for bins, rows in _deal_tiles(load, config.groups, config.rows_per_lane, last=partial):
        held = _in_rows(bins, rows, group, outputs)
        tiles.append(Tile(len(order), len(held), rows))
        order += held
    return Layout(config, np.array(order, np.int64), tuple(tiles), gated=False)


def shared_layouts(
    gated: Sequence[NDArray[np.int8]], rows: Sequence[NDArray[np.int8]], config: Config
) -> tuple[Layout, Layout]:
    """Deal units with four sums and rows in one order: of units the layout, and of rows.

    `gated` are int8 (4 · units, columns), `rows` int8 (units, columns). Blocks of `group`
    neighbours are dealt by the work of both, so that the rows of a block stay side by side. A block
    always works on the same lanes of a group, and its units on the same quads.
    """
    outputs, group = len(rows[0]), config.group
    of_rows = block_load(rows, group)
    of_units = unit_load(gated, group)
    work = weigh(of_units.items.mean(axis=1), of_units.weights)
    blocks = np.pad(work, (0, -len(work) % group)).reshape(-1, group).sum(axis=1)
    items = np.concatenate([of_rows.items, blocks[:, None, None]], axis=2)
    load = Load(items, items.sum(axis=(0, 1)), np.arange(items.shape[2]))
    ((bins, height),) = _deal_tiles(load, config.groups, len(items), last=outputs % group != 0)
    order = np.array(_in_rows(bins, height, group, outputs), np.int64)
    return (
        Layout(config, order, _tiles(outputs, config.quads, config.rows_per_lane), gated=True),
        Layout(config, order, _tiles(outputs, config.lanes, config.rows_per_lane), gated=False),
    )


def _tiles(outputs: int, width: int, most_rows: int) -> tuple[Tile, ...]:
    """Tiles of so many outputs, `width` of which are in each row."""
    tiles, first = list[Tile](), 0
    for rows in _split(-(-outputs // width), most_rows):
        tiles.append(Tile(first, min(rows * width, outputs - first), rows))
        first += rows * width
    return tuple(tiles)


def _in_rows(bins: list[list[int]], height: int, group: int, outputs: int) -> list[int]:
    """The rows of blocks in storage order: row by row of the groups, which hold them."""
    return [
        row
        for r in range(height)
        for blocks in bins
        if r < len(blocks)
        for row in range(blocks[r] * group, min((blocks[r] + 1) * group, outputs))
    ]
