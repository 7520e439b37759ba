"""End-pointers from files: what is read, and what is refused in one line."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sordino.errors import InputError, InputWarning
from sordino.model.endpointer import Endpointer, load_endpointer
from sordino.model.load import model_from_arrays
from sordino.model.random_rnnt import random_arrays, random_meta
from sordino.model.rnnt import RnntModel
from tests.sw.compiler.programs.endpointers import arrays_of, endpointer, meta_of, talker

Change = Callable[[dict[str, Any], dict[str, Any]], None]


def written(folder: Path, *changes: Change, name: str = "e.npz") -> Path:
    arrays, meta = arrays_of(), meta_of()
    for change in changes:
        change(arrays, meta)
    path = folder / name
    held = {"meta": np.array(json.dumps(meta))} if meta else {}
    np.savez(path, **held, **{n: np.asarray(a, np.float32) for n, a in arrays.items()})
    return path


def test_what_is_written_is_read(tmp_path: Path) -> None:
    found = load_endpointer(written(tmp_path))
    assert isinstance(found, Endpointer)
    assert found.name == "e"
    assert len(found.sha256) == 64
    for name, array in arrays_of().items():
        own = {**found.lstm.arrays(), "run.weight": found.run}
        own |= {f"output.{kind}": its for kind, its in found.output.arrays().items()}
        np.testing.assert_array_equal(
            own[name.removeprefix("endpoint.")], np.asarray(array, np.float32)
        )
    assert found.parameters == sum(array.size for array in arrays_of().values())
    assert found.meta.context == "reset"


def _set(**entries: Any) -> Change:
    return lambda arrays, meta: meta.update(entries)


def _level(name: str, **entries: Any) -> Change:
    return lambda arrays, meta: meta[name].update(entries)


def _drop(name: str) -> Change:
    return lambda arrays, meta: (arrays if name in arrays else meta).__delitem__(name)


def _array(name: str, array: Any) -> Change:
    return lambda arrays, meta: arrays.update({f"endpoint.{name}": array})


REFUSED = {
    "no meta": (lambda arrays, meta: meta.clear(), "wanted meta"),
    "unknown entry": (_set(hangover=3), "got 'hangover'"),
    "a slip": (_set(speculativ={}), "did you mean speculative?"),
    "unknown entry of a level": (_level("final", tokens=1), "entries of meta final alone"),
    "another kind": (_set(kind="wakeword"), "kind as endpoint, got 'wakeword'"),
    "a later version": (_set(version=2), "version as a whole number from 1 to 1"),
    "no final": (_drop("final"), "meta final as an object"),
    "no frames": (_level("final", frames=0), "final.frames as a whole number from 1 to 1000"),
    "too many frames": (_level("speculative", frames=1001), "from 1 to 1000, got 1001"),
    "a run longer than the table": (_level("final", longest=5), "longest of at most 4 frames"),
    "no run at all": (_level("final", longest=0), "final.longest as a whole number from 1"),
    "half a frame": (_level("speculative", frames=1.5), "got 1.5"),
    "a threshold out of range": (_level("final", threshold=1e4), "final.threshold as a number"),
    "a threshold as text": (_level("final", threshold="0"), "final.threshold as a number"),
    "too few bits": (_set(bits=1), "bits as a whole number from 2 to 8"),
    "a context that nobody knows": (_set(context="all"), "context as reset or encoder"),
    "no inputs": (_set(inputs=[], widths=[]), "wanted meta inputs"),
    "an input twice": (_set(inputs=["run", "run"], widths=[4, 4]), "each once"),
    "too few widths": (_set(widths=[24, 16]), "as many widths"),
    "another width of the run": (_set(widths=[24, 12, 8]), "run.weight of width 8"),
    "another sum of widths": (_set(widths=[24, 15, 4]), "endpoint.weight_ih of size"),
    "a tensor too many": (_array("gate", np.zeros(3)), "got 'endpoint.gate'"),
    "a tensor too few": (_drop("endpoint.bias_hh"), "wanted tensor endpoint.bias_hh, got none"),
    "two scores": (_array("output.weight", np.zeros((2, 8))), "output.weight of size 1"),
    "no number": (_array("output.bias", np.array([np.nan])), "finite numbers in endpoint.output"),
    "whole tables": (_array("run.weight", np.zeros((2, 4))), "with 3 to 256 rows, got 2"),
    "a table of other steps": (_array("run.weight", np.full((6, 4), 0.5)), "127/128"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_does_not_fit_is_refused_in_one_line(tmp_path: Path, name: str) -> None:
    change, message = REFUSED[name]
    path = written(tmp_path, change)
    with pytest.raises(InputError) as caught:
        load_endpointer(path)
    said = str(caught.value)
    assert message in said
    assert said.startswith(f"{path}: ")
    assert "\n" not in said


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_bytes(b"PK")
    for name, message in (("a.npz", "archive"), ("b.npz", "cannot read"), ("c.pt", "as .npz")):
        with pytest.raises(InputError, match=message):
            load_endpointer(tmp_path / name)


@pytest.mark.parametrize(
    ("inputs", "widths", "message"),
    [
        (["encoder", "prediction", "run"], [20, 16, 4], "20 numbers .* input encoder, got 24"),
        (["encoder.1", "prediction", "run"], [24, 16, 4], "encoder, prediction, encoder.0 and run"),
        (["joint.encoder", "prediction", "run"], [24, 16, 4], "got 'joint.encoder'"),
    ],
)
def test_a_model_that_lacks_what_it_reads_is_refused(
    inputs: list[str], widths: list[int], message: str
) -> None:
    model = talker()
    with pytest.raises(InputError, match=message):
        endpointer(inputs=inputs, widths=widths).beside(model, model.graph())


@pytest.mark.parametrize(
    ("stack", "reduction", "frame_ms"), [(3, 1, 30.0), (4, 1, 40.0), (2, 2, 40.0)]
)
def test_another_frame_than_that_of_its_training_is_refused(
    stack: int, reduction: int, frame_ms: float
) -> None:
    """Frames of the transducer count: input vectors, put together where it reduces time."""
    sizes: dict[str, Any] = {"encoder": (24, 24), "prediction": (16,), "joint": 12}
    entries: dict[str, Any] = {"features": {"kind": "sphinx-mfcc", "stack": stack}}
    if reduction > 1:
        sizes["time_reduction"] = (1, reduction)
        entries["encoder"] = {"time_reduction": {"after": 1, "factor": reduction}}
    arrays = random_arrays(np.random.default_rng(5), inputs=39 * stack, tokens=9, **sizes)
    arrays |= {"features.mean": np.zeros(13), "features.std": np.full(13, 2.0)}
    model = model_from_arrays(arrays, random_meta(9, **entries))
    endpointer(frame_ms=frame_ms).beside(model, model.graph())
    endpointer().beside(model, model.graph())
    for other in (frame_ms - 10, frame_ms + 0.01, 2 * frame_ms):
        with pytest.raises(InputError) as caught:
            endpointer(frame_ms=other).beside(model, model.graph())
        said = str(caught.value)
        assert said.startswith(f"wanted an end-pointer for frames of {frame_ms:g} ms")
        assert f"got one for {other:g} ms" in said
        assert "\n" not in said


def _named(model: RnntModel, sha256: str) -> RnntModel:
    object.__setattr__(model, "sha256", sha256)
    return model


def test_another_model_than_that_of_its_training_is_told_of() -> None:
    model, own = _named(talker(), "a" * 64), endpointer(transducer="a" * 64)
    own.beside(model, model.graph())
    with pytest.warns(InputWarning, match="beside another model"):
        endpointer(transducer="b" * 64).beside(model, model.graph())
