"""The parts of the loop that a host runs by itself: exact machine and circuit alike."""

import numpy as np
import pytest

from sordino.compiler.compile import CompileOptions, compile_model
from sordino.cycles.engine import Cycles
from sordino.engines.rtl import Rtl
from sordino.golden.machine import Golden
from sordino.golden.vector import embedding_words
from sordino.isa.effects import Store
from sordino.isa.image import Image
from sordino.isa.registers import Error
from sordino.testing.models import random_model
from sordino.testing.trials import MACHINES


@pytest.mark.parametrize("reduction", [None, (1, 2)])
def test_every_entry_point(reduction: tuple[int, int] | None) -> None:
    model = random_model(
        2, encoder=(9, 8), prediction=(6, 5), time_reduction=reduction, scale=2.0, zeros=0.3
    )
    compiled = compile_model(model, MACHINES["g4"], CompileOptions(weight_bits=5))
    image = Image.from_bytes(compiled.image.to_bytes())
    golden, rtl, cycles = Golden(image), Rtl(image), Cycles(image)
    rng = np.random.default_rng(1)
    frames = image.host["search"]["frames"]
    first, stride, width = image.host["search"]["embedding"]
    row = embedding_words(image.parameters, first + 3 * stride, width).astype(np.int8)
    heard = [rng.integers(-128, 128, (n, model.inputs)).astype(np.int8) for n in (frames, 1, 1)]
    nothing = np.zeros((0, 1), np.int8)
    order = [("reset", nothing), ("advance", row), ("score", nothing)]
    order += [step for x in heard for step in (("encode", x), ("score", nothing))]
    # What a greedy run leaves must not matter after a reset.
    results = [engine.run(heard[0]) for engine in (golden, rtl, cycles)]
    assert results[0].tokens == results[1].tokens
    written = []
    for entry, features in order:
        runs = [e.run(features, entry=entry, record=True) for e in (golden, rtl, cycles)]
        for run in runs:
            assert run.error is Error.NONE
            assert run.tokens == []
            assert run.records is not None
            assert [r.pc for r in run.records] == [r.pc for r in runs[0].records or ()]
            for ours, wanted in zip(run.records, runs[0].records or (), strict=True):
                np.testing.assert_array_equal(ours.values, wanted.values)
        assert runs[1].counters == runs[2].counters
        written.append(runs[0].final[Store.STATE].tobytes())
    assert len(set(written)) > 5, "they do something"
