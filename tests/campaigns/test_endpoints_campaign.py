"""End-pointers as a campaign judges them: kinds of utterances, time saved, sounds that end."""

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="PyTorch is not installed: extra `train`")

from campaigns.endpoints_apart import trimmed
from campaigns.endpoints_data import FRAME_MS, Sets, digest_of
from campaigns.endpoints_tables import kind_of, saved
from campaigns.endpoints_words import ends_of, heard
from sordino.endpoint.cutting import Piece as Cut
from sordino.endpoint.sets import Example
from sordino.endpoint.splices import SpliceOptions
from sordino.errors import InputError
from sordino.model.random_rnnt import random_arrays, random_meta
from sordino.speech.text import Speller


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("ERASE S I X T Y FIVE", "spelling"),
        ("THREE FIVE OH", "digits"),
        ("ENTER SIX FIVE", "digits"),
        ("RUBOUT", "command"),
        ("GO", "command"),
    ],
)
def test_most_words_say_what_an_utterance_is(text: str, kind: str) -> None:
    assert kind_of(text) == kind


def test_time_saved_is_what_comes_sooner_less_what_is_begun_anew() -> None:
    sooner = np.array([200, 200, 0, 40])
    right = np.array([True, False, True, True])
    # 100 ms of 150 are saved at most; the second is begun anew; the third did not come sooner.
    assert saved(sooner, right, takes=100.0, reset=10.0) == (100 - 10 + 0 + 40) / 4
    assert saved(sooner, right, takes=1000.0, reset=0.0) == (200 + 40) / 4


def test_a_sound_is_trimmed_to_what_is_loud() -> None:
    samples = np.zeros(16000)
    samples[3200:4800] = 0.5
    assert len(trimmed(samples)) == 1600


SPELLER = Speller(["<b>", "A", "B", "C", " "], 0)


def example(text: str, tokens: tuple[int, ...], frames: tuple[int, ...]) -> Example:
    """A recording of 20 frames, with 1.5 s behind."""
    nothing = np.zeros((20 + 38, 1), np.int8)
    return Example(
        name="", speaker="", text=text, encoder=nothing, lower=nothing, prediction=nothing, end=9,
        loud=0.4, tokens=tokens, frames=frames,
    )  # fmt: skip


def test_words_behind_an_early_end_are_not_lost() -> None:
    """They are in the next utterance; the first one alone lacks them."""
    one = example("A B", (1, 4, 2), (3, 9, 10))
    other = example("C", (3, 4, 1), (3, 30, 31))
    cuts = [
        [
            Cut(begin=0, end=end, tokens=first, last=False),
            Cut(begin=end, end=40, tokens=then, last=True),
        ]
        for end, first, then in ((8, (1,), (2,)), (9, (3,), (1,)))
    ]
    found = heard([one, other], [40, 40], cuts, SPELLER)
    ways = (found.plain, found.whole, found.first, found.every)
    assert [way.errors for way in ways] == [0, 1, 1, 1]
    assert found.first.utterance_errors == (1, 0), "B is cut off, and A behind C is, too"
    assert found.every.utterance_errors == (0, 1)
    assert found.split("noise") == ("noise", "+1", "+0", "+0")
    assert found.row("noise")[1:4] == ("0.00% (0)", "33.33% (1)", "33.33% (1)")
    assert all(20 + 5 <= end <= 20 + 38 for end in ends_of([one] * 50))


def test_what_is_kept_is_kept_apart_by_what_it_was_made_from() -> None:
    options = [SpliceOptions(), SpliceOptions(joined=0.5), SpliceOptions(gap=(0.3, 1.5))]
    names = {digest_of(corpus, one) for corpus in ("a", "b") for one in options}
    assert len(names) == 6
    assert digest_of("a", SpliceOptions()) == digest_of("a", SpliceOptions())


def test_a_transducer_of_other_frames_is_refused(tmp_path: Path) -> None:
    for stack, factor, said in ((3, 1, "30 ms, 1 a frame"), (4, 2, "40 ms, 2 a frame")):
        sizes = {"time_reduction": (1, factor)} if factor > 1 else {}
        rng, path = np.random.default_rng(0), tmp_path / f"{stack}.npz"
        arrays = random_arrays(rng, inputs=39 * stack, encoder=(8, 8), **sizes)
        arrays |= {"features.mean": np.zeros(13), "features.std": np.ones(13)}
        meta = random_meta(features={"kind": "sphinx-mfcc", "stack": stack})
        if factor > 1:
            meta["encoder"] = {"time_reduction": {"after": 1, "factor": factor}}
        np.savez(path, meta=np.array(json.dumps(meta)), **arrays)
        with pytest.raises(InputError, match=f"a frame of {FRAME_MS} ms .*, got vectors of {said}"):
            Sets(path, tmp_path, tmp_path)
