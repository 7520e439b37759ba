"""From float weights to the machine's integers: int8 values, scales, biases.

A matrix of b bits takes the 2^b - 1 values that lie evenly between plus and minus its largest
weight; zero is one of them. The top value is the largest weight, so weights that already lie on
such a grid keep it. W and U of an LSTM share an accumulator, whose unit divides both: W's step
times the scale of x, and U's step times the scale of h, are that unit times powers of two, the
shifts of the two MATVECs. To meet that condition, values are rounded to multiples of their steps
in int8; the unit is the one that rounds both matrices least.

With a Lloyd-Max codebook a matrix's 2^b values lie anywhere; each becomes the nearest step of int8.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from sordino.arith import (
    BIAS_BITS,
    HIDDEN,
    JOINT,
    MAX_REQUANTISE_SHIFT,
    MAX_X_SHIFT,
    MULTIPLIER_BITS,
    PREACTIVATION,
    WEIGHT,
)
from sordino.compiler.canonical import canonical_model
from sordino.compiler.canonical_joint import fit_joint
from sordino.compiler.clip import Clip, clip_model
from sordino.compiler.errors import CompileError
from sordino.compiler.fidelity import snr_db
from sordino.compiler.lloyd import cluster_model
from sordino.compiler.precision import EMBEDDING, Precision
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

_TOP = WEIGHT.high
_LEAST_TOP = 15
"""Steps up to the largest weight at least: with fewer, biases would be rounded coarsely too."""
_BINS = 2048
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
                    `sordino.compiler.fidelity` has it
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


def _levels(bits: int) -> int:
    return (1 << (bits - 1)) - 1


def _largest(weight: _Floats) -> float:
    return float(np.abs(weight).max())


def _codebook(largest: float, step: float, bits: int) -> NDArray[np.int64]:
    """The int8 values that the grid's levels become in steps of `step`."""
    levels = np.arange(_levels(bits) + 1)
    positive = np.unique(np.floor(levels * (largest / (_levels(bits) * step)) + 0.5))
    positive = positive[positive <= _TOP]
    return np.concatenate([-positive[:0:-1], positive]).astype(np.int64)


def _nearest(weight: _Floats, codebook: NDArray[np.int64], step: float) -> NDArray[np.int64]:
    """The codebook value nearest to each weight; in the middle, the one nearer to zero."""
    half = codebook[codebook >= 0]
    middles = (half[1:] + half[:-1]) / 2
    return np.asarray(half[np.searchsorted(middles, np.abs(weight) / step)] * np.sign(weight))


def _round(weight: _Floats, step: float, bits: int) -> NDArray[np.int8]:
    codebook = _codebook(_largest(weight), step, bits)
    return _nearest(weight, codebook, step).astype(np.int8)


@dataclass(frozen=True, eq=False)
class _Histogram:
    """A matrix for the search: the mean magnitude in each bin and how many weights are there."""

    means: _Floats
    counts: _Floats
    largest: float

    @classmethod
    def of(cls, weight: _Floats) -> "_Histogram":
        largest = _largest(weight)
        magnitude = np.abs(weight).ravel()
        bins = np.minimum((magnitude / (largest or 1.0) * _BINS).astype(np.int64), _BINS - 1)
        counts = np.bincount(bins, minlength=_BINS).astype(np.float64)
        sums = np.bincount(bins, magnitude, _BINS)
        used = counts > 0
        return cls(sums[used] / counts[used], counts[used], largest)

    def error(self, step: float, bits: int) -> float:
        """Share of the matrix's energy that rounding in these steps costs."""
        energy = self._sum(self.means)
        if not energy:
            return 0.0
        rounded = _nearest(self.means, _codebook(self.largest, step, bits), step) * step
        return self._sum(rounded - self.means) / energy

    def _sum(self, values: _Floats) -> float:
        """Sum of the squares over all weights, the same bits on every processor."""
        return math.fsum((self.counts * values**2).tolist())


def _least_unit(bias: _Floats, accumulator_bits: int) -> float:
    """Below this the biases would take more than half of the accumulator's range."""
    return _largest(bias) / 2.0 ** (min(accumulator_bits, BIAS_BITS) - 2)


def _power_above(ratio: float) -> int:
    """The smallest power of two that is at least `ratio`, but for rounding of the ratio itself."""
    return math.ceil(math.log2(ratio) - 1e-9) if ratio else 0


def _shared_unit(
    weights: Sequence[_Floats], scales: Sequence[float], bits: Sequence[int], least: float
) -> tuple[float, tuple[int, ...]]:
    """Accumulator unit and shift of each matrix, such that rounding costs least.

    Candidates make one matrix's largest weight 64 to 127 steps; each other matrix then has the
    smallest power of two at which its largest weight is 127 steps at most.
    """
    histograms = [_Histogram.of(weight) for weight in weights]
    products = [h.largest * scale for h, scale in zip(histograms, scales, strict=True)]
    best: tuple[float, float, tuple[int, ...]] | None = None
    for anchor in products:
        for top in range(_TOP, _TOP // 2, -1):
            unit = anchor / top
            if not unit:
                break
            # The least shift may be negative: then the unit is that much smaller.
            shifts = [_power_above(p / (unit * _TOP)) if p else 0 for p in products]
            low = min(s for s, p in zip(shifts, products, strict=True) if p)
            unit *= 2.0**low
            shifts = [s - low if p else 0 for s, p in zip(shifts, products, strict=True)]
            # Further apart than MAX_X_SHIFT: the smaller matrix makes do with fewer steps.
            excess = max(0, max(shifts) - MAX_X_SHIFT)
            if unit:
                excess = max(excess, _power_above(least / unit))
            unit *= 2.0**excess
            taken = tuple(max(0, s - excess) for s in shifts)
            cost = sum(
                h.error(unit * 2.0**s / scale, b)
                for h, s, scale, b in zip(histograms, taken, scales, bits, strict=True)
            )
            if best is None or cost < best[0]:
                best = (cost, unit, taken)
    if best is None:
        return max(least, scales[0] * 2.0**-WEIGHT.bits), (0,) * len(weights)
    return best[1], best[2]


def _int_bias(bias: _Floats, unit: float) -> NDArray[np.int64]:
    return np.asarray(np.sign(bias) * np.floor(np.abs(bias) / unit + 0.5)).astype(np.int64)


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
    least = _least_unit(layer.bias, accumulator_bits)
    unit, shifts = _shared_unit(weights, scales, bits, least)
    matrices = []
    largest = (x_max, -HIDDEN.low)
    for kind, weight, scale, shift, b, most in zip(
        ("weight_ih", "weight_hh"), weights, scales, shifts, bits, largest, strict=True
    ):
        step = unit * 2.0**shift / scale
        values = _round(weight, step, b)
        matrices.append(
            QuantisedMatrix(
                name=f"{name}.{kind}", values=values, step=step, shift=shift, x_max=most
            )
        )
    multiplier, shift = multiplier_shift(unit * 2.0**PREACTIVATION.fraction, name)
    return QuantisedLayer(
        name=name,
        matrices=tuple(matrices),
        bias=_int_bias(layer.bias, unit),
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
    top = _levels(bits) * -(-_LEAST_TOP // _levels(bits))
    least = _least_unit(layer.bias, accumulator_bits)
    unit = max(_largest(layer.weight) * x_step / top, least) or x_step / top
    matrix = QuantisedMatrix(
        name=f"{name}.weight",
        values=_round(layer.weight, unit / x_step, bits),
        step=unit / x_step,
        x_max=x_max,
    )
    multiplier, shift = 0, 0
    if fraction is not None:
        multiplier, shift = multiplier_shift(unit * 2.0**fraction, name)
    return QuantisedLayer(
        name=name,
        matrices=(matrix,),
        bias=_int_bias(layer.bias, unit),
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

    embedding_step = _largest(model.embedding) / _TOP or 1.0 / _TOP
    embedding = _round(model.embedding, embedding_step, WEIGHT.bits)
    relu = model.activation == "relu"
    joint_step = 2.0**-model.relu_fraction if relu else hidden
    multiplier, shift = multiplier_shift(2.0 ** (model.relu_fraction - JOINT.fraction), "joint")
    return QuantisedModel(
        encoder=tuple(lstms("encoder", model.encoder, 2.0**-model.input_fraction, most)),
        embedding=embedding,
        embedding_step=embedding_step,
        prediction=tuple(lstms("prediction", model.prediction, embedding_step, _TOP)),
        joint_encoder=linear(model.joint_encoder, "encoder", hidden, JOINT.fraction),
        joint_prediction=linear(model.joint_prediction, "prediction", hidden, JOINT.fraction),
        joint_output=linear(model.joint_output, "output", joint_step, None),
        relu_multiplier=multiplier,
        relu_shift=shift,
    )
