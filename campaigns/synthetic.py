"""A corpus of synthetic speech: many voices, in rooms, noise and telephones, from one declaration.

Folders with what is trained on, and one with what is measured apart, by other engines in other
rooms.
"""

from collections.abc import Collection, Sequence
from functools import partial
from pathlib import Path

import click

from campaigns.common import corpus_in, optional_data_option, runs_option
from campaigns.voices.corpus import Corpus
from campaigns.voices.declaration import Declaration, Engine, load_declaration
from campaigns.voices.engines import check_engines
from campaigns.voices.plan import Line, draw_condition, draw_lines, every_word, people
from sordino.cli.shared.output import progress
from sordino.errors import InputError
from sordino.speech.corpora.datasets import Split, Utterance, load_dataset

__all__ = ["AN4", "known_transcripts", "lines_of", "plan_set"]

LINES = 8000
"""With FSDD's recordings, some ten times AN4's utterances."""
ALL = "all"
AN4 = "an4"
"""What `--without` calls transcripts of AN4."""


def known_transcripts(data: Path | None, without: Collection[str]) -> list[str]:
    """The transcripts of AN4 that lines may repeat: no speaker's that is measured or chosen on."""
    if AN4 in without:
        return []
    if data is None:
        raise InputError(
            "wanted the folder of the recordings, with an4/ and fsdd/ in it, got none; give --data "
            "FOLDER, set DATA, or leave them out with --without an4 --without fsdd --without "
            "fsdd-apart"
        )
    return sorted({u.text for u in load_dataset(corpus_in(data), "fitting")})


def _recorded(engine: Engine, data: Path) -> list[Utterance]:
    """FSDD's recordings: of a speaker left out all, of others those that are trained on."""
    parts: tuple[Split, ...] = ("train", "test") if engine.set == "apart" else ("train",)
    return [u for part in parts for u in load_dataset(data / engine.folder, part)]


def lines_of(engine: Engine, data: Path) -> list[Line]:
    """What the people of a corpus said, in the order of its files."""
    spoken = _recorded(engine, data)
    root = data / engine.folder
    rows = [(str(u.path.relative_to(root)), u.text, u.speaker) for u in spoken]
    return people(engine, sorted(rows))


def plan_set(
    declaration: Declaration,
    name: str,
    engines: Sequence[Engine],
    count: int,
    seed: int,
    data: Path | None,
    transcripts: Sequence[str],
) -> list[Line]:
    """The lines of a set: drawn for training; apart, every word by every voice."""
    own = declaration.engines_of(name)
    speaking = [e for e in engines if e in own and not e.folder]
    recorded = [e for e in engines if e.set == name and e.folder]
    if declaration.sets[name].split == "train":
        texts = declaration.texts_of(name)
        lines = (
            draw_lines(declaration, speaking, count, seed, transcripts, texts) if speaking else []
        )
    else:
        lines = every_word(speaking)
    for engine in recorded:
        assert data is not None
        lines += lines_of(engine, data)
    return lines


@click.command()
@click.option(
    "--lines",
    type=click.IntRange(1, 500_000),
    default=LINES,
    show_default=True,
    help="Synthetic lines of each set to train on; FSDD's recordings come beside them.",
)
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=1, show_default=True)
@click.option(
    "--without",
    multiple=True,
    help="An engine, or `an4` for its transcripts, that is left out; the manifest says so.",
)
@click.option(
    "--set",
    "chosen",
    type=click.Choice([*load_declaration().sets, ALL]),
    default=ALL,
    show_default=True,
    help="What is made: what is trained on (train, neural, words), what is measured apart, or all.",
)
@click.option(
    "--most-gigabytes",
    type=click.FloatRange(0.001, 1000),
    default=4.0,
    show_default=True,
    help="Of each set; beyond, it stops, and goes on when run again with more.",
)
@optional_data_option
@runs_option
def main(
    lines: int,
    seed: int,
    without: tuple[str, ...],
    chosen: str,
    most_gigabytes: float,
    data: Path | None,
    runs: Path,
) -> None:
    """Write `voices`, `voices-neural`, `voices-words` and `voices-apart` into the folder of the
    trainings.

    Run again after an interruption, it goes on where it was.
    """
    declaration = load_declaration()
    left_out = sorted(set(without))
    transcripts = known_transcripts(data, left_out) if chosen != "apart" else []
    kept = declaration.engines.values() if chosen == ALL else declaration.engines_of(chosen)
    elsewhere = (e.name for e in declaration.engines.values() if e not in kept)
    unwanted = [*(name for name in left_out if name != AN4), *elsewhere]
    engines = check_engines(declaration, unwanted, data)
    for name, voice_set in declaration.sets.items():
        if chosen not in (name, ALL):
            continue
        planned = plan_set(declaration, name, engines, lines, seed, data, transcripts)
        if not planned:
            raise InputError(f"wanted engines of the set {name}, got none; leave out fewer")
        corpus = Corpus(
            voice_set=voice_set,
            engines=declaration.engines,
            lines=planned,
            conditions=[
                draw_condition(declaration, voice_set, n, len(planned), seed)
                for n in range(len(planned))
            ],
            folder=runs / voice_set.folder,
            data=data,
            seed=seed,
            most_bytes=round(most_gigabytes * 1e9),
            without=left_out,
        )
        with progress() as bar:
            task = bar.add_task(voice_set.folder, total=corpus.steps)
            made = corpus.make(partial(bar.advance, task))["made"]
        click.echo(
            f"{corpus.folder}: {len(planned)} recordings, {made['seconds'] / 3600:.1f} hours, "
            f"{made['bytes'] / 1e6:.0f} MB"
        )
