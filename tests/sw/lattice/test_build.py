"""Lattices of searches: what is in them, what it costs, and that nothing is there twice."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sordino.decode.beam import BeamOptions, Hypothesis
from sordino.decode.decoder import Decoder
from sordino.decode.machine_transducer import MachineTransducer
from sordino.decode.trace import Trace
from sordino.errors import InputError
from sordino.image.image import Image
from sordino.lattice.build import RICH, WIRE, Form, WordGraph, listen, word_graph
from sordino.lattice.coding.wire import pack, unpack
from sordino.lattice.graph import END, MOST_STATES, STEPS
from sordino.lattice.reduce import Way
from sordino.lattice.trellis import PARTS
from sordino.speech.transcript import hear
from tests.sw.lattice.shapes import VOCABULARY, every_path
from tests.sw.lattice.toys import Liking, Toy, input_of

WIDE = Form(nats=RICH.nats, arcs=1e9, step=0.25, times=True)
toys = {
    "seed": st.integers(0, 1000),
    "frames": st.integers(0, 4),
    "beam": st.sampled_from([1, 2, 8, 40]),
    "pieces": st.booleans(),
    "likes": st.booleans(),
}


def heard(seed: int, frames: int, beam: int, pieces: bool, likes: bool):
    decoder = Decoder(
        transducer=Toy(seed, pieces=pieces),
        options=BeamOptions(beam=beam),
        fusion=Liking() if likes else None,
    )
    found, graph = listen(decoder, input_of(frames))
    assert found == decoder.hypotheses(input_of(frames))
    return decoder, found, graph


@settings(deadline=None)
@given(**toys, step=st.sampled_from(STEPS))
def test_the_best_path_is_the_searchs_own(seed, frames, beam, pieces, likes, step) -> None:
    decoder, found, graph = heard(seed, frames, beam, pieces, likes)
    for form in (WIRE, RICH, WIDE, replace(WIDE, nats=0.0), replace(WIRE, arcs=1.0)):
        lattice = graph.lattice(replace(form, step=step))
        lattice.check()
        assert " ".join(lattice.best) == decoder.spelt(found[0])
        again = unpack(pack(lattice, VOCABULARY), VOCABULARY)
        assert again == lattice
        if not likes:  # ties aside, no path is better
            assert all(cost > 0 for words, cost in every_path(lattice) if words != (*again.best,))


def parts_of(graph: WordGraph, number: int = 0):
    """The words of each path, what it costs in parts of a nat."""
    for way in graph.ways[number]:
        if way.target == END:
            yield (), way.cost
        else:
            for words, cost in parts_of(graph, way.target):
                yield (way.word, *words), way.cost + cost


@settings(deadline=None)
@given(**toys | {"beam": st.sampled_from([1, 2, 8])})
@example(seed=416, frames=1, beam=8, pieces=True, likes=True)
def test_what_the_search_finished_is_there_and_costs_no_more(
    seed, frames, beam, pieces, likes
) -> None:
    decoder, found, graph = heard(seed, frames, beam, pieces, likes)
    costs, trace = dict(parts_of(graph)), Trace()
    decoder.hypotheses(input_of(frames), trace)
    # Other tokens may spell the best words for less; so costs are those beyond the cheapest end.
    ends = [n for n in trace.nodes if n.frame == frames and (likes or n.kept)]
    least = min((round(-n.acoustic * PARTS) for n in ends), default=0)
    for hypothesis in found:
        behind = round((found[0].acoustic - hypothesis.acoustic) * PARTS)
        if behind < (WIDE.nats - 0.01) * PARTS:
            words = tuple(decoder.spelt(hypothesis).split())
            assert costs[words] <= round(-hypothesis.acoustic * PARTS) - least + 1


@settings(deadline=None)
@given(**toys, step=st.sampled_from(STEPS))
def test_costs_are_off_by_half_a_step_for_each_way_that_is_not_a_first_one(
    seed, frames, beam, pieces, likes, step
) -> None:
    _, _, graph = heard(seed, frames, beam, pieces, likes)
    wanted = dict(parts_of(graph))
    lattice = graph.lattice(replace(WIDE, step=step))
    assert len(dict(every_path(lattice))) == lattice.paths, "deterministic"
    best = wanted[graph.best]
    for words, cost in every_path(lattice):
        number, turns = 0, 0
        for word in (*words, None):
            arc = next(arc for arc in lattice.states[number].arcs if arc.word == word)
            number, turns = arc.target, turns + (arc.steps != 0)
        assert abs(cost - (wanted[words] - best) / PARTS) <= turns * step / 2


@settings(deadline=None)
@given(**toys)
def test_no_two_states_have_the_same_future(seed, frames, beam, pieces, likes) -> None:
    _, _, graph = heard(seed, frames, beam, pieces, likes)
    lattice = graph.lattice(WIDE)
    futures = [frozenset(every_path(lattice, n)) for n in range(len(lattice.states))]
    assert len(set(futures)) == len(futures)


@settings(deadline=None)
@given(**toys)
def test_times_are_those_of_the_best_path(seed, frames, beam, pieces, likes) -> None:
    decoder, found, graph = heard(seed, frames, beam, pieces, likes)
    lattice = graph.lattice(WIDE)
    assert lattice.frames == frames
    ends = [lattice.states[a.target].frame for a in lattice.best_arcs() if a.target != END]
    assert all(0 <= state.frame < max(frames, 1) for state in lattice.states)
    best, letters = found[0], []
    text = "".join(decoder.transducer.tokens[t].replace("▁", " ") for t in best.tokens)
    for token, frame in zip(best.tokens, best.frames, strict=True):
        letters += [frame] * len(decoder.transducer.tokens[token])
    wanted = [
        letters[place]
        for place, letter in enumerate(text)
        if letter != " " and text[place + 1 : place + 2] in ("", " ")
    ]
    assert ends == wanted


def test_dropped_paths_are_there() -> None:
    """A narrow search's lattice holds what none of its hypotheses says."""
    more = 0
    for seed in range(40):
        decoder, found, graph = heard(seed, 4, 2, False, False)
        said = {tuple(decoder.spelt(h).split()) for h in found}
        more += len({words for words, _ in every_path(graph.lattice(WIDE))} - said)
    assert more > 40


@dataclass
class Step:
    """A path of a search in one step."""

    tokens: tuple[int, ...]
    frame: int
    acoustic: float

    @property
    def frames(self) -> tuple[int, ...]:
        return (0,) * len(self.tokens)


def test_paths_do_not_join_between_words() -> None:
    """A path that has not written a word yet has not left it out."""
    tokens, trace = ("_", " ", "A", "B"), Trace()
    a, both, all_three = (2,), (2, 1, 3), (2, 1, 3, 1, 2)
    late, space = (*a, 1), (*both, 1)
    trace.add([Step(a, 0, -0.1)], 1)
    trace.add([Step(late, 0, -0.1)], 1)
    trace.add([Step(both, 0, -0.2), Step(late, 1, -0.2)], 2)
    trace.add([Step(space, 0, -0.2), Step(late, 2, -0.4)], 1)  # dropped, a little behind
    for frame in (1, 2, 3):
        trace.add([Step(space, frame, -0.3)], 1)
    trace.add([Step(all_three, 3, -0.3)], 1)
    trace.add([Step(all_three, 4, -0.3)], 1)
    best = Hypothesis(all_three, -0.3, -0.3, (0, 0, 0, 0, 3))
    graph = word_graph(trace, tokens, best, ["A", "B", "A"], signed=False)
    assert {words for words, _ in every_path(graph.lattice(WIDE))} == {("A", "B", "A")}


def test_a_lattice_that_would_be_too_large_keeps_its_best() -> None:
    ways = {
        n: [Way(0, "A", n + 1), *(Way(7, f"B{k}", n + 1) for k in range(8))] for n in range(900)
    }
    graph = WordGraph(ways | {900: [Way(0, None, END)]}, ("A",) * 900, (), {}, 0)
    lattice = graph.lattice(replace(WIDE, times=False))
    lattice.check()
    assert (lattice.paths, len(lattice.states)) == (1, 901)


def test_what_no_lattice_is_made_of_is_refused() -> None:
    decoder = Decoder(transducer=Toy(1), options=BeamOptions(merge=False))
    with pytest.raises(InputError, match="wanted a search that merges paths"):
        listen(decoder, input_of(2))

    class Talker(Toy):
        def __init__(self) -> None:
            super().__init__(0)
            self.scores = lambda frame, state: np.log(
                np.array(
                    [0.7, 0.1, 0.1, 0.1]
                    if len(state) > 2 * frame + 1
                    else [0.1, 0.1, 0.7, 0.1]
                    if len(state) % 2 == 0
                    else [0.1, 0.7, 0.1, 0.1]
                )
            )

    decoder = Decoder(transducer=Talker(), options=BeamOptions(beam=1))
    with pytest.raises(InputError, match=f"less than {MOST_STATES} words"):
        listen(decoder, input_of(MOST_STATES + 5))


def test_times_of_speech_are_the_searchs_own() -> None:
    """Also where many paths meet: alignments of one path cost the same in a lattice's making."""
    models = Path(__file__).parents[3] / "models"
    image = Image.load(models / "an4_rnnt_causal.sordino")
    decoder = Decoder(transducer=MachineTransducer(image), options=BeamOptions(beam=4))
    found, graph = listen(decoder, hear(image, models / "utterances" / "yes.wav").quantised)
    lattice = graph.lattice(RICH)
    assert lattice.paths > 1
    ends = [lattice.states[a.target].frame for a in lattice.best_arcs() if a.target != END]
    assert (decoder.spelt(found[0]), ends) == ("YES", [found[0].frames[-1]])
