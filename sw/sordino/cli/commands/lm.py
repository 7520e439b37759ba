"""`sordino lm`."""

from collections.abc import Iterable
from pathlib import Path

import click

from sordino.cli.shared.options import json_option, output_type, path_type
from sordino.cli.shared.output import print_json, print_table
from sordino.cli.shared.speech import load_speller
from sordino.decode.arpa import save_arpa
from sordino.decode.ngram import estimate
from sordino.errors import InputError
from sordino.files import read_lines
from sordino.speech.corpora.datasets import load_dataset
from sordino.speech.corpora.transcript_table import TABLE
from sordino.speech.text import Speller, split_words

__all__ = ["lm"]


def _texts(source: Path) -> list[str]:
    """The lines of a text file, or a corpus's training transcripts."""
    if source.is_dir():
        return [utterance.text for utterance in load_dataset(source, "train")]
    lines = read_lines(source, "transcripts")
    start = next((line.strip() for line in lines if line.strip()), "")
    if start == "\\data\\":
        raise InputError(
            f"wanted a text, got the ARPA file {source}; it is a language model, use it as it is"
        )
    if {"file", "transcript"} <= set(start.split("\t")):
        raise InputError(
            f"wanted a text, got the table of recordings {source}; give its folder, with the table "
            f"as {TABLE}"
        )
    return lines


def _sentences(sources: Iterable[Path], speller: Speller | None) -> list[list[str]]:
    """The words of all utterances that have any, as a model writes them if there is one."""
    texts = [text for source in sources for text in _texts(source)]
    if speller is not None:
        texts = [speller.adapt(text) for text in texts]
    sentences = [words for text in texts if (words := split_words(text))]
    if speller is not None:
        speller.check(
            [word for words in sentences for word in words],
            "the texts",
            "no search finds them; spell them as the model does",
        )
    return sentences


@click.command(
    epilog="\b\nExamples:\n"
    "  sordino lm path/to/an4 -o build/an4.arpa\n"
    "  sordino lm commands.txt more.txt --order 2 -o build/commands.arpa\n"
    "  sordino lm commands.txt --model model.sordino -o build/commands.arpa\n"
    "  sordino eval model.sordino --data path/to/an4 --beam 8 --lm build/an4.arpa",
)
@click.argument("sources", type=path_type, nargs=-1, required=True)
@click.option(
    "-o", "--output", type=output_type, required=True, help="The n-gram, as an ARPA text file."
)
@click.option(
    "--order",
    type=click.IntRange(1, 9),
    default=5,
    show_default=True,
    help="Words in the longest n-gram.",
)
@click.option(
    "--model",
    type=path_type,
    help="Image or model that the n-gram is for: words are brought to its case, if its tokens have "
    "only one, and it is said what they cannot spell.  [default: words as they are written]",
)
@json_option
def lm(
    sources: tuple[Path, ...], output: Path, order: int, model: Path | None, as_json: bool
) -> None:
    """Estimate a word n-gram from SOURCES: text files, an utterance a line, or corpora.

    Interpolated modified Kneser–Ney smoothing. Of a corpus (as for `sordino train --data`) only
    the training split's transcripts are used. Words are what white space separates.
    """
    sentences = _sentences(sources, None if model is None else load_speller(model))
    made = estimate(sentences, order)
    save_arpa(made, output)
    report = {
        "lm": str(output),
        "model": None if model is None else str(model),
        "order": order,
        "sentences": len(sentences),
        "words": sum(map(len, sentences)),
        "vocabulary": len(made.words),
        "ngrams": len(made.logs),
        "perplexity": made.perplexity(sentences),
    }
    if as_json:
        print_json(report)
    else:
        print_table(
            ("file", "order", "sentences", "words", "vocabulary", "n-grams", "own perplexity"),
            [
                (
                    output.name,
                    *(f"{report[k]:,}" for k in ("order", "sentences", "words", "vocabulary")),
                    f"{report['ngrams']:,}",
                    f"{report['perplexity']:.2f}",
                )
            ],
        )
