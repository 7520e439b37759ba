"""W of the encoder's layers in pieces that the rings hold, to be read once for a chunk of frames.

A layer's W needs what the layer below made of the frame, not what the layer itself made of the
frame before; so, with the layer below done for all frames of a chunk, a piece is multiplied by one
frame's vector after the other while it is in the rings (MATVEC `again`). Pieces are cut by columns:
products add up in the accumulators, so neither the dealing nor a single bit changes.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from sordino.arch import STREAM_WORD_BITS, Config
from sordino.codec import EncodedMatrices, encode_matrices
from sordino.compiler.limits.errors import CompileError
from sordino.compiler.limits.limits import Limits
from sordino.compiler.passes.place import PlacedGraph, place_all, with_bounds
from sordino.compiler.passes.quantise import QuantisedGraph
from sordino.graph.graph import Graph
from sordino.image.external import bits_of, fits_rings
from sordino.layers.base.places import PlacedLayer

__all__ = [
    "MOST_FRAMES",
    "bank_place",
    "bank_rows",
    "check_chunk",
    "encode_chunked",
    "encode_placed",
    "shared",
]

MOST_FRAMES = 64
_BANKS = 2


def check_chunk(graph: Graph, config: Config, weights: str) -> None:
    """CompileError where no chunk is possible."""
    if not config.stream_bus or weights == "resident":
        raise CompileError(
            "a chunk saves reading streamed weights, and none are streamed here; set stream_bus "
            "to 64, 128, 256 or 512 and compile with --weights streamed, or leave --chunk out"
        )
    if graph.segments:
        raise CompileError(
            f"wanted a graph without segments for a chunk of frames, got "
            f"{', '.join(graph.segments)}; leave --chunk out"
        )
    for network in graph.networks:
        _, factor = graph.reduction(network)
        if factor > 1:
            raise CompileError(
                "wanted an encoder without time reduction for a chunk of frames, got one that "
                f"stacks {factor} frames; leave --chunk out"
            )
        moved = [name for name in network.nodes if not graph.by_name[name].layer.WEIGHTS]
        if network.both_banks and moved:
            raise CompileError(
                f"wanted layers with a matrix in {network.name} for a chunk of frames, got "
                f"{moved[0]}; leave --chunk out"
            )


def encode_placed(placed: PlacedGraph, config: Config) -> EncodedMatrices:
    """The matrices of all layers, encoded and resident."""
    slots = [matrix for layer in placed.layers for matrix in layer.slots()]
    weights = [count for layer in placed.layers for count in layer.weights()]
    return encode_matrices(slots, config, weights=weights)


def bank_rows(layer: PlacedLayer, chunk: int) -> int:
    """Rows of both accumulator banks that a chunk takes: its frames lie in both in turn."""
    return -(-chunk // _BANKS) * layer.layout.tiles[0].rows


def bank_place(layer: PlacedLayer, frame: int) -> dict[str, Any]:
    """Where the accumulators of a frame of the chunk lie: the bank, and its first row there."""
    turn, bank = divmod(frame, _BANKS)
    return {"bank": bank, "first_row": turn * layer.layout.tiles[0].rows}


def shared(placed: PlacedGraph) -> tuple[PlacedLayer, ...]:
    """The layers that run every frame: what they multiply their input with is read once a chunk."""
    networks = [network for network in placed.graph.networks if network.both_banks]
    return tuple(layer for network in networks for layer in placed.of(network))


def encode_chunked(
    model: QuantisedGraph, limits: Limits, chunk: int
) -> tuple[PlacedGraph, EncodedMatrices]:
    """Deal all layers, cut those of the encoder and encode everything.

    Where the accumulators of a chunk do not fit the banks, it is for a machine with more rows.
    DoesNotFit where a column does not fit the rings.
    """
    placed = place_all(model, limits, side_by_side=False)
    rows = [sum(tile.rows for tile in layer.layout.tiles) for layer in shared(placed)]
    limits.grow("rows_per_lane", -(-chunk // _BANKS) * max(rows), f"{chunk} frames")
    config = limits.config
    placed = place_all(model, limits, side_by_side=False)
    encoded = encode_placed(placed, config)
    pieces = {layer.name: _estimate(encoded, layer, config) for layer in shared(placed)}
    while True:
        cut = with_bounds(
            placed, {layer.name: _bounds(layer, pieces[layer.name]) for layer in shared(placed)}
        )
        encoded = encode_placed(cut, config)
        tight = [layer for layer in shared(cut) if not _fits(encoded, layer, config)]
        if not tight:
            return cut, encoded
        for layer in tight:
            columns = len(layer.columns[0])
            if pieces[layer.name] == columns:
                raise CompileError(
                    f"does not fit {config.name}: a column of {layer.name} needs a ring of "
                    f"{_column_words(encoded, layer, config):,} words, the machine has one of "
                    f"{config.ring_words}; raise stream_ring or stream_burst"
                )
            pieces[layer.name] = min(columns, pieces[layer.name] + 1)


def _estimate(encoded: EncodedMatrices, layer: PlacedLayer, config: Config) -> int:
    """Pieces that an uncut matrix needs at least."""
    ring = 8 * config.burst_bytes * config.stream_ring
    longest = max(bits_of(encoded.matrices[layer.numbers(0, 0)[0]], config))
    return max(1, min(len(layer.columns[0]), -(-longest // ring)))


def _fits(encoded: EncodedMatrices, layer: PlacedLayer, config: Config) -> bool:
    return all(fits_rings(encoded.matrices[n], config) for n in layer.numbers(0, 0))


def _column_words(encoded: EncodedMatrices, layer: PlacedLayer, config: Config) -> int:
    """Words of the longest stream of the layer's single columns."""
    matrices = [encoded.matrices[n] for n in layer.numbers(0, 0)]
    return -(-max(max(bits_of(m, config)) for m in matrices) // STREAM_WORD_BITS)


def _bounds(layer: PlacedLayer, pieces: int) -> tuple[int, ...]:
    """Columns at which W falls into so many pieces of about as many non-zeros."""
    values = layer.layer.matrices[0].values[:, layer.columns[0]]
    passed = np.cumsum(np.count_nonzero(values, axis=0) + 1e-3)
    shares = passed[-1] * np.arange(1, pieces) / pieces
    found: Sequence[int] = (np.searchsorted(passed, shares) + 1).tolist()
    bounds: list[int] = []
    for n, at in enumerate(found):
        # A column at least in every piece.
        low = bounds[-1] + 1 if bounds else 1
        bounds.append(min(max(at, low), len(passed) - (pieces - 1 - n)))
    return tuple(bounds)
