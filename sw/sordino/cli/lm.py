"""`sordino lm`."""

from pathlib import Path

import click

from sordino.cli.options import json_option, path_type
from sordino.cli.output import prepare_output, print_json, print_table
from sordino.decode.arpa import save_arpa
from sordino.decode.ngram import estimate
from sordino.errors import InputError
from sordino.speech.datasets import load_dataset

__all__ = ["lm"]


def _sentences(source: Path) -> list[list[str]]:
    """The words of a text file's lines, or of a corpus's training transcripts."""
    if source.is_dir():
        return [utterance.text.upper().split() for utterance in load_dataset(source, "train")]
    try:
        text = source.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot read transcripts {source}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InputError(
            f"wanted transcripts as text, but {source} is not UTF-8; give an utterance a line"
        ) from None
    return [words for line in text.splitlines() if (words := line.split())]


@click.command(
    epilog="\b\nExamples:\n"
    "  sordino lm path/to/an4 -o build/an4.arpa\n"
    "  sordino lm commands.txt more.txt --order 2 -o build/commands.arpa\n"
    "  sordino eval model.sordino --data path/to/an4 --beam 8 --lm build/an4.arpa",
)
@click.argument("sources", type=path_type, nargs=-1, required=True)
@click.option(
    "-o", "--output", type=path_type, required=True, help="The n-gram, as an ARPA text file."
)
@click.option(
    "--order",
    type=click.IntRange(1, 9),
    default=5,
    show_default=True,
    help="Words in the longest n-gram.",
)
@json_option
def lm(sources: tuple[Path, ...], output: Path, order: int, as_json: bool) -> None:
    """Estimate a word n-gram from SOURCES: text files, an utterance a line, or corpora.

    Interpolated modified Kneser–Ney smoothing. Of a corpus (as for `sordino train --data`) only
    the training split's transcripts are used, in capitals.
    """
    prepare_output(output)
    sentences = [words for source in sources for words in _sentences(source)]
    model = estimate(sentences, order)
    save_arpa(model, output)
    report = {
        "lm": str(output),
        "order": order,
        "sentences": len(sentences),
        "words": sum(map(len, sentences)),
        "vocabulary": len(model.words),
        "ngrams": len(model.logs),
        "perplexity": model.perplexity(sentences),
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
