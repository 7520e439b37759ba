"""How many words and letters of voices that no model heard are right, alone, under each condition.

The voices are those of `make synthetic`, set `apart`, as they speak, before their own conditions:
here every condition is one thing alone, so that the rows of the page can be compared.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import click
import numpy as np

from campaigns.common import MODELS, UTTERANCES, output_option, runs_option, write_page
from campaigns.voices.corpus import DRAWN, RATE, read_sound
from campaigns.voices.declaration import load_declaration
from campaigns.voices.hearing import Samples, hear
from campaigns.voices.plan import Condition
from campaigns.voices.texts import LETTERS
from sordino.cli.shared.output import progress
from sordino.errors import InputError
from sordino.files import read_lines
from sordino.golden.machine import Golden
from sordino.image.image import Image
from sordino.reference.markdown import table
from sordino.speech.corpora.datasets import load_dataset
from sordino.speech.corpora.transcript_table import TABLE
from sordino.speech.features import FeatureDefinition
from sordino.speech.mfcc import mfcc
from sordino.speech.transcript import text_of
from sordino.speech.wer import word_error_rate

__all__ = [
    "CONDITIONS",
    "QUIET",
    "Listener",
    "Said",
    "alone",
    "chosen",
    "main",
    "right",
    "voices_in",
]

_around = partial(Condition, before=0.5, after=0.3, seed=1, noise="pink", snr_db=45.0)
QUIET = _around()
"""A recording as it is, in a quiet room."""
CONDITIONS = {
    "0 dB, a quiet room": QUIET,
    "no noise at all": _around(noise=None, snr_db=None),
    "−30 dB": _around(level_db=-30),
    "−20 dB": _around(level_db=-20),
    "−10 dB": _around(level_db=-10),
    "+10 dB": _around(level_db=10),
    "white noise, 33 dB": _around(noise="white", snr_db=33.0),
    "white noise, 20 dB": _around(noise="white", snr_db=20.0),
    "white noise, 10 dB": _around(noise="white", snr_db=10.0),
    "brown noise, 10 dB": _around(noise="brown", snr_db=10.0),
    "telephone band": _around(telephone=True),
    "room of 0.6 s": _around(room=(0.6, 0.0)),
    "1 % clipped": _around(clipped=0.01),
}
"""What a recording goes through, one thing alone; else speech is at the nominal level, and pink
noise 45 dB below it, as in a quiet room."""
_SHIPPED = "voices_rnnt_causal"
_EVERY = 4
_SAME = {"OH": "O"}


@dataclass(frozen=True, kw_only=True)
class Said:
    """A recording before any condition: who said which words, and the samples at 16 kHz."""

    speaker: str
    text: str
    samples: Samples


def voices_in(folder: Path) -> list[Said]:
    """What the voices of a corpus said; InputError where it has not been made to its end."""
    if not (folder / TABLE).is_file():
        raise InputError(
            f"wanted a corpus in {folder}, got none that is done; make it with `make synthetic`"
        )
    found = []
    for line in read_lines(folder / DRAWN, "what was drawn"):
        drawn = json.loads(line)
        path = folder / "clean" / Path(drawn["file"]).name
        speaker = f"{drawn['engine']}-{drawn['voice']}"
        found.append(Said(speaker=speaker, text=" ".join(drawn["words"]), samples=read_sound(path)))
    return found


def chosen(said: Sequence[Said], every: int) -> list[Said]:
    """Every so many recordings of each word and speaker alike: of one speaker after the other."""
    found = list[Said]()
    for speaker in dict.fromkeys(each.speaker for each in said):
        found += [each for each in said if each.speaker == speaker][::every]
    return found


class Listener:
    """An image on the exact machine, which writes what it hears."""

    def __init__(self, image: Image) -> None:
        self._image, self._golden = image, Golden(image)
        self._definition = FeatureDefinition.of_image(image)

    def text(self, samples: Samples) -> str:
        """The transcript of samples at 16 kHz, rounded to 16 bits as in a file."""
        whole = np.round(samples * 32767)
        cepstra = mfcc(whole, self._definition.front_end)
        x = self._definition.quantise(self._definition.model_input(cepstra))
        return text_of(self._image, self._golden.run(x).tokens)


def right(text: str, heard: str) -> bool:
    """Whether a word or letter alone was heard as what it is, or as what sounds the same."""
    return _SAME.get(text, text) == _SAME.get(heard, heard)


def _share(hits: Sequence[bool]) -> str:
    return f"{np.mean(hits):.1%} ({sum(hits)}/{len(hits)})" if hits else "–"


def alone(said: Sequence[Said], heard: Sequence[str]) -> list[tuple[str, ...]]:
    """A row for each speaker: words and letters that are right where they are alone."""
    rows = list[tuple[str, ...]]()
    for speaker in dict.fromkeys(each.speaker for each in said):
        both = [(s.text, h) for s, h in zip(said, heard, strict=True) if s.speaker == speaker]
        letters = [right(text, h) for text, h in both if text in LETTERS]
        words = [right(text, h) for text, h in both if text not in LETTERS]
        nothing = sum(not h for _, h in both)
        rows.append((speaker, _share(words), _share(letters), f"{nothing}/{len(both)}"))
    return rows


@click.command()
@click.option(
    "--image",
    type=click.Path(path_type=Path),
    default=MODELS / f"{_SHIPPED}.sordino",
    help="The model, compiled.  [default: the repository's models/voices_rnnt_causal.sordino]",
)
@click.option(
    "--every",
    type=click.IntRange(1, 1000),
    default=_EVERY,
    show_default=True,
    help="Recordings of a speaker from one that goes through the conditions to the next.",
)
@runs_option
@output_option("voices.md")
def main(image: Path, every: int, runs: Path, output: Path) -> None:
    """Measure a model on what `make synthetic` left out; this reads a set that reports."""
    apart = load_declaration().sets["apart"]
    said = voices_in(runs / apart.folder)
    sample = chosen(said, every)
    shipped = [
        Said(speaker="shipped", text=u.text, samples=read_sound(u.path))
        for u in load_dataset(UTTERANCES, "train")
    ]
    listener = Listener(Image.load(image))
    with progress() as bar:
        task = bar.add_task(
            image.stem, total=len(said) + len(CONDITIONS) * (len(sample) + len(shipped))
        )

        def listen(recordings: Sequence[Said], condition: Condition) -> list[str]:
            texts = []
            for each in recordings:
                texts.append(listener.text(hear(each.samples, condition, RATE, [])))
                bar.advance(task)
            return texts

        by_voice = alone(said, listen(said, QUIET))
        speakers = list(dict.fromkeys(each.speaker for each in sample))
        rows = list[tuple[str, ...]]()
        for name, condition in CONDITIONS.items():
            heard = listen(sample, condition)
            columns = [
                _share(
                    [
                        right(s.text, h)
                        for s, h in zip(sample, heard, strict=True)
                        if s.speaker == who
                    ]
                )
                for who in speakers
            ]
            every_one = _share([right(s.text, h) for s, h in zip(sample, heard, strict=True)])
            score = word_error_rate([s.text for s in shipped], listen(shipped, condition))
            rows.append((name, *columns, every_one, f"{score.errors}/{score.words}"))
    write_page(output, "Voices that no model heard", _page(image, every, speakers, by_voice, rows))
    click.echo(f"{output}: {len(said)} recordings of {len(speakers)} voices")


def _page(
    image: Path,
    every: int,
    speakers: Sequence[str],
    by_voice: Sequence[tuple[str, ...]],
    rows: Sequence[tuple[str, ...]],
) -> list[str]:
    header = ("condition", *speakers, "all", "words wrong, shipped")
    return [
        f"`{image.name}` on the exact machine, greedy. The voices are those that [`make "
        "synthetic`](../voices.md) leaves out whole: two engines, and one speaker of FSDD, digits "
        "only. Each says one word at a time; right is what has nothing missing, added or wrong. "
        "Half a second comes before, pink noise lies 45 dB below the speech, as in a quiet room, "
        "and the speech lies at -26 dBFS, where no row says otherwise. O and OH sound the same: "
        "either is right for the other.\n",
        "## Alone\n",
        table(("voice", "words", "letters", "nothing heard"), by_voice),
        "Of the 80 words of the list that are no letters, AN4's training speakers say 72.\n",
        "## Conditions\n",
        f"One thing at a time, on one recording of a voice in {every}. The last column is the "
        "words wrong in the seven utterances in `models/utterances`, of voices that were trained "
        "on.\n",
        table(header, rows),
    ]
