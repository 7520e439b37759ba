"""Random images of matrices and of layers: the shapes and values that are hard to get right."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sordino.arch import QUAD, Config
from sordino.image.image import Image
from sordino.isa.choices import Function, Space
from sordino.isa.operations import CELLS
from sordino.testing.images.builder import ProgramBuilder

__all__ = [
    "LayerSizes",
    "ProductCase",
    "deal_cells",
    "deal_rows",
    "layers_image",
    "products_image",
    "random_matrix",
    "random_products",
    "random_sizes",
]

_INT32_HIGH = (1 << 31) - 1
_Int8 = NDArray[np.int8]


def deal_rows(matrix: _Int8, lanes: int) -> _Int8:
    """Slots (rows, lanes, columns) of a matrix, its rows in order, the last ones empty."""
    padded = np.pad(matrix, ((0, -len(matrix) % lanes), (0, 0)))
    return padded.reshape(-1, lanes, matrix.shape[1])


def deal_cells(gates: _Int8, lanes: int) -> _Int8:
    """Slots of the gates of a cell (4, units, columns): quads in order, gates rotated."""
    _, units, columns = gates.shape
    quads = lanes // QUAD
    slots = np.zeros((-(-units // quads), lanes, columns), np.int8)
    for unit in range(units):
        row, quad = divmod(unit, quads)
        for gate in range(QUAD):
            slots[row, QUAD * quad + (gate + row) % QUAD] = gates[gate, unit]
    return slots


def random_matrix(
    rng: np.random.Generator, shape: tuple[int, ...], *, bits: int, zeros: float
) -> _Int8:
    """Integers of `bits` bits, a share `zeros` of them 0, the extremes more often than the rest."""
    low, high = -(1 << (bits - 1)), (1 << (bits - 1)) - 1
    values = rng.integers(low, high + 1, shape)
    extreme = rng.random(shape)
    values[extreme < 0.1] = low
    values[extreme > 0.9] = high
    return np.where(rng.random(shape) < zeros, 0, values).astype(np.int8)


@dataclass(frozen=True, eq=False)
class ProductCase:
    """A matrix int8 (outputs, inputs), the vector it multiplies, and MATVEC's shift."""

    matrix: _Int8
    x: _Int8
    shift: int = 0

    @property
    def product(self) -> NDArray[np.int64]:
        """The product as numpy computes it, before any wrap; int64 (outputs,)."""
        return (self.matrix.astype(np.int64) @ self.x.astype(np.int64)) << self.shift


def _random_shape(rng: np.random.Generator, config: Config) -> tuple[int, int]:
    """Outputs and inputs, at most about 12,000 weights."""
    most = config.rows_per_lane * config.lanes
    outputs = int(rng.choice([1, 2, 3, 29, config.lanes, most, int(rng.integers(1, most + 1))]))
    inputs = int(rng.choice([1, 2, 3, 7, 8, 9, 31, 64, 100, 333]))
    return outputs, max(1, min(inputs, 12_000 // outputs))


def random_products(rng: np.random.Generator, config: Config) -> list[ProductCase]:
    """One to three products of any shape from 1×1, any share of zeros, 2 to 8 bits.

    In some, whole groups or columns are empty, or a few non-zeros stand far apart.
    """
    cases = []
    for _ in range(int(rng.integers(1, 4))):
        shape = _random_shape(rng, config)
        zeros = float(rng.choice([0.0, 0.5, 0.9, 0.99, 1.0, rng.random()]))
        matrix = random_matrix(rng, shape, bits=int(rng.integers(2, 9)), zeros=zeros)
        match int(rng.integers(5)):
            case 0:
                matrix[rng.random(len(matrix)) < 0.5] = 0
            case 1:
                matrix[:, rng.random(shape[1]) < 0.7] = 0
            case 2:
                lone = matrix.reshape(-1)[-1:] | 1
                matrix[...] = 0
                matrix[-1, -1] = lone[0]
        x = random_matrix(rng, (shape[1],), bits=8, zeros=float(rng.choice([0.0, 0.2, 1.0])))
        cases.append(ProductCase(matrix, x, int(rng.integers(8))))
    return cases


def products_image(
    rng: np.random.Generator, config: Config, cases: list[ProductCase]
) -> tuple[Image, _Int8]:
    """An image that computes each product on a cleared bank, and its features (1, all inputs).

    Every product is then requantised from its accumulators, in turn to state and to activation
    memory, with random biases.
    """
    builder = ProgramBuilder(config)
    builder.clear()
    for number, case in enumerate(cases):
        slots = deal_rows(case.matrix, config.lanes)
        matrix, bank = builder.matrix(slots), number % 2
        columns = len(case.x)
        builder.read(0, columns)
        space = Space.BANK1 if bank else Space.BANK0
        builder.fill(space, len(slots))
        slot = number % config.value_slots
        run_slot = number % config.run_slots
        builder.matvec(matrix, source=0, bank=bank, shift=case.shift, slot=slot, run_slot=run_slot)
        _drain(builder, rng, len(slots), bank=bank, wide=1 - bank, destination=0, matrix=slots)
    builder.label("done")
    builder.end()
    return builder.image(), np.concatenate([case.x for case in cases]).reshape(1, -1)


def _biases(rng: np.random.Generator, count: int) -> NDArray[np.int64]:
    """Non-zero int32: small, large or the extremes."""
    magnitude = min(1 << int(rng.integers(1, 32)), _INT32_HIGH)
    values = rng.integers(1, magnitude + 1, count) * rng.choice([-1, 1], count)
    if magnitude == _INT32_HIGH:
        values[::3] = -_INT32_HIGH - 1
    return np.asarray(values, np.int64)


def _scale(rng: np.random.Generator, matrix: _Int8, to_bits: int) -> dict[str, int]:
    """Multiplier and shift that bring most results into `to_bits` bits; some saturate all.

    Half of the multipliers are powers of two, so that many results lie half way between integers.
    """
    typical = max(1.0, float(np.abs(matrix.astype(np.int64)).sum(axis=-1).max()) * 64)
    shift = 15 + int(np.log2(typical)) - to_bits + 2 + int(rng.choice([-12, -1, 0, 0, 1, 4]))
    multiplier = int(rng.choice([1 << 15, int(rng.integers(1 << 15, 1 << 16))]))
    return {"multiplier": multiplier, "shift": min(63, max(1, shift))}


def _drain(
    builder: ProgramBuilder, rng: np.random.Generator, rows: int, *, matrix: _Int8, **fields: int
) -> None:
    """DRAIN of `rows` rows with random biases and function."""
    wide = fields["wide"]
    operands: dict[str, Any] = {**fields, **_scale(rng, matrix, 16 if wide else 8)}
    builder.drain(
        rows=rows,
        parameters=builder.ints(_biases(rng, rows * builder.config.lanes)),
        function=Function.NONE if wide else Function(int(rng.integers(len(Function)))),
        **operands,
    )


@dataclass(frozen=True, kw_only=True)
class LayerSizes:
    """A recurrent layer and a linear layer on its output; `outputs` fill `rows` rows of all lanes.

    densities  share of non-zeros in each gate
    """

    inputs: int
    units: int
    outputs: int
    bits: int = 8
    densities: tuple[float, float, float, float] = (0.5, 0.5, 0.5, 0.5)
    zeros: float = 0.3


def random_sizes(rng: np.random.Generator, config: Config) -> LayerSizes:
    """Odd sizes: 1, 3, 17 or 100 units; 1 to `rows_per_lane` rows of outputs, none full."""
    units = int(rng.choice([1, 3, 17, 100, int(rng.integers(1, 41))]))
    fitting = [rows for rows in (1, 2, 3, 12, 64, 256) if rows <= config.rows_per_lane]
    most = max(1, 20_000 // (units * config.lanes))
    rows = int(rng.choice([row for row in fitting if row <= most] or [1]))
    densities = rng.choice([0.0, 0.02, 0.3, 1.0], 4).tolist()
    return LayerSizes(
        inputs=int(rng.choice([1, 2, 13, 39])),
        units=units,
        outputs=rows * config.lanes - int(rng.integers(config.lanes)),
        bits=int(rng.integers(2, 9)),
        densities=(densities[0], densities[1], densities[2], densities[3]),
        zeros=float(rng.choice([0.0, 0.5, 0.95, 1.0])),
    )


def layers_image(rng: np.random.Generator, config: Config, sizes: LayerSizes) -> Image:
    """An image that makes a token of every input vector: cell, linear layer, argmax, EMIT.

    The cell is any of CELLS. Biases are never zero and of any size; activation memory holds x, h
    and the linear layer's output one after the other, state memory what the cell keeps. All four
    sums are of x and h together, which is more than some cells need.
    """
    builder = ProgramBuilder(config)
    weights = [_gates(rng, sizes, config.lanes, columns) for columns in (sizes.inputs, sizes.units)]
    w, u = (builder.matrix(slots) for slots in weights)
    output = random_matrix(
        rng, (sizes.outputs, sizes.units), bits=sizes.bits, zeros=1 - (1 - sizes.zeros) / 2
    )
    linear = builder.matrix(deal_rows(output, config.lanes))
    builder.clear()
    builder.label("frame")
    builder.read(0, sizes.inputs, "input")
    bank, hidden = int(rng.integers(2)), sizes.inputs
    for matrix, source in ((w, 0), (u, hidden)):
        shift = int(rng.integers(3))
        builder.matvec(matrix, source=source, bank=bank, shift=shift)
    builder.add(
        CELLS[rng.integers(len(CELLS))],
        "cell",
        bank=bank,
        units=sizes.units,
        parameters=builder.ints(_biases(rng, QUAD * sizes.units)),
        state=0,
        destination=hidden,
        **_scale(rng, np.concatenate(weights, axis=2), 16),
    )
    _linear(builder, rng, linear, source=hidden, destination=hidden + sizes.units)
    _classes(builder, rng, linear, source=hidden)
    builder.go("frame")
    builder.label("done")
    builder.end()
    return builder.image()


def _gates(rng: np.random.Generator, sizes: LayerSizes, lanes: int, columns: int) -> _Int8:
    parts = [
        random_matrix(rng, (sizes.units, columns), bits=sizes.bits, zeros=1 - density)
        for density in sizes.densities
    ]
    return deal_cells(np.stack(parts), lanes)


def _linear(builder: ProgramBuilder, rng: np.random.Generator, matrix: int, **places: int) -> None:
    """A linear layer of int8 or, with another function of its product, int16 outputs."""
    slots = builder.slots[matrix]
    builder.matvec(matrix, source=places["source"], bank=0)
    destination = places["destination"]
    _drain(builder, rng, len(slots), matrix=slots, bank=0, wide=0, destination=destination)


def _classes(builder: ProgramBuilder, rng: np.random.Generator, matrix: int, **places: Any) -> None:
    """Argmax of the same matrix times h, with other biases, and its index as token."""
    slots = builder.slots[matrix]
    builder.matvec(matrix, bank=1, **places)
    count = slots.shape[0] * slots.shape[1]
    entries = builder.entries(_biases(rng, count), rng.integers(-1, 1 << 16, count))
    builder.argmax(bank=1, rows=len(slots), parameters=entries, register=3)
    builder.token(3)
