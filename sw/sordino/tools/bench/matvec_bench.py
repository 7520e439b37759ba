"""One matrix on one machine: cycles, utilisation, and the product checked against numpy."""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from sordino.arch import Config, ConfigError
from sordino.codec import EncodedMatrices, encode_matrices
from sordino.cycles.engine import Cycles
from sordino.engines.engine import RunResult
from sordino.engines.errors import Mismatch
from sordino.engines.native.rtl import Rtl
from sordino.engines.profile import layer_times
from sordino.image.host import HostSection
from sordino.image.image import Image
from sordino.isa.choices import Space
from sordino.isa.instruction import Instruction
from sordino.isa.operations import Matvec, Table
from sordino.isa.parameters import PARAMETER_BYTES
from sordino.isa.registers import Error
from sordino.layers.layout.layout import Layout, Tile, linear_layout
from sordino.testing.images.builder import ProgramBuilder

__all__ = ["bench_matvec", "matvec_image"]

_MOST_ROWS = 1024


def _power(value: int, least: int) -> int:
    """The next power of two, so that matrices of one size share a compiled machine."""
    return max(least, 1 << (value - 1).bit_length())


def _config(matrix: NDArray[np.int8], lanes: int, group: int) -> Config:
    rows, columns = matrix.shape
    slots = -(-rows // lanes) * lanes
    if max(slots, columns) > 1 << 15:
        raise ConfigError(
            f"wanted at most {1 << 15} rows and columns, got {rows} × {columns}; cut the matrix"
        )
    # Ten bits a weight are more than any stream takes.
    words = -(-slots * columns * 10 // 16)
    return Config(
        name="bench",
        lanes=lanes,
        group=group,
        x_fifo=32 if lanes >= 64 else 16,
        lane_words=_power(words // lanes + 16, 1024),
        group_words=_power(words * group // lanes // 4 + 16, 1024),
        rows_per_lane=min(_MOST_ROWS, _power(-(-rows // lanes), 64)),
        activation_words=_power(columns, 1024),
        state_words=_power(slots, 1024),
        parameter_words=_power(slots // 4 + 1, 1024),
    )


def _program(layout: Layout, columns: int, encoded: EncodedMatrices) -> tuple[Instruction, ...]:
    runs = encoded.run_tables
    builder = ProgramBuilder(layout.config)
    builder.add(Table, "set-up", source=runs[0], runs=1)
    builder.fill(Space.BANK0, layout.config.rows_per_lane, layer="set-up")
    builder.read(0, columns, "set-up")
    for number, tile in enumerate(layout.tiles):
        if runs[number] != runs[max(0, number - 1)]:
            builder.add(Table, "matrix", source=runs[number], runs=1)
        builder.add(Table, "matrix", source=encoded.value_tables[number])
        builder.add(Matvec, "matrix", columns=columns, rows=tile.rows, matrix=number)
        # One to one: the multiplier 2 is halved again.
        to = {"destination": tile.first_index, "wide": 1}
        builder.drain("matrix", rows=tile.rows, multiplier=2, shift=1, **to)
    builder.label("done")
    builder.end()
    return builder.program(encoded)


def _expected(product: NDArray[np.int64], layout: Layout, tile: Tile) -> NDArray[np.int64]:
    """Accumulators (rows, lanes) of one tile."""
    out = np.zeros(tile.rows * layout.config.lanes, np.int64)
    out[: tile.count] = product[layout.order[tile.first_index : tile.first_index + tile.count]]
    return out.reshape(tile.rows, -1)


def _image(matrix: NDArray[np.int8], layout: Layout, stored_zeros: bool) -> Image:
    columns, config = matrix.shape[1], layout.config
    slots = layout.slots(matrix, np.arange(columns))
    encoded = encode_matrices(slots, config, stored_zeros=stored_zeros)
    return Image(
        config=config,
        program=_program(layout, columns, encoded),
        parameters=bytes(PARAMETER_BYTES * config.parameter_words),
        tables=encoded.tables,
        matrices=encoded.matrices,
        positions=encoded.positions,
        values=encoded.values,
        host=HostSection(
            non_zeros=tuple(stats.non_zeros for stats in encoded.stats),
            padding=tuple(stats.padding for stats in encoded.stats),
        ),
    )


def matvec_image(matrix: NDArray[np.int8], lanes: int, group: int) -> Image:
    """The image with which `bench_matvec` multiplies, for a machine of the matrix's size."""
    return _image(matrix, linear_layout([matrix], _config(matrix, lanes, group)), False)


def _run(
    engine: Rtl | Cycles, matrix: NDArray[np.int8], layout: Layout, x: NDArray[np.int8]
) -> RunResult:
    """Multiply by x (1, inputs) and compare every tile's accumulators with numpy's product."""
    result = engine.run(x, record=True)
    if result.error is not Error.NONE or result.records is None:
        raise Mismatch(f"the machine stopped with {result.error.name}")
    program = engine.image.program
    product = matrix.astype(np.int64) @ x[0].astype(np.int64)
    matvecs = [r for r in result.records if isinstance(program[r.pc], Matvec)]
    for tile, record in zip(layout.tiles, matvecs, strict=True):
        if not np.array_equal(record.values, _expected(product, layout, tile).ravel()):
            raise Mismatch(f"the accumulators of {engine.name} are not numpy's product")
    return result


def _balance(image: Image) -> float:
    """Mean over largest number of places of a group, padding included, tile after tile."""
    places = [np.array(entry.places) for entry in image.matrices]
    slowest = sum(int(tile.max()) for tile in places)
    return sum(float(tile.mean()) for tile in places) / slowest if slowest else 1.0


def bench_matvec(
    matrix: NDArray[np.int8],
    lanes: int,
    group: int,
    *,
    zeros: Literal["skipped", "stored"] = "skipped",
    engine: Literal["rtl", "cycles"] = "rtl",
    seed: int = 0,
) -> dict[str, Any]:
    """Multiply int8 `matrix` (outputs, inputs) by a random int8 vector on a machine of its size.

    With `zeros` stored every place of the matrix is there and takes its cycle, the baseline of
    skipping; then `places` counts all of them. The engines agree in every figure.

    `cycles` are those of TABLE, MATVEC and DRAIN; `utilisation` and `useful` divide by them,
    `matvec_cycles` are those of MATVEC alone. `balance` is the mean over the largest number of
    places of a group, what dealing leaves. Raises Mismatch if the machine and numpy disagree.
    """
    config = _config(matrix, lanes, group)
    layout = linear_layout([matrix], config)
    image = _image(matrix, layout, zeros == "stored")
    machine = Rtl(image) if engine == "rtl" else Cycles(image)
    x = np.random.default_rng(seed).integers(-128, 128, (1, matrix.shape[1])).astype(np.int8)
    result = _run(machine, matrix, layout, x)
    profile = machine.profile()
    (time,) = [t for t in layer_times(image, profile) if t.name == "matrix"]
    by_operation = {f"{i.mnemonic.lower()}_cycles": 0 for i in image.program if i.layer == "matrix"}
    for i, (_, cycles) in zip(image.program, profile, strict=True):
        if i.layer == "matrix":
            by_operation[f"{i.mnemonic.lower()}_cycles"] += int(cycles)
    places, wanted = result.counters["places"], group / lanes
    return {
        "rows": len(matrix),
        "columns": matrix.shape[1],
        "lanes": lanes,
        "group": group,
        "zeros": zeros,
        "cycles": time.cycles,
        **by_operation,
        "places": places,
        "padding": result.counters["padding"],
        "non_zeros": sum(image.host.non_zeros),
        "wait_x": result.counters["wait_x"],
        "balance": _balance(image),
        "utilisation": places * wanted / time.cycles,
        "useful": sum(image.host.non_zeros) / (lanes * time.cycles),
        "matvec_utilisation": places * wanted / max(1, by_operation["matvec_cycles"]),
    }
