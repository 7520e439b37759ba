"""Estimates: what is stated against the circuit and the cycle model, what is fitted against it."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sordino.arch import PRESETS
from sordino.compiler.compile import CompileOptions, compile_model
from sordino.cycles.bounds import frame_bounds
from sordino.cycles.engine import Cycles
from sordino.errors import InputError
from sordino.estimate import logic
from sordino.estimate.blocks import (
    ECP5_BLOCKS,
    block_rams,
    memory_blocks,
    multiplier_blocks,
    products,
)
from sordino.estimate.capacity import roomy, trimmed
from sordino.estimate.devices import DEVICES, use_of
from sordino.estimate.estimate import estimate_image
from sordino.estimate.logic import Fit, estimate_logic, fit_logic
from sordino.estimate.logic_features import FEATURES, RESOURCES, features
from sordino.estimate.memories import MemoryShape, bits_by_kind, memories
from sordino.golden.machine import Golden
from sordino.golden.verify import verify
from sordino.isa.image import Image
from sordino.isa.sizes import used_words
from sordino.rtl.resources import memory_bits, multipliers
from sordino.testing.models import random_model
from sordino.testing.streaming import STREAMING, streamed_image
from sordino.testing.trials import MACHINES

SHIPPED = Path(__file__).parents[3] / "models" / "an4_rnnt_g4_80.sordino"


def small_image(machine: str = "g4") -> Image:
    model = random_model(5, encoder=(9, 8), joint=11, tokens=6, scale=4.0, zeros=0.6)
    return compile_model(model, MACHINES[machine], CompileOptions(weight_bits=4)).image


def test_memories_of_streaming_are_the_circuit_s() -> None:
    assert bits_by_kind(STREAMING) == memory_bits(STREAMING)


def test_a_trimmed_machine_keeps_its_rings() -> None:
    """What streams takes no more than the rings; what stays resident comes on top."""
    resident = trimmed(small_image("g4"))
    marks = [number > 0 for number in range(len(resident.matrices))]
    image = trimmed(streamed_image(resident, marks))
    verify(image)
    stays = max(len(words) for words in image.values) // 2
    assert stays
    assert 0 <= image.config.lane_words - image.config.ring_words - stays < 4
    features = np.random.default_rng(1).integers(-128, 128, (5, 6)).astype(np.int8)
    assert Golden(image).run(features).tokens == Golden(resident).run(features).tokens


def test_memories_and_multipliers_are_the_circuit_s() -> None:
    config = MACHINES["g2"]
    assert bits_by_kind(config) == memory_bits(config)
    assert {f"{a} × {b}": n for a, b, n in products(config)} == multipliers(config)
    assert {memory.reads for memory in memories(config)} == {1, 2}


def test_an_estimate_s_cycles_are_the_model_s() -> None:
    image = Image.load(SHIPPED)
    found = estimate_image(image, 100_000_000)
    assert found.cycles == frame_bounds(image)
    assert found.cycles is not None
    assert found.bytes == SHIPPED.stat().st_size
    assert found.real_time_factor is not None
    assert found.real_time_factor[0] == pytest.approx(found.cycles.frame.best / 100e6 / 0.03)
    assert found.memory_bits == bits_by_kind(image.config)
    json.dumps(found.as_dict(), allow_nan=False)


@pytest.mark.parametrize("machine", MACHINES)
def test_a_trimmed_machine_runs_the_same(machine: str) -> None:
    image = small_image(machine)
    small = trimmed(image)
    verify(small)
    assert small.config.id == image.config.id
    assert sum(bits_by_kind(small.config).values()) < sum(bits_by_kind(image.config).values())
    features = np.random.default_rng(1).integers(-128, 128, (5, 6)).astype(np.int8)
    ours, theirs = (Golden(one).run(features) for one in (small, image))
    assert (ours.tokens, ours.error) == (theirs.tokens, theirs.error)
    assert Cycles(small).run(features).counters == Cycles(image).run(features).counters


@pytest.mark.parametrize(
    "name", ["lane_words", "group_words", "activation_words", "state_words", "rows_per_lane"]
)
def test_a_trimmed_machine_has_nothing_to_spare(name: str) -> None:
    image = trimmed(small_image("g1"))
    less = replace(image.config, **{name: getattr(image.config, name) - 1})
    with pytest.raises(ValueError, match=name):
        verify(replace(image, config=less))


def test_any_model_fits_a_roomy_machine() -> None:
    config = roomy(PRESETS["small"])
    assert config.rows_per_lane == PRESETS["small"].rows_per_lane
    words = used_words(small_image())
    assert all(max(n) <= getattr(config, name) for name, n in words.items() if name in words)


def test_blocks() -> None:
    assert memory_blocks(MemoryShape("m", 3, 16, 1024), ECP5_BLOCKS) == 3
    assert memory_blocks(MemoryShape("m", 1, 16, 1025), ECP5_BLOCKS) == 2
    assert memory_blocks(MemoryShape("m", 1, 16, 16384), ECP5_BLOCKS) == 16
    assert memory_blocks(MemoryShape("m", 1, 8, 2048, 2), ECP5_BLOCKS) == 2
    assert memory_blocks(MemoryShape("m", 1, 19, 16), ECP5_BLOCKS) == 0
    assert memory_blocks(MemoryShape("m", 8, 24, 64, block=True), ECP5_BLOCKS) == 8
    assert memory_blocks(MemoryShape("x FIFOs", 1, 8, 4096), ECP5_BLOCKS) == 0


@given(st.integers(1, 200), st.integers(1, 70_000))
def test_blocks_hold_the_bits(width: int, depth: int) -> None:
    blocks = memory_blocks(MemoryShape("m", 1, width, depth), ECP5_BLOCKS)
    assert not blocks or blocks * 18 * 1024 >= width * depth


def test_the_stored_fit_is_its_samples() -> None:
    """Fitted again, the samples give the coefficients and errors that are stored."""
    fit = Fit.load()
    again = fit_logic(fit.samples)
    for block, names in FEATURES.items():
        for resource in RESOURCES:
            stored, found = fit.coefficients[block][resource], again.coefficients[block][resource]
            assert len(stored) == len(names)
            assert stored == pytest.approx(found, rel=1e-6, abs=1e-6)
    for resource in RESOURCES:
        assert fit.error(resource) == pytest.approx(again.error(resource), rel=1e-6)
        assert 0 < fit.error(resource) < 0.15, "of no use to anybody"


def test_what_is_stated_of_the_samples_is_what_synthesis_counted() -> None:
    for sample in Fit.load().samples:
        if sample.block == "rest":
            assert multiplier_blocks(sample.config) == sample.multipliers
            assert block_rams(sample.config, ECP5_BLOCKS) == sample.block_rams


def test_a_fit_finds_what_made_its_samples() -> None:
    made = {
        "group": dict.fromkeys(RESOURCES, (50.0, 30.0, 2.0, 4.0)),
        "rest": dict.fromkeys(RESOURCES, (900.0, 1.5)),
    }
    samples = []
    for sample in Fit.load().samples:
        if sample.block == "group":
            count = float(np.dot(made["group"]["luts"], features("group", sample.config)))
        else:
            count = estimate_logic(sample.config, made)["luts"]
        samples.append(replace(sample, luts=count, flip_flops=count))
    fit = fit_logic(samples)
    assert fit.error("luts") == pytest.approx(0, abs=1e-6)
    assert fit.coefficients["rest"]["flip_flops"] == pytest.approx((900, 1.5), rel=1e-5)


@pytest.mark.parametrize("kind", ["missing", "damaged", "other features"])
def test_a_fit_that_cannot_be_used(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "fit.json"
    text = logic.COEFFICIENTS.read_text()
    if kind == "damaged":
        path.write_text(text[:-9])
    elif kind == "other features":
        stored = json.loads(text)
        stored["coefficients"]["rest"]["luts"].pop()
        path.write_text(json.dumps(stored))
    monkeypatch.setattr(logic, "COEFFICIENTS", path)
    Fit.load.cache_clear()
    try:
        with pytest.raises(InputError, match="run `make estimate`"):
            Fit.load()
    finally:
        Fit.load.cache_clear()


def test_devices() -> None:
    names = [device.name for device in DEVICES]
    assert names == list(dict.fromkeys(names))
    large, small = PRESETS["small"], trimmed(Image.load(SHIPPED)).config
    whole = {device.name: use_of(large, device) for device in DEVICES}
    assert not any(use.fits for name, use in whole.items() if name != "Kria K26")
    assert "block RAM" in whole["ECP5-85"].lacks
    fitting = {device.name: use_of(small, device) for device in DEVICES}
    assert fitting["Kria K26"].fits
    assert fitting["Kria K26"].ultra > 0 == fitting["ECP5-85"].ultra
    assert not fitting["iCE40UP5K"].fits
    for device in DEVICES:
        assert device.source
        assert all(width * depth <= device.block_bits for width, depth in device.shapes)
