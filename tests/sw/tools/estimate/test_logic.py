"""The fit of logic: its samples, what made them, and files that cannot be used."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sordino.arch import PRESETS
from sordino.errors import InputError
from sordino.tools.estimate import logic
from sordino.tools.estimate.blocks import (
    ECP5_BLOCKS,
    block_rams,
    multiplier_blocks,
)
from sordino.tools.estimate.logic import Fit, estimate_logic, fit_logic
from sordino.tools.estimate.logic_features import FEATURES, RESOURCES, features


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
        "rest": dict.fromkeys(RESOURCES, (900.0, 1.5, -70.0)),
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
    assert fit.coefficients["rest"]["flip_flops"] == pytest.approx((900, 1.5, -70), rel=1e-5)


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


def test_a_serial_vector_unit_takes_less() -> None:
    """Also of machines that are not among the samples."""
    for name in ("tiny", "large"):
        machine = PRESETS[name]
        serial = machine.with_settings({"vector_gates": 1})
        for resource in RESOURCES:
            saved = estimate_logic(machine)[resource] - estimate_logic(serial)[resource]
            assert saved > 1000
        assert multiplier_blocks(machine) - multiplier_blocks(serial) == 18 - 4
