"""The joint with what cannot matter taken out, and constants where there is room for them.

Its scores are only compared, and their softmax taken, so a constant for all tokens changes nothing.
The sum of the halves' biases matters, not how it is shared. What a ReLU passes on may be scaled in
front of it and back behind it.
"""

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sordino.arith import JOINT, PREACTIVATION
from sordino.compiler.passes.canonical_sizes import (
    OUTLIER,
    uneven_shifts,
    usual_sizes,
    zero_columns,
)
from sordino.layers.linear import Linear
from sordino.model.rnnt import RnntModel

__all__ = ["center_scores", "clear_tokens", "fit_joint", "settle_units"]

NEVER_NATS = 40.0
"""How far a token that cannot win is left behind: e^-40 is less than a double's rounding."""
_EDGE = 2.0 ** (PREACTIVATION.bits - 1 - PREACTIVATION.fraction)
_RANGE = 2.0 ** (JOINT.bits - 1 - JOINT.fraction)
_MOST_BIAS = _RANGE / 8
"""Of a half's range that its bias may take before it is shared anew."""
_PEAK = 4.0
"""A unit's largest sum over the root of its weights' squares: 2.7 (median) to 4.4 for AN4."""
_LEAST_PEAK, _MOST_PEAK = 16.0, 512.0
"""Steps of the int8 activation in which a fraction that meta names may put that sum."""
_RELU_FRACTION, _RELU_TOP = 4, 8.0
_Floats = NDArray[np.float64]


def _half(layer: Linear, weight: _Floats, bias: _Floats) -> Linear:
    return replace(layer, weight=weight, bias=bias)


def _reach(model: RnntModel) -> tuple[_Floats, _Floats, _Floats]:
    """The constant part of each unit's sum, and how far each half goes from it."""
    halves = (model.joint_encoder, model.joint_prediction)
    before = (model.encoder[-1].most, model.prediction[-1].most)
    first, second = (
        np.abs(half.weight * most).sum(axis=1) for half, most in zip(halves, before, strict=True)
    )
    return halves[0].bias + halves[1].bias, first, second


def _outputs(model: RnntModel) -> tuple[_Floats, _Floats]:
    """The lowest and the highest value of each unit behind the activation, each (units,)."""
    constant, first, second = _reach(model)
    if model.activation == "tanh":
        ones = np.ones(len(constant))
        return -ones, ones
    reach = first + second
    return np.maximum(constant - reach, 0.0), np.maximum(constant + reach, 0.0)


def _least(weight: _Floats, bias: _Floats, model: RnntModel) -> _Floats:
    """The least that `weight · units + bias` can be, (rows,)."""
    low, high = _outputs(model)
    return np.asarray(np.minimum(weight * low, weight * high).sum(axis=1) + bias)


def clear_tokens(model: RnntModel) -> tuple[RnntModel, NDArray[np.bool_]]:
    """The model, and which tokens one other token always beats by NEVER_NATS and more.

    Such a token's row becomes zero, and its bias NEVER_NATS less than that other one's least score.
    """
    output = model.joint_output
    least = _least(output.weight, output.bias, model)
    best = int(least.argmax())
    ahead = _least(output.weight[best] - output.weight, output.bias[best] - output.bias, model)
    never = ahead > NEVER_NATS
    if not never.any():
        return model, never
    # What all scores have in common is not the row's own.
    common = _common(output.weight[~never])
    bias = np.where(never, 0.0, output.bias)
    weight = np.where(never[:, None], common, output.weight)
    behind = _least((output.weight[best] - common)[None], output.bias[best : best + 1], model)
    bias = np.where(never, behind[0] - NEVER_NATS, bias)
    return replace(model, joint_output=_half(output, weight, bias)), never


def _common(weight: _Floats) -> _Floats:
    """What the rows have in common, column by column, where it is most of what there is."""
    low, high = weight.min(axis=0), weight.max(axis=0)
    middle, apart = (low + high) / 2, (high - low) / 2
    return np.where(np.abs(middle) > apart.max(), middle, 0.0)


def center_scores(model: RnntModel) -> RnntModel:
    """The model without what all its scores have in common, where that is most of them."""
    output = model.joint_output
    common = _common(output.weight)
    if common.any():
        model = replace(model, joint_output=_half(output, output.weight - common, output.bias))
        output = model.joint_output
    lowest = float(_least(output.weight, output.bias, model).min())
    highest = float(-_least(-output.weight, -output.bias, model).min())
    if lowest <= 0 <= highest:
        return model
    bias = output.bias - (lowest + highest) / 2
    return replace(model, joint_output=_half(output, output.weight, bias))


def settle_units(model: RnntModel) -> RnntModel:
    """The model with constant units made constant, and those of a ReLU of one size."""
    model = _clear_unread(_constant_units(model))
    return _scale_units(model) if model.activation == "relu" else model


def fit_joint(model: RnntModel) -> RnntModel:
    """The model with the joint's sums in their formats: scaled for a ReLU, and biases shared."""
    return _share_biases(_scale(model) if model.activation == "relu" else model)


def _with_units(
    model: RnntModel, units: NDArray[np.bool_], bias: _Floats, more: _Floats | None = None
) -> RnntModel:
    """The model with the weights of these units zero, their sum `bias`, `more` for the scores."""
    if not units.any():
        return model
    first, second, output = model.joint_encoder, model.joint_prediction, model.joint_output
    return replace(
        model,
        joint_encoder=_half(
            first, np.where(units[:, None], 0.0, first.weight), np.where(units, bias, first.bias)
        ),
        joint_prediction=_half(
            second, np.where(units[:, None], 0.0, second.weight), np.where(units, 0.0, second.bias)
        ),
        joint_output=output if more is None else replace(output, bias=output.bias + more),
    )


def _constant_units(model: RnntModel) -> RnntModel:
    constant, first, second = _reach(model)
    reach = first + second
    if model.activation == "tanh":
        return _with_units(
            model, np.abs(constant) - reach >= _EDGE, np.sign(constant) * (_EDGE + 1)
        )
    model = _with_units(model, (constant + reach <= 0) & (constant < 0), np.zeros(len(constant)))
    # A unit that is never cut off adds its constant part to the scores.
    excess = np.maximum(constant - reach, 0.0)
    if not excess.any():
        return model
    half, output = model.joint_encoder, model.joint_output
    return replace(
        model,
        joint_encoder=replace(half, bias=half.bias - excess),
        joint_output=replace(output, bias=output.bias + output.weight @ excess),
    )


def _clear_unread(model: RnntModel) -> RnntModel:
    unread = zero_columns(model.joint_output.weight)
    if not unread.any() or unread.all():
        return model
    parts = [
        part
        for half in (model.joint_encoder, model.joint_prediction)
        for part in (half.weight, half.bias[:, None])
    ]
    loud = any(np.abs(p[unread]).max() > OUTLIER * np.abs(p[~unread]).max() for p in parts)
    return _with_units(model, unread, np.zeros(len(unread))) if loud else model


def _peaks(model: RnntModel) -> _Floats:
    """The largest sum that each unit is likely to reach; 0 where nothing reads it."""
    constant, _, _ = _reach(model)
    halves = (model.joint_encoder, model.joint_prediction)
    power = sum(np.square(half.weight).sum(axis=1) for half in halves)
    return np.asarray(
        (_PEAK * np.sqrt(power) + np.abs(constant)) * ~zero_columns(model.joint_output.weight)
    )


def _rescaled(model: RnntModel, shifts: NDArray[np.int64]) -> RnntModel:
    """The model with each unit 2^shift times as large, and its column as many times smaller."""
    if not shifts.any():
        return model
    factor = np.ldexp(1.0, shifts)
    halves = [
        _half(half, half.weight * factor[:, None], half.bias * factor)
        for half in (model.joint_encoder, model.joint_prediction)
    ]
    output = replace(model.joint_output, weight=model.joint_output.weight / factor)
    return replace(model, joint_encoder=halves[0], joint_prediction=halves[1], joint_output=output)


def _scale_units(model: RnntModel) -> RnntModel:
    """Units that are many times larger than the others, or their columns, like the others."""
    halves = (model.joint_encoder, model.joint_prediction)
    rows = np.hstack([*(half.weight for half in halves), *(half.bias[:, None] for half in halves)])
    sizes, columns = usual_sizes(rows.T), usual_sizes(model.joint_output.weight)
    shifts = -uneven_shifts(sizes, columns)
    if not shifts.any():
        return model
    return _rescaled(model, shifts + _fine_shifts(_rescaled(model, shifts), shifts != 0))


def _fine_shifts(model: RnntModel, units: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The further power of two by which these units' weights stand out least among all others'.

    Of a matrix's step its largest weight decides, of the activation's the largest sum: a unit
    whose sums would be larger than all others' is not made larger.
    """
    halves = np.hstack([model.joint_encoder.weight, model.joint_prediction.weight])
    rows, columns = np.abs(halves).max(axis=1), np.abs(model.joint_output.weight).max(axis=0)
    if units.all() or not rows[~units].any() or not columns[~units].any():
        return np.zeros(len(units), np.int64)
    rows, columns = rows / rows[~units].max(), columns / columns[~units].max()
    tried = np.array([0, 1, -1, 2, -2, 3, -3])
    peaks = _peaks(model)
    worst = [
        np.where(
            (n > 0) & (np.ldexp(peaks, n) > peaks[~units].max()),
            np.inf,
            np.maximum(np.ldexp(rows, n), np.ldexp(columns, -n)),
        )
        for n in tried.tolist()
    ]
    return np.where(units, tried[np.argmin(worst, axis=0)], 0)


def _scale(model: RnntModel) -> RnntModel:
    """A ReLU joint whose sums fill the activation's format.

    A fraction that meta names is kept where it can be meant; else it is the usual one.
    """
    peak, joint = float(_peaks(model).max()), model.meta.joint
    named = joint.states("relu_fraction")
    if not peak or (named and _LEAST_PEAK <= peak * 2.0**model.relu_fraction <= _MOST_PEAK):
        return model
    if named:
        meta = model.meta.changed(joint=joint.changed(relu_fraction=_RELU_FRACTION))
        model = replace(model, meta=meta)
    shift = -round(math.log2(peak / _RELU_TOP))
    return _rescaled(model, np.full(len(model.joint_encoder.bias), shift))


def _share_biases(model: RnntModel) -> RnntModel:
    """Biases moved, by whole numbers, to the half with more room, where one has little room."""
    first, second = model.joint_encoder, model.joint_prediction
    crowded = np.maximum(np.abs(first.bias), np.abs(second.bias)) > _MOST_BIAS
    if not crowded.any():
        return model
    constant, near, far = _reach(model)
    size = np.abs(constant)
    wanted = np.sign(constant) * np.clip((size + far - near) / 2, 0.0, size)
    moved = np.where(crowded, np.rint(first.bias - wanted), 0.0)
    return replace(
        model,
        joint_encoder=replace(first, bias=first.bias - moved),
        joint_prediction=replace(second, bias=second.bias + moved),
    )
