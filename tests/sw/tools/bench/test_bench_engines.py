"""Engines side by side: the same matrices, figures that add up, targets judged honestly."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sordino.compiler.passes.prune import prune_model
from sordino.compiler.passes.rounded import quantise_model
from sordino.isa.operations import Cell
from sordino.model.random_rnnt import random_model
from sordino.tools.bench import bench_engines, default_cases
from sordino.tools.bench.bench_codec import bench_codec
from sordino.tools.bench.cases import (
    laplacian,
    laplacian_case,
    matrix_case,
    model_case,
)
from sordino.tools.bench.cycles import MatrixCycles, cycle_table, measure_cycles
from sordino.tools.bench.frames import compile_step, encoder_use
from sordino.tools.bench.sizes import Sizes, measure_sizes, size_table
from sordino.tools.bench.trained import FLOAT, GROUPED, find_trained
from sordino.tools.peers import bitmap_bits, order0_bits


def small_sizes(group: int = 1, zeros: float = 0.5) -> Sizes:
    return measure_sizes(laplacian_case(5, zeros, group, (96, 64)), (4, 16), None)


@pytest.mark.parametrize("group", [1, 4])
@pytest.mark.parametrize("zeros", [0.5, 0.8])
def test_random_matrices_have_the_zeros_and_levels_they_should(group: int, zeros: float) -> None:
    matrix = laplacian((128, 96), 8, zeros, group)
    blocks = (matrix.reshape(-1, group, 96) != 0).any(axis=1)
    assert 1 - blocks.mean() == pytest.approx(zeros, abs=0.01)
    assert np.abs(matrix.astype(int)).max() == 127
    assert np.array_equal(matrix, laplacian((128, 96), 8, zeros, group))
    assert not np.array_equal(matrix, laplacian((128, 96), 8, zeros, group, seed=1))


def test_a_users_matrix_takes_the_bits_its_values_need() -> None:
    for low, high, bits in (
        (0, 0, 2),
        (-1, 1, 2),
        (-2, 1, 3),
        (-7, 7, 4),
        (-8, 7, 5),
        (-128, 0, 8),
    ):
        assert matrix_case("w", np.array([[low, high]], np.int8), 1).bits == bits


def test_sizes_are_those_of_the_codec_and_of_the_formats() -> None:
    sizes = small_sizes()
    matrix = laplacian((96, 64), 5, 0.5)
    bench = bench_codec(matrix, 16, 1)
    assert sizes.encoded_for(16).bits_per_weight == bench.bits_per_weight
    streams = bench.position_bits + bench.value_bits
    assert sizes.encoded_for(16).stream_bytes == streams / 8 / 32
    assert sizes.h0 == sizes.reference == order0_bits(matrix) / matrix.size
    assert sizes.over(16) == pytest.approx(bench.over_h0)
    assert sizes.bitmap == bitmap_bits(matrix, 5) / matrix.size
    assert sizes.block_bound is sizes.vela is sizes.vela_cycles is None


def test_groups_are_compared_with_the_block_bound() -> None:
    sizes = small_sizes(4, 0.8)
    assert sizes.block_bound is not None
    assert sizes.reference == sizes.block_bound < sizes.h0
    assert sizes.encoded_for(16).bits_per_weight > sizes.block_bound


def test_a_models_matrices_are_those_the_compiler_makes() -> None:
    model = random_model(3, encoder=(16, 16), joint=8)
    case = model_case(model, 5, 0.5, 4)
    wanted = [
        m for la in quantise_model(prune_model(model, 0.5, 4), 5, 32).layers for m in la.matrices
    ]
    assert case.weights == sum(m.values.size for m in wanted)
    assert case.non_zeros == sum(np.count_nonzero(m.values) for m in wanted)
    # An LSTM's gates of one unit stand side by side: rows 0 to 3 are rows 0, H, 2H and 3H.
    gates = wanted[0].values
    assert np.array_equal(case.matrices[0][:4], gates[[0, 16, 32, 48]])
    sizes = measure_sizes(case, (4,), None)
    assert sizes.block_bound is not None
    assert sizes.block_bound < sizes.encoded_for(4).bits_per_weight


def test_a_table_has_a_cell_for_every_column() -> None:
    rows = [small_sizes(), small_sizes(16, 0.5)]
    header, body = size_table(rows, (4, 16))
    assert {len(row) for row in body} == {len(header)}
    assert body[1][header.index("Sordino, 4 lanes")] == ""
    assert body[0][header.index("Vela")] == "–"


def cycles(**changes: object) -> MatrixCycles:
    row = MatrixCycles(
        engine="cycles",
        source="w",
        bits=5,
        zeros=0.5,
        group=1,
        lanes=4,
        cycles=2200,
        matvec=2000,
        ideal=1980.0,
        stored=3980,
        useful=0.9,
        vela=None,
    )
    return replace(row, **changes)  # type: ignore[arg-type]


def test_cycles_of_one_matrix() -> None:
    case = laplacian_case(5, 0.5, 4, (32, 48))
    row = measure_cycles(case, 4)
    matrix = case.matrices[0]
    places = int((matrix.reshape(8, 4, 48) != 0).any(axis=1).sum())
    assert row.ideal == places
    assert places < row.matvec < 1.1 * places + 40
    assert 8 * 48 < row.stored < 8 * 48 + 40
    assert row.cycles > row.matvec
    assert row.speedup == row.stored / row.matvec
    assert row.useful == pytest.approx(np.count_nonzero(matrix) / 4 / row.matvec)
    header, body = cycle_table([row])
    assert len(header) == len(body[0])


def test_an_lstm_step() -> None:
    use = encoder_use(compile_step(32, 16, 4, 0.75), frames=2, step=True)
    assert use.ideal == pytest.approx(2 * 128 * 32 * 0.25 / 16, rel=0.02)
    assert use.ideal < use.matvec < use.cycles
    assert use.utilisation == use.ideal / use.cycles < use.matvec_utilisation < 1
    assert use.hidden == 0, "nothing is beside the CELL of a narrow layer"
    assert use.alone == use.cycles


def test_a_step_on_its_own_counts_what_the_next_one_hides() -> None:
    image = compile_step(128, 4, 4, 0.75)
    last = [i for i in image.program if isinstance(i, Cell) and i.layer == "encoder.0"][-1]
    use = encoder_use(image, frames=2, engine="rtl", step=True)
    assert last.units == 64
    assert use.hidden == last.duration(image.config)
    assert use.alone == use.cycles + use.hidden


def test_one_run_measures_what_it_is_asked() -> None:
    done: list[int] = []
    cases = [laplacian_case(bits, 0.5, 4, (16, 16)) for bits in (4, 5)]
    result = bench_engines(cases, (4, 16), notes=["no peer"], on_case=done.append)
    assert done == [1, 1]
    assert [(row.bits, row.lanes) for row in result.cycles] == [(5, 4), (5, 16)]
    report = result.as_dict()
    assert report["notes"] == ["no peer"]
    assert report["vela"] is None
    assert len(report["sizes"]) == 2


def test_models_that_are_not_there_are_named(tmp_path: Path) -> None:
    folders = (tmp_path / "a", tmp_path / "b")
    cases, notes = default_cases((5,), (0.5,), (1, 4), models=folders)
    assert len(cases) == 2
    assert notes == [
        f"{name} is left out: it is not in {folders[0]} or {folders[1]}"
        for name in (FLOAT, GROUPED)
    ]
    model = folders[1] / FLOAT
    model.parent.mkdir()
    model.touch()
    assert find_trained(FLOAT, folders) == model
    assert find_trained(GROUPED, folders) is None


@pytest.mark.parametrize("group", [1, 4])
def test_shares_are_all_that_is_over_the_reference(group: int) -> None:
    sizes = small_sizes(group)
    for lanes in (one.lanes for one in sizes.sordino):
        assert 1 + sum(sizes.shares(lanes)) == pytest.approx(sizes.over(lanes))
        assert sizes.shares(lanes)[3] == sizes.encoded_for(lanes).tables / sizes.reference > 0
