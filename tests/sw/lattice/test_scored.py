"""Both costs apart, posteriors of paths, and a language model's costs as the search adds them."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sordino.decode.beam import BeamOptions
from sordino.decode.decoder import Decoder
from sordino.decode.fusion import NgramFusion
from sordino.decode.ngram import estimate
from sordino.errors import InputError
from sordino.lattice import scored
from sordino.lattice.build import RICH, listen
from sordino.lattice.graph import END, Lattice
from sordino.lattice.scored import ScoredLattice, score
from tests.sw.lattice.shapes import TOKENS, every_path, lattices
from tests.sw.lattice.toys import Toy, input_of

SENTENCES = [["A", "B", "A"], ["B", "B"], ["A"], ["EIGHT", "K", "A", "B"], ["A", "B", "K"]]
MODEL = NgramFusion(estimate(SENTENCES, 3), TOKENS, blank=0)


def scored_paths(lattice: ScoredLattice, number: int = 0):
    """Words, transducer's nats and language model's nats of each path."""
    for arc in lattice.states[number].arcs:
        if arc.word is None:
            yield (), arc.transducer, arc.language
        else:
            for words, a, b in scored_paths(lattice, arc.target):
                yield (arc.word, *words), arc.transducer + a, arc.language + b


@settings(deadline=None)
@given(lattice=lattices(("A", "B", "EIGHT", "XQ", None)))
def test_a_language_model_costs_what_it_says_of_each_path(lattice: Lattice) -> None:
    found = score(lattice, MODEL)
    wanted = dict(every_path(lattice))
    paths = {words: (a, b) for words, a, b in scored_paths(found)}
    assert paths.keys() == wanted.keys()
    for words, (transducer, language) in paths.items():
        assert math.isclose(transducer, wanted[words], abs_tol=1e-9)
        state = MODEL.start()
        for letter in " ".join(words):
            state = MODEL.advance(state, TOKENS.index(letter))
        assert math.isclose(-language, MODEL.final(state), abs_tol=1e-9)
    for number, state in enumerate(found.states):
        assert all(arc.target == END or arc.target > number for arc in state.arcs)
    best = min(paths.values(), key=sum)
    assert math.isclose(sum(paths[tuple(found.best)]), sum(best), abs_tol=1e-9)


@settings(deadline=None)
@given(lattice=lattices(("A", "B", "K", None)), model=st.sampled_from([None, MODEL]))
def test_posteriors_are_those_of_every_path(lattice: Lattice, model) -> None:
    found = score(lattice, model)
    shares = found.posteriors()

    def follow(number, before, arcs):
        for place, arc in enumerate(found.states[number].arcs):
            path = [*arcs, (number, place)]
            if arc.target == END:
                yield path, before + arc.cost
            else:
                yield from follow(arc.target, before + arc.cost, path)

    weights: dict[tuple[int, int], float] = {}
    total = 0.0
    for path, cost in follow(0, 0.0, []):
        total += math.exp(-cost)
        for place in path:
            weights[place] = weights.get(place, 0.0) + math.exp(-cost)
    for (number, place), weight in weights.items():
        assert math.isclose(shares[number][place], weight / total, abs_tol=1e-9)
    assert math.isclose(sum(shares[0]), 1.0)


def test_without_a_language_model_states_stay_as_they_are() -> None:
    _, graph = listen(Decoder(transducer=Toy(3), options=BeamOptions()), input_of(4))
    lattice = graph.lattice(RICH)
    found = score(lattice)
    assert found.best == lattice.best
    assert [s.frame for s in found.states] == [s.frame for s in lattice.states]
    assert all(arc.language == 0 for _, arc in found.arcs())


def test_the_language_models_part_of_a_searchs_scores_is_found_again() -> None:
    tokens = Toy(0).tokens
    fusion = NgramFusion(estimate([["A"], ["A", "B"], ["B", "A"]], 2), tokens, blank=0)
    signed = met = 0
    for seed in range(20):
        decoder = Decoder(transducer=Toy(seed), options=BeamOptions(beam=8), fusion=fusion)
        found, graph = listen(decoder, input_of(4))
        lattice = graph.lattice(RICH)
        signed += any(arc.steps < 0 for state in lattice.states for arc in state.arcs)
        costs = {words: b for words, _, b in scored_paths(score(lattice, fusion))}
        for hypothesis in found:
            words = tuple(decoder.spelt(hypothesis).split())
            if words in costs:
                met += 1
                added = hypothesis.score - hypothesis.acoustic
                assert math.isclose(-costs[words], added, abs_tol=1e-9)
    assert met > 20
    assert signed, "a language model turns some transducer's order round"


def test_contexts_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scored, "_MOST_STATES", 3)
    _, graph = listen(Decoder(transducer=Toy(3), options=BeamOptions()), input_of(4))
    with pytest.raises(InputError, match="wanted a lattice of at most 3 states"):
        score(graph.lattice(RICH), MODEL)
