"""What the recipes in recipes/voices came to: on AN4, on voices that no model heard, in bytes.

The models of nine AN4 speakers less are those by which something was chosen; they are on the page
apart from what reports.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from campaigns.blank_penalty import PENALTIES, measure
from campaigns.common import (
    MODELS,
    RECIPES,
    UTTERANCES,
    corpus_in,
    data_option,
    output_option,
    runs_option,
    sordino,
    write_page,
)
from campaigns.training import Run, load_run
from campaigns.voices.corpus import RATE
from campaigns.voices.declaration import load_declaration
from campaigns.voices.hearing import hear
from campaigns.voices_eval import QUIET, Listener, Said, alone, voices_in
from sordino.arch import PRESETS
from sordino.cli.shared.output import progress
from sordino.compiler.compile import compile_model
from sordino.errors import InputError
from sordino.golden.machine import Golden
from sordino.image.image import Image
from sordino.model.load import load_model
from sordino.reference.markdown import table
from sordino.speech.corpora.datasets import Utterance, load_dataset
from sordino.speech.transcript import features_of, speller_of, text_of
from sordino.speech.wer import paired_bootstrap, transcript_errors
from sordino.train.ancestry import steps_in

__all__ = ["Decoded", "chain", "decode", "main", "mean_row"]

_CHOOSING = "fitting_"
"""How names of trainings begin that have not heard the speakers to choose on."""
_MACHINE = "small"
_SHOWN = (UTTERANCES, UTTERANCES.with_name("utterances-apart"))


@dataclass(frozen=True, kw_only=True)
class Decoded:
    """Word errors and words of each utterance, and how many utterances are right as a whole."""

    errors: tuple[int, ...]
    words: tuple[int, ...]
    whole: int


def decode(image: Image, utterances: Sequence[Utterance]) -> Decoded:
    """What an image makes of utterances on the exact machine, greedily."""
    golden = Golden(image)
    said = [text_of(image, golden.run(features_of(image, u.path)).tokens) for u in utterances]
    score = transcript_errors([u.text for u in utterances], said, speller_of(image))
    errors = tuple(score.utterance_errors)
    return Decoded(
        errors=errors, words=tuple(score.utterance_words), whole=sum(not n for n in errors)
    )


def chain(data: Path, runs: Path, *, train: bool, without: Sequence[str] = ()) -> list[Path]:
    """The folders of all trainings of recipes/voices, each after what it goes on from.

    What is missing is trained, or refused without `train`; recipes `without` are left out.
    """
    folders = []
    steps = steps_in(RECIPES / "voices", runs)
    if unknown := set(without) - {step.folder.name for step in steps}:
        raise InputError(
            f"wanted --without among {', '.join(step.folder.name for step in steps)}, got "
            f"{min(unknown)}"
        )
    for step in steps:
        if step.folder.name in without:
            continue
        if not step.trained:
            if not train:
                raise InputError(
                    f"wanted a training in {step.folder}, got none that is done; leave out "
                    "--no-train"
                )
            arguments = ("--data", corpus_in(data), "-o", step.folder, "--runs", runs)
            sordino("train", step.path, *arguments)
        folders.append(step.folder)
    return folders


def _against(errors: Sequence[int], other: Sequence[int], words: Sequence[int]) -> tuple[str, str]:
    low, high = paired_bootstrap(errors, other, words)
    difference = (sum(errors) - sum(other)) / sum(words)
    return f"{difference:+.2%}", f"{low:+.2%} to {high:+.2%}"


def _row(run: Run, shipped: Decoded) -> tuple[str, ...]:
    result = run.result
    machine = result["machine_wer"]
    return (
        *(run.name, result["recipe"]["description"], f"{result['wer']:.2%}"),
        "" if machine is None else f"{machine:.2%}",
        f"{sum(run.errors)}/{sum(run.words)}",
        *_against(run.errors, shipped.errors, run.words),
        f"{result['seconds'] / 60:.0f}",
    )


def mean_row(name: str, seeds: Sequence[Run], shipped: Decoded) -> tuple[str, ...]:
    """The mean over trainings that differ by their seed, as a row of the table of errors."""
    count = len(seeds)
    errors = [sum(each) for each in zip(*(run.errors for run in seeds), strict=True)]
    words = [count * n for n in seeds[0].words]
    wer = f"{sum(errors) / sum(words):.2%}"
    mean = f"{sum(errors) / count:.1f}/{sum(seeds[0].words)}"
    other = [count * n for n in shipped.errors]
    return (name, f"mean of {count} seeds", "", wer, mean, *_against(errors, other, words), "")


def _size(run: Run) -> tuple[str, ...]:
    small = run.zeros is not None
    return (
        run.name,
        f"{run.result['parameters']:,}",
        f"{run.zeros:.1%}" if small else "",
        str(run.result["recipe"]["quantise"]["bits"]) if small else "32, float",
        f"{run.size:,}",
        f"{run.cycles:,}" if run.cycles is not None else "",
    )


def _compiled(folder: Path) -> Image:
    return compile_model(load_model(folder / "model.npz"), PRESETS[_MACHINE]).image


def _apart(folders: Sequence[Path], said: Sequence[Said]) -> Iterator[tuple[str, ...]]:
    """Rows: model, voice, words, letters, nothing heard; each voice alone, in a quiet room."""
    sounds = [hear(each.samples, QUIET, RATE, []) for each in said]
    with progress() as bar:
        task = bar.add_task("voices apart", total=len(folders) * len(sounds))
        for folder in folders:
            listener, heard = Listener(_compiled(folder)), []
            for samples in sounds:
                heard.append(listener.text(samples))
                bar.advance(task)
            yield from ((folder.name, *row) for row in alone(said, heard))


def _shown(folders: Sequence[Path]) -> Iterator[tuple[str, ...]]:
    """Rows: model, and for each folder of shipped utterances those right as a whole and errors."""
    for folder in folders:
        image, cells = _compiled(folder), []
        for place in _SHOWN:
            found = decode(image, load_dataset(place, "train"))
            cells.append(f"{found.whole}/{len(found.words)}")
            cells.append(f"{sum(found.errors)}/{sum(found.words)}")
        yield (folder.name, *cells)


def _seeds(folders: Sequence[Path]) -> dict[str, list[Path]]:
    """Trainings that differ by their seed alone, by the name of the first."""
    groups: dict[str, list[Path]] = {}
    for folder in folders:
        stem, _, last = folder.name.rpartition("_")
        groups.setdefault(stem if last.isdigit() else folder.name, []).append(folder)
    return {name: group for name, group in groups.items() if len(group) > 1}


@click.command()
@click.option(
    "--against",
    type=click.Path(path_type=Path),
    default=MODELS / "an4_rnnt_causal.sordino",
    help="The image with which all are compared.  [default: the shipped one]",
)
@click.option("--train/--no-train", default=True, help="Train what is missing, or refuse it.")
@click.option("--without", multiple=True, help="A recipe that is left out; the page says so.")
@data_option
@runs_option
@output_option("voices-training.md")
def main(
    against: Path, train: bool, without: tuple[str, ...], data: Path, runs: Path, output: Path
) -> None:
    """Train the recipes of recipes/voices, and measure what they came to; this reads dev once."""
    folders = chain(data, runs, train=train, without=without)
    an4 = corpus_in(data)
    shipped = decode(Image.load(against), load_dataset(an4, "dev"))
    reporting = [f for f in folders if not f.name.startswith(_CHOOSING)]
    choosing = [f for f in folders if f.name.startswith(_CHOOSING)]
    found = {folder: load_run(folder, _MACHINE) for folder in folders}
    rows = [_row(found[folder], shipped) for folder in reporting]
    for name, group in _seeds(reporting).items():
        rows.append(mean_row(name, [found[folder] for folder in group], shipped))
    small = [folder for folder in reporting if found[folder].compressed]
    said = voices_in(runs / load_declaration().sets["apart"].folder)
    tuning = load_dataset(an4, "tuning")
    chosen = [(f.name, *(str(s.errors) for s in measure(f, tuning))) for f in choosing]
    write_page(
        output,
        "Trainings with many voices",
        _page(
            against.name,
            shipped,
            rows,
            [_size(found[folder]) for folder in reporting],
            list(_apart(small, said)),
            list(_shown(small)),
            (chosen, sum(len(u.text.split()) for u in tuning)),
            without,
        ),
    )
    click.echo(f"{output}: {len(reporting)} trainings")


def _page(
    against: str,
    shipped: Decoded,
    errors: Sequence[tuple[str, ...]],
    sizes: Sequence[tuple[str, ...]],
    apart: Sequence[tuple[str, ...]],
    shown: Sequence[tuple[str, ...]],
    chosen: tuple[Sequence[tuple[str, ...]], int],
    without: Sequence[str] = (),
) -> list[str]:
    left_out = ", ".join(f"`{name}`" for name in sorted(without))
    columns = ("recipe", "what it is", "WER", "on the machine", "errors", "difference")
    return [
        "[Voices](../voices.md) says what these networks hear. The recipes are in "
        "`recipes/voices`." + (f" Not trained: {left_out}." if without else "") + "\n",
        "## AN4's development split\n",
        f"Greedy, no language model. Difference: to `{against}`, which leaves "
        f"{sum(shipped.errors)} of {sum(shipped.words)} words wrong; the interval is a paired "
        "bootstrap over utterances. Stages were added and dropped after looks at such figures, "
        "which [readings](readings.md) lists; recipe and seed of what ships were fixed before "
        "theirs.\n",
        table((*columns, "95 % interval", "minutes"), errors),
        "## Bytes\n",
        f"Of the image for `{_MACHINE}`, or of the float32 parameters; cycles of a frame without "
        "a token, at most.\n",
        table(("recipe", "parameters", "zeros", "bits", "bytes", "cycles a frame"), sizes),
        "## Words alone, of voices that no model heard\n",
        "In a quiet room, as on [this page](voices.md), which has the shipped model in noise and "
        "at other levels, too.\n",
        table(("recipe", "voice", "words", "letters", "nothing heard"), apart),
        "## The utterances that ship\n",
        "Right as a whole, and words wrong. The first seven are of voices that were trained on, "
        "the ten others of voices that were not.\n",
        table(("recipe", "seven", "words wrong", "ten others", "words wrong"), shown),
        "## What was chosen by\n",
        f"Word errors in the {chosen[1]} words of the nine AN4 speakers to choose on, which these "
        "models have not heard, in float, with the score of blank lower by so many nats.\n",
        table(
            ("recipe", *(f"{penalty:+g}" if penalty else "0" for penalty in PENALTIES)), chosen[0]
        ),
    ]
