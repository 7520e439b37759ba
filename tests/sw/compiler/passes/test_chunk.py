"""`--chunk`: the same tokens and states as frame by frame, fewer bytes, and what does not fit."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from sordino.arch import Config
from sordino.compiler.compile import CompileOptions, compile_model
from sordino.compiler.limits.errors import CompileError
from sordino.cycles.traffic import bus_bytes, speech_traffic
from sordino.golden.machine import Golden
from sordino.image.image import Image
from sordino.isa.fields import Store
from sordino.isa.operations import Matvec
from sordino.model.load import model_from_arrays
from sordino.model.random_rnnt import random_arrays, random_meta, random_model
from sordino.model.rnnt import RnntModel
from sordino.testing.images.streaming import STREAMING
from sordino.tools.report.build import make_report


def _model() -> RnntModel:
    """One that says something in some frames and nothing in others."""
    rng = np.random.default_rng(3)
    arrays = random_arrays(rng, encoder=(40, 24), prediction=(16,), joint=21, zeros=0.5)
    arrays["joint.encoder.weight"] *= 3
    arrays["joint.output.bias"][0] = 1
    return model_from_arrays(arrays, random_meta(), name="random")


MODEL = _model()
MACHINE = replace(
    STREAMING,
    lane_words=4096,
    group_words=4096,
    rows_per_lane=256,
    activation_words=2048,
    matrices=255,
    program_words=1024,
)


@cache
def compiled(
    chunk: int, weights: str = "streamed", *, model: RnntModel = MODEL, machine: Config = MACHINE
) -> Image:
    options = CompileOptions(weight_bits=6, weights=weights, chunk=chunk)
    return compile_model(model, machine, options).image


def features(frames: int, model: RnntModel = MODEL) -> np.ndarray:
    rng = np.random.default_rng(frames)
    return rng.integers(-128, 128, (frames, model.inputs)).astype(np.int8)


@pytest.mark.parametrize("chunk", [2, 3, 4, 8])
def test_tokens_are_those_of_single_frames(chunk: int) -> None:
    """Whole chunks, cut ones, no input at all."""
    single, many = Golden(compiled(1)), Golden(compiled(chunk))
    seen = []
    for frames in (0, 1, chunk - 1, chunk, chunk + 1, 2 * chunk + 1):
        wanted = single.run(features(frames))
        found = many.run(features(frames))
        assert found.tokens == wanted.tokens
        assert found.counters["frames"] == wanted.counters["frames"] == frames
        seen.append((frames, len(wanted.tokens)))
    assert any(0 < tokens < 3 * frames for frames, tokens in seen)


def test_outputs_of_the_encoder_are_those_of_single_frames() -> None:
    """Every frame's half of the joint, bit for bit."""
    chunk = 4
    frames = features(chunk)
    image = compiled(chunk)
    single, many = Golden(compiled(1)), Golden(image)
    many.run(frames)
    first, count = image.network.search.encoded
    found = many.state.memory.store(Store.STATE)[first : first + chunk * count]
    own, _ = single.image.network.search.encoded
    for frame in range(chunk):
        single.run(frames[: frame + 1])
        wanted = single.state.memory.store(Store.STATE)[own : own + count]
        assert wanted.any()
        np.testing.assert_array_equal(found[frame * count : (frame + 1) * count], wanted)


@pytest.mark.parametrize("weights", ["streamed", "auto"])
def test_bytes(weights: str) -> None:
    """What is read once a chunk: W of the encoder and the encoder's half of the joint."""
    machine = replace(MACHINE, lane_words=384) if weights == "auto" else MACHINE
    single, many = (compiled(chunk, weights, machine=machine) for chunk in (1, 4))
    before, after = (
        speech_traffic(one).frame if weights == "streamed" else _frame_bytes(one)
        for one in (single, many)
    )
    if weights == "auto":
        assert not all(matrix.streamed for matrix in many.matrices)
    assert after < 0.75 * before
    for i in many.program:
        if isinstance(i, Matvec) and i.from_ring:
            assert many.matrices[i.matrix].streamed


def _frame_bytes(image: Image) -> float:
    found = Golden(image).run(features(8), record=True)
    return bus_bytes(image, [record.pc for record in found.records or ()])


def test_a_host_that_searches_takes_single_frames() -> None:
    """The entry point `encode` of both images."""
    images = [compiled(1), compiled(4)]
    states = []
    for image in images:
        golden = Golden(image)
        golden.run(features(0), entry="reset")
        first, count = image.network.search.encoded
        assert image.network.search.frames == 1
        for frame in features(3):
            golden.run(frame, entry="encode")
            states.append(golden.state.memory.store(Store.STATE)[first : first + count].copy())
    for a, b in zip(states[:3], states[3:], strict=True):
        np.testing.assert_array_equal(a, b)


def test_images_of_single_frames_are_as_before() -> None:
    assert "chunk" not in compiled(1).host.as_dict()
    assert compiled(1).to_bytes()[10] == 1
    assert compiled(2).to_bytes()[10] == 2
    assert compiled(2).host.chunk == 2


@pytest.mark.parametrize(
    ("machine", "weights", "text"),
    [
        (replace(MACHINE, rows_per_lane=64), "streamed", "raise rows_per_lane to 160"),
        (replace(MACHINE, activation_words=256), "streamed", "raise activation_words to"),
        (replace(MACHINE, state_words=100), "streamed", "raise state_words to"),
        (replace(MACHINE, program_words=80), "streamed", "raise program_words to"),
        (replace(MACHINE, matrices=8), "streamed", "raise matrices to"),
        (replace(MACHINE, stream_bus=0), "auto", "none are streamed here; set stream_bus"),
        (MACHINE, "resident", "none are streamed here"),
    ],
)
def test_what_does_not_fit(machine: Config, weights: str, text: str) -> None:
    with pytest.raises(CompileError, match=text):
        compiled(8, weights, machine=machine)


def test_refusals() -> None:
    reduced = random_model(1, encoder=(8, 8), time_reduction=(1, 2))
    with pytest.raises(CompileError, match=r"without time reduction .* stacks 2 frames"):
        compiled(2, model=reduced)
    tall = random_model(1, inputs=2, encoder=(120,))
    machine = replace(MACHINE, lane_words=1 << 14, group_words=1 << 14)
    with pytest.raises(
        CompileError, match=r"a column of encoder\.0 .* one of 32; raise stream_ring or"
    ):
        compiled(2, model=tall, machine=machine)
    with pytest.raises(CompileError, match="wanted chunk to be 1 to 64 frames, got 65"):
        CompileOptions(chunk=65)


def test_a_report_joins_pieces() -> None:
    """Of a streamed image there is a page, and a matrix is one line however it is cut."""
    single, many = (make_report(compiled(n), "x", tokens_per_second=9) for n in (1, 4))
    assert [m.name for m in many.matrices] == [m.name for m in single.matrices]
    assert [m.places for m in many.matrices] == [m.places for m in single.matrices]
    assert many.timelines[0].cycles > 2 * single.timelines[0].cycles
