"""Images whose matrices lie in external memory, made from images that are all resident."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from sordino.arch import STREAM_WORD_BITS, Config
from sordino.engines.engine import RunResult
from sordino.image.external import move_out
from sordino.image.image import Image

__all__ = [
    "ROOMY",
    "SMALL",
    "STREAMING",
    "assert_same_run",
    "moved",
    "streamed_image",
    "streaming_machine",
]

STREAMING = Config(
    name="streaming",
    lanes=4,
    group=2,
    x_fifo=8,
    lane_words=512,
    group_words=512,
    rows_per_lane=64,
    activation_words=512,
    state_words=512,
    parameter_words=1024,
    program_words=160,
    tables=40,
    matrices=24,
    stream_bus=64,
    stream_burst=4,
    stream_ring=2,
    stream_outstanding=4,
)
"""One small machine for tests, so that it is compiled once; rings of two short bursts."""

ROOMY = replace(STREAMING, stream_bus=0, lane_words=1 << 16, group_words=1 << 16)
"""The same machine with all weights resident."""

SMALL = replace(
    STREAMING,
    name="small",
    stream_bus=0,
    state_bits=5,
    lane_words=1 << 16,
    group_words=1 << 16,
    parameter_words=4,
    program_words=64,
    tables=12,
    matrices=4,
)
"""A machine for resident images, to be streamed; quick to load in Amaranth's simulator."""


def moved(image: Image, streamed: Sequence[bool]) -> Image:
    """An image for ROOMY for STREAMING, with these of its matrices in external memory."""
    there = replace(image, config=STREAMING)
    parts = move_out(there, streamed)
    return replace(
        there,
        matrices=parts.matrices,
        positions=parts.positions,
        values=parts.values,
        external=parts.external,
    )


def streaming_machine(config: Config, resident_words: int = 0, **settings: int) -> Config:
    """`config` with streaming as in `settings`, and stream memories of rings and so many words."""
    bare: dict[str, Any] = {"stream_bus": 64, "stream_burst": 4, "stream_ring": 4, **settings}
    beat = bare["stream_bus"] // STREAM_WORD_BITS
    ring = bare["stream_ring"] * bare["stream_burst"] * beat
    words = ring + -(-resident_words // beat) * beat
    return replace(config, **bare, lane_words=words, group_words=words)


def streamed_image(image: Image, streamed: Sequence[bool] | None = None, **settings: int) -> Image:
    """The same program and matrices; those marked in `streamed`, by default all, are streamed."""
    marks = [True] * len(image.matrices) if streamed is None else list(streamed)
    config = streaming_machine(image.config, **settings)
    moved = move_out(replace(image, config=config), marks)
    words = max((len(m) for m in (*moved.positions, *moved.values)), default=0) // 2
    config = streaming_machine(image.config, words, **settings)
    return replace(
        image,
        config=config,
        matrices=moved.matrices,
        positions=moved.positions,
        values=moved.values,
        external=moved.external,
    )


def assert_same_run(actual: RunResult, expected: RunResult) -> None:
    """The same instructions, everything that each wrote, and each counter that `expected` has."""
    assert actual.error is expected.error
    assert actual.records is not None
    assert expected.records is not None
    assert [r.pc for r in actual.records] == [r.pc for r in expected.records]
    for a, b in zip(actual.records, expected.records, strict=True):
        np.testing.assert_array_equal(a.values, b.values)
    for name, count in expected.counters.items():
        assert actual.counters[name] == count, name
