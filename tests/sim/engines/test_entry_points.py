"""The parts of the loop that a host runs by itself: exact machine and circuit alike."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sordino.compiler.compile import CompileOptions, compile_model
from sordino.cycles.bounds import frame_bounds
from sordino.cycles.engine import Cycles
from sordino.cycles.path import follow
from sordino.engines.amaranth.amaranth_sim import AmaranthSim
from sordino.engines.amaranth.machine import run_machine
from sordino.engines.native.rtl import Rtl
from sordino.golden.machine import Golden
from sordino.golden.vector import embedding_words
from sordino.image.host import HostSection
from sordino.image.image import Image, ImageError
from sordino.isa.fields import Store
from sordino.isa.operations import Halt
from sordino.isa.registers import Error
from sordino.model.random_rnnt import random_model
from sordino.testing.images.builder import ProgramBuilder
from sordino.tools.trials import MACHINES

NOTHING = np.zeros((0, 1), np.int8)
STARTS: dict[str, Callable[[Image, str], Any]] = {
    "golden": lambda image, entry: Golden(image).run(NOTHING, entry=entry).code,
    "cycles": lambda image, entry: Cycles(image).run(NOTHING, entry=entry).code,
    "rtl": lambda image, entry: Rtl(image).run(NOTHING, entry=entry).code,
    "amaranth": lambda image, entry: AmaranthSim(image).run(NOTHING, entry=entry).code,
    "testbench": lambda image, entry: run_machine(image, NOTHING, entry=entry).code,
    "path": lambda image, entry: image.program[
        follow(image, 0, (), entry=entry).addresses[-1]
    ].fields["code"],
    "bounds": lambda image, entry: frame_bounds(image, entry=entry),
}
"""Everything that begins at a named entry point; the HALT code that it meets, but for bounds."""


def two_entries() -> Image:
    """Entry point `main` at 1 with HALT code 2; at 0 HALT code 1."""
    builder = ProgramBuilder(MACHINES["g4"])
    builder.add(Halt, code=1)
    builder.label("main")
    builder.add(Halt, code=2)
    return builder.image()


@pytest.mark.parametrize("name", STARTS)
def test_all_refuse_an_unknown_entry_point_alike(name: str) -> None:
    start, image = STARTS[name], two_entries()
    named = replace(image, host=HostSection(entries={"again": 0, "last": 1}))
    for refused, entry, wanted in (
        (image, "joint", "no entry point 'joint'; the image has main"),
        (image, "", "no entry point ''; the image has main"),
        (named, "main", "no entry point 'main'; the image has again, last"),
        (
            replace(image, host=HostSection(entries={"main": 2})),
            "main",
            "entry point 'main' is address 2, wanted 0 to 1",
        ),
        (
            replace(image, program=()),
            "main",
            "the program has no instructions; it should at least HALT",
        ),
    ):
        with pytest.raises(ImageError) as error:
            start(refused, entry)
        assert str(error.value) == wanted
    if name != "bounds":  # of a program without INPUT there are none
        assert start(image, "main") == 2
        assert start(named, "again") == 1
        assert start(replace(image, host=HostSection()), "main") == 1


@pytest.mark.parametrize("reduction", [None, (1, 2)])
def test_every_entry_point(reduction: tuple[int, int] | None) -> None:
    model = random_model(
        2, encoder=(9, 8), prediction=(6, 5), time_reduction=reduction, scale=2.0, zeros=0.3
    )
    compiled = compile_model(model, MACHINES["g4"], CompileOptions(weight_bits=5))
    image = Image.from_bytes(compiled.image.to_bytes())
    golden, rtl, cycles = Golden(image), Rtl(image), Cycles(image)
    rng = np.random.default_rng(1)
    frames = image.network.search.frames
    first, stride, width = image.network.search.embedding
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
