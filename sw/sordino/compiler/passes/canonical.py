"""The same function, written with numbers that the machine's formats hold.

A layer's step is that of its largest weight or bias, so one number that hardly matters could take
the resolution of all others: the bias of a token that is never wanted, of a gate that is always
open. What saturates for every input becomes a constant just beyond saturation; what nothing reads
becomes zero; constants move to where there is room; scales that cancel are evened out. None of
this touches a model whose numbers are of one size.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import cast

import numpy as np
from numpy.typing import NDArray

from sordino.arith import FEATURE
from sordino.compiler.passes.canonical_joint import center_scores, clear_tokens, settle_units
from sordino.compiler.passes.canonical_lstm import Stack, clear_unread, settle_stack
from sordino.compiler.passes.canonical_sizes import (
    OUTLIER,
    uneven_shifts,
    usual_sizes,
    zero_columns,
)
from sordino.compiler.passes.clip import finite_model
from sordino.layers.linear import Linear
from sordino.layers.lstm import Lstm
from sordino.layers.recurrent import Recurrent
from sordino.model.rnnt import RnntModel

__all__ = ["canonical_model"]

_Floats = NDArray[np.float64]


def canonical_model(model: RnntModel) -> RnntModel:
    """The model, or one that says the same to every int8 input and is easier to round.

    Tokens that cannot win keep a probability below e^-40 of the best one's.
    """
    model, never = clear_tokens(finite_model(model))
    model = _settle_embedding(model, never)
    model = _settle_encoder(model)
    model = _settle_prediction(model, never)
    return center_scores(settle_units(model))


def _read_columns(layer: Linear, stack: Stack) -> Linear:
    """The linear layer without columns of units that are always zero."""
    if not layer.weight[:, stack.silent].any():
        return layer
    return replace(layer, weight=np.where(stack.silent, 0.0, layer.weight))


def _settled(layers: Sequence[Recurrent]) -> list[Lstm]:
    """The layers, if it is known of all of them what saturates; else none."""
    return [cast(Lstm, layer) for layer in layers] if all(m.SETTLES for m in layers) else []


def _settle_encoder(model: RnntModel) -> RnntModel:
    layers = _settled(model.encoder)
    if not layers:
        return model
    reduction = model.time_reduction
    stacked = (reduction.after, reduction.factor)
    first = model.encoder[0]
    most = -FEATURE.low * 2.0**-model.input_fraction
    reach = np.abs(first.weight_ih).sum(axis=1) * most
    stack = settle_stack(layers, -reach, reach, stacked)
    joint = _read_columns(model.joint_encoder, stack)
    made = clear_unread(stack.layers, joint.weight, stacked).layers
    return replace(model, encoder=made, joint_encoder=joint)


def _settle_prediction(model: RnntModel, never: NDArray[np.bool_]) -> RnntModel:
    layers = _settled(model.prediction)
    if not layers:
        return model
    said = ~never
    said[model.blank] = True
    products = model.embedding[said] @ model.prediction[0].weight_ih.T
    # Rounding both may move a product a little.
    slack = 0.05 * np.abs(products).max(axis=0)
    stack = settle_stack(layers, products.min(axis=0) - slack, products.max(axis=0) + slack, (0, 1))
    joint = _read_columns(model.joint_prediction, stack)
    made = clear_unread(stack.layers, joint.weight, (0, 1)).layers
    return replace(model, prediction=made, joint_prediction=joint)


def _settle_embedding(model: RnntModel, never: NDArray[np.bool_]) -> RnntModel:
    """No rows of tokens that are never said, no columns that meet nothing, even columns."""
    first = model.prediction[0]
    embedding, weight = model.embedding, first.weight_ih
    unsaid = never.copy()
    unsaid[model.blank] = False
    if unsaid.any():
        embedding = np.where(unsaid[:, None], 0.0, embedding)
    embedding = _without_loud(embedding, zero_columns(weight))
    weight = _without_loud(weight, zero_columns(embedding))
    shifts = uneven_shifts(usual_sizes(embedding), usual_sizes(weight))
    if shifts.any():
        factor = np.ldexp(1.0, shifts)
        embedding, weight = embedding / factor, weight * factor
    if embedding is model.embedding and weight is first.weight_ih:
        return model
    prediction = (replace(first, weight_ih=weight), *model.prediction[1:])
    return replace(model, embedding=embedding, prediction=prediction)


def _without_loud(matrix: _Floats, idle: NDArray[np.bool_]) -> _Floats:
    """The matrix without its idle columns, where one is an outlier."""
    if not idle.any() or idle.all():
        return matrix
    loudest = np.abs(matrix[:, idle]).max()
    return (
        np.where(idle, 0.0, matrix)
        if loudest > OUTLIER * np.abs(matrix[:, ~idle]).max()
        else matrix
    )
