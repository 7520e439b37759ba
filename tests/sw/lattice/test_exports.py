"""Every export, read back by a library that is not ours: the same words at the same costs."""

import math
import re
import xml.etree.ElementTree as ElementTree
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sordino.errors import InputError
from sordino.lattice.exports.drawing import svg_text
from sordino.lattice.exports.k2 import k2_text
from sordino.lattice.exports.kaldi import kaldi_text
from sordino.lattice.exports.openfst import openfst_binary, openfst_text
from sordino.lattice.exports.slf import slf_text
from sordino.lattice.exports.symbols import Symbols
from sordino.lattice.scored import ScoredLattice, score
from tests.sw.lattice.shapes import lattices
from tests.sw.lattice.test_scored import MODEL, scored_paths
from tests.sw.lattice.test_wire import ONE

SPELT = ("A", "B", "K", "'EM", "ÆON", None)
kaldifst = pytest.importorskip("kaldifst", reason="the extra dev has kaldifst")
drawn = st.builds(score, lattices(SPELT), st.sampled_from([None, MODEL]))


def symbols_of(lattice: ScoredLattice) -> Symbols:
    return Symbols(arc.word for _, arc in lattice.arcs() if arc.word is not None)


def names(symbols: Symbols) -> dict[int, str]:
    rows = (line.split("\t") for line in symbols.text().splitlines())
    return {int(number): word for word, number in rows if word != "<eps>"}


def fst_paths(fst, words: dict[int, str], state: int | None = None):
    """Words and weight of each path of a library's graph."""
    state = fst.start if state is None else state
    if math.isfinite(fst.final(state).value):
        yield (), fst.final(state).value
    for arc in kaldifst.ArcIterator(fst, state):
        assert arc.ilabel == arc.olabel
        for rest, cost in fst_paths(fst, words, arc.nextstate):
            label = (words[arc.ilabel],) if arc.ilabel else ()
            yield (*label, *rest), arc.weight.value + cost


def assert_same(found, lattice: ScoredLattice) -> None:
    wanted = {words: a + b for words, a, b in scored_paths(lattice)}
    found = dict(found)
    assert found.keys() == wanted.keys()
    for words, cost in wanted.items():
        assert math.isclose(found[words], cost, rel_tol=1e-5, abs_tol=1e-4)


@settings(deadline=None)
@given(lattice=drawn)
def test_openfst_text(lattice: ScoredLattice) -> None:
    symbols = symbols_of(lattice)
    fst = kaldifst.compile(openfst_text(lattice, symbols), acceptor=False)
    assert fst.num_states == len(lattice.states)
    assert_same(fst_paths(fst, names(symbols)), lattice)


@settings(deadline=None)
@given(lattice=drawn)
def test_openfst_binary(tmp_path_factory, lattice: ScoredLattice) -> None:
    symbols = symbols_of(lattice)
    path = tmp_path_factory.mktemp("fst") / "x.fst"
    path.write_bytes(openfst_binary(lattice, symbols))
    fst = kaldifst.StdVectorFst.read(str(path))
    assert fst.num_states == len(lattice.states)
    assert_same(fst_paths(fst, names(symbols)), lattice)
    fst.write(str(path))
    again = kaldifst.StdVectorFst.read(str(path))
    assert_same(fst_paths(again, names(symbols)), lattice)


@settings(deadline=None)
@given(lattice=drawn)
def test_kaldi(lattice: ScoredLattice) -> None:
    """An archive of CompactLattices: each of their two costs makes a graph of its own."""
    symbols = symbols_of(lattice)
    name, *lines, empty = kaldi_text(lattice, symbols, "an-utterance").split("\n")[:-1]
    assert (name, empty) == ("an-utterance", "")
    both = {words: (a, b) for words, a, b in scored_paths(lattice)}
    for place, which in ((0, 1), (1, 0)):  # the graph's cost, which is the language model's, first
        rows = [line.rpartition("\t") for line in lines]
        text = "".join(f"{row[0]}\t{row[2].split(',')[place]}\n" for row in rows)
        found = dict(fst_paths(kaldifst.compile(text, acceptor=True), names(symbols)))
        assert found.keys() == both.keys(), "one path for each sequence of words"
        for words, costs in both.items():
            assert math.isclose(found[words], costs[which], rel_tol=1e-5, abs_tol=1e-4)


@settings(deadline=None)
@given(lattice=drawn)
def test_a_kaldi_lattice_is_printed_by_the_library_as_we_write_it(lattice: ScoredLattice) -> None:
    symbols = symbols_of(lattice)
    lines = kaldi_text(lattice, symbols, "x").split("\n")[1:-2]
    fst = kaldifst.Lattice()
    for _ in lattice.states:
        fst.add_state()
    fst.start = 0
    for line in lines:
        *places, weight = line.split("\t")
        *costs, alignment = weight.split(",")
        assert alignment == ""
        pair = kaldifst.LatticeWeight(*map(float, costs))
        if len(places) == 1:
            fst.set_final(int(places[0]), pair)
        else:
            begin, end, label = map(int, places)
            fst.add_arc(begin, kaldifst.LatticeArc(label, label, pair, end))
    printed = fst.to_str(is_acceptor=True, show_weight_one=True)
    found = sorted(line.split() for line in printed.splitlines())
    wanted = sorted([line.rstrip(",").split("\t") for line in lines])
    assert [row[:-1] for row in found] == [row[:-1] for row in wanted]
    for one, other in zip(found, wanted, strict=True):
        for a, b in zip(one[-1].split(","), other[-1].split(","), strict=True):
            assert math.isclose(float(a), float(b), rel_tol=1e-4, abs_tol=1e-4)


@settings(deadline=None)
@given(lattice=drawn)
def test_k2(lattice: ScoredLattice) -> None:
    """By k2's rules: scores, sources in order, label -1 into the one final state and no other."""
    symbols = symbols_of(lattice)
    *lines, last = k2_text(lattice, symbols).splitlines()
    assert int(last) == len(lattice.states)
    rows = [line.split() for line in lines]
    assert [int(row[0]) for row in rows] == sorted(int(row[0]) for row in rows)
    text = ""
    for begin, end, label, score_ in rows:
        assert (label == "-1") == (end == last)
        number = 0 if label == "-1" else int(label)
        text += f"{begin} {end} {number} {number} {-float(score_)}\n"
    fst = kaldifst.compile(text + last, acceptor=False)
    assert_same(fst_paths(fst, names(symbols)), lattice)


@settings(deadline=None)
@given(lattice=drawn)
def test_slf(lattice: ScoredLattice) -> None:
    lines = slf_text(lattice, "an-utterance", Fraction(1, 25)).splitlines()
    fields = [dict(item.split("=", 1) for item in line.split()) for line in lines]
    head = {k: v for each in fields if not each.keys() & {"I", "J"} for k, v in each.items()}
    nodes = [each for each in fields if "I" in each]
    links = [each for each in fields if "J" in each]
    assert head["VERSION"] == "1.1"
    assert (int(head["N"]), int(head["L"])) == (len(nodes), len(links))
    assert [int(node["I"]) for node in nodes] == list(range(len(nodes)))
    assert [int(link["J"]) for link in links] == list(range(len(links)))
    if lattice.frames is None:
        assert not any("t" in node for node in nodes)
    else:
        times = [float(node["t"]) for node in nodes]
        words_end = [state.frame + 1 for state in lattice.states[1:]]
        assert times == [frame / 25 for frame in (0, *words_end, lattice.frames)]
    words = {w: n for n, w in enumerate(sorted({link["W"] for link in links} - {"!NULL"}), 1)}
    text = "".join(
        f"{link['S']} {link['E']} {words.get(link['W'], 0)} {words.get(link['W'], 0)} "
        f"{-float(link['a']) - float(link['l'])}\n"
        for link in links
    )
    fst = kaldifst.compile(text + head["end"], acceptor=False)
    spelt = {n: re.sub(r"\\(.)", r"\1", w) for w, n in words.items()}
    assert_same(fst_paths(fst, spelt), lattice)


@settings(deadline=None, max_examples=20)
@given(lattice=drawn)
def test_a_drawing_has_every_way(lattice: ScoredLattice) -> None:
    root = ElementTree.fromstring(svg_text(lattice, "A & <B>"))
    space = "{http://www.w3.org/2000/svg}"
    assert root.find(f"{space}title").text == "A & <B>"
    arcs = list(lattice.arcs())
    assert len(root.findall(f"{space}path")) == len(arcs)
    texts = [t.text.strip() for t in root.findall(f"{space}text") if t.get("class") != "halo"]
    assert sorted(texts) == sorted(arc.word or "end" for _, arc in arcs)
    assert len(root.findall(f"{space}circle")) == len(lattice.states) + 2


def test_a_name_with_spaces_is_refused() -> None:
    lattice = score(ONE)
    with pytest.raises(InputError, match="name without spaces"):
        kaldi_text(lattice, symbols_of(lattice), "a b")
    with pytest.raises(InputError, match="name without spaces"):
        slf_text(lattice, "", None)
