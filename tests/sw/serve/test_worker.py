"""What a worker says of a lattice's bytes, without a process around it."""

import io
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sordino.lattice.coding.wire import pack
from sordino.lattice.graph import END, Arc, Lattice, State
from sordino.serve.frames import frame, read_frame
from sordino.serve.protocol import Refused
from sordino.serve.ranking import Ranked, Recipe, encode
from sordino.serve.worker import answer
from tests.sw.serve.calls import sealed

ONE = Ranked(text="YES", confidence=0.5, transducer=0.0, language=1.0)


def test_an_answer(ranking, lattices):
    status, text = answer(ranking, lattices[0])
    found = json.loads(text)
    assert status == 200
    assert [each["text"] for each in found] == [each.text for each in ranking.of(lattices[0])]


def test_warmth_changes_nothing(ranking, lattices):
    before = ranking.of(lattices[0])
    ranking.warm()
    assert ranking.of(lattices[0]) == before


def test_refusals(ranking, lattices):
    data = lattices[0]
    for bad, status in ((data[:-1], 400), (sealed(data[:1] + b"abcd" + data[5:-2]), 409)):
        code, text = answer(ranking, bad)
        assert code == status
        assert text.startswith(b"wanted ")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(first=st.integers(0, 15), body=st.binary(max_size=80))
def test_bytes_that_anybody_may_seal(ranking, first, body):
    """The checksum is right, and so is the vocabulary; what is between is anything."""
    data = sealed(bytes([0x10 | first]) + ranking.vocabulary.identity + body)
    status, text = answer(ranking, data)
    assert status in (200, 400), text


def test_a_fault_is_said(ranking, lattices, monkeypatch, capsys):
    monkeypatch.setattr(type(ranking), "of", lambda *_: 1 / 0)
    status, text = answer(ranking, lattices[0])
    assert (status, b"a fault of ours" in text) == (500, True)
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_a_language_model_that_says_nothing_of_use(ranking, lattices, monkeypatch):
    """A number that JSON lacks is a fault, not an answer."""
    bad = Ranked(text="YES", confidence=0.5, transducer=0.0, language=float("inf"))
    monkeypatch.setattr(type(ranking), "of", lambda *_: [bad])
    assert answer(ranking, lattices[0])[0] == 500


def test_alternatives_that_are_too_long(limits):
    limits(answer=200)
    size = len(encode([ONE]))
    assert len(json.loads(encode([ONE] * 10))) == 200 // (size + 1)
    long = Ranked(text="Y" * 200, confidence=0.5, transducer=0.0, language=1.0)
    assert len(json.loads(encode([ONE, long, ONE]))) == 1, "the order stays"
    with pytest.raises(Refused, match="wanted words of at most 200 bytes") as caught:
        encode([long])
    assert caught.value.status == 413


def test_words_of_any_letters(ranking):
    """Spelled ones, which the answer has as they are."""
    word = '\u00dcB\u20ac\U0001d11e"\\'
    lattice = Lattice((State((Arc(word, 1, 0),)), State((Arc(None, END, 0),))), 0.25)
    status, text = answer(ranking, pack(lattice, ranking.vocabulary))
    assert (status, json.loads(text)[0]["text"]) == (200, word)
    assert word[:4].encode() in text


def test_recipes_and_frames():
    recipe = Recipe(image="\u00fc.sordino", words="w", models=("a", "b"))
    assert Recipe.from_json(recipe.as_json()) == recipe
    stream = io.BytesIO(frame(b"one") + frame(b"") + frame(b"half")[:-1])
    assert [read_frame(stream) for _ in range(3)] == [b"one", b"", None]
    assert read_frame(io.BytesIO(b"\0\0")) is None
