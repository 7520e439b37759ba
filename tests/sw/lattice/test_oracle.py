"""The exact oracle against every path, and against a library's composition."""

import jiwer
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sordino.lattice.graph import Lattice
from sordino.lattice.oracle import oracle_errors
from tests.sw.lattice.shapes import every_path, lattices

LETTERS = ("A", "B", "C", None)
references = st.lists(st.sampled_from("ABCD"), max_size=6)


def errors(reference: list[str], words: tuple[str, ...]) -> int:
    if not reference:
        return len(words)
    found = jiwer.process_words(" ".join(reference), " ".join(words))
    return found.substitutions + found.deletions + found.insertions


@settings(deadline=None)
@given(lattice=lattices(LETTERS), reference=references)
def test_it_is_the_least_over_every_path(lattice: Lattice, reference: list[str]) -> None:
    wanted = min(errors(reference, words) for words, _ in every_path(lattice))
    assert oracle_errors(lattice, reference) == wanted


@settings(deadline=None)
@given(lattice=lattices(LETTERS), reference=references)
def test_it_is_the_shortest_path_of_a_composition(lattice: Lattice, reference: list[str]) -> None:
    kaldifst = pytest.importorskip("kaldifst", reason="the extra dev has kaldifst")
    numbers = {word: number for number, word in enumerate("ABCD", start=1)}
    fst, end = [], len(lattice.states)
    for number, state in enumerate(lattice.states):
        for arc in state.arcs:
            target = end if arc.word is None else arc.target
            label = numbers[arc.word] if arc.word else 0
            fst.append(f"{number} {target} {label} {label} 0")
    said = [f"{n} {n + 1} {numbers[w]} {numbers[w]} 0" for n, w in enumerate(reference)]
    edits = [f"0 0 {a} {b} {int(a != b)}" for a in range(5) for b in range(5) if a or b]
    composed = compile_(kaldifst, [*said, str(len(reference))])
    for other in ([*edits, "0"], [*fst, str(end)]):
        right = compile_(kaldifst, other)
        kaldifst.arcsort(composed, sort_type="olabel")
        kaldifst.arcsort(right, sort_type="ilabel")
        composed = kaldifst.compose(composed, right)
    best = kaldifst.shortest_path(composed)
    _, _, _, cost = kaldifst.get_linear_symbol_sequence(best)
    assert oracle_errors(lattice, reference) == round(cost.value)


def compile_(kaldifst, lines: list[str]):
    return kaldifst.compile("\n".join(lines) + "\n", acceptor=False)
