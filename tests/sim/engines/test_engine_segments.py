"""What every engine that loads segments promises: its image, its sessions, and what it refuses."""

import shutil
from typing import Any

import numpy as np
import pytest

from sordino.cycles.engine import Cycles
from sordino.driver import Host
from sordino.engines.amaranth.machine import Simulated
from sordino.engines.hosted import Hosted
from sordino.engines.native.rtl import Rtl
from sordino.errors import InputError
from sordino.golden.machine import Golden
from sordino.image.segments.segment import segment_of, with_segment
from sordino.rtl.top import Sordino
from sordino.stimuli.axi import AxiLiteManager
from sordino.stimuli.board import SimulatedBoard
from tests.hw.image.test_segments import COLUMNS, CONFIG, image

BASE, OTHER = image(), image(others=(5, 6))
FEATURES = np.arange(2 * COLUMNS, dtype=np.int8).reshape(2, COLUMNS)
SEGMENT = segment_of(OTHER, "first")
CHANGED = with_segment(BASE, SEGMENT)


@pytest.fixture(params=[Golden, Cycles, Rtl])
def engine(request: pytest.FixtureRequest) -> Any:
    if request.param is Rtl and not (shutil.which("c++") or shutil.which("g++")):
        pytest.skip("no C++ compiler (c++ or g++) for the rtl engine")
    return request.param(BASE)


def test_a_loaded_segment_is_in_the_image_and_ends_a_session(engine: Any) -> None:
    session = engine.session()
    session.feed(FEATURES[:1])
    engine.load_segment(SEGMENT)
    assert engine.image == CHANGED
    assert not session.running
    with pytest.raises(InputError, match="wanted a session in progress"):
        session.feed(FEATURES[1:])
    found, wanted = engine.run(FEATURES, record=True), Golden(CHANGED).run(FEATURES, record=True)
    assert [r.values.tolist() for r in found.records] == [
        r.values.tolist() for r in wanted.records or ()
    ]


def test_a_segment_that_no_input_would_load(engine: Any) -> None:
    """Else it would be left out, or waited for without end."""
    with pytest.raises(InputError, match="got segment first"):
        engine.run(FEATURES, requests=[(1, SEGMENT)])


def test_a_machine_at_power_up_has_the_segment() -> None:
    made = Simulated(BASE)
    made.load_segment(SEGMENT)
    assert made.image == CHANGED
    found, wanted = made.run(FEATURES), Golden(CHANGED).run(FEATURES)
    assert found.final.keys() == wanted.final.keys()
    for store, words in wanted.final.items():
        assert found.final[store].tolist() == words.tolist(), store


def test_a_hosted_machine_has_what_its_host_loaded_last() -> None:
    top = Sordino(CONFIG)
    host = Host(SimulatedBoard(top, AxiLiteManager(top.s_axi)))
    host.load(BASE)
    made = Hosted(host)
    made.load_segment(SEGMENT)
    assert made.image == CHANGED
    assert host.segments() == {"first", "second"}
    host.load_segment(segment_of(OTHER, "second"))
    assert made.image == OTHER
    with pytest.raises(InputError, match="for another"):
        made.load_segment(segment_of(image(seed=1), "first"))
    wanted = Golden(OTHER).run(FEATURES)
    assert made.run(FEATURES).counters["frames"] == wanted.counters["frames"]
