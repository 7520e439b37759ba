"""Rooms: the matrices of each segment encoded apart, and where its words lie."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from sordino.arith import WEIGHT
from sordino.codec import EncodedMatrices, encode_matrices
from sordino.codec.apart import LOAD_WORDS, PAIR, Room, encode_apart, joined, longest_streams
from sordino.codec.share import choose_tables
from sordino.compiler.limits.errors import CompileError, DoesNotFit
from sordino.compiler.limits.limits import Limits
from sordino.compiler.numbers.precision import Precision
from sordino.compiler.passes.place import PlacedGraph
from sordino.compiler.passes.residency import place_weights
from sordino.image.rooms import SegmentRoom
from sordino.layers.base.places import PlacedLayer

__all__ = ["Parts", "check_stated", "encode_parts"]


@dataclass(frozen=True, eq=False)
class Parts:
    """The matrices of a graph, and the rooms of its segments.

    encoded  all matrices, those of segments last, as if they lay one behind the other
    rooms    by segment its room, without parameters
    """

    encoded: EncodedMatrices
    rooms: Mapping[str, SegmentRoom]

    def need(self, limits: Limits) -> None:
        """Note what the rooms need of the stream memories."""
        ring = limits.config.ring_words
        for room in self.rooms.values():
            limits.need("lane_words", LOAD_WORDS * sum(room.values) + ring)
            limits.need("group_words", LOAD_WORDS * sum(room.positions) + ring)

    def section(self, parameters: Mapping[str, tuple[int, int]]) -> dict[str, SegmentRoom]:
        """The rooms with the words that each has of parameter memory."""
        return {n: room.changed(parameters=parameters[n]) for n, room in self.rooms.items()}


def check_stated(segments: Collection[str], wanted: Mapping[str, Room]) -> None:
    """Raise CompileError for rooms of others than the `segments` of a graph."""
    for name in wanted:
        if name not in segments:
            raise CompileError(
                f"wanted rooms of segments of the graph, got one of {name!r}; there are "
                f"{', '.join(segments) or 'none'}"
            )


def encode_parts(
    placed: PlacedGraph,
    limits: Limits,
    precision: Precision,
    weights: str,
    wanted: Mapping[str, Room],
) -> Parts:
    """Encode what the image itself holds, and each segment apart; segments are never streamed.

    `weights` says where the others lie, `wanted` are rooms that are stated. Raises DoesNotFit where
    contents are larger than their room.
    """
    config, segments = limits.config, list(placed.graph.segments)
    layers = [
        [layer for layer in placed.layers if placed.graph.part(layer.name) == part]
        for part in range(len(segments) + 1)
    ]
    rooms = {
        name: wanted.get(name) or _dense(own, precision, limits)
        for name, own in zip(segments, layers[1:], strict=True)
    }
    choice = partial(choose_tables, tied=_tied(placed))
    own = layers[0]
    fixed = encode_matrices(_slots(own), config, weights=_weights(own), choice=choice)
    if not segments:
        return Parts(place_weights(fixed, config, weights), {})
    reserved = Room(
        sum(room.positions for room in rooms.values()), sum(room.values for room in rooms.values())
    )
    parts = [place_weights(fixed, config, weights, reserved)]
    for (name, room), own in zip(rooms.items(), layers[1:], strict=True):
        part = encode_apart(_slots(own), config, weights=_weights(own), room=room)
        _check(name, longest_streams(part), room)
        parts.append(part)
    return Parts(joined(parts), _rooms(parts, rooms))


def _tied(placed: PlacedGraph) -> dict[int, int]:
    """The matrices of networks that run behind others, each with the last one of the other."""
    found = dict[int, int]()
    for network in placed.graph.networks:
        if network.behind:
            last = placed.of(placed.graph.network(network.behind))[-1]
            for layer in placed.of(network):
                found |= {number: last.first_matrix for number, _ in layer.numbered}
    return found


def _slots(layers: Sequence[PlacedLayer]) -> list[NDArray[np.int8]]:
    return [matrix for layer in layers for matrix in layer.slots()]


def _weights(layers: Sequence[PlacedLayer]) -> list[int]:
    return [count for layer in layers for count in layer.weights()]


def _dense(layers: Sequence[PlacedLayer], precision: Precision, limits: Limits) -> Room:
    """The room in which any contents of these shapes fit."""
    names = {matrix.name for layer in layers for matrix in layer.layer.matrices}
    bits = WEIGHT.bits
    if len(names) == 1:
        (name,) = names
        # Zero may be a value beside those of a codebook.
        more = precision.codebook != "uniform"
        bits = min(bits, precision.bits_of(name) + more)
    places = [
        layer.layout.tiles[piece.tile].rows * (piece.end - piece.begin)
        for layer in layers
        for piece in layer.pieces
    ]
    return Room.dense(places, bits, limits.config)


def _check(name: str, taken: Room, room: Room) -> None:
    """DoesNotFit unless a segment's streams fit its room."""
    if not room.holds(taken):
        raise DoesNotFit(
            f"segment {name} does not fit its room: its streams need {taken.positions:,} words of "
            f"32 bits of a group and {taken.values:,} of a lane, the room has "
            f"{room.positions:,} and {room.values:,}; compile the image with more room for it, or "
            "leave some of it out",
            {},
        )


def _rooms(parts: Sequence[EncodedMatrices], rooms: Mapping[str, Room]) -> dict[str, SegmentRoom]:
    """The rooms one behind the other, from the first 32-bit word on that is free in all units."""
    first = longest_streams(parts[0])
    positions, values = first.positions, first.values
    matrix, table = len(parts[0].matrices), len(parts[0].tables)
    found = {}
    for number, ((name, room), part) in enumerate(zip(rooms.items(), parts[1:], strict=True)):
        count = len(part.matrices)
        found[name] = SegmentRoom(
            number=number,
            filled=1,
            matrices=(matrix, count),
            positions=(positions, room.positions),
            values=(values, room.values),
            parameters=(0, 0),
            tables=(table, PAIR),
        )
        positions, values = positions + room.positions, values + room.values
        matrix, table = matrix + count, table + PAIR
    return found
