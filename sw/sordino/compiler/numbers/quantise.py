"""Float weights made to the machine's integers: int8 values, scales, biases.

`sordino.compiler.numbers.units` says which values those are, and in what unit W and U of an LSTM
add up.
With a Lloyd-Max codebook a matrix's 2^b values lie anywhere; each becomes the nearest step of int8.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from sordino.arith import (
    HIDDEN,
    JOINT,
    MAX_REQUANTISE_SHIFT,
    MULTIPLIER_BITS,
    PREACTIVATION,
    WEIGHT,
)
from sordino.compiler.limits.errors import CompileError
from sordino.compiler.numbers.canonical import canonical_model
from sordino.compiler.numbers.canonical_joint import fit_joint
from sordino.compiler.numbers.clip import Clip, clip_model
from sordino.compiler.numbers.fidelity import snr_db
from sordino.compiler.numbers.lloyd import cluster_model
from sordino.compiler.numbers.precision import EMBEDDING, Precision
from sordino.compiler.numbers.units import (
    int_bias,
    largest_magnitude,
    least_unit,
    round_weight,
    shared_unit,
    top_level,
)
from sordino.model.rnnt import Linear, Lstm, RnntModel

__all__ = [
    "QuantisedLayer",
    "QuantisedMatrix",
    "QuantisedModel",
    "multiplier_shift",
    "quantise_linear",
    "quantise_lstm",
    "quantise_model",
]

_LEAST_TOP = 15
"""Steps up to the largest weight at least: with fewer, biases would be rounded coarsely too."""
_Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False, kw_only=True)
class QuantisedMatrix:
    """weight ≈ values · step.

    values  int8 (outputs, inputs)
    shift   of the MATVEC that multiplies it
    x_max   largest magnitude that its int8 input can have
    """

    name: str
    values: NDArray[np.int8]
    step: float
    shift: int = 0
    x_max: int = -HIDDEN.low


@dataclass(frozen=True, eq=False, kw_only=True)
class QuantisedLayer:
    """Matrices that add up in one accumulator: W and U of an LSTM, or one linear matrix.

    bias               int64 (outputs,), in accumulator units, within int32
    unit               what accumulator value 1 stands for
    multiplier, shift  to the result's format; 0 and 0 where the accumulator is compared as it is
    """

    name: str
    matrices: tuple[QuantisedMatrix, ...]
    bias: NDArray[np.int64]
    unit: float
    multiplier: int = 0
    shift: int = 0


@dataclass(frozen=True, eq=False, kw_only=True)
class QuantisedModel:
    """An RNN-T in integers.

    embedding       int8 (tokens, width), weight ≈ value · embedding_step
    relu_multiplier, relu_shift   from the joint's sum to int8, for a ReLU joint
    snr_db          of every matrix and the embedding, by name: what rounding left, as
                    `sordino.compiler.numbers.fidelity` has it
    """

    encoder: tuple[QuantisedLayer, ...]
    embedding: NDArray[np.int8]
    embedding_step: float
    prediction: tuple[QuantisedLayer, ...]
    joint_encoder: QuantisedLayer
    joint_prediction: QuantisedLayer
    joint_output: QuantisedLayer
    relu_multiplier: int
    relu_shift: int
    snr_db: Mapping[str, float | None] = field(default_factory=dict)

    @property
    def layers(self) -> tuple[QuantisedLayer, ...]:
        """All layers with weights, in the order they are stored."""
        return (
            *self.encoder,
            self.joint_encoder,
            *self.prediction,
            self.joint_prediction,
            self.joint_output,
        )


def multiplier_shift(ratio: float, name: str) -> tuple[int, int]:
    """The requantisation nearest to `ratio`: multiplier / 2^shift.

    The multiplier is normalised to [2^15, 2^16) except below 2^-48, where the shift ends. Raises
    CompileError for ratios of 2^15 and more, naming the layer.
    """
    mantissa, exponent = math.frexp(ratio)
    multiplier, shift = round(mantissa * (1 << MULTIPLIER_BITS)), MULTIPLIER_BITS - exponent
    if multiplier == 1 << MULTIPLIER_BITS:
        multiplier, shift = multiplier // 2, shift - 1
    if shift < 1:
        raise CompileError(
            f"{name}: weights are too large, one accumulator unit is {ratio:g} units of the "
            "result; scale the model down"
        )
    if shift > MAX_REQUANTISE_SHIFT:
        return round(ratio * 2.0**MAX_REQUANTISE_SHIFT), MAX_REQUANTISE_SHIFT
    return multiplier, shift


def quantise_lstm(
    layer: Lstm,
    name: str,
    *,
    x_step: float,
    x_max: int,
    bits: tuple[int, int],
    accumulator_bits: int,
) -> QuantisedLayer:
    """W and U of an LSTM; input value = int8 · `x_step`, its magnitude at most `x_max`."""
    scales = (x_step, 2.0**-HIDDEN.fraction)
    weights = (layer.weight_ih, layer.weight_hh)
    least = least_unit(layer.bias, accumulator_bits)
    unit, shifts = shared_unit(weights, scales, bits, least)
    matrices = []
    largest = (x_max, -HIDDEN.low)
    for kind, weight, scale, shift, b, most in zip(
        ("weight_ih", "weight_hh"), weights, scales, shifts, bits, largest, strict=True
    ):
        step = unit * 2.0**shift / scale
        values = round_weight(weight, step, b)
        matrices.append(
            QuantisedMatrix(
                name=f"{name}.{kind}", values=values, step=step, shift=shift, x_max=most
            )
        )
    multiplier, shift = multiplier_shift(unit * 2.0**PREACTIVATION.fraction, name)
    return QuantisedLayer(
        name=name,
        matrices=tuple(matrices),
        bias=int_bias(layer.bias, unit),
        unit=unit,
        multiplier=multiplier,
        shift=shift,
    )


def quantise_linear(
    layer: Linear,
    name: str,
    *,
    x_step: float,
    x_max: int,
    bits: int,
    accumulator_bits: int,
    fraction: int | None,
) -> QuantisedLayer:
    """One matrix; its result has `fraction` fraction bits, or stays an accumulator for None."""
    top = top_level(bits) * -(-_LEAST_TOP // top_level(bits))
    least = least_unit(layer.bias, accumulator_bits)
    unit = max(largest_magnitude(layer.weight) * x_step / top, least) or x_step / top
    matrix = QuantisedMatrix(
        name=f"{name}.weight",
        values=round_weight(layer.weight, unit / x_step, bits),
        step=unit / x_step,
        x_max=x_max,
    )
    multiplier, shift = 0, 0
    if fraction is not None:
        multiplier, shift = multiplier_shift(unit * 2.0**fraction, name)
    return QuantisedLayer(
        name=name,
        matrices=(matrix,),
        bias=int_bias(layer.bias, unit),
        unit=unit,
        multiplier=multiplier,
        shift=shift,
    )


def _is_multiplied(name: str) -> bool:
    return "weight" in name and "embedding" not in name


def quantise_model(
    model: RnntModel,
    precision: Precision | int,
    accumulator_bits: int,
    clip: Clip | None = None,
) -> QuantisedModel:
    """All of a model; a whole number is that many bits everywhere, evenly spaced.

    What saturates is made constant before (`canonical_model`), and outliers are clipped.
    """
    precision = Precision(precision) if isinstance(precision, int) else precision
    precision.check(name for name in model.arrays() if _is_multiplied(name))
    model = fit_joint(clip_model(canonical_model(model), clip or Clip(), precision))
    quantised = _quantise(model, precision, accumulator_bits)
    return replace(quantised, snr_db=_ratios(model, quantised))


def _ratios(model: RnntModel, quantised: QuantisedModel) -> dict[str, float | None]:
    """Signal to noise of all matrices after rounding."""
    weights = model.arrays()
    found = {
        matrix.name: snr_db(weights[matrix.name], matrix.values * matrix.step)
        for layer in quantised.layers
        for matrix in layer.matrices
    }
    embedding = quantised.embedding * quantised.embedding_step
    return {**found, EMBEDDING: snr_db(model.embedding, embedding)}


def _quantise(model: RnntModel, precision: Precision, accumulator_bits: int) -> QuantisedModel:
    if precision.codebook == "lloyd-max":
        # What is left to do is to find the nearest int8 steps, as for 8 evenly spaced bits.
        model, precision = cluster_model(model, precision), Precision()
    hidden, most = 2.0**-HIDDEN.fraction, -HIDDEN.low

    def lstms(part: str, layers: Sequence[Lstm], step: float, x_max: int) -> list[QuantisedLayer]:
        return [
            quantise_lstm(
                layer,
                name := f"{part}.{number}",
                x_step=hidden if number else step,
                x_max=most if number else x_max,
                bits=(
                    precision.bits_of(f"{name}.weight_ih"),
                    precision.bits_of(f"{name}.weight_hh"),
                ),
                accumulator_bits=accumulator_bits,
            )
            for number, layer in enumerate(layers)
        ]

    def linear(layer: Linear, name: str, step: float, fraction: int | None) -> QuantisedLayer:
        return quantise_linear(
            layer,
            f"joint.{name}",
            x_step=step,
            x_max=most,
            bits=precision.bits_of(f"joint.{name}.weight"),
            accumulator_bits=accumulator_bits,
            fraction=fraction,
        )

    embedding_step = largest_magnitude(model.embedding) / WEIGHT.high or 1.0 / WEIGHT.high
    embedding = round_weight(model.embedding, embedding_step, WEIGHT.bits)
    relu = model.activation == "relu"
    joint_step = 2.0**-model.relu_fraction if relu else hidden
    multiplier, shift = multiplier_shift(2.0 ** (model.relu_fraction - JOINT.fraction), "joint")
    return QuantisedModel(
        encoder=tuple(lstms("encoder", model.encoder, 2.0**-model.input_fraction, most)),
        embedding=embedding,
        embedding_step=embedding_step,
        prediction=tuple(lstms("prediction", model.prediction, embedding_step, WEIGHT.high)),
        joint_encoder=linear(model.joint_encoder, "encoder", hidden, JOINT.fraction),
        joint_prediction=linear(model.joint_prediction, "prediction", hidden, JOINT.fraction),
        joint_output=linear(model.joint_output, "output", joint_step, None),
        relu_multiplier=multiplier,
        relu_shift=shift,
    )
