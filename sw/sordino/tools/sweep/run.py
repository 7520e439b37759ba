"""Many points at once, on this machine or on a cluster; what is done stays done."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sordino.arch import Config
from sordino.files import write_atomically
from sordino.model.rnnt import RnntModel
from sordino.speech.wer import warn_of_case
from sordino.tools.sweep.build import alike
from sordino.tools.sweep.evaluate import FIGURES, evaluate_point
from sordino.tools.sweep.identity import code_identity
from sordino.tools.sweep.parallel import Backend, Each, parallel
from sordino.tools.sweep.pareto import mark_pareto
from sordino.tools.sweep.points import Point, point_key
from sordino.tools.sweep.table import write_tables
from sordino.tools.sweep.words import SCORE, Recordings, word_errors

__all__ = ["Sweep", "sweep"]

_MADE_BY = {"points": "sordino.tools.sweep.evaluate", "wer": "sordino.tools.sweep.words"}
"""The modules that results are made by."""
_Result = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Sweep:
    """Results in the order of the points, and how many points and word error rates are new."""

    results: tuple[_Result, ...]
    computed: int


def sweep(
    model: RnntModel,
    points: Sequence[Point],
    folder: Path,
    *,
    base: Config,
    data: Path | None = None,
    jobs: int = -1,
    backend: Backend = "loky",
    scheduler: str | None = None,
    on_progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> Sweep:
    """Evaluate every point that is not yet in `folder`, and write the tables.

    Each result is a file of its own as soon as it is there, so that an interrupted sweep goes on
    where it was; it is found again by what it was made of: the model, the recordings' contents, and
    the code. One that was changed since is computed again. With `data`, word errors are counted
    once for all points that decode alike; what the model cannot write of it is an InputWarning.
    `jobs` is joblib's n_jobs, `scheduler` the address of a Dask cluster. `on_progress` is called
    with what is done and what there is. A point that cannot be built has its reason in `error` and
    stops nothing. InputError where data, backend or folder cannot be used.
    """
    recordings = None if data is None else Recordings.load(model, data)
    names = (*Point.__dataclass_fields__, *FIGURES)
    scores: dict[Point, _Result] = {}
    shared = [model] if recordings is None else [model, recordings]
    with parallel(backend, jobs, scheduler, shared) as each:
        work = _Results(each, folder, model, base, _identity(model), on_progress)
        found = work.results("points", {p: p for p in points}, None, names, evaluate_point)
        if recordings is not None:
            built = {alike(p): p for p in reversed(points) if found[p]["error"] is None}
            scores = work.results("wer", built, recordings.identity, SCORE, word_errors, recordings)
            for score in scores.values():
                warn_of_case(score["case_errors"], score["errors"])
    results = mark_pareto(
        [{**found[p], "wer": _rate(found[p], scores.get(alike(p)))} for p in points]
    )
    write_tables(folder, results)
    return Sweep(results=tuple(results), computed=work.computed)


@dataclass
class _Results:
    """Results of one model that are stored or computed."""

    each: Each
    folder: Path
    model: RnntModel
    base: Config
    who: str
    on_progress: Callable[[int, int], None]
    computed: int = 0

    def results(
        self,
        kind: str,
        points: Mapping[Point, Point],
        data: str | None,
        names: Sequence[str],
        call: Callable[..., _Result],
        *more: Any,
    ) -> dict[Point, _Result]:
        """The result of each point: the stored one, if it has these names, or a new one.

        A result is stored under the key of `points`, and computed for the point that is there.
        """
        stored = self.folder / kind
        stored.mkdir(parents=True, exist_ok=True)
        code = code_identity(_MADE_BY[kind])
        files = {
            p: stored / f"{point_key(p, self.base, self.who, code, data)}.json" for p in points
        }
        read = {point: _read(file, names) for point, file in files.items()}
        found = {point: result for point, result in read.items() if result is not None}
        missing = [point for point in files if point not in found]
        self.on_progress(len(found), len(files))
        tasks = [(self.model, self.base, points[p], *more) for p in missing]
        for number, result in self.each(call, tasks):
            point = missing[number]
            _store(files[point], result)
            found[point] = result
            self.computed += 1
            self.on_progress(len(found), len(files))
        return found


def _rate(result: _Result, score: _Result | None) -> float | None:
    """Word error rate of a point that can be built."""
    return None if score is None or result["error"] is not None else float(score["wer"])


def _identity(model: RnntModel) -> str:
    """All that a result depends on of the model: its numbers and its meta."""
    digest = hashlib.sha256(json.dumps(model.meta.as_dict(), sort_keys=True).encode())
    for name, array in model.arrays().items():
        digest.update(f"{name} {array.shape}".encode() + array.tobytes())
    for numbers in (model.feature_mean, model.feature_std):
        digest.update(b"" if numbers is None else numbers.tobytes())
    return digest.hexdigest()


def _store(file: Path, result: _Result) -> None:
    text = json.dumps({**result, "digest": _digest(result)}, indent=1)
    write_atomically(file, text + "\n")


def _read(file: Path, names: Sequence[str]) -> _Result | None:
    """A stored result; None where there is none, or what is there is not as it was stored."""
    try:
        result = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(result, dict):
        return None
    digest = result.pop("digest", None)
    return result if set(result) == set(names) and digest == _digest(result) else None


def _digest(result: _Result) -> str:
    return hashlib.sha256(json.dumps(result).encode()).hexdigest()
