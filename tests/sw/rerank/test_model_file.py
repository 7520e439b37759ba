"""A file that names several language models: what it mixes, and what is none."""

import math

import pytest

from sordino.decode.arpa import save_arpa
from sordino.decode.ngram import estimate
from sordino.errors import InputError
from sordino.rerank.grammar.classes import load_grammar
from sordino.rerank.grammar.words import GrammarWords
from sordino.rerank.mixture import Mixture
from sordino.rerank.model_file import load_models
from sordino.rerank.ngram_words import NgramWords
from tests.sw.rerank.test_reranker import SENTENCES, nats_of

GRAMMAR = 'start = "all"\n[class.all]\n"A B" = 1\n"B <all2>" = 1\n[class.all2]\nB = 1\n'
TEXT = """
memory = 0.5
[grammar]
file = "grammar.toml"
weight = 0.75
[ngram]
file = "words.arpa"
weight = 0.25
"""


@pytest.fixture
def folder(tmp_path):
    save_arpa(estimate(SENTENCES, 3), tmp_path / "words.arpa")
    (tmp_path / "grammar.toml").write_text(GRAMMAR)
    return tmp_path


def written(folder, text: str):
    (folder / "models.toml").write_text(text)
    return load_models(folder / "models.toml")


def test_it_is_the_mixture_of_its_models(folder) -> None:
    found = written(folder, TEXT)
    ngram = NgramWords(estimate(SENTENCES, 3))
    grammar = GrammarWords(load_grammar(folder / "grammar.toml"))
    wanted = Mixture([ngram, grammar], [0.25, 0.75], 0.5)
    for words in (["A", "B"], ["B", "B"], ["EIGHT"], ["NEVER", "A"], []):
        assert math.isclose(nats_of(found.mixture(), words), nats_of(wanted, words))
        assert math.isclose(nats_of(found.mixture(["ngram"]), words), nats_of(ngram, words))
    low = NgramWords(estimate(SENTENCES, 3))
    assert nats_of(found.simpler[0], ["A", "B"]) == nats_of(low, ["A", "B"])
    states = [{str(m.say(m.say(m.start(), a)[0], "K")[0]) for a in "AB"} for m in found.simpler]
    assert list(map(len, states)) == [2, 1, 1], "less and less context"


BAD = {
    "many digits": ("memory = " + "9" * 5000, "as TOML"),
    "a large number": (
        "memory = 0x" + "f" * 5000 + TEXT.replace("memory = 0.5", ""),
        "a memory from 0 to 1",
    ),
    "deep": ("memory = " + "[" * 20_000, "as TOML"),
    "deep, and whole": ("ngram" + ".a" * 3000 + " = 1", "file and weight in [ngram]"),
    "zero byte": ('[ngram]\nfile = "a\\u0000"\nweight = 1', "the name of a file in [ngram]"),
    "colours": ('[ngram]\nfile = "\\u001b[31m\\n"\nweight = 1', "the name of a file in [ngram]"),
    "folder": ('[neural]\nfile = "."\nweight = 1', ": No such device"),
    "toml": ("memory", "as TOML"),
    "key": (TEXT + "[trigram]\n", "got 'trigram'"),
    "no table": ("ngram = 3", "file and weight in [ngram]"),
    "table": (TEXT + "order = 3\n", "file and weight in [ngram]"),
    "no file": ('[ngram]\nfile = ""\nweight = 1', "the name of a file in [ngram]"),
    "lost": ('[ngram]\nfile = "lost.arpa"\nweight = 1', "cannot read"),
    "negative": ('[ngram]\nfile = "words.arpa"\nweight = -1', "a weight from 0 to 1 in [ngram]"),
    "nan": ('[ngram]\nfile = "words.arpa"\nweight = nan', "a weight from 0 to 1 in [ngram]"),
    "yes": ('[ngram]\nfile = "words.arpa"\nweight = true', "a weight from 0 to 1 in [ngram]"),
    "zero": ('[ngram]\nfile = "words.arpa"\nweight = 0', "a weight above 0 in [ngram]"),
    "memory": (TEXT.replace("0.5", "1.5"), "a memory from 0 to 1"),
    "grammar alone": ('[grammar]\nfile = "grammar.toml"\nweight = 1', "which say any word"),
    "nothing": ("", "which say any word"),
    "damaged": ('[neural]\nfile = "words.arpa"\nweight = 1', "copy or train it again"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_such_file_is_refused(folder, name) -> None:
    text, said = BAD[name]
    with pytest.raises(InputError) as refusal:
        written(folder, text)
    assert said in str(refusal.value)
    assert "\n" not in str(refusal.value)
