"""The table of beams on the exact clock: what it prices is what was asked, by either host."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from campaigns import beam_clock
from campaigns.beam_clock import BUSES, measure
from campaigns.common import MODELS, UTTERANCES
from sordino.cycles.engine import Cycles
from sordino.decode.beam import BeamOptions, beam_search
from sordino.decode.machine_transducer import MachineTransducer
from sordino.engines.bus_clock import AxiLite, BusClock, Call, price
from sordino.image.image import Image
from sordino.speech.transcript import hear

YES = UTTERANCES / "yes.wav"
IMAGE = Image.load(MODELS / "an4_rnnt_causal.sordino")


def test_both_hosts_are_those_that_were_measured() -> None:
    found = measure(IMAGE, 2, [YES], ["YES"])
    assert found.score.errors == 0
    for calls, remember in ((found.calls, True), (found.naive, False)):
        clock = BusClock(Cycles(IMAGE))
        machine = MachineTransducer(IMAGE, clock, remember=remember)
        begun = clock.calls.copy()
        beam_search(machine, hear(IMAGE, YES).quantised, BeamOptions(beam=2))
        assert calls == clock.calls - begun
    less, more = price(found.calls, IMAGE), price(found.naive, IMAGE)
    assert less.running == more.running == found.work.cycles
    assert less.window < more.window
    assert (less.around, less.counters) == (more.around, more.counters)


def test_every_bus_takes_as_long_as_it_says() -> None:
    """One access more is as many cycles more as lie between accesses."""
    calls = measure(IMAGE, 2, [YES], ["YES"]).calls
    usual, quick, slow, polled = (price(calls, IMAGE, how) for how in BUSES.values())
    assert usual == price(calls, IMAGE)
    assert quick.cycles < usual.cycles < slow.cycles
    assert polled.reads > usual.reads
    assert polled.running == usual.running == quick.running
    singles = [call for call in calls if call.what is None and not call.writes]
    for call in singles:
        words = price(type(calls)([call]), IMAGE, AxiLite(idle=3))
        assert words.window == (call.size + 2) * 6 == words.cycles
    assert all(isinstance(call, Call) for call in calls)


def test_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "an4").mkdir()
    monkeypatch.setattr(beam_clock, "BEAMS", (1, 8))
    monkeypatch.setattr(
        beam_clock,
        "load_dataset",
        lambda *_: [type("U", (), {"path": YES, "text": "YES"})] * 2,
    )
    page = tmp_path / "page.md"
    run = ["--data", str(tmp_path), "--every", "2", "-o", str(page)]
    done = CliRunner().invoke(beam_clock.main, run)
    assert done.exit_code == 0, done.output
    rows = [line.split(" | ") for line in page.read_text().splitlines() if line.startswith("| ")]
    assert len(rows) == 4 + 6 + 6
    assert rows[2][1] == "0/1 (0.00%)"
