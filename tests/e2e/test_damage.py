"""Damage: a changed image file is refused, a changed memory ends in an error or in tokens."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from campaigns.fuzz import HEAD, PLACES, undetected_flips, undetected_truncations
from sordino.arch import PRESETS
from sordino.compiler.compile import CompileOptions, compile_model
from sordino.engines.bound import cycle_bound
from sordino.engines.native.rtl import Rtl
from sordino.image.image import Image
from sordino.isa.registers import Error, LoadTarget
from sordino.model.load import load_model
from sordino.model.random_rnnt import random_model
from sordino.tools.trials import MACHINES

MODEL = Path(__file__).parents[2] / "models" / "an4_rnnt_g4_80.npz"


@pytest.fixture(scope="module")
def contents() -> bytes:
    """The file of the shipped model on `small`."""
    options = CompileOptions(weight_bits=5)
    return compile_model(load_model(MODEL), PRESETS["small"], options).image.to_bytes()


def test_every_flipped_bit_is_refused(contents: bytes) -> None:
    """Every bit of the first 4 KiB, and 10,000 others."""
    assert (HEAD, PLACES) == (4096, 10_000)
    assert undetected_flips(contents, PLACES) == (8 * HEAD + PLACES, 0)


def test_every_truncation_is_refused(contents: bytes) -> None:
    tried, accepted = undetected_truncations(contents, PLACES)
    assert tried > HEAD + 0.9 * PLACES
    assert accepted == 0


def test_the_tests_themselves_would_see_an_accepted_file(
    contents: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image, "from_bytes", lambda damaged: damaged)
    assert undetected_flips(contents[:2], 0) == (16, 16)
    assert undetected_truncations(contents[:2], 0) == (2, 2)


def test_a_stream_changed_after_loading_ends_the_run_and_no_more() -> None:
    """Every run ends within its limit; once the word is put back, the right tokens come again."""
    model = random_model(2, encoder=(9,), joint=29, tokens=9, scale=2.0, zeros=0.3)
    image = compile_model(model, MACHINES["g2"], CompileOptions(weight_bits=5)).image
    rng = np.random.default_rng(0)
    features = rng.integers(-128, 128, (4, model.inputs)).astype(np.int8)
    rtl, limit = Rtl(image), cycle_bound(image, len(features))
    wanted = rtl.run(features, cycle_limit=limit)
    assert wanted.error is Error.NONE
    assert wanted.counters["cycles"] * 2 < limit
    outcomes: Counter[str] = Counter()
    for trial in range(40):
        target, streams = (
            (LoadTarget.POSITIONS, image.positions),
            (LoadTarget.VALUES, image.values),
        )[trial % 2]
        unit = int(rng.integers(len(streams)))
        words = np.frombuffer(streams[unit], "<u2")
        address = int(rng.integers(len(words)))
        word = int(words[address])
        rtl.poke(target, unit, address, word ^ 1 << int(rng.integers(16)))
        damaged = rtl.run(features, cycle_limit=limit)
        rtl.poke(target, unit, address, word)
        assert damaged.counters["cycles"] <= limit
        assert damaged.error in (Error.NONE, Error.STREAM)
        outcomes[damaged.error.name if damaged.error is not Error.NONE else "tokens"] += 1
        again = rtl.run(features, cycle_limit=limit)
        assert (again.tokens, again.error) == (wanted.tokens, Error.NONE)
        assert again.counters == wanted.counters
    assert outcomes["STREAM"] > 5
    assert outcomes["tokens"] > 0, "tANS may resynchronise"
