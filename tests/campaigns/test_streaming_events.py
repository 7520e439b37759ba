"""The campaign hears the same in pieces, and would say what does not."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from campaigns import streaming_events
from campaigns.common import MODELS, UTTERANCES
from campaigns.streaming_events import Tally, compare, cut
from sordino.image.image import Image
from sordino.recogniser.recogniser import Recogniser

YES = UTTERANCES / "yes.wav"


def test_cuts_are_of_every_kind() -> None:
    """They begin with the first sample and end with the last one; some pieces are empty."""
    rng, seen = np.random.default_rng(1), set()
    for _ in range(40):
        places = cut(rng, 3000)
        assert (places[0], places[-1]) == (0, 3000)
        sizes = [b - a for a, b in pairwise(places)]
        assert min(sizes) >= 0
        seen |= {size for size in sizes if size < 2}
    assert seen == {0, 1}


def test_a_difference_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    recogniser = Recogniser(Image.load(MODELS / "an4_rnnt_causal.sordino"))
    tally = Tally()
    compare(recogniser, YES, 2, np.random.default_rng(1), tally)
    assert (tally.files, tally.cuttings, tally.differences) == (1, 2, [])
    assert tally.events > 4
    whole = Recogniser.push
    monkeypatch.setattr(Recogniser, "push", lambda self, piece: whole(self, piece[1:]))
    compare(recogniser, YES, 1, np.random.default_rng(1), tally)
    assert tally.differences == ["yes.wav"]


def test_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recordings = tmp_path / "fsdd" / "recordings"
    recordings.mkdir(parents=True)
    (recordings / "6_a_0.wav").write_bytes(YES.read_bytes())
    monkeypatch.setattr(streaming_events, "UTTERANCES", recordings)
    page = tmp_path / "page.md"
    options = ["--data", str(tmp_path), "--cuttings", "4", "-o", str(page)]
    done = CliRunner().invoke(streaming_events.main, options)
    assert done.exit_code == 0, done.output
    rows = [line for line in page.read_text().splitlines() if line.startswith("| ")][2:]
    assert len(rows) == 6
    assert all(row.endswith("| 0 |") for row in rows)
