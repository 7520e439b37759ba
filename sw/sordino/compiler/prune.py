"""Magnitude pruning to a stated share of zeros, before quantisation.

What is pruned is what the machine can skip. In groups of one lane that is a single weight. In
larger groups it is, for an LSTM, one connection of one unit, the weights of its four gates (rows
u, H + u, 2H + u, 3H + u): they stand on one quad, so a zero connection is skipped whether two,
four or more lanes share a position stream. (In groups of two, which gates share a stream depends
on the row a unit is dealt to, so pairs are not pruned on their own; in groups of more than four,
neighbouring units must be zero together before a place is skipped.) For other matrices it is the
weights of one column in `group` neighbouring rows.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from sordino.arch import QUAD
from sordino.model.rnnt import Linear, Lstm, RnntModel

__all__ = ["prune_matrix", "prune_model"]


def prune_matrix(
    weight: NDArray[np.float64], sparsity: float, *, group: int = 1, stride: int = 1
) -> NDArray[np.float64]:
    """A copy of `weight` (outputs, inputs) with a share `sparsity` of its groups zero.

    A group is one column in `group` rows: those of one residue modulo `stride` where `stride` is
    above 1 (then there are `group` times `stride` rows), else neighbours; the last group may be
    smaller. The groups with the smallest sums of squares go, earlier ones first where equal;
    their number is rounded to the nearest. Zero groups that are there already count.
    """
    rows, columns = weight.shape
    member = np.arange(rows) % stride if stride > 1 else np.arange(rows) // group
    energy = np.zeros((int(member[-1]) + 1 if stride == 1 else stride, columns))
    np.add.at(energy, member, weight**2)
    zeros = round(sparsity * energy.size)
    keep = np.ones(energy.size, np.bool_)
    keep[np.argsort(energy, axis=None, kind="stable")[:zeros]] = False
    return np.asarray(weight * keep.reshape(energy.shape)[member])


def prune_model(model: RnntModel, sparsity: float, group: int) -> RnntModel:
    """The model with every matrix but the embedding pruned for a machine of that group size."""

    def lstm(layer: Lstm) -> Lstm:
        settings = {} if group == 1 else {"group": QUAD, "stride": layer.hidden}
        return replace(
            layer,
            weight_ih=prune_matrix(layer.weight_ih, sparsity, **settings),
            weight_hh=prune_matrix(layer.weight_hh, sparsity, **settings),
        )

    def linear(layer: Linear) -> Linear:
        return replace(layer, weight=prune_matrix(layer.weight, sparsity, group=group))

    return replace(
        model,
        encoder=tuple(map(lstm, model.encoder)),
        prediction=tuple(map(lstm, model.prediction)),
        joint_encoder=linear(model.joint_encoder),
        joint_prediction=linear(model.joint_prediction),
        joint_output=linear(model.joint_output),
    )
