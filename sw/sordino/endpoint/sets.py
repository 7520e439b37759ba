"""What an end-pointer learns from and is judged on, computed once by the transducer's integers."""

import io
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sordino.endpoint.alignment import token_frames
from sordino.endpoint.hearing import Hearing, joined, runs
from sordino.endpoint.silence import Silence, padded
from sordino.endpoint.splices import Said, Spliced, SpliceOptions, boundaries, splice
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
    gaps        frames from the one in which an earlier utterance has ended to the one in which the
                next begins, without that: between them an end is right, too
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
    gaps: tuple[tuple[int, int], ...] = ()

    @property
    def behind(self) -> NDArray[np.int64]:
        """Frames since all that was begun is said, in each frame; 0 or less where it is not."""
        found = np.arange(len(self.encoder)) - self.end
        for first, last in self.gaps:
            found[first:last] = 1 + np.arange(last - first)
        return found

    @cached_property
    def run(self) -> NDArray[np.int64]:
        """The run of frames without a token, in each frame."""
        return runs(self.frames, len(self.encoder))


def read(example: Example, inputs: Sequence[str]) -> NDArray[np.int8]:
    """What an end-pointer reads of an example beside the run, int8 (T, width)."""
    return joined(example.encoder, example.lower, example.prediction, inputs)


class Maker:
    """Makes examples with one transducer."""

    def __init__(
        self, hearing: Hearing, definition: FeatureDefinition, texts: Sequence[str]
    ) -> None:
        self.hearing, self.definition, self._texts = hearing, definition, texts
        self._axis = MelAxis(definition.front_end)

    def vectors(self, cepstra: NDArray[np.float64]) -> NDArray[np.int8]:
        """The machine's input vectors of cepstra, int8 (T, dim)."""
        return self.definition.quantise(self.definition.model_input(cepstra))

    def align(self, spoken: Sequence[Spoken]) -> list[NDArray[np.int64]]:
        """The frames of each utterance's tokens."""
        found = []
        for first in range(0, len(spoken), _TOGETHER):
            part = spoken[first : first + _TOGETHER]
            inputs = [self.vectors(s.cepstra) for s in part]
            arcs = self.hearing.arcs(inputs, [s.tokens for s in part])
            found += [token_frames(blank, label) for blank, label in arcs]
        return found

    def spliced(
        self,
        spoken: Sequence[Spoken],
        frames: Sequence[NDArray[np.int64]],
        options: SpliceOptions,
        seed: int,
    ) -> list[Example]:
        """Each utterance once as `splice` makes it; some have another of their speaker behind."""
        stack, said = self.definition.stack, list[Said]()
        for one, own in zip(spoken, frames, strict=True):
            places = boundaries(one.cepstra, one.tokens, own.tolist(), self._texts, stack)
            end = stack * (int(own[-1]) + 1)
            said.append(Said(cepstra=one.cepstra, end=end, places=places))
        others = defaultdict[str, list[int]](list)
        for number, one in enumerate(spoken):
            others[one.speaker].append(number)
        made, texts = list[Spliced](), list[str]()
        for number, one in enumerate(spoken):
            rng = np.random.default_rng([seed, number])
            parts = [number]
            if rng.random() < options.joined:
                more = [n for n in others[one.speaker] if n != number]
                parts += rng.choice(more, 1).tolist() if more else []
            made.append(splice([said[n] for n in parts], options, self._axis, rng))
            texts.append(" ".join(spoken[n].text for n in parts))
        named = [replace(one, text=text) for one, text in zip(spoken, texts, strict=True)]
        return self.hear(named, made)

    def behind(
        self,
        spoken: Sequence[Spoken],
        frames: Sequence[NDArray[np.int64]],
        seconds: tuple[float, float],
        seed: int,
        noises: tuple[float, float] | None = None,
        gains: tuple[float, float] = (0.0, 0.0),
    ) -> list[Spliced]:
        """Each utterance as it is, with silence behind it, or noise so many dB below the speech."""
        stack, made = self.definition.stack, []
        for number, (one, own) in enumerate(zip(spoken, frames, strict=True)):
            rng = np.random.default_rng([seed, number])
            loud = Silence(one.cepstra).speech[1]
            noise = None if noises is None else rng.uniform(*noises)
            gain = rng.uniform(*gains)
            cepstra = padded(one.cepstra, rng.uniform(*seconds), rng, noise, gain)
            made.append(Spliced(cepstra=cepstra, end=stack * (int(own[-1]) + 1), loud=loud))
        return made

    def whole(self, spoken: Sequence[Spoken], ends: Sequence[float]) -> list[Example]:
        """Each utterance as it is; `ends` says after how many seconds its speech ends."""
        rate = self.definition.front_end.frame_rate
        frames = [round(end * rate) for end in ends]
        made = [
            Spliced(cepstra=one.cepstra, end=frame, loud=frame)
            for one, frame in zip(spoken, frames, strict=True)
        ]
        return self.hear(spoken, made)

    def hear(self, spoken: Sequence[Spoken], made: Sequence[Spliced]) -> list[Example]:
        """What is heard of each."""
        found: list[Example | None] = [None] * len(made)
        order = np.argsort([len(one.cepstra) for one in made], kind="stable")
        for first in range(0, len(made), _TOGETHER):
            numbers = order[first : first + _TOGETHER].tolist()
            inputs = [self.vectors(made[n].cepstra) for n in numbers]
            for n, heard in zip(numbers, self.hearing.listen(inputs, all_layers=True), strict=True):
                found[n] = Example(
                    name=spoken[n].name,
                    speaker=spoken[n].speaker,
                    text=spoken[n].text,
                    encoder=heard.layers[0],
                    lower=heard.layers[-1],
                    prediction=heard.prediction,
                    end=self._frame(made[n].end) - 1,
                    gaps=tuple(
                        (self._frame(end), begin // self.definition.stack)
                        for end, begin in made[n].gaps
                    ),
                    loud=made[n].loud / self.definition.front_end.frame_rate,
                    tokens=heard.tokens,
                    frames=heard.frames,
                )
        return [one for one in found if one is not None]

    def _frame(self, cepstra: int) -> int:
        """The first frame of the transducer that begins with so many frames of cepstra or later."""
        return -(-cepstra // self.definition.stack)


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
        "joined": np.array([len(one.gaps) for one in kept]),
        "gaps": np.array([gap for one in kept for gap in one.gaps], np.int32).reshape(-1, 2),
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
    gaps = np.split(arrays["gaps"], np.cumsum(arrays["joined"])[:-1])
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
                gaps=tuple((first, last) for first, last in gaps[n].tolist()),
            )
        )
    return found
