"""`--weights`: what stays, what is streamed, and what cannot be."""

from dataclasses import replace

import pytest

from sordino.compiler.compile import CompileOptions, compile_model
from sordino.compiler.limits.errors import CompileError
from sordino.cycles.traffic import speech_traffic
from sordino.model.random_rnnt import random_model
from sordino.testing.images.streaming import STREAMING

MODEL = random_model(4, encoder=(40, 40), prediction=(16,), joint=24, zeros=0.5)
ROOMY = replace(STREAMING, lane_words=4096, group_words=4096)


def compiled(config, weights):
    return compile_model(MODEL, config, CompileOptions(weight_bits=6, weights=weights)).image


def test_auto_keeps_what_fits() -> None:
    """The last matrices first: they are used with every token."""
    image = compiled(STREAMING, "auto")
    streamed = [matrix.streamed for matrix in image.matrices]
    assert streamed[0]
    assert not streamed[-1]
    for number, matrix in enumerate(image.matrices):
        after = [m for m in image.matrices[number + 1 :] if not m.streamed]
        lanes = [sum(bits) for bits in zip(*(m.value_bits for m in (matrix, *after)), strict=True)]
        groups = [
            sum(bits) for bits in zip(*(m.position_bits for m in (matrix, *after)), strict=True)
        ]
        room = 16 * (STREAMING.lane_words - STREAMING.ring_words)
        assert matrix.streamed == (max(lanes + groups) > room)
    assert not any(matrix.streamed for matrix in compiled(ROOMY, "auto").matrices)


def test_streamed_and_its_traffic() -> None:
    image = compiled(ROOMY, "streamed")
    assert all(matrix.streamed for matrix in image.matrices)
    assert not any(image.positions + image.values)
    traffic = speech_traffic(image)
    assert 0 < traffic.token < traffic.frame < len(image.external)


def test_refusals() -> None:
    with pytest.raises(CompileError, match="raise lane_words"):
        compiled(STREAMING, "resident")
    bare = replace(ROOMY, stream_bus=0)
    with pytest.raises(CompileError, match="no bus to external memory; set stream_bus"):
        compiled(bare, "streamed")
    with pytest.raises(CompileError, match="raise lane_words"):
        compiled(replace(bare, lane_words=512, group_words=512), "auto")
    with pytest.raises(CompileError, match=r"wanted weights to be auto, .*, streamed, got 'x'"):
        CompileOptions(weights="x")
