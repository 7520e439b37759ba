"""Outliers of a whole model: clipped, and said."""

from dataclasses import replace

import numpy as np
import pytest

from sordino.arch import PRESETS
from sordino.compiler.compile import CompileOptions, compile_model
from sordino.compiler.limits.errors import CompileError
from sordino.compiler.numbers.clip import Clip
from sordino.compiler.numbers.fidelity import LEAST_SNR_DB
from sordino.compiler.numbers.precision import Precision
from sordino.compiler.passes.clip import clip_model
from sordino.compiler.passes.rounded import quantise_model
from sordino.errors import InputWarning
from sordino.model.load import load_model
from sordino.model.random_rnnt import random_model
from sordino.model.rnnt import RnntModel

TINY = PRESETS["tiny"]


def with_outlier(model: RnntModel, value: float) -> RnntModel:
    first = model.encoder[0]
    weight = first.weight_hh.copy()
    weight[3, 2] = value
    return replace(model, encoder=(replace(first, weight_hh=weight), *model.encoder[1:]))


@pytest.mark.parametrize("bits", range(2, 9))
def test_ordinary_matrices_are_not_clipped(bits: int) -> None:
    rng = np.random.default_rng(1)
    for weight in (
        rng.normal(size=(60, 40)),
        rng.laplace(size=(64, 64)),
        rng.uniform(-1, 1, (64, 64)),
    ):
        assert Clip("auto").limit(weight, bits) == np.abs(weight).max()
    for name in ("an4_rnnt_causal", "an4_rnnt_g4_80"):
        model = load_model(f"models/{name}.npz")
        assert clip_model(model, Clip(), Precision(bits)) is model


@pytest.mark.parametrize("how", ["often", "0.5", "-1", "nan", "inf", 0])
def test_what_means_nothing(how: str | float) -> None:
    with pytest.raises(CompileError, match=r"wanted clip to be auto, none or a factor"):
        CompileOptions(clip=how)


def test_a_clip_is_said() -> None:
    model = with_outlier(random_model(0, encoder=(16,)), 1e6)
    with pytest.warns(InputWarning, match=r"clipped: encoder.0.weight_hh \(1 of 1,024, 1e\+06"):
        found = quantise_model(model, 8, 32)
    ratio = found.snr_db["encoder.0.weight_hh"]
    assert ratio is not None
    assert ratio > 25
    assert np.count_nonzero(found.nodes["encoder.0"].matrices[1].values) > 900


def test_without_a_clip_the_noise_is_said() -> None:
    model = with_outlier(random_model(0, encoder=(16,)), 1e4)
    with pytest.warns(InputWarning, match=r"1 of 8 matrices, .* encoder.0.weight_hh has 0.0 dB"):
        compiled = compile_model(model, TINY, CompileOptions(clip="none"))
    ratios = {layer.name: layer.snr_db for layer in compiled.layers}
    assert ratios["encoder.0.weight_hh"] == pytest.approx(0, abs=0.1)
    assert compiled.image.host.clip == "none"


def test_a_factor_is_no_surprise(recwarn: pytest.WarningsRecorder) -> None:
    model = with_outlier(random_model(0, encoder=(16,)), 1e6)
    compiled = compile_model(model, TINY, CompileOptions(clip=8.0))
    assert compiled.image.host.clip == 8.0
    assert not recwarn.list


def test_ratios_of_a_shipped_model_by_bits() -> None:
    """What the bound is chosen by."""
    model = load_model("models/an4_rnnt_g4_80.npz")
    least = {}
    for bits in (2, 3, 8):
        found = quantise_model(model, bits, 32).snr_db.values()
        least[bits] = min(snr for snr in found if snr is not None)
    assert least[2] < LEAST_SNR_DB < least[3] < 20 < 40 < least[8]


def test_pruning_is_not_led_by_what_saturates() -> None:
    model = random_model(2, encoder=(16,))
    first = model.encoder[0]
    weight, bias = first.weight_ih.copy(), first.bias_ih.copy()
    weight[19] *= 1e5
    bias[19] = 1e9
    loud = replace(model, encoder=(replace(first, weight_ih=weight, bias_ih=bias),))
    options = CompileOptions(sparsity=0.5, shares="layer_adaptive")
    compiled = compile_model(loud, TINY, options)
    zeros = {layer.name: layer.zeros for layer in compiled.layers}
    assert zeros["encoder.0.weight_ih"] < 0.8
