"""The two TensorFlow Lite models that Vela is asked about, written with `flatbuffers` alone.

Field numbers are those of TensorFlow's schema.fbs, version 3.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import flatbuffers
import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["fully_connected", "lstm"]

_INT32, _INT16, _INT8 = 2, 7, 9
_FULLY_CONNECTED, _LSTM = 9, 44
_FULLY_CONNECTED_OPTIONS, _LSTM_OPTIONS = 8, 71
_FULLY_CONNECTED_VERSION = 4
_TANH = 4
_GATES = 4
_OFFSET = "UOffsetTRelative"
_STEP = 2.0**-7
_Slots = dict[int, tuple[str, Any]]


@dataclass(frozen=True)
class _Tensor:
    name: str
    shape: tuple[int, ...]
    kind: int
    step: float
    data: NDArray[Any] | None = None
    variable: bool = False


@dataclass(frozen=True, kw_only=True)
class _Operator:
    code: int
    version: int
    options_kind: int
    options: _Slots
    inputs: Sequence[int]
    output: int
    intermediates: Sequence[int] = ()


class _Writer:
    """Tables and vectors of one buffer; offsets are what flatbuffers calls them."""

    def __init__(self) -> None:
        self.builder: Any = flatbuffers.Builder(1 << 16)

    def table(self, slots: _Slots) -> int:
        self.builder.StartObject(max(slots, default=-1) + 1)
        for slot, (kind, value) in slots.items():
            default = 0 if kind == _OFFSET else None
            getattr(self.builder, f"Prepend{kind}Slot")(slot, value, default)
        return int(self.builder.EndObject())

    def numbers(self, values: ArrayLike, kind: Any = np.int32) -> tuple[str, int]:
        return _OFFSET, self.builder.CreateNumpyVector(np.asarray(values, kind))

    def tables(self, offsets: Sequence[int]) -> tuple[str, int]:
        self.builder.StartVector(4, len(offsets), 4)
        for offset in reversed(offsets):
            self.builder.PrependUOffsetTRelative(offset)
        return _OFFSET, self.builder.EndVector()

    def text(self, value: str) -> tuple[str, int]:
        return _OFFSET, self.builder.CreateString(value)

    def tensor(self, tensor: _Tensor, buffer: int) -> int:
        step = self.numbers([tensor.step], np.float32)
        zero_point = self.numbers([0], np.int64)
        return self.table(
            {
                0: self.numbers(tensor.shape),
                1: ("Int8", tensor.kind),
                2: ("Uint32", buffer),
                3: self.text(tensor.name),
                4: (_OFFSET, self.table({2: step, 3: zero_point})),
                5: ("Bool", tensor.variable),
            }
        )

    def operator(self, operator: _Operator) -> int:
        slots: _Slots = {
            0: ("Uint32", 0),
            1: self.numbers(operator.inputs),
            2: self.numbers([operator.output]),
            3: ("Uint8", operator.options_kind),
            4: (_OFFSET, self.table(operator.options)),
        }
        if operator.intermediates:
            slots[8] = self.numbers(operator.intermediates)
        return self.table(slots)

    def model(self, tensors: Sequence[_Tensor], operator: _Operator) -> bytes:
        buffers, written = [self.table({})], []
        for tensor in tensors:
            number = 0
            if tensor.data is not None:
                number = len(buffers)
                data = self.numbers(np.frombuffer(tensor.data.tobytes(), np.uint8), np.uint8)
                buffers.append(self.table({0: data}))
            written.append(self.tensor(tensor, number))
        code = self.table(
            {
                0: ("Int8", operator.code),
                2: ("Int32", operator.version),
                3: ("Int32", operator.code),
            }
        )
        graph = self.table(
            {
                0: self.tables(written),
                1: self.numbers([0]),
                2: self.numbers([operator.output]),
                3: self.tables([self.operator(operator)]),
                4: self.text("main"),
            }
        )
        root = self.table(
            {
                0: ("Uint32", 3),
                1: self.tables([code]),
                2: self.tables([graph]),
                3: self.text("bench"),
                4: self.tables(buffers),
            }
        )
        self.builder.Finish(root, b"TFL3")
        return bytes(self.builder.Output())


def fully_connected(matrix: NDArray[np.int8]) -> bytes:
    """One fully connected layer with this int8 matrix (outputs, inputs) and biases of 0."""
    outputs, inputs = matrix.shape
    tensors = (
        _Tensor("x", (1, inputs), _INT8, _STEP),
        _Tensor("weight", matrix.shape, _INT8, _STEP, matrix),
        _Tensor("bias", (outputs,), _INT32, _STEP**2, np.zeros(outputs, np.int32)),
        _Tensor("y", (1, outputs), _INT8, _STEP),
    )
    operator = _Operator(
        code=_FULLY_CONNECTED,
        version=_FULLY_CONNECTED_VERSION,
        options_kind=_FULLY_CONNECTED_OPTIONS,
        options={0: ("Int8", 0)},
        inputs=(0, 1, 2),
        output=3,
    )
    return _Writer().model(tensors, operator)


def lstm(weight_ih: NDArray[np.int8], weight_hh: NDArray[np.int8]) -> bytes:
    """One step of an LSTM, int8 weights (4 · units, inputs) and (4 · units, units)."""
    units, inputs = weight_hh.shape[1], weight_ih.shape[1]
    tensors = [_Tensor("x", (1, 1, inputs), _INT8, _STEP)]
    for name, weight in (("w", weight_ih), ("u", weight_hh)):
        for gate, part in enumerate(np.split(weight, _GATES)):
            tensors.append(_Tensor(f"{name}{gate}", part.shape, _INT8, _STEP, part))
    bias = np.zeros(units, np.int32)
    tensors += [_Tensor(f"b{k}", (units,), _INT32, _STEP**2, bias) for k in range(_GATES)]
    hidden, cell = len(tensors), len(tensors) + 1
    output = cell + 1
    tensors += [
        _Tensor("h", (1, units), _INT8, _STEP, variable=True),
        _Tensor("c", (1, units), _INT16, 2.0**-11, variable=True),
        _Tensor("y", (1, 1, units), _INT8, _STEP),
        *(_Tensor(f"gate{k}", (0,), _INT16, 2.0**-12) for k in range(_GATES)),
        _Tensor("hidden", (0,), _INT8, _STEP),
    ]
    weights, biases = range(1, 1 + 2 * _GATES), range(1 + 2 * _GATES, 1 + 3 * _GATES)
    # Left out: 3 peepholes, 2 of a projection, 4 of a layer normalisation.
    operator = _Operator(
        code=_LSTM,
        version=1,
        options_kind=_LSTM_OPTIONS,
        options={0: ("Int8", _TANH), 1: ("Float32", 10.0), 2: ("Float32", 0.0)},
        inputs=(0, *weights, -1, -1, -1, *biases, -1, -1, hidden, cell, -1, -1, -1, -1),
        output=output,
        intermediates=range(output + 1, output + 6),
    )
    return _Writer().model(tensors, operator)
