"""ARPA files of other tools; equal to KenLM, where it is installed, to the last bit."""

import math
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from sordino.decode.arpa import load_arpa, parse_arpa
from sordino.decode.ngram import BEGIN, END, UNKNOWN, NgramModel
from sordino.errors import InputError, InputWarning

UNIGRAMS = (
    "-99\t<s>\t-0.25",
    "-1.0\t</s>",
    "-2.0\t<unk>\t-0.75",
    "-0.5\tYES\t-0.125",
    "-0.625\tNO\t-0.0625",
)
BIGRAMS = ("-0.375\t<s> YES", "-0.1875\t<unk> NO", "-0.875\tYES </s>")


def written(*sections: tuple[str, ...], head: str = "", end: str = "\n") -> str:
    """The text of an ARPA file with these lines for each order."""
    lines = ["\\data\\", *(f"ngram {n}={len(lines)}" for n, lines in enumerate(sections, 1)), ""]
    for order, section in enumerate(sections, 1):
        lines += [f"\\{order}-grams:", *section, ""]
    return head + end.join([*lines, "\\end\\", ""])


def scores(model: NgramModel, words: list[str]) -> list[float]:
    said = [BEGIN, *words, END]
    return [model.log10(said[k], said[:k]) for k in range(1, len(said))]


MODEL = parse_arpa(written(UNIGRAMS, BIGRAMS))


def test_unknown_words_are_one_word_also_in_the_context() -> None:
    assert scores(MODEL, ["FOO", "NO"]) == [-0.25 - 2.0, -0.1875, -0.0625 - 1.0]
    assert scores(MODEL, ["FOO", "YES"]) == [-2.25, -0.75 - 0.5, -0.875]
    assert MODEL.log10("NO", ["FOO"]) == MODEL.log10("NO", [UNKNOWN])
    total = -2.25 - 0.1875 - 1.0625
    assert math.isclose(MODEL.perplexity([["FOO", "NO"]]), 10 ** (-total / 3))


def test_the_unknown_word_in_capitals() -> None:
    capitals = [tuple(x.replace("<unk>", "<UNK>") for x in s) for s in (UNIGRAMS, BIGRAMS)]
    found = parse_arpa(written(*capitals))
    assert (found.logs, found.backoffs) == (MODEL.logs, MODEL.backoffs)
    with pytest.raises(InputError, match=r"every n-gram once in line 11 .*<UNK>"):
        parse_arpa(written((*capitals[0], "-1\t<UNK>"), capitals[1]))


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("more", ["-1.5\t<UNK>", "-1.5\t<UNK>\t-0.5"])
def test_two_names_of_the_unknown_word(more: str, reverse: bool) -> None:
    """KenLM takes them, so that its result is wanted."""
    unigrams = sorted((*UNIGRAMS, more), reverse=reverse)
    bigrams = sorted((*BIGRAMS, "-0.5\t<UNK> NO", "-0.25\t<UNK> <unk>"), reverse=reverse)
    text = written(tuple(unigrams), tuple(bigrams))
    with pytest.warns(InputWarning, match="both <unk> and <UNK>, which are one word") as said:
        model = parse_arpa(text)
    assert len(said) == 1
    assert model.words == ["NO", "YES"]
    for words in (["FOO"], ["FOO", "NO"], ["FOO", "YES"], ["FOO", "FOO", "FOO"]):
        assert scores(model, words) == kenlm_scores(text, words)


@pytest.mark.parametrize("never", ["-inf", "-INF", "-Infinity"])
def test_minus_infinity_is_what_is_never_said(never: str) -> None:
    """KenLM and SRILM take it; -99 is how SRILM writes it."""
    unigrams = [line.replace("-0.625", "{0}").replace("-99", "{0}") for line in UNIGRAMS]
    bigrams = [line.replace("-0.375", "{0}") for line in BIGRAMS]
    unigrams.append("-1\tA\t{0}")

    def model(text: str) -> NgramModel:
        return parse_arpa(
            written(*(tuple(line.format(text) for line in s) for s in (unigrams, bigrams)))
        )

    found, wanted = model(never), model("-99")
    assert (found.logs, found.backoffs) == (wanted.logs, wanted.backoffs)
    assert math.isfinite(found.perplexity([["YES", "NO", "A", "A"]]))


@pytest.mark.parametrize("text", ["1e-8", "0.0000001", "+1.1920929e-07", "0.00001"])
def test_rounding_above_probability_one(text: str) -> None:
    model = parse_arpa(written((*UNIGRAMS, f"{text}\tA"), (f"{text}\tA </s>",)))
    assert (model.logs["A",], model.logs["A", END]) == (0.0, 0.0)


def test_a_perplexity_beyond_all_numbers() -> None:
    model = parse_arpa(written((*UNIGRAMS, "-1e30\tA"), BIGRAMS))
    assert model.perplexity([["A"]]) == math.inf


@pytest.mark.parametrize("odd", [*"\u00a0\u3000\x0b\x0c\x1c\u0085\u2028\u2029\ufeff"])
def test_tabs_and_spaces_alone_separate(odd: str) -> None:
    more = ("-1.5\t10\t-0.5", f"-3.5\t10{odd}000", f"-4.5\t{odd}")
    model = parse_arpa(written((*UNIGRAMS, *more), (f"-0.25\tYES 10{odd}000",)))
    assert model.log10("10", []) == -1.5
    assert model.log10(f"10{odd}000", []) == -3.5
    assert model.log10(odd, []) == -4.5
    assert model.log10(f"10{odd}000", ["YES"]) == -0.25


@pytest.mark.parametrize(
    "text",
    [
        written(UNIGRAMS, BIGRAMS, end="\r\n"),
        written(UNIGRAMS, BIGRAMS, head="\ufeff"),
        written(UNIGRAMS, BIGRAMS, head="# of someone else\nngram 7=8\n\n"),
        written(UNIGRAMS, BIGRAMS).replace("\t", "  "),
        written(UNIGRAMS, BIGRAMS).replace("\t", " \t").replace("\n", "\t \n"),
        written((*UNIGRAMS[:2], "", *UNIGRAMS[2:]), BIGRAMS).replace("1=6", " 1 = 5"),
        written(UNIGRAMS, tuple(line + "\t0" for line in BIGRAMS)),
        written(UNIGRAMS, BIGRAMS).removesuffix("\n"),
    ],
)
def test_the_same_model_written_differently(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.arpa"
    path.write_bytes(text.encode())
    found = load_arpa(path)
    assert (found.logs, found.backoffs) == (MODEL.logs, MODEL.backoffs)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (written((*UNIGRAMS, "-1\tYES"), BIGRAMS), "every n-gram once in line 11"),
        (written(UNIGRAMS, (*BIGRAMS, BIGRAMS[0])), "every n-gram once in line 16"),
        (written(UNIGRAMS, ("-1\tYES MAYBE",)), r"1-grams, too \(not 'MAYBE'\) in line 13"),
        (written((*UNIGRAMS, "0.5\tA"), BIGRAMS), "at most 0 in line 11"),
        (written((*UNIGRAMS, "0.001\tA"), BIGRAMS), "at most 0 in line 11"),
        (written((*UNIGRAMS, "inf\tA"), BIGRAMS), "a logarithm in line 11"),
        (written((*UNIGRAMS, "-1\tA\tinf"), BIGRAMS), "a logarithm in line 11"),
        (written((*UNIGRAMS, "-infinit\tA"), BIGRAMS), "a logarithm in line 11"),
        (written((*UNIGRAMS, "-1\tA\tnan"), BIGRAMS), "a logarithm in line 11"),
        (written((*UNIGRAMS, "-1e99\tA"), BIGRAMS), "a logarithm in line 11"),
        (written((*UNIGRAMS, "-1_0\tA"), BIGRAMS), "a logarithm in line 11"),
        (written((*UNIGRAMS, "-１\tA"), BIGRAMS), "a logarithm in line 11"),
        (
            written((*UNIGRAMS, "-1\tA\rB"), BIGRAMS),
            "not carriage returns, in line 11 .*LF or CRLF",
        ),
        (written(UNIGRAMS, ("-1\tYES NO\t-0.5",)), "no back-off weight of the longest"),
        (written(UNIGRAMS, BIGRAMS) + "more", "nothing after .* in line 18"),
        (written(UNIGRAMS, BIGRAMS, head="iARPA\n"), "compile-lm --text"),
        (written(UNIGRAMS, BIGRAMS).replace("2=3", "2=" + "9" * 5000), "1-grams: .* in line 3"),
        (written(UNIGRAMS, BIGRAMS).replace("2=3", "2=999999999999999"), "a logarithm and 2"),
        (written(UNIGRAMS, BIGRAMS).replace("</s>", "E"), "wanted </s> among the words"),
        (written(UNIGRAMS, BIGRAMS).replace("\n", "\r"), "not carriage returns, in line 1"),
    ],
)
def test_odd_files_are_refused(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as raised:
        parse_arpa(text)
    assert len(str(raised.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("start", "message"),
    [
        (b"\x1f\x8b\x08\x00", "a gzip archive .*gunzip"),
        (b"mmap lm http://kheafield.com/code format version 5", "KenLM's binary"),
        (b"\xff\xfe\\\x00", "UTF-16"),
        (b"caf\xe9\n", "as UTF-8, got byte 0xe9 in line 1"),
    ],
)
def test_other_kinds_of_files_are_refused(tmp_path: Path, start: bytes, message: str) -> None:
    (tmp_path / "x").write_bytes(start)
    with pytest.raises(InputError, match=message):
        load_arpa(tmp_path / "x")


def test_a_model_without_an_unknown_word_says_so() -> None:
    known = tuple(line for line in UNIGRAMS if "<unk>" not in line)
    with pytest.warns(InputWarning, match="has no <unk>"):
        model = parse_arpa(written(known, BIGRAMS[:1]))
    assert scores(model, ["FOO"]) == [-100.25, -1.0]


def test_contexts_that_were_pruned() -> None:
    model = parse_arpa(written(UNIGRAMS, BIGRAMS, ("-0.25\tNO YES NO",)))
    assert model.log10("NO", ["NO", "YES"]) == -0.25
    assert model.log10(END, ["NO", "YES"]) == -0.875
    assert model.log10("YES", ["NO", "YES"]) == -0.125 - 0.5


def kenlm_scores(text: str, words: list[str]) -> list[float]:
    kenlm = pytest.importorskip("kenlm", reason="it has no wheel and needs a compiler")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.arpa"
        path.write_text(text, encoding="utf-8")
        config = kenlm.Config()
        config.show_progress = False
        config.arpa_complain = kenlm.ARPALoadComplain.NONE
        try:
            model = kenlm.Model(str(path), config)
        except OSError as error:  # it has too little room for so many shorter n-grams pruned
            assume("ProbingSizeException" not in str(error))
            raise
        return [score for score, *_ in model.full_scores(" ".join(words))]


WORDS = ("A", "b", "É", "10\u00a0000", "\u3000", "x\u2028")
EIGHTHS = st.integers(-80, -25).map(lambda n: n / 8)
"""Their sums have no rounding, neither in float32 nor in float64.

With three back-off weights they stay below 0: KenLM keeps a flag in the sign of a probability.
"""
BACKOFFS = st.none() | st.integers(-16, 8).map(lambda n: n / 8)


@st.composite
def arpa_texts(draw: st.DrawFn) -> str:
    """Random models, pruned ones among them: shorter n-grams and back-off weights are missing."""
    order = draw(st.integers(2, 4))
    words = [*draw(st.sets(st.sampled_from(WORDS), min_size=1)), BEGIN, END]
    unknown = draw(st.sampled_from(["<unk>", "<UNK>", None]))
    words += [unknown] if unknown else []
    sections, grams = [], {(word,) for word in words}
    for length in range(1, order + 1):
        if length > 1:  # KenLM wants the context of every n-gram, though not its other part
            contexts = st.sampled_from(sorted(g for g in grams if g[-1] != END))
            following = st.sampled_from([word for word in words if word != BEGIN])
            chosen = st.tuples(contexts, following).map(lambda two: (*two[0], two[1]))
            grams = draw(st.sets(chosen, min_size=1, max_size=8))
            assume(length == order or any(g[-1] != END for g in grams))
        lines = []
        for gram in sorted(grams):
            line = f"{draw(EIGHTHS)}\t{' '.join(gram)}"
            backoff = draw(BACKOFFS) if length < order and gram[-1] != END else None
            lines.append(line if backoff is None else f"{line}\t{backoff}")
        sections.append(tuple(lines))
    return written(*sections)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(text=arpa_texts(), words=st.lists(st.sampled_from([*WORDS, "NEVER", "SEEN"]), max_size=7))
@pytest.mark.filterwarnings("ignore:the language model has no <unk>")
def test_probabilities_are_kenlm_s(text: str, words: list[str]) -> None:
    assert scores(parse_arpa(text), words) == kenlm_scores(text, words)
