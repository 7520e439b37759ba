"""Grammars: what they say and how probable it is, exactly; what is none is refused in a line."""

import math
import random
from collections import Counter
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sordino.errors import InputError
from sordino.rerank.grammar import network as networks
from sordino.rerank.grammar import words as grammar_words
from sordino.rerank.grammar.classes import Grammar, load_grammar, reweighted
from sordino.rerank.grammar.estimate import estimate_weights
from sordino.rerank.grammar.sample import Sampler
from sordino.rerank.grammar.spelled import LetterNgram, NameList, read_names
from sordino.rerank.grammar.words import GrammarWords
from sordino.rerank.reranker import shipped_models

SMALL = """
start = "all"

[class.all]
"GO" = 2
"<number> <unit>" = 1
"<number>" = 1  # two ways to say ONE TWO
"<who> <number>" = 0.5
"<who>" = 1

[class.number]
ONE = 3
"TWO" = 1
"ONE <unit>" = 1

[class.unit]
"TWO" = 1
"THREE" = 0

[listed.who]
file = "names.txt"
"""
NAMES = "# names\nAB 3\nA\nBAB 0.5\n\nNOBODY 0\n"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "names.txt").write_text(NAMES)
    return tmp_path


def written(folder, text: str) -> Grammar:
    (folder / "grammar.toml").write_text(text)
    return load_grammar(folder / "grammar.toml")


def sentences(grammar: Grammar, name: str | None = None):
    """Every way to say something, and its probability, by the definition of a grammar."""
    for alternative in grammar.classes[name or grammar.start]:
        parts = []
        for item in alternative.items:
            if item.is_word:
                parts.append([((item.name,), 1.0)])
            elif item.name in grammar.classes:
                parts.append([*sentences(grammar, item.name)])
            else:
                parts.append([*spellings(grammar.spelled[item.name])])
        for chosen in product(*parts):
            words = tuple(word for part, _ in chosen for word in part)
            yield words, alternative.share * math.prod(share for _, share in chosen)


def spellings(kind, letters: str = ""):
    following, ends = kind.following(letters)
    if ends:
        yield tuple(letters), ends
    for letter, share in following.items():
        for name, rest in spellings(kind, letters + letter):
            yield name, share * rest


def chance(model, words) -> float:
    state, nats = model.start(), 0.0
    for word in words:
        state, more = model.say(state, word)
        nats += more
    return math.exp(nats + model.finish(state))


def test_a_sentence_is_as_probable_as_all_ways_to_say_it(folder) -> None:
    grammar = written(folder, SMALL)
    wanted = Counter()
    for words, share in sentences(grammar):
        wanted[words] += share
    assert math.isclose(sum(wanted.values()), 1.0)
    model = GrammarWords(grammar)
    assert {len(words) for words in wanted} == {1, 2, 3, 4, 5}
    for words, share in wanted.items():
        assert math.isclose(chance(model, words), share, rel_tol=1e-12, abs_tol=0.0)
    for words in [("THREE",), ("ONE", "THREE"), ("A", "A"), (), ("GO", "GO"), ("N",)]:
        assert chance(model, words) == wanted[words] == 0.0


@st.composite
def grammars(draw):
    """A grammar whose classes lead to later ones alone."""
    count = draw(st.integers(1, 4))
    text = 'start = "c0"\n[listed.who]\nfile = "names.txt"\n'
    for number in range(count):
        parts = ["X", "Y", "Z", "<who>"] + [f"<c{later}>" for later in range(number + 1, count)]
        ways = draw(
            st.lists(
                st.lists(st.sampled_from(parts), min_size=1, max_size=3).map(" ".join),
                min_size=1, max_size=3, unique=True,
            )
        )  # fmt: skip
        if number == 0:  # all classes are used
            ways += ["<who>", *(f"<c{later}>" for later in range(1, count))]
        rows = dict.fromkeys(ways, 0)
        weights = st.sampled_from([0.25, 1, 7])
        text += f"[class.c{number}]\n" + "".join(f'"{way}" = {draw(weights)}\n' for way in rows)
    return text


@settings(deadline=None, max_examples=60)
@given(text=grammars())
def test_the_chances_of_all_that_is_said_next_sum_to_one(tmp_path_factory, text) -> None:
    folder = tmp_path_factory.mktemp("g")
    (folder / "names.txt").write_text(NAMES)
    grammar = written(folder, text)
    model, generator = GrammarWords(grammar), random.Random(text)
    assert model.start() == GrammarWords(grammar).start()
    for _ in range(5):
        state = model.start()
        for _ in range(30):
            chances = {word: math.exp(model.say(state, word)[1]) for word in grammar.words}
            ends = math.exp(model.finish(state))
            assert math.isclose(sum(chances.values()) + ends, 1.0, rel_tol=1e-9)
            chosen = generator.choices([None, *chances], [ends, *chances.values()])[0]
            if chosen is None:
                break
            state, _ = model.say(state, chosen)


@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_letters_are_probable_as_names_have_them(order) -> None:
    names = {"ANNA": 1.0, "ANTON": 9.0, "NAT": 0.0}
    kind = LetterNgram(names, order)
    for prefix in ("", "A", "AN", "ANN", "TTT", "ANTONNA"):
        following, ends = kind.following(prefix)
        assert following.keys() == set("ANTO") == kind.letters
        assert math.isclose(sum(following.values()) + ends, 1.0, rel_tol=1e-6)
        assert min(following.values()) > 0
        assert (ends > 0) == bool(prefix), "no name has no letters"
    if order > 2:
        after = kind.following("AN")[0]
        assert min(after["T"], after["N"]) > max(after["A"], after["O"])
    for name in ("A", "ANNA", "NATATATON"):
        short = ""
        for letter in name:
            short = kind.after(short, letter)
        assert kind.following(short) == kind.following(name)
        assert 0 < len(short) <= max(1, order - 1), "what is remembered does not grow"
    # By hand, Witten and Bell: A N N A . A N T O N . N A T . of 15, and 5 kinds over 5 uniformly.
    letters, end = LetterNgram(names, 1).following("A")
    assert math.isclose(letters["N"], (5 + 5 / 5) / (15 + 5), rel_tol=1e-6)
    assert math.isclose(end, (3 + 5 / 5) / (15 + 5), rel_tol=1e-6)


def test_a_list_has_its_names_alone() -> None:
    kind = NameList({"AB": 3.0, "A": 1.0, "BAB": 0.5, "NOBODY": 0.0})
    assert dict(spellings(kind)) == {
        ("A",): 1 / 4.5,
        ("A", "B"): pytest.approx(3 / 4.5, rel=1e-12),
        ("B", "A", "B"): pytest.approx(0.5 / 4.5, rel=1e-12),
    }
    assert kind.following("AX") == ({}, 0.0)


def test_weights_are_found_again_from_what_they_say(folder) -> None:
    grammar = written(folder, SMALL)
    drawn = Sampler(grammar, 1)
    said = [drawn.sentence() for _ in range(3000)]
    again = Sampler(grammar, 1)
    assert [again.sentence() for _ in range(9)] == said[:9]
    flat = grammar.with_weights({"all": [1] * 5, "number": [1] * 3, "unit": [1, 1]})
    found = estimate_weights(flat, [*said, ["NEVER", "SAID"]], more=0.5, rounds=40)
    shares = [value / sum(found["number"]) for value in found["number"]]
    assert shares == pytest.approx([0.6, 0.2, 0.2], abs=0.05)
    assert found["unit"][1] == 0.5, "never said, and still possible"
    assert found["all"][0] == pytest.approx(said.count(["GO"]) + 0.5)


def test_one_round_is_the_expectation_over_all_ways(folder) -> None:
    grammar = written(folder, SMALL)
    found = estimate_weights(grammar, [["ONE", "TWO"]], more=0.0, rounds=1)
    one, two = 0.25 / 1.375, 0.25 / 1.375  # weights 1 and 1 of 5.5 both
    both = {"number unit": one * 0.6, "number": two * 0.2}
    share = both["number unit"] / sum(both.values())
    assert found["all"] == pytest.approx([0, share, 1 - share, 0, 0])
    assert found["number"] == pytest.approx([share, 0, 1 - share])


def test_the_text_stays_when_weights_change(folder) -> None:
    grammar = written(folder, SMALL)
    weights = {"all": [5, 4, 3, 2, 1], "number": [1 / 3, 2, 1e-7], "unit": [1, 2]}
    text = reweighted(SMALL, weights)
    assert "# two ways to say ONE TWO" in text
    assert text.count("\n") == SMALL.count("\n")
    assert reweighted(text, weights) == text
    again = written(folder, text)
    for name, alternatives in grammar.with_weights(weights).classes.items():
        for a, b in zip(alternatives, again.classes[name], strict=True):
            assert (a.items, pytest.approx(a.share, rel=1e-3)) == (b.items, b.share)


BAD = {
    "many digits": ('start = "a"\n[class.a]\nA = ' + "9" * 5000, "as TOML"),
    "a large number": ('start = "a"\n[class.a]\nA = 0x' + "f" * 5000, "a weight from 0 to 1e+12"),
    "deep": ("start = " + "[" * 20_000, "as TOML"),
    "deep classes": (
        'start = "c0"\n'
        + "".join(f'[class.c{n}]\n"<c{n + 1}>" = 1\n' for n in range(3000))
        + "[class.c3000]\nA = 1",
        "at most 100 deep in each other",
    ),
    "deep by another way": (
        'start = "c0"\n[class.c0]\n"<c60> <c1>" = 1\n'
        + "".join(f'[class.c{n}]\n"<c{n + 1}>" = 1\n' for n in range(1, 120))
        + "[class.c120]\nA = 1",
        "at most 100 deep in each other",
    ),
    "order that is no whole number": (
        'start = "a"\n[class.a]\n"<b>" = 1\n[letters.b]\nfile = "names.txt"\norder = 2.0',
        "an order of 1 to 4",
    ),
    "zero byte": ('start = "a"\n[class.a]\n"<b>" = 1\n[listed.b]\nfile = "\\u0000"', "a file of"),
    "toml": ("start = ", "as TOML"),
    "start missing": ("[class.a]\nA = 1", "start, the name of a class"),
    "start unknown": ('start = "b"\n[class.a]\nA = 1', "start, the name of a class"),
    "key": ('start = "a"\nstop = 1\n[class.a]\nA = 1', "'stop'"),
    "class": ('start = "a"\n[class.a]\n"<b>" = 1', "got <b> in class 'a'"),
    "empty class": ('start = "a"\n[class.a]', "alternatives in class 'a'"),
    "empty way": ('start = "a"\n[class.a]\n" " = 1', "got an empty one"),
    "no table": ('start = "a"\nclass = 3', "a table for class"),
    "no weight": ('start = "a"\n[class.a]\nA = "1"', "a weight from 0 to 1e+12 for 'A'"),
    "yes": ('start = "a"\n[class.a]\nA = true', "a weight from 0 to 1e+12 for 'A'"),
    "negative": ('start = "a"\n[class.a]\nA = -1', "a weight from 0 to 1e+12 for 'A'"),
    "nan": ('start = "a"\n[class.a]\nA = nan', "a weight from 0 to 1e+12 for 'A'"),
    "inf": ('start = "a"\n[class.a]\nA = inf', "a weight from 0 to 1e+12 for 'A'"),
    "large": ('start = "a"\n[class.a]\nA = 1e308\nB = 1e308', "a weight from 0 to 1e+12"),
    "huge": (f'start = "a"\n[class.a]\nA = 1{"0" * 400}', "a weight from 0 to 1e+12"),
    "zero": ('start = "a"\n[class.a]\nA = 0', "a weight above 0"),
    "half a class": ('start = "a"\n[class.a]\n"<b" = 1', "got '<b'"),
    "itself": ('start = "a"\n[class.a]\n"A <a>" = 1', "got <a> <a>"),
    "circle": ('start = "a"\n[class.a]\n"<b>" = 1\n[class.b]\n"<a> B" = 1', "got <a> <b> <a>"),
    "unused": ('start = "a"\n[class.a]\nA = 1\n[class.b]\nB = 1', "got 'b'"),
    "twice": ('start = "a"\n[class.a]\nA = 1\nA = 2', "as TOML"),
    "no file": ('start = "a"\n[class.a]\n"<b>" = 1\n[listed.b]\n', "a file of names"),
    "no such file": ('start = "a"\n[class.a]\n"<b>" = 1\n[listed.b]\nfile = "x"', "cannot read"),
    "listed key": (
        'start = "a"\n[class.a]\n"<b>" = 1\n[listed.b]\nfile = "names.txt"\norder = 3',
        "got 'order'",
    ),
    "order": (
        'start = "a"\n[class.a]\n"<b>" = 1\n[letters.b]\nfile = "names.txt"\norder = 5',
        "an order of 1 to 4",
    ),
    "two meanings": (
        'start = "a"\n[class.a]\n"<b>" = 1\n[class.b]\nB = 1\n[letters.b]\nfile = "names.txt"',
        "one meaning for each name",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_grammar_is_refused(folder, name) -> None:
    text, said = BAD[name]
    with pytest.raises(InputError) as refusal:
        written(folder, text)
    assert said in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "wanted names with a weight above 0"),
        ("A 0\n", "wanted names with a weight above 0"),
        ("A 1\nA 2\n", "got 'A' twice in line 2"),
        ("A one\n", "got 'one' after the name"),
        ("A 1 2\n", "got '1 2' after the name"),
        ("A nan\n", "got 'nan' after the name"),
        ("A -1\n", "got '-1' after the name"),
        ("A" * 65, "more than 64 letters"),
    ],
)
def test_what_is_no_list_of_names_is_refused(tmp_path, text, said) -> None:
    (tmp_path / "names.txt").write_text(text)
    with pytest.raises(InputError) as refusal:
        read_names(tmp_path / "names.txt")
    assert said in str(refusal.value)


def test_large_grammars_are_refused(folder, monkeypatch) -> None:
    text = 'start = "c0"\n' + "".join(
        f'[class.c{n}]\n"<c{n + 1}> <c{n + 1}>" = 1\n' for n in range(40)
    )
    grammar = written(folder, text + "[class.c40]\nA = 1\n")
    with pytest.raises(InputError, match="wanted a grammar of at most 131,072 links"):
        networks.network(grammar)
    many = "".join(f"W{n} = 1\n" for n in range(400))
    text = 'start = "c0"\n' + "".join(
        f'[class.c{n}]\n"<c{n + 1}>" = 1\n"X{n}" = 1\n' for n in range(30)
    )
    monkeypatch.setattr(grammar_words, "_MOST_AHEAD", 10_000)
    with pytest.raises(InputError, match="wanted a grammar that has at most 10,000 words ahead"):
        GrammarWords(written(folder, f"{text}[class.c30]\n{many}"))
    with pytest.raises(InputError, match="at most 64 different letters"):
        LetterNgram({chr(200 + n): 1.0 for n in range(65)}, 2)


def test_a_long_utterance_takes_no_more_room_than_a_short_one() -> None:
    """Also for the grammar that ships: a name of the letter model has no end that must come."""
    grammar = shipped_models().models["grammar"]
    state, rooms = grammar.start(), []
    for place in range(600):
        state, nats = grammar.say(state, "ANTON"[place % 5])
        assert nats > -math.inf
        rooms.append((len(state), max(len(letters) for (_, letters), _ in state)))
    assert rooms[100:105] == rooms[-5:]
    assert rooms[-1] < (100, 16)
