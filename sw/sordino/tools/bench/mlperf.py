"""The RNN-T of MLPerf inference in its exact sizes, with weights drawn from a trained model.

80 mel values of three frames, two LSTM layers of 1024, every two outputs stacked, three more
layers; prediction 2 × 320, joint 512 with ReLU, 28 characters and the blank, at most 30 tokens a
frame: 45.3 M parameters (mlcommons/inference, retired_benchmarks/speech_recognition/rnnt).
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sordino.arch import PRESETS, Config
from sordino.arith import FEATURE
from sordino.image.host import Stacking
from sordino.meta.table import EncoderMeta, JointMeta, Meta
from sordino.model.rnnt import RnntModel
from sordino.tools.bench.random_models import draw_linear, draw_stack

__all__ = [
    "CHARACTERS_PER_SECOND",
    "FRAME_SECONDS",
    "UTTERANCE_FRAMES",
    "mlperf_input",
    "mlperf_machine",
    "mlperf_model",
    "mlperf_small_machine",
]

FRAME_SECONDS = 0.03
UTTERANCE_FRAMES = 208
"""Of the benchmark's mean utterance, 6.25 s."""
CHARACTERS_PER_SECOND = 14.86
"""Of the benchmark's 2,513 utterances, from their transcripts."""
_INPUTS, _UNITS, _EMBEDDING, _PREDICTED, _JOINT = 240, 1024, 320, 320, 512
_TOKENS = ("<blank>", " ", *"ABCDEFGHIJKLMNOPQRSTUVWXYZ", "'")
_AFTER, _FACTOR = 2, 2
_SILENCE = 1e3


def mlperf_machine() -> Config:
    """`large` with memories that hold all of the model."""
    return replace(
        PRESETS["large"],
        name="large, memories for MLPerf",
        lane_words=1 << 16,
        group_words=1 << 16,
        activation_words=1 << 14,
        state_words=1 << 13,
        parameter_words=1 << 14,
        tables=32,
    )


def mlperf_small_machine() -> Config:
    """Eight lanes that stream: what is on the chip is a thirtieth of the coded model."""
    config = replace(
        PRESETS["small"],
        name="eight lanes, streaming for MLPerf",
        lanes=8,
        state_bits=6,
        rows_per_lane=512,
        activation_words=1 << 14,
        state_words=1 << 13,
        parameter_words=1 << 14,
        tables=32,
        stream_bus=64,
    )
    return replace(config, lane_words=config.ring_words, group_words=config.ring_words)


def mlperf_input(frames: int) -> NDArray[np.int8]:
    """Input (frames, 240) int8, normal with deviation 1 in the units of features."""
    drawn = np.random.default_rng(1).normal(size=(frames, _INPUTS))
    scaled = np.rint(drawn * 2.0**FEATURE.fraction)
    return np.asarray(scaled.clip(FEATURE.low, FEATURE.high), np.int8)


def mlperf_model(trained: RnntModel) -> RnntModel:
    """An RNN-T of MLPerf's sizes drawn from `trained`; the same model gives the same every time.

    It emits no token: what random weights say means nothing, and says it without end. Time with
    as many tokens as are spoken comes from a given sequence (`sordino.cycles.trace`).
    """
    rng = np.random.default_rng(0)
    widths = [(_UNITS * (_FACTOR if n == _AFTER else 1), _UNITS) for n in range(5)]
    model = RnntModel(
        encoder=draw_stack(rng, trained.encoder, [(_INPUTS, _UNITS), *widths[1:]]),
        embedding=rng.choice(trained.embedding.ravel(), (len(_TOKENS), _EMBEDDING)),
        prediction=draw_stack(
            rng, trained.prediction, [(_EMBEDDING, _PREDICTED), (_PREDICTED, _PREDICTED)]
        ),
        joint_encoder=draw_linear(rng, trained.joint_encoder, _JOINT, _UNITS),
        joint_prediction=draw_linear(rng, trained.joint_prediction, _JOINT, _PREDICTED),
        joint_output=draw_linear(rng, trained.joint_output, len(_TOKENS), _JOINT),
        meta=Meta(
            tokens=tuple(_TOKENS),
            max_symbols_per_frame=30,
            encoder=EncoderMeta(time_reduction=Stacking(after=_AFTER, factor=_FACTOR)),
            joint=JointMeta(activation="relu"),
        ),
        name="MLPerf RNN-T",
    )
    model.joint_output.bias[model.blank] += _SILENCE
    return model
