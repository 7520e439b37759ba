"""Both costs apart, posteriors of paths, and a language model's costs as the search adds them."""

import math
import re
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sordino.decode.beam import BeamOptions
from sordino.decode.decoder import Decoder
from sordino.decode.fusion import NgramFusion
from sordino.decode.machine_transducer import MachineTransducer
from sordino.decode.ngram import estimate
from sordino.errors import InputError
from sordino.image.image import Image
from sordino.lattice import scored
from sordino.lattice.build import RICH, WIRE, listen
from sordino.lattice.coding.owner import image_vocabulary
from sordino.lattice.exports.slf import slf_text
from sordino.lattice.graph import END, Lattice
from sordino.lattice.scored import ScoredLattice, score
from sordino.recogniser.recogniser import Recogniser
from sordino.speech.transcript import hear
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


UTTERANCES = Path(__file__).parents[3] / "models" / "utterances"


@pytest.mark.parametrize("name", ["yes", "enter-six-five"])
def test_words_end_where_events_say_so(name: str) -> None:
    """With the frame of their last letter: an event, a lattice and a file of it agree."""
    image = Image.load(UTTERANCES.parent / "an4_rnnt_causal.sordino")
    vectors = hear(image, UTTERANCES / f"{name}.wav").quantised
    recogniser = Recogniser(image)
    said = [*recogniser.push_vectors(vectors), *recogniser.finish()]
    decoder = Decoder(transducer=MachineTransducer(image), options=BeamOptions(beam=1))
    found, graph = listen(decoder, vectors)
    assert found[0].tokens == said[-1].tokens
    tokens = [image.network.tokens[token] for token in said[-1].tokens]
    ends = [
        next(event.seconds for event in said if len(event.tokens) > place)
        for place in range(len(tokens))
        if tokens[place] != " " and [*tokens, " "][place + 1] == " "
    ]
    lattice, seconds = score(graph.lattice(RICH)), image_vocabulary(image).seconds
    times = lattice.ends(seconds)
    assert (times[0], times[-1]) == (0.0, said[-1].seconds)
    path = [lattice.states[number].arcs[place].target for number, place in lattice.best_arcs]
    assert [times[target] for target in path] == pytest.approx([*ends, said[-1].seconds])
    nodes = re.findall(r"^I=\d+ t=(\S+)$", slf_text(lattice, "x", seconds), re.M)
    assert [float(node) for node in nodes] == pytest.approx(times, abs=1e-3)
    assert lattice.ends(None) == [None] * len(times)
    assert set(score(graph.lattice(WIRE)).ends(seconds)) == {None}


@settings(deadline=None)
@given(seed=st.integers(0, 1000), frames=st.integers(0, 4), beam=st.sampled_from([1, 2, 8]))
def test_no_word_ends_before_another_or_after_the_utterance(seed, frames, beam) -> None:
    decoder = Decoder(transducer=Toy(seed), options=BeamOptions(beam=beam))
    _, graph = listen(decoder, input_of(frames))
    lattice = score(graph.lattice(RICH))
    times = lattice.ends(Fraction(1, 25))
    assert times[0] == 0.0
    assert times[-1] == frames / 25
    assert all(0.04 <= time <= times[-1] for time in times[1:-1])
    path = [lattice.states[number].arcs[place].target for number, place in lattice.best_arcs]
    on_the_way = [times[target] for target in path]
    assert on_the_way == sorted(on_the_way)
