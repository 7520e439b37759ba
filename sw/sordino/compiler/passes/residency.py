"""The choice which matrices stay in the stream memories and which external memory streams."""

from collections.abc import Sequence
from dataclasses import replace

from sordino.arch import STREAM_WORD_BITS, Config
from sordino.codec import EncodedMatrices
from sordino.codec.apart import LOAD_WORDS, Room
from sordino.compiler.limits.errors import CompileError
from sordino.image.external import EXTERNAL_BITS, move_out
from sordino.image.packing import MatrixStreams

__all__ = ["WEIGHTS", "place_weights"]

WEIGHTS = ("auto", "resident", "streamed")
"""Where weights lie; auto: as many matrices resident as fit."""


def place_weights(
    encoded: EncodedMatrices, config: Config, weights: str, reserved: Room | None = None
) -> EncodedMatrices:
    """All matrices resident, all streamed, or as many resident as fit.

    The last ones of the directory stay first: prediction and joint are used with every token, the
    encoder once a frame. CompileError where weights must be streamed and the machine cannot.
    `reserved` are 32-bit words of the stream memories that these matrices leave free.
    """
    count = len(encoded.matrices)
    if weights == "streamed" and not config.stream_bus:
        raise CompileError(
            f"weights cannot be streamed: {config.name} has no bus to external memory; "
            "set stream_bus to 64, 128, 256 or 512, or compile with --weights auto"
        )
    if weights == "resident" or not config.stream_bus:
        return encoded
    marks = [True] * count
    if weights == "auto":
        marks = _left_over(encoded.matrices, config, reserved or Room(0, 0))
    if not any(marks):
        return encoded
    moved = move_out(encoded, marks)
    reach = config.burst_bytes << EXTERNAL_BITS
    if len(moved.external) > reach:
        raise CompileError(
            f"does not fit {config.name}: streamed weights need {len(moved.external):,} bytes, "
            f"bursts of {config.burst_bytes} bytes reach {reach:,}; raise stream_burst"
        )
    return replace(
        encoded,
        matrices=moved.matrices,
        positions=moved.positions,
        values=moved.values,
        external=moved.external,
    )


def _left_over(matrices: Sequence[MatrixStreams], config: Config, reserved: Room) -> list[bool]:
    """One flag a matrix: whether it finds no room beside the matrices after it."""
    group_words, lane_words = (
        (words - config.ring_words) // LOAD_WORDS * LOAD_WORDS - LOAD_WORDS * taken
        if taken
        else words - config.ring_words
        for words, taken in (
            (config.group_words, reserved.positions),
            (config.lane_words, reserved.values),
        )
    )
    groups = [STREAM_WORD_BITS * group_words] * config.groups
    lanes = [STREAM_WORD_BITS * lane_words] * config.lanes
    marks = []
    for matrix in reversed(matrices):
        left = [
            [room - bits for room, bits in zip(rooms, lengths, strict=True)]
            for rooms, lengths in ((groups, matrix.position_bits), (lanes, matrix.value_bits))
        ]
        fits = min(map(min, left)) >= 0
        if fits:
            groups, lanes = left
        marks.append(not fits)
    return marks[::-1]
