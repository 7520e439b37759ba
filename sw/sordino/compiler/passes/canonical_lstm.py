"""LSTMs with what saturates whatever the input made constant.

A gate's pre-activation leaves the format at ±8. A row whose bias alone keeps it beyond, whatever
its products add, has a constant gate: its weights do not matter, and its bias is as good as ±9. A
unit whose input or output gate never opens is always zero.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sordino.arith import PREACTIVATION
from sordino.compiler.passes.canonical_sizes import OUTLIER, zero_columns
from sordino.layers.lstm import Lstm

__all__ = ["Stack", "clear_unread", "settle_stack"]

_EDGE = 2.0 ** (PREACTIVATION.bits - 1 - PREACTIVATION.fraction)
_BEYOND = _EDGE + 1
_SHUT = -12.0
"""A gate at most e^-12 open: h, which has 7 fraction bits, is zero for good."""
_GATES = 4
_INPUT, _OUTPUT = 0, 3
_Floats = NDArray[np.float64]
_Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Stack:
    """Layers and which units (hidden,) of the last are always zero."""

    layers: tuple[Lstm, ...]
    silent: _Mask


def settle_stack(
    layers: Sequence[Lstm], lowest: _Floats, highest: _Floats, stacked: tuple[int, int]
) -> Stack:
    """The same stack where `W · x` of the first layer is within `lowest` and `highest` (gates,).

    `stacked`: before which layer how many frames of the one before stand side by side.
    """
    made: list[Lstm] = []
    silent = np.zeros(0, np.bool_)
    for number, layer in enumerate(layers):
        if number:
            times = stacked[1] if number == stacked[0] else 1
            layer = _without_columns(layer, "weight_ih", np.tile(silent, times))
            highest = np.abs(layer.weight_ih).sum(axis=1)
            lowest = -highest
        layer, silent = _settle(layer, lowest, highest)
        made.append(layer)
    return Stack(tuple(made), silent)


def _without_columns(layer: Lstm, kind: str, columns: _Mask) -> Lstm:
    weight: _Floats = getattr(layer, kind)
    if not weight[:, columns].any():
        return layer
    return replace(layer, **{kind: np.where(columns, 0.0, weight)})


def _settle(layer: Lstm, lowest: _Floats, highest: _Floats) -> tuple[Lstm, _Mask]:
    """One layer, and its units that are always zero."""
    shut = (layer.bias + highest + np.abs(layer.weight_hh).sum(axis=1)) <= _SHUT
    gates = shut.reshape(_GATES, -1)
    silent = gates[_INPUT] | gates[_OUTPUT]
    layer = _without_columns(layer, "weight_hh", silent)
    reach = np.abs(layer.weight_hh).sum(axis=1)
    open_, closed = layer.bias + lowest - reach >= _EDGE, layer.bias + highest + reach <= -_EDGE
    gone = np.tile(silent, _GATES)
    constant = open_ | closed | gone
    if not constant.any():
        return layer, silent
    bias = np.where(open_, _BEYOND, np.where(closed, -_BEYOND, layer.bias))
    return _with_rows(layer, constant, np.where(gone, 0.0, bias)), silent


def _with_rows(layer: Lstm, rows: _Mask, bias: _Floats) -> Lstm:
    """The layer with these rows zero, and this bias instead of both in them."""
    return Lstm(
        np.where(rows[:, None], 0.0, layer.weight_ih),
        np.where(rows[:, None], 0.0, layer.weight_hh),
        np.where(rows, bias, layer.bias_ih),
        np.where(rows, 0.0, layer.bias_hh),
    )


def clear_unread(layers: Sequence[Lstm], reader: _Floats, stacked: tuple[int, int]) -> Stack:
    """The stack without units that nothing reads, where such a unit is an outlier.

    `reader` is the matrix (rows, units) that reads the last layer. `silent` are all of its units
    that nothing reads.
    """
    made: list[Lstm] = []
    unread = np.zeros(0, np.bool_)
    for number in range(len(layers) - 1, -1, -1):
        layer = layers[number]
        unread = _unread(layer, zero_columns(reader))
        layer = _clear(layer, unread)
        made.insert(0, layer)
        reader = layer.weight_ih
        if number == stacked[0] and number:
            reader = reader.reshape(len(reader) * stacked[1], -1)
    return Stack(tuple(made), unread)


def _unread(layer: Lstm, candidates: _Mask) -> _Mask:
    """Units of which no unit that is read needs the hidden state, among the candidates."""
    units = layer.weight_hh.reshape(_GATES, layer.hidden, layer.hidden).astype(np.bool_)
    units = np.logical_or.reduce(units, axis=0)
    unread = candidates
    while True:
        left = unread & zero_columns(units[~unread])
        if np.array_equal(left, unread):
            return unread
        unread = left


def _clear(layer: Lstm, unread: _Mask) -> Lstm:
    rows = np.tile(unread, _GATES)
    parts = (layer.weight_ih, layer.weight_hh, layer.bias[:, None])
    loud = (
        any(np.abs(p[rows]).max() > OUTLIER * np.abs(p[~rows]).max() for p in parts)
        if (rows.any() and not rows.all())
        else False
    )
    return _with_rows(layer, rows, np.zeros(len(rows))) if loud else layer
