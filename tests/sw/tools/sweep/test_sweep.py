"""Design-space sweeps: order, resuming, points that cannot be built, other backends."""

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sordino.arch import PRESETS
from sordino.compiler.compile import CompileOptions, compile_model
from sordino.cycles.bounds import frame_bounds
from sordino.errors import InputError
from sordino.golden.machine import Golden
from sordino.model.load import load_model
from sordino.model.random_rnnt import random_model
from sordino.model.rnnt import RnntModel
from sordino.tools.sweep.build import alike
from sordino.tools.sweep.evaluate import FIGURES
from sordino.tools.sweep.pareto import mark_pareto
from sordino.tools.sweep.plot import plot_sweep
from sordino.tools.sweep.points import Point, grid, point_key
from sordino.tools.sweep.run import Sweep, sweep

joblib = pytest.importorskip("joblib", reason="needs the sweep extra")
BASE = PRESETS["tiny"]
POINTS = grid([4, 8], [1, 4], [4], [None, 0.9], [None])


@pytest.fixture(scope="module")
def model() -> RnntModel:
    return random_model(3, encoder=(9,), joint=8, zeros=0.5)


@pytest.fixture(scope="module")
def done(model: RnntModel, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Sweep]:
    folder = tmp_path_factory.mktemp("sweep")
    return folder, sweep(model, POINTS, folder, base=BASE, jobs=1)


def stored(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((folder / "points").iterdir())}


def test_grid_is_in_order_and_without_doubles() -> None:
    points = grid([8, 4, 8], [1], [4, 5], [None, 0.5], [None, 64])
    assert len(points) == len(set(points)) == 16
    assert [p.lanes for p in points] == 8 * [8] + 8 * [4]
    assert [(p.bits, p.zeros, p.memory) for p in points[:4]] == [
        (4, None, None),
        (4, None, 64),
        (4, 0.5, None),
        (4, 0.5, 64),
    ]


def test_keys_tell_everything_apart() -> None:
    point = POINTS[0]
    changed = {"lanes": 12, "group": 2, "bits": 5, "zeros": 0.25, "memory": 9}
    others = [replace(point, **{name: value}) for name, value in changed.items()]
    keys = {point_key(p, BASE, "model", "code") for p in (point, *others)}
    keys |= {point_key(point, BASE, "other", "code"), point_key(point, BASE, "model", "other")}
    keys |= {point_key(point, BASE, "model", "code", "data")}
    keys |= {point_key(point, replace(BASE, accumulator_bits=24), "model", "code")}
    assert len(keys) == 10
    renamed = replace(BASE, name="x", lanes=64, group=2)
    assert point_key(point, renamed, "model", "code") == point_key(point, BASE, "model", "code")


def test_results_are_the_compiler_s_and_the_cycle_model_s(
    model: RnntModel, done: tuple[Path, Sweep]
) -> None:
    folder, found = done
    assert found.computed == len(POINTS)
    for point, result in zip(POINTS, found.results, strict=True):
        assert point.as_dict().items() <= result.items()
        assert set(result) == {*point.as_dict(), *FIGURES, "wer", "pareto"}
    config = replace(BASE, lanes=8, group=4)
    options = CompileOptions(weight_bits=4, sparsity=0.9, shares="layer_adaptive")
    image = compile_model(model, config, options).image
    bounds = frame_bounds(image)
    assert bounds is not None
    last = found.results[-1]
    assert (last["frame_best"], last["frame_worst"]) == (bounds.frame.best, bounds.frame.worst)
    assert json.loads((folder / "points.json").read_text()) == list(found.results)
    rows = list(csv.DictReader((folder / "points.csv").read_text().splitlines()))
    assert [row["bytes"] for row in rows] == [str(r["bytes"]) for r in found.results]


def test_only_what_is_missing_is_computed(
    model: RnntModel, done: tuple[Path, Sweep], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder, found = done
    before = stored(folder)
    victim = sorted((folder / "points").iterdir())[2]
    damaged = sorted((folder / "points").iterdir())[4]
    victim.unlink()
    damaged.write_text(damaged.read_text()[:-20])
    seen: list[tuple[int, int]] = []
    again = sweep(model, POINTS, folder, base=BASE, jobs=1, on_progress=lambda *n: seen.append(n))
    assert again.computed == 2
    assert again.results == found.results
    assert stored(folder) == before
    assert seen == [(n, len(POINTS)) for n in (6, 7, 8)]

    def never(*_: object) -> None:
        raise AssertionError("computed again")

    monkeypatch.setattr("sordino.tools.sweep.run.evaluate_point", never)
    assert sweep(model, POINTS, folder, base=BASE, jobs=1).computed == 0
    with pytest.raises(AssertionError, match="computed again"):
        sweep(model, POINTS, folder, base=replace(BASE, accumulator_bits=24), jobs=1)


def test_an_interrupted_sweep_keeps_what_is_done(
    model: RnntModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(done: int, _all: int) -> None:
        if done == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sweep(model, POINTS, tmp_path, base=BASE, jobs=1, on_progress=stop)
    assert len(stored(tmp_path)) == 5
    assert not (tmp_path / "points.json").exists()
    assert sweep(model, POINTS, tmp_path, base=BASE, jobs=1).computed == 3


def test_points_that_cannot_be_built_say_why(model: RnntModel, tmp_path: Path) -> None:
    points = [
        Point(lanes=6, group=1, bits=4, zeros=None, memory=None),
        Point(lanes=4, group=1, bits=4, zeros=0.97, memory=1),
        Point(lanes=4, group=1, bits=8, zeros=None, memory=1),
    ]
    large = random_model(3, encoder=(20,), joint=8)
    found = sweep(large, points, tmp_path, base=BASE, jobs=1).results
    assert "wanted lanes to be a multiple of 4" in found[0]["error"]
    assert found[1]["error"] is None
    assert "does not fit: the model needs" in found[2]["error"]
    assert [r["pareto"] for r in found] == [False, True, False]
    tight = replace(BASE, rows_per_lane=1)
    (result,) = sweep(model, POINTS[:1], tmp_path, base=tight, jobs=1).results
    assert "joint.output" in result["error"]


def test_word_errors_need_recordings_and_features(model: RnntModel, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="features in the meta"):
        sweep(model, POINTS, tmp_path / "out", base=BASE, data=tmp_path)
    assert not (tmp_path / "out").exists()


def test_pareto() -> None:
    def result(size: int, cycles: int, luts: int = 1, wer: float | None = None) -> dict[str, Any]:
        return {"bytes": size, "frame_best": cycles, "luts": luts, "wer": wer, "error": None}

    none = {"bytes": None, "frame_best": None, "luts": None, "wer": None, "error": "no"}
    marked = mark_pareto([result(3, 3), result(2, 4), none, result(3, 4), result(2, 4)])
    assert [r["pareto"] for r in marked] == [True, True, False, False, True]
    marked = mark_pareto([result(3, 3, wer=0.2), result(3, 4, wer=0.1), none])
    assert [r["pareto"] for r in marked] == [True, True, False]


def test_plot(done: tuple[Path, Sweep], tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="needs the sweep extra")
    results = done[1].results
    for name in ("a.svg", "b.svg"):
        plot_sweep(results, tmp_path / name, "a plot")
    text = (tmp_path / "a.svg").read_text()
    assert text == (tmp_path / "b.svg").read_text()
    assert "8 lanes, groups of 4" in text
    assert "4 bits, 90%" in text
    plot_sweep([], tmp_path / "none.svg", "nothing")


def test_processes_give_the_same(
    model: RnntModel, done: tuple[Path, Sweep], tmp_path: Path
) -> None:
    found = sweep(model, POINTS[:2], tmp_path, base=BASE, jobs=2)
    before = stored(done[0])
    assert found.computed == 2
    assert all(before[name] == text for name, text in stored(tmp_path).items())


def test_a_dask_cluster_gives_the_same(
    model: RnntModel, done: tuple[Path, Sweep], tmp_path: Path
) -> None:
    distributed = pytest.importorskip("distributed", reason="needs the cluster extra")
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None
    ) as cluster:
        address = cluster.scheduler_address
        found = sweep(model, POINTS, tmp_path, base=BASE, backend="dask", scheduler=address)
    assert found == done[1]
    assert stored(tmp_path) == stored(done[0])


def test_a_cluster_needs_its_address(model: RnntModel, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--scheduler"):
        sweep(model, POINTS, tmp_path, base=BASE, backend="dask")


def test_points_that_are_alike_emit_the_same_tokens() -> None:
    """Word errors are counted once for them."""
    model = random_model(6, encoder=(9,), joint=8, scale=6.0)
    features = np.random.default_rng(0).integers(-128, 128, (20, 6)).astype(np.int8)
    found: dict[Point, set[tuple[int, ...]]] = {}
    for point in grid([4, 8, 16], [1, 4], [3, 4], [None, 0.5], [None]):
        config = replace(BASE, lanes=point.lanes, group=point.group)
        options = CompileOptions(
            weight_bits=point.bits, sparsity=point.zeros, shares="layer_adaptive"
        )
        tokens = Golden(compile_model(model, config, options).image).run(features).tokens
        found.setdefault(alike(point), set()).add(tuple(tokens))
    assert len(found) == 6
    assert all(len(tokens) == 1 for tokens in found.values())
    assert len(set.union(*found.values())) > 2


def test_word_errors_are_counted_once(tmp_path: Path, recording: Path, small_model: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "yes.wav").write_bytes(recording.read_bytes())
    (data / "transcripts.tsv").write_text("file\ttranscript\tsplit\nyes.wav\tbad\tdev\n")
    model = load_model(small_model)
    # Four lanes have too few accumulators for 12 tokens: the count is made with eight.
    base = replace(BASE, rows_per_lane=2)
    points = grid([4, 8], [1], [4], [None], [None])
    found = sweep(model, points, tmp_path / "out", base=base, jobs=1, data=data)
    assert found.computed == len(points) + 1
    assert [result["error"] is None for result in found.results] == [False, True]
    (file,) = (tmp_path / "out" / "wer").iterdir()
    score = json.loads(file.read_text())
    assert (score["words"], score["wer"]) == (1, score["errors"])
    assert [result["wer"] for result in found.results] == [None, score["wer"]]
    assert sweep(model, points, tmp_path / "out", base=base, jobs=1, data=data).computed == 0
    more = grid([8, 16], [1], [4], [None], [None])
    again = sweep(model, more, tmp_path / "out", base=base, jobs=1, data=data)
    assert (again.computed, {r["wer"] for r in again.results}) == (1, {score["wer"]})
    without = sweep(model, more, tmp_path / "out", base=base, jobs=1)
    assert (without.computed, without.results[0]["wer"]) == (0, None)
