"""A long recording of joined utterances: what is in it, and what of it is found."""

import numpy as np
import pytest

pytest.importorskip("torch", reason="PyTorch is not installed: extra `train`")

from campaigns.endpoints_hour import PAUSES, Piece, Said, compared, joined
from sordino.train.corpus.data import Spoken


def spoken(text: str, frames: int) -> Spoken:
    cepstra = np.zeros((frames, 13))
    cepstra[20:-20, 0] = 10
    return Spoken(name=text, text=text, cepstra=cepstra, tokens=())


def test_a_long_recording_has_utterances_in_turn_with_pauses_between() -> None:
    two = [spoken("A", 100), spoken("B", 140)]
    parts = list(joined(two, 0.5, np.random.default_rng(0)))
    assert [said.text for said, _ in parts][:4] == ["A", "B", "A", "B"]
    whole = np.concatenate([cepstra for _, cepstra in parts])
    assert 3000 <= len(whole) < 3000 + 140 + 200
    at = 0
    for said, cepstra in parts:
        size = 100 if said.text == "A" else 140
        assert 100 * PAUSES[0] <= len(cepstra) - size <= 100 * PAUSES[1]
        assert (said.first, said.last) == ((at + 20) / 100, (at + size - 20) / 100)
        at += len(cepstra)


SAID = [Said(text=text, first=5 * n + 1, last=5 * n + 3) for n, text in enumerate("ABCD")]


@pytest.mark.parametrize(
    ("ends", "counts", "pairs"),
    [
        ("3.4 8.4 13.4 18.4", (4, 0, 0), "A:0 B:1 C:2 D:3"),
        ("2.0 3.4 8.4 13.4 18.4", (4, 1, 0), "A:01 B:2 C:3 D:4"),
        ("3.4 5.0 8.4 13.4 18.4", (4, 0, 1), "A:01 B:2 C:3 D:4"),
        ("3.4 13.4 18.4", (3, 0, 0), "A:0 BC:1 D:2"),
        ("3.4 7.0 13.4 18.4", (3, 1, 0), "A:0 BC:12 D:3"),
        ("", (0, 0, 0), "ABCD:"),
    ],
)
def test_what_is_cut_out_is_compared_with_what_was_said(
    ends: str, counts: tuple[int, int, int], pairs: str
) -> None:
    pieces = [Piece(text=str(n), end=float(end)) for n, end in enumerate(ends.split())]
    found = compared(SAID, pieces)
    assert (found.found, found.inside, found.more) == counts
    shown = [f"{a}:{b}".replace(" ", "") for a, b in found.pairs]
    assert shown == pairs.split()
