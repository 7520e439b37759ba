"""What end-pointers are trained and judged on: computed once for a transducer, and kept."""

import hashlib
import io
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from campaigns.endpoints_apart import BEHIND, FULL, Sound
from sordino.compiler.numbers.precision import Precision
from sordino.endpoint.hearing import Hearing
from sordino.endpoint.measured import tokens_of
from sordino.endpoint.sets import Example, Maker, load_examples, save_examples
from sordino.endpoint.splices import Spliced, SpliceOptions
from sordino.errors import InputError
from sordino.files import write_atomically
from sordino.model.load import load_model
from sordino.model.rnnt import RnntModel
from sordino.speech.corpora.datasets import Split, load_dataset
from sordino.speech.mfcc import mfcc
from sordino.speech.text import Speller
from sordino.train.corpus.data import Spoken, load_spoken

__all__ = ["FRAME_MS", "GAINS", "NOISES", "Sets", "digest_of"]

NOISES = (15.0, 30.0)
"""dB below the speech between which noise behind is drawn."""
GAINS = (3.0, 10.0)
"""dB by which silence behind is louder than the own one, where it is."""
_Range = tuple[float, float]
_BEHIND: dict[str, tuple[_Range | None, _Range]] = {
    "silence": (None, (0.0, 0.0)),
    "louder": (None, GAINS),
    "noise": (NOISES, (0.0, 0.0)),
}
"""What may be behind: noise, and what is added to the own silence."""
FRAME_MS = 40
"""Milliseconds of a frame, in which thresholds, hangovers and waits are counted."""
_MADE = 2
"""Counts up with what is made, so that nothing made otherwise is taken for it."""
_SEED = 1
"""What is drawn for what utterances are judged with."""


class Sets:
    """The examples of one transducer, in a folder of its own; what is not there is made.

    The name of a file has the digest of what it was made from and how. InputError for a transducer
    with other frames than are counted here.

    model   the transducer's `.npz`
    data    AN4's folder
    folder  where trainings are
    """

    def __init__(self, model: Path, data: Path, folder: Path) -> None:
        self.path, self._data = model, data
        self.sha256 = hashlib.sha256(model.read_bytes()).hexdigest()
        self.folder = folder / f"endpoints-{model.stem}-{self.sha256[:8]}"
        self.model: RnntModel = load_model(model)
        _expect_frames(self.model)
        self._maker: Maker | None = None
        self._corpora: dict[str, str] = {}
        self._spoken: dict[str, list[Spoken]] = {}
        self._frames: dict[str, list[np.ndarray]] = {}

    @property
    def maker(self) -> Maker:
        """What hears, made when it is needed first."""
        if self._maker is None:
            hearing = Hearing(self.model, Precision.of(self.model.meta.quantise))
            definition = self.model.feature_definition()
            self._maker = Maker(hearing, definition, self.model.tokens)
        return self._maker

    def _said(self, split: Split) -> tuple[list[Spoken], list[np.ndarray]]:
        if split not in self._spoken:
            speller = Speller(self.model.tokens, self.model.blank)
            self._spoken[split] = [
                replace(one, tokens=self._tokens(one, speller))
                for one in load_spoken(self._data, split)
            ]
            kept = self._path(f"{split}.align", self._corpus(split))
            if not kept.exists():
                found = self.maker.align(self._spoken[split])
                self.folder.mkdir(parents=True, exist_ok=True)
                sizes = np.array([len(one) for one in found])
                held = io.BytesIO()
                np.savez(held, frames=np.concatenate(found), sizes=sizes)
                write_atomically(kept, held.getvalue())
            with np.load(kept) as held:
                ends = np.cumsum(held["sizes"])[:-1]
                self._frames[split] = np.split(held["frames"], ends)
        return self._spoken[split], self._frames[split]

    def _tokens(self, spoken: Spoken, speller: Speller) -> tuple[int, ...]:
        """The tokens with which this transducer writes a text."""
        text = speller.adapt(spoken.text)
        found = tokens_of(text, self.model.tokens, self.model.blank)
        if not found:
            raise InputError(f"wanted a transducer that can write {text!r}, got none; train it so")
        return tuple(found)

    def _corpus(self, split: Split) -> str:
        """What there is of a split: all names and transcripts."""
        if split not in self._corpora:
            said = [(one.name, one.text) for one in load_dataset(self._data, split)]
            self._corpora[split] = repr(said)
        return self._corpora[split]

    def _path(self, name: str, *made: object) -> Path:
        """The file of what is made in a way; other ways have other names."""
        return self.folder / f"{name}-{digest_of(*made)}.npz"

    def _kept(self, path: Path, make: Callable[[], Sequence[Example]]) -> list[Example]:
        if not path.exists():
            click.echo(f"making {path}", err=True)
            save_examples(path, make())
        return load_examples(path)

    def spliced(self, split: Split, seed: int = 0) -> list[Example]:
        """To train on: silence before, inside and behind, in noise or not, some joined."""
        options = SpliceOptions()
        return self._kept(
            self._path(f"{split}.spliced{seed}", self._corpus(split), options),
            lambda: self.maker.spliced(*self._said(split), options, seed),
        )

    def sounds(self, name: str, source: str, make: Callable[[], Sequence[Sound]]) -> list[Example]:
        """Waveforms as they are, whose speech ends `BEHIND` seconds before they do.

        `source` says which: others have another one.
        """
        return self._kept(self._path(name, source, BEHIND), lambda: self._of_sounds(make()))

    def _of_sounds(self, sounds: Sequence[Sound]) -> list[Example]:
        front_end = self.maker.definition.front_end
        spoken, ends = list[Spoken](), list[float]()
        for name, speaker, text, samples in sounds:
            cepstra = mfcc(np.round(samples * FULL), front_end)
            ends.append(len(samples) / front_end.sample_rate - BEHIND)
            spoken.append(Spoken(name=name, text=text, cepstra=cepstra, tokens=(), speaker=speaker))
        return self.maker.whole(spoken, ends)

    def behind(self, split: Split, what: str = "silence") -> list[Example]:
        """To judge with: utterances as they are, with `silence`, `louder` or `noise` behind."""
        return self._kept(
            self._path(f"{split}.{what}", self._corpus(split), BEHIND, _BEHIND[what], _SEED),
            lambda: self.maker.hear(self._said(split)[0], self._made(split, what)),
        )

    def cepstra(self, split: Split, what: str = "silence") -> list[NDArray[np.float64]]:
        """The cepstra of the same, (frames, cepstra) each."""
        return [one.cepstra for one in self._made(split, what)]

    def _made(self, split: Split, what: str) -> list[Spliced]:
        noises, gains = _BEHIND[what]
        return self.maker.behind(*self._said(split), (BEHIND, BEHIND), _SEED, noises, gains)


def digest_of(*made: object) -> str:
    """Six digits that say from what something is made: values that print as what they are."""
    return hashlib.sha256(repr((_MADE, *made)).encode()).hexdigest()[:6]


def _expect_frames(model: RnntModel) -> None:
    definition = model.feature_definition()
    ms = 1000 * definition.stack / definition.front_end.frame_rate
    if model.time_reduction.factor != 1 or abs(ms - FRAME_MS) > 1e-6:
        raise InputError(
            f"wanted a transducer with a frame of {FRAME_MS} ms for each input vector, got vectors "
            f"of {ms:g} ms, {model.time_reduction.factor} a frame; count its frames otherwise first"
        )
