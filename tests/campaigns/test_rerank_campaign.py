"""How the re-ranker's weights are chosen, and what its page says of them."""

import json
import math
import re
from pathlib import Path

import numpy as np
import pytest

from campaigns.name_lists import LEAST, SHARES, listed, names, places
from campaigns.rerank import AXES, DEFAULTS, GRID, Remembered
from campaigns.rerank_lm import Scored, best_weights, mixed, perplexity, stacked
from campaigns.rerank_training import Training
from sordino.rerank.mixture import Mixture
from sordino.rerank.reranker import shipped_models
from tests.sw.rerank.test_reranker import MODEL, Whole, nats_of

RESULTS = Path(__file__).parents[2] / "docs" / "results"


def rows_of(page: Path, first: str) -> list[list[str]]:
    lines = page.read_text().split("\n")
    begin = next(n for n, line in enumerate(lines) if line.startswith(first)) + 2
    rows = []
    for line in lines[begin:]:
        if not line.startswith("|"):
            return rows
        rows.append([cell.strip(" *") for cell in line.split("|")[1:-1]])
    return rows


def test_the_defaults_are_what_the_page_says_was_chosen() -> None:
    rows = rows_of(RESULTS / "rerank.md", "| lattices |")
    row = next(r for r in rows if r[:2] == ["wire", "n-gram + class grammar + neural"])
    assert DEFAULTS in GRID
    assert row[5] == f"{DEFAULTS[0]:g} / {DEFAULTS[1]:g}"
    assert len(GRID) == np.prod([len(axis) for axis in AXES])


def test_the_page_reaches_what_was_asked_on_speakers_left_out() -> None:
    """At most 6.0 %, and the interval against greedy decoding is below 0."""
    rows = rows_of(RESULTS / "rerank.md", "| lattices |")
    row = next(r for r in rows if r[:2] == ["wire", "n-gram + class grammar + neural"])
    speakers = rows_of(RESULTS / "rerank.md", "| speaker |")
    assert speakers[-1][0] == "all"
    assert int(row[2]) == int(speakers[-1][5]) == sum(int(r[5]) for r in speakers[:-1])
    assert int(row[2]) / int(speakers[-1][1]) <= 0.06
    assert float(row[4].split("%")[1].removeprefix(" to ")) < 0


def test_the_shipped_weights_are_what_the_page_says_was_chosen() -> None:
    text = (RESULTS / "rerank-lm.md").read_text()
    models = shipped_models()
    chosen = " / ".join(f"{weight:g}" for weight in models.weights.values())
    assert f"Chosen: **{chosen}**, memory **{models.memory:g}**." in text
    sizes = {name: int(size.replace(",", "")) for name, size in re.findall(
        r"^\| ([a-z]+\.[a-z]+) \| ([0-9,]+) \|$", text, re.M)}  # fmt: skip
    folder = Path(__file__).parents[2] / "sw" / "sordino" / "rerank" / "shipped"
    assert sizes == {path.name: path.stat().st_size for path in folder.iterdir()}
    assert sizes["neural.safetensors"] <= 1_000_000


def test_what_is_remembered_is_what_is_computed() -> None:
    mixture = Mixture([MODEL, Whole()], [0.5, 0.5], 1.0)
    remembered = Remembered(mixture)
    for words in (["A", "B"], ["A", "B", "Q"], ["A", "B"], []):
        assert nats_of(remembered, words) == nats_of(mixture, words)


def test_the_weights_of_a_mixture_are_the_best_multiples() -> None:
    nats = {"ngram": (-1.0, -2.0, -0.5), "grammar": (-0.5, -math.inf, -math.inf)}
    scored = [Scored(("A", "B"), nats), Scored((), {"ngram": (-2.0,), "grammar": (-1.0,)})]

    class Told:
        def __init__(self, said) -> None:
            self.start, self.say, self.finish = (
                lambda: 0,
                lambda state, _: (state + 1, said[state]),
                lambda state: said[state],
            )

    kinds = ("ngram", "grammar")
    for memory in (0.0, 0.5, 1.0):
        found = mixed(stacked(scored, kinds), (0.3, 0.7), memory)
        for each, total in zip(scored, found, strict=True):
            mixture = Mixture([Told(each.nats[kind]) for kind in kinds], (0.3, 0.7), memory)
            assert math.isclose(nats_of(mixture, each.words), total)
        least, weights = best_weights(scored, kinds, memory)
        assert math.isclose(least, perplexity(scored, kinds, weights, memory))
        others = [(n / 20, 1 - n / 20) for n in range(1, 20)]
        assert least <= min(perplexity(scored, kinds, other, memory) for other in others) + 1e-12


def test_the_same_seed_trains_the_same_model(tmp_path) -> None:
    pytest.importorskip("torch", reason="the extra train has torch")
    from campaigns.rerank_neural import train
    from sordino.rerank.grammar.classes import load_grammar
    from sordino.rerank.neural import Recurrent

    (tmp_path / "g.toml").write_text('start = "a"\n[class.a]\n"A B" = 3\n"B" = 1\n')
    grammar = load_grammar(tmp_path / "g.toml")
    options = Training(
        sentences=4000, hidden=8, width=4, batch=20, transcripts=0.1, rate=0.03, dropout=0.0
    )
    first, second = (train(grammar, [["C"]], ["A", "B", "C"], options) for _ in range(2))
    assert (first.hidden == second.hidden).all()
    model = Recurrent(first)
    chances = [math.exp(nats_of(model, words)) for words in (["A", "B"], ["B"], ["C"])]
    assert chances == pytest.approx([0.675, 0.225, 0.1], abs=0.15)


def test_lists_of_names_count_by_the_rarest(tmp_path) -> None:
    for name in SHARES:
        (tmp_path / name).write_text("MARY  2.0 2.0 1\nO'HARA 1.0 3.0 2\nZOE 0.000 3.0 3\n")
    assert names(tmp_path) == {"MARY": 2.0 * 2.0 / LEAST, "ZOE": 2.0}
    cities = [
        {"countrycode": "US", "name": "St. Mary's Bay", "population": 4000},
        {"countrycode": "US", "name": "Cañon-Bay", "population": 0},
        {"countrycode": "FR", "name": "Paris", "population": 10},
    ]
    (tmp_path / "c.json").write_text(json.dumps(dict(enumerate(cities))))
    found = places(tmp_path / "c.json")
    assert found == {"ST": 3.0, "MARYS": 3.0, "BAY": 4.0, "CANON": 1.0}
    text = listed({"B": 1.4, "A": 2.6, "C": 0.1}, "# head\n")
    assert text == "# head\nA 3\nB\nC\n"
