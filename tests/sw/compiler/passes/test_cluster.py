"""Lloyd-Max values of a whole model: less is lost, and the image says so."""

from dataclasses import replace

import numpy as np
import pytest

from sordino.arch import PRESETS
from sordino.compiler.compile import CompileOptions, compile_model
from sordino.compiler.limits.errors import CompileError
from sordino.compiler.numbers.precision import Precision
from sordino.compiler.passes.rounded import quantise_model
from sordino.golden.machine import Golden
from sordino.model.random_rnnt import random_model
from sordino.train.integer_decoding import IntegerDecoder


def quantised(model, precision):
    matrices = [m for la in quantise_model(model, precision, 32).layers for m in la.matrices]
    return {m.name: m for m in matrices}


def test_lloyd_max_matrices_lose_less_and_have_no_more_values() -> None:
    model = random_model(2, inputs=40, encoder=(24, 24), prediction=(16,), joint=24)
    even = quantised(model, Precision(3))
    best = quantised(model, Precision(3, "lloyd-max"))
    for name, weight in model.arrays().items():
        if name not in best:
            continue
        assert len(np.unique(best[name].values)) <= 8
        lost = [((m[name].values * m[name].step - weight) ** 2).sum() for m in (best, even)]
        assert lost[0] < 0.8 * lost[1]


def test_weights_that_have_few_values_stay_within_half_an_int8_step() -> None:
    model = random_model(2, inputs=40, encoder=(24,), prediction=(16,), joint=24)
    few = [m.values * m.step for m in quantised(model, Precision(4, "lloyd-max")).values()]
    weight_ih, weight_hh = few[0], few[1]
    model = replace(
        model,
        encoder=(replace(model.encoder[0], weight_ih=weight_ih * 3.1, weight_hh=weight_hh),),
    )
    again = quantised(model, Precision(4, "lloyd-max"))
    for name, weight in (("weight_ih", weight_ih * 3.1), ("weight_hh", weight_hh)):
        m = again[f"encoder.0.{name}"]
        assert np.abs(m.values * m.step - weight).max() <= m.step / 2 * 1.0001
        assert m.step <= np.abs(weight).max() / 60


@pytest.mark.filterwarnings("ignore::sordino.errors.InputWarning")  # 2 bits
def test_layers_have_their_own_bits_and_reach_the_image() -> None:
    model = random_model(3, inputs=30, encoder=(24,), prediction=(16,), joint=24)
    precision = Precision(3, layers=(("joint.output.*", 6), ("joint.*", 5), ("*.weight_hh", 2)))
    found = quantised(model, precision)
    for name, bits in {
        "joint.output.weight": 6,
        "joint.encoder.weight": 5,
        "encoder.0.weight_hh": 2,
        "encoder.0.weight_ih": 3,
    }.items():
        assert 1 << bits - 1 < len(np.unique(found[name].values)) < 1 << bits, name
    options = CompileOptions(weight_bits=3, layer_bits=precision.layers)
    image = compile_model(model, PRESETS["tiny"], options).image
    assert image.host.layer_bits == dict(precision.layers)
    with pytest.raises(
        CompileError, match=r"layer 'decoder\.\*' must fit a matrix: one of encoder"
    ):
        quantise_model(model, Precision(layers=(("decoder.*", 4),)), 32)


@pytest.mark.parametrize("codebook", ["uniform", "lloyd-max"])
def test_the_models_own_precision_is_taken(codebook: str) -> None:
    trained = Precision(4, codebook, (("joint.*", 6),))
    plain = random_model(4, scale=2.0)
    model = replace(plain, meta=plain.meta.changed(quantise=trained.to_meta()))
    image = compile_model(model, PRESETS["tiny"]).image
    stated = CompileOptions(weight_bits=4, codebook=codebook, layer_bits=trained.layers)
    assert image.to_bytes() == compile_model(plain, PRESETS["tiny"], stated).image.to_bytes()
    assert (image.host.weight_bits, image.host.codebook) == (4, codebook)
    assert CompileOptions(weight_bits=5).precision(Precision.of(model.meta.quantise)) == Precision(
        5, codebook
    )
    assert (
        CompileOptions(codebook="uniform").precision(Precision.of(model.meta.quantise)).layers
        == trained.layers
    )
    x = np.random.default_rng(1).integers(-128, 128, (12, model.inputs)).astype(np.int8)
    said = list(Golden(image).run(x).tokens)
    assert said == IntegerDecoder(model, trained).transcribe([x])[0]
