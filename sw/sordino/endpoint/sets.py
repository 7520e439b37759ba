"""What an end-pointer learns from and is judged on, computed once by the transducer's integers."""

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sordino.endpoint.alignment import token_frames
from sordino.endpoint.hearing import Hearing, runs
from sordino.endpoint.silence import Silence, padded
from sordino.endpoint.splices import Spliced, SpliceOptions, boundaries, splice
from sordino.files import write_atomically
from sordino.speech.features import FeatureDefinition
from sordino.train.corpus.augment import MelAxis
from sordino.train.corpus.data import Spoken

__all__ = ["Example", "Maker", "load_examples", "read", "save_examples"]

_TOGETHER = 48
"""Utterances that are heard at once."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Example:
    """An utterance as the end-pointer meets it (T frames of the transducer).

    encoder, lower, prediction  int8 (T, units): the encoder's last and first layer, and the
                                prediction network's last one after the frame's tokens
    end         the frame in which the last token of what was said is written, by alignment
    loud        seconds up to the last loud frame
    tokens, frames  what the transducer writes greedily, and when
    """

    name: str
    speaker: str
    text: str
    encoder: NDArray[np.int8]
    lower: NDArray[np.int8]
    prediction: NDArray[np.int8]
    end: int
    loud: float
    tokens: tuple[int, ...]
    frames: tuple[int, ...]

    @cached_property
    def run(self) -> NDArray[np.int64]:
        """The run of frames without a token, in each frame."""
        return runs(self.frames, len(self.encoder))


def read(example: Example, inputs: Sequence[str]) -> NDArray[np.int8]:
    """What an end-pointer reads of an example beside the run, int8 (T, width)."""
    known = {
        "encoder": example.encoder,
        "encoder.0": example.lower,
        "prediction": example.prediction,
    }
    parts = [known[name] for name in inputs]
    empty = np.zeros((len(example.encoder), 0), np.int8)
    return np.concatenate([empty, *parts], axis=1)


class Maker:
    """Makes examples with one transducer."""

    def __init__(
        self, hearing: Hearing, definition: FeatureDefinition, texts: Sequence[str]
    ) -> None:
        self._hearing, self.definition, self._texts = hearing, definition, texts
        self._axis = MelAxis(definition.front_end)

    def _input(self, cepstra: NDArray[np.float64]) -> NDArray[np.int8]:
        return self.definition.quantise(self.definition.model_input(cepstra))

    def align(self, spoken: Sequence[Spoken]) -> list[NDArray[np.int64]]:
        """The frames of each utterance's tokens."""
        found = []
        for first in range(0, len(spoken), _TOGETHER):
            part = spoken[first : first + _TOGETHER]
            inputs = [self._input(s.cepstra) for s in part]
            arcs = self._hearing.arcs(inputs, [s.tokens for s in part])
            found += [token_frames(blank, label) for blank, label in arcs]
        return found

    def spliced(
        self,
        spoken: Sequence[Spoken],
        frames: Sequence[NDArray[np.int64]],
        options: SpliceOptions,
        seed: int,
    ) -> list[Example]:
        """Each utterance once as `splice` makes it."""
        stack, made = self.definition.stack, []
        for number, (one, own) in enumerate(zip(spoken, frames, strict=True)):
            rng = np.random.default_rng([seed, number])
            places = boundaries(one.cepstra, one.tokens, own.tolist(), self._texts, stack)
            end = stack * (int(own[-1]) + 1)
            made.append(splice(one.cepstra, end, places, options, self._axis, rng))
        return self._heard(spoken, made)

    def natural(
        self,
        spoken: Sequence[Spoken],
        frames: Sequence[NDArray[np.int64]],
        seconds: tuple[float, float],
        seed: int,
        noises: tuple[float, float] | None = None,
        gains: tuple[float, float] = (0.0, 0.0),
    ) -> list[Example]:
        """Each utterance as it is, with silence behind it, or noise so many dB below the speech."""
        stack, made = self.definition.stack, []
        for number, (one, own) in enumerate(zip(spoken, frames, strict=True)):
            rng = np.random.default_rng([seed, number])
            loud = Silence(one.cepstra).speech[1]
            noise = None if noises is None else rng.uniform(*noises)
            gain = rng.uniform(*gains)
            cepstra = padded(one.cepstra, rng.uniform(*seconds), rng, noise, gain)
            made.append(Spliced(cepstra=cepstra, end=stack * (int(own[-1]) + 1), loud=loud))
        return self._heard(spoken, made)

    def whole(self, spoken: Sequence[Spoken], ends: Sequence[float]) -> list[Example]:
        """Each utterance as it is; `ends` says after how many seconds its speech ends."""
        rate = self.definition.front_end.frame_rate
        frames = [round(end * rate) for end in ends]
        made = [
            Spliced(cepstra=one.cepstra, end=frame, loud=frame)
            for one, frame in zip(spoken, frames, strict=True)
        ]
        return self._heard(spoken, made)

    def _heard(self, spoken: Sequence[Spoken], made: Sequence[Spliced]) -> list[Example]:
        found: list[Example | None] = [None] * len(made)
        order = np.argsort([len(one.cepstra) for one in made], kind="stable")
        for first in range(0, len(made), _TOGETHER):
            numbers = order[first : first + _TOGETHER].tolist()
            inputs = [self._input(made[n].cepstra) for n in numbers]
            for n, heard in zip(
                numbers, self._hearing.listen(inputs, all_layers=True), strict=True
            ):
                found[n] = Example(
                    name=spoken[n].name,
                    speaker=spoken[n].speaker,
                    text=spoken[n].text,
                    encoder=heard.layers[0],
                    lower=heard.layers[-1],
                    prediction=heard.prediction,
                    end=-(-made[n].end // self.definition.stack) - 1,
                    loud=made[n].loud / self.definition.front_end.frame_rate,
                    tokens=heard.tokens,
                    frames=heard.frames,
                )
        return [one for one in found if one is not None]


def save_examples(path: Path, examples: Iterable[Example]) -> None:
    """Write examples to an `.npz` file."""
    kept = list(examples)
    arrays: dict[str, NDArray[Any]] = {
        name: np.concatenate([getattr(one, name) for one in kept])
        for name in ("encoder", "lower", "prediction")
    }
    for name in ("tokens", "frames"):
        arrays[name] = np.concatenate([np.array(getattr(one, name), np.int32) for one in kept])
    arrays |= {
        "sizes": np.array([len(one.encoder) for one in kept]),
        "written": np.array([len(one.tokens) for one in kept]),
        "end": np.array([one.end for one in kept]),
        "loud": np.array([one.loud for one in kept]),
    }
    arrays |= {
        name: np.array([getattr(one, name) for one in kept]) for name in ("name", "speaker", "text")
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    held = io.BytesIO()
    np.savez(held, allow_pickle=False, **arrays)
    write_atomically(path, held.getvalue())


def load_examples(path: Path) -> list[Example]:
    """What `save_examples` wrote."""
    with np.load(path) as data:
        arrays = {name: data[name] for name in data.files}
    rows = np.concatenate([[0], np.cumsum(arrays["sizes"])])
    said = np.concatenate([[0], np.cumsum(arrays["written"])])
    found = []
    for n in range(len(arrays["sizes"])):
        frames, words = slice(rows[n], rows[n + 1]), slice(said[n], said[n + 1])
        found.append(
            Example(
                name=str(arrays["name"][n]),
                speaker=str(arrays["speaker"][n]),
                text=str(arrays["text"][n]),
                encoder=arrays["encoder"][frames],
                lower=arrays["lower"][frames],
                prediction=arrays["prediction"][frames],
                end=int(arrays["end"][n]),
                loud=float(arrays["loud"][n]),
                tokens=tuple(arrays["tokens"][words].tolist()),
                frames=tuple(arrays["frames"][words].tolist()),
            )
        )
    return found
