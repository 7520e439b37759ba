"""What end-pointers are trained and judged on: computed once for a transducer, and kept."""

import hashlib
import io
from collections.abc import Callable, Sequence
from pathlib import Path

import click
import numpy as np

from campaigns.endpoints_apart import BEHIND, FULL, Sound
from sordino.compiler.numbers.precision import Precision
from sordino.endpoint.hearing import Hearing
from sordino.endpoint.sets import Example, Maker, load_examples, save_examples
from sordino.endpoint.splices import SpliceOptions
from sordino.files import write_atomically
from sordino.model.load import load_model
from sordino.model.rnnt import RnntModel
from sordino.speech.corpora.datasets import Split
from sordino.speech.mfcc import mfcc
from sordino.train.corpus.data import Spoken, load_spoken

__all__ = ["GAINS", "NOISES", "Sets"]

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


class Sets:
    """The examples of one transducer, in a folder of its own; what is not there is made.

    model   the transducer's `.npz`
    data    AN4's folder
    folder  where trainings are
    """

    def __init__(self, model: Path, data: Path, folder: Path) -> None:
        self.path, self._data = model, data
        self.sha256 = hashlib.sha256(model.read_bytes()).hexdigest()
        self.folder = folder / f"endpoints-{model.stem}-{self.sha256[:8]}"
        self.model: RnntModel = load_model(model)
        self._maker: Maker | None = None
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
            self._spoken[split] = load_spoken(self._data, split)
            kept = self.folder / f"{split}.align.npz"
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

    def _kept(self, name: str, make: Callable[[], Sequence[Example]]) -> list[Example]:
        path = self.folder / f"{name}.npz"
        if not path.exists():
            click.echo(f"making {path}", err=True)
            save_examples(path, make())
        return load_examples(path)

    def spliced(self, split: Split, seed: int = 0) -> list[Example]:
        """To train on: silence before, inside and behind, in noise or not."""
        return self._kept(
            f"{split}.spliced{seed}",
            lambda: self.maker.spliced(*self._said(split), SpliceOptions(), seed),
        )

    def sounds(self, name: str, make: Callable[[], Sequence[Sound]]) -> list[Example]:
        """Waveforms as they are, whose speech ends `BEHIND` seconds before they do."""
        return self._kept(name, lambda: self._of_sounds(make()))

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
        noises, gains = _BEHIND[what]
        return self._kept(
            f"{split}.{what}",
            lambda: self.maker.natural(*self._said(split), (BEHIND, BEHIND), 1, noises, gains),
        )
