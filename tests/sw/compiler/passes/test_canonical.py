"""One large number that only saturates, and the same function with other scales."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sordino.arch import PRESETS
from sordino.compiler.compile import compile_model
from sordino.compiler.limits.errors import CompileError
from sordino.compiler.passes.canonical import canonical_model
from sordino.compiler.passes.proof import prove
from sordino.compiler.passes.rounded import quantise_model
from sordino.golden.machine import Golden
from sordino.image.image import Image
from sordino.layers.linear import Linear
from sordino.meta.table import JointMeta
from sordino.model.load import load_model
from sordino.model.random_rnnt import random_model
from sordino.model.rnnt import RnntModel

TINY = PRESETS["tiny"]
LARGE = st.sampled_from([1e3, 1e6, 1e9, 3.4e38])
SIGN = st.sampled_from([-1.0, 1.0])
FEW = settings(max_examples=10, deadline=None)


def image_of(model: RnntModel) -> Image:
    return compile_model(model, TINY).image


def tokens_of(model: RnntModel, frames: int = 12) -> list[int]:
    x = np.random.default_rng(0).integers(-60, 60, (frames, model.inputs)).astype(np.int8)
    return [int(token) for token in Golden(image_of(model)).run(x).tokens]


def with_linear(model: RnntModel, name: str, **parts: Any) -> RnntModel:
    return replace(model, **{name: replace(getattr(model, name), **parts)})


def with_bias(model: RnntModel, name: str, row: int, value: float) -> RnntModel:
    bias = getattr(model, name).bias.copy()
    bias[row] = value
    return with_linear(model, name, bias=bias)


def with_gate(model: RnntModel, part: str, row: int, value: float) -> RnntModel:
    first, *rest = getattr(model, part)
    bias = first.bias_ih.copy()
    bias[row] = value
    return replace(model, **{part: (replace(first, bias_ih=bias), *rest)})


def same(a: RnntModel, b: RnntModel) -> bool:
    return all(
        np.array_equal(x, y) for x, y in zip(a.arrays().values(), b.arrays().values(), strict=True)
    )


@pytest.mark.parametrize("name", ["an4_rnnt_causal", "an4_rnnt_g4_80"])
def test_shipped_models_stay_as_they_are(name: str) -> None:
    model = load_model(f"models/{name}.npz")
    assert same(canonical_model(model), model)


@given(seed=st.integers(0, 99), activation=st.sampled_from(["tanh", "relu"]))
@FEW
def test_ordinary_models_stay_as_they_are(seed: int, activation: str) -> None:
    model = random_model(seed, activation=activation, encoder=(8, 8))
    assert same(canonical_model(model), model)


@given(seed=st.integers(0, 99), row=st.integers(0, 31), sign=SIGN, large=LARGE)
@FEW
def test_a_gate_that_is_saturated_is_as_one_just_saturated(
    seed: int, row: int, sign: float, large: float
) -> None:
    model = random_model(seed)
    for part in ("encoder", "prediction"):
        # 300 is more than any row's weights of these models can take back.
        just = with_gate(model, part, row, sign * 300)
        assert image_of(with_gate(model, part, row, sign * large)) == image_of(just)


@given(seed=st.integers(0, 99), token=st.integers(1, 6), large=LARGE, relu=st.booleans())
@FEW
def test_a_token_that_is_never_wanted_takes_nothing(
    seed: int, token: int, large: float, relu: bool
) -> None:
    model = random_model(seed, activation="relu" if relu else "tanh")
    gone = tokens_of(with_bias(model, "joint_output", token, -2000.0))
    masked = with_bias(model, "joint_output", token, -large)
    assert token not in gone
    assert tokens_of(masked) == gone
    # Its own weights may be as large as they like, then.
    weight = masked.joint_output.weight.copy()
    weight[token] *= large / 100
    assert tokens_of(with_linear(masked, "joint_output", weight=weight)) == gone
    # And nobody ever reads its embedding.
    embedding = masked.embedding.copy()
    embedding[token] *= large
    assert tokens_of(replace(masked, embedding=embedding)) == gone


def test_several_tokens_that_are_never_wanted() -> None:
    model = random_model(3)
    for token in (2, 4, 6):
        model = with_bias(model, "joint_output", token, -1e9 * token)
    found = quantise_model(model, 8, 32).nodes["joint.output"]
    assert max(np.abs(found.bias)) * found.unit < 100
    assert not found.matrices[0].values[[2, 4, 6]].any()


@pytest.mark.parametrize("large", [1e4, 1e9])
def test_a_token_that_always_wins(large: float) -> None:
    model = random_model(5)
    assert tokens_of(with_bias(model, "joint_output", 0, large)) == []
    assert set(tokens_of(with_bias(model, "joint_output", 3, large))) == {3}


@given(seed=st.integers(0, 99), common=st.floats(-1e6, 1e6), relu=st.booleans())
@FEW
def test_what_all_scores_have_in_common(seed: int, common: float, relu: bool) -> None:
    model = random_model(seed, activation="relu" if relu else "tanh")
    found = canonical_model(
        with_linear(model, "joint_output", bias=model.joint_output.bias + common)
    )
    assert np.ptp(found.joint_output.bias) == pytest.approx(np.ptp(model.joint_output.bias))
    assert np.abs(found.joint_output.bias).max() < 40


def test_weights_that_all_tokens_share() -> None:
    model = random_model(8)
    output = model.joint_output
    found = canonical_model(with_linear(model, "joint_output", weight=output.weight + 1e4))
    between = found.joint_output.weight[1:] - found.joint_output.weight[:1]
    assert between == pytest.approx(output.weight[1:] - output.weight[:1], abs=1e-9)
    assert np.abs(found.joint_output.weight).max() <= 2 * np.abs(output.weight).max()


@given(seed=st.integers(0, 99), shift=st.integers(3, 10**6), sign=SIGN, relu=st.booleans())
@FEW
def test_joint_halves_shifted_against_each_other(
    seed: int, shift: int, sign: float, relu: bool
) -> None:
    model = random_model(seed, activation="relu" if relu else "tanh")
    moved = replace(
        model,
        joint_encoder=replace(model.joint_encoder, bias=model.joint_encoder.bias + sign * shift),
        joint_prediction=replace(
            model.joint_prediction, bias=model.joint_prediction.bias - sign * shift
        ),
    )
    assert tokens_of(moved) == tokens_of(model)


def scaled(model: RnntModel, factor: np.ndarray | float) -> RnntModel:
    """A ReLU joint with its sums, unit by unit, so many times larger."""
    factor = np.broadcast_to(factor, model.joint_encoder.bias.shape)

    def half(layer: Linear) -> Linear:
        return Linear(layer.weight * factor[:, None], layer.bias * factor)

    return replace(
        model,
        joint_encoder=half(model.joint_encoder),
        joint_prediction=half(model.joint_prediction),
        joint_output=replace(model.joint_output, weight=model.joint_output.weight / factor),
    )


@given(seed=st.integers(0, 99), power=st.integers(-20, 20))
@FEW
def test_a_relu_joint_with_sums_of_another_power_of_two(seed: int, power: int) -> None:
    model = random_model(seed, activation="relu")
    assert image_of(scaled(model, 2.0**power)) == image_of(model)


@given(seed=st.integers(0, 99), factor=st.floats(0.01, 1000))
@FEW
def test_a_relu_joint_with_sums_of_another_size(seed: int, factor: float) -> None:
    """Nearly the same: the activation's step is a power of two."""
    model = random_model(seed, activation="relu")
    a, b = (quantise_model(m, 8, 32).nodes for m in (scaled(model, factor), model))
    assert np.array_equal(
        a["joint.output"].matrices[0].values, b["joint.output"].matrices[0].values
    )
    step = a["joint.encoder"].unit / b["joint.encoder"].unit
    assert 0.5 <= step <= 2
    assert (a["joint"].multiplier, a["joint"].shift) == (b["joint"].multiplier, b["joint"].shift)
    assert a["joint"].multiplier, "a ReLU has one"


@pytest.mark.parametrize("power", [-12, -4, 4, 12])
def test_single_units_of_a_relu_joint(power: int) -> None:
    model = random_model(4, activation="relu", joint=24)
    factor = np.ones(24)
    factor[[3, 17]] = 2.0**power
    before, after = (
        quantise_model(m, 8, 32).nodes["joint.output"] for m in (model, scaled(model, factor))
    )
    kept = np.count_nonzero(after.matrices[0].values)
    assert kept >= 0.9 * np.count_nonzero(before.matrices[0].values)


def test_a_fraction_that_meta_names_is_kept_where_it_can_be_meant() -> None:
    model = random_model(0, activation="relu")
    named = model.meta.changed(joint=JointMeta(activation="relu", relu_fraction=3))
    kept, plain = (
        quantise_model(m, 8, 32).nodes["joint.output"] for m in (replace(model, meta=named), model)
    )
    assert kept.unit == 2 * plain.unit
    far = scaled(replace(model, meta=named), 2.0**10)
    assert image_of(far) == image_of(model)


@pytest.mark.parametrize("value", [-1e9, -50.0, 50.0, 1e9])
def test_a_constant_unit_of_the_joint(value: float) -> None:
    model = random_model(6)
    assert tokens_of(with_bias(model, "joint_encoder", 4, value)) == tokens_of(
        with_bias(model, "joint_encoder", 4, 40.0 * np.sign(value))
    )


@pytest.mark.parametrize("power", [-13, 13])
def test_a_unit_of_a_relu_joint_is_no_louder_than_the_others_afterwards(power: int) -> None:
    """A unit's usual weights are small beside its largest, which alone decides the step."""
    model = random_model(4, activation="relu", joint=24)
    plain = model
    for name in ("joint_encoder", "joint_prediction"):
        weight = getattr(model, name).weight.copy()
        weight[3] = np.where(np.abs(weight[3]) < np.abs(weight[3]).max(), weight[3] / 16, weight[3])
        plain = with_linear(plain, name, weight=weight)
    weight = plain.joint_output.weight
    factor = np.where(np.arange(24) == 3, 2.0**power, 1.0)
    scaled = with_linear(plain, "joint_output", weight=weight / factor)
    for name in ("joint_encoder", "joint_prediction"):
        half = getattr(plain, name)
        parts = {"weight": half.weight * factor[:, None], "bias": half.bias * factor}
        scaled = with_linear(scaled, name, **parts)
    for name in ("joint_encoder", "joint_prediction", "joint_output"):
        found = np.abs(getattr(canonical_model(scaled), name).weight).max()
        assert found <= np.abs(getattr(plain, name).weight).max()


def test_a_constant_of_a_relu_s_unit_goes_to_the_scores() -> None:
    model = random_model(6, activation="relu")
    weight = model.joint_output.weight.copy()
    weight[:, 4] *= 1e-4
    model = with_linear(model, "joint_output", weight=weight)
    found = canonical_model(with_bias(model, "joint_encoder", 4, 1e4))
    assert found.joint_encoder.bias[4] < 1e3
    expected = model.joint_output.bias + 1e4 * weight[:, 4]
    apart = found.joint_output.bias - expected
    assert np.ptp(apart) < 0.01


@pytest.mark.parametrize("gate", [0, 3])
def test_a_unit_that_never_opens_and_what_reads_it(gate: int) -> None:
    model = random_model(9, encoder=(8, 8))
    shut = with_gate(model, "encoder", 8 * gate + 5, -1e8)
    expected = tokens_of(shut)
    first, second = shut.encoder
    loud = {name: getattr(first, name).copy() for name in ("weight_ih", "weight_hh", "bias_ih")}
    loud["weight_ih"][8 * (2 - gate // 3) + 5] = 1e6
    loud["weight_hh"][:, 5] = -1e6
    read = second.weight_ih.copy()
    read[:, 5] = 1e6
    made = replace(shut, encoder=(replace(first, **loud), replace(second, weight_ih=read)))
    # The gate stays shut: what it reads is at most 1 times 1e6.
    assert tokens_of(made) == expected


def test_a_unit_that_nothing_reads() -> None:
    model = random_model(10)
    first = model.encoder[0]
    u, joint = first.weight_hh.copy(), model.joint_encoder.weight.copy()
    u[:, 5] = joint[:, 5] = 0
    quiet = replace(
        model,
        encoder=(replace(first, weight_hh=u),),
        joint_encoder=replace(model.joint_encoder, weight=joint),
    )
    w = first.weight_ih.copy()
    w[5::8] = 1e6
    loud = replace(quiet, encoder=(replace(quiet.encoder[0], weight_ih=w),))
    assert tokens_of(loud) == tokens_of(quiet)


@given(seed=st.integers(0, 99), power=st.integers(3, 30), sign=st.sampled_from([-1, 1]))
@FEW
def test_columns_of_the_embedding_of_other_sizes(seed: int, power: int, sign: int) -> None:
    model = random_model(seed, embedding=9)
    factor = np.ones(9)
    factor[4] = 2.0 ** (sign * power)
    first = model.prediction[0]
    uneven = replace(
        model,
        embedding=model.embedding * factor,
        prediction=(replace(first, weight_ih=first.weight_ih / factor),),
    )
    found = canonical_model(uneven)
    for matrix, before in (
        (found.embedding, model.embedding),
        (found.prediction[0].weight_ih, first.weight_ih),
    ):
        assert np.abs(matrix).max() <= 8 * np.abs(before).max()
    assert np.array_equal(
        found.embedding @ found.prediction[0].weight_ih.T,
        canonical_model(model).embedding @ canonical_model(model).prediction[0].weight_ih.T,
    )


@pytest.mark.parametrize("value", [0.0, 5e-324, 1e-200, 1.0, 1e12])
@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.filterwarnings("ignore::sordino.errors.InputWarning")
def test_all_numbers_equal(value: float, activation: str) -> None:
    model = random_model(0, activation=activation)
    arrays = {name: np.full_like(array, value) for name, array in model.arrays().items()}

    def lstm(layer: Any, name: str) -> Any:
        kinds = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        return replace(layer, **{kind: arrays[f"{name}.{kind}"] for kind in kinds})

    def linear(name: str) -> Linear:
        return Linear(arrays[f"joint.{name}.weight"], arrays[f"joint.{name}.bias"])

    flat = replace(
        model,
        encoder=(lstm(model.encoder[0], "encoder.0"),),
        prediction=(lstm(model.prediction[0], "prediction.0"),),
        embedding=arrays["prediction.embedding.weight"],
        joint_encoder=linear("encoder"),
        joint_prediction=linear("prediction"),
        joint_output=linear("output"),
    )
    if value == 1e12:
        with pytest.raises(CompileError, match="scale the model down"):
            tokens_of(flat)
    else:
        # All scores are equal, so the lowest token wins: the blank.
        assert tokens_of(flat) == []


def test_numbers_that_no_arithmetic_holds_are_refused() -> None:
    with pytest.raises(CompileError, match=r"wanted joint.output.bias to hold numbers up to 1e"):
        canonical_model(with_bias(random_model(0), "joint_output", 2, -1e60))


@given(seed=st.integers(0, 99), bits=st.sampled_from([24, 32]), large=LARGE)
@FEW
def test_accumulators_are_proven_with_large_biases(seed: int, bits: int, large: float) -> None:
    model = with_gate(random_model(seed), "encoder", 11, large)
    model = with_bias(with_bias(model, "joint_output", 5, -large), "joint_encoder", 2, large)
    for layer in quantise_model(model, 8, bits).layers:
        prove(layer, bits)
