"""From a corpus to batches: cepstra once, then per epoch changed, normalised and padded."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sordino.errors import InputError
from sordino.speech.datasets import Split, load_dataset
from sordino.speech.features import FeatureDefinition, load_cepstra
from sordino.speech.mfcc import MfccDefinition
from sordino.train.augment import MelAxis, change_cepstra, mask_input
from sordino.train.recipe import AugmentRecipe, FeatureRecipe
from sordino.train.tokens import BLANK, CHARACTERS, TOKENS, TokenSet

__all__ = [
    "BLANK",
    "TOKENS",
    *("Batch", "Batches", "Spoken", "define_features", "fingerprint"),
    *("in_order", "load_spoken", "on_grid"),
]

_JITTER = 80
"""Frames by which lengths are blurred before sorting: batches hold similar lengths, new ones in
every epoch, and little padding."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Spoken:
    """An utterance in memory: cepstra (frames, cepstra) and its transcript, also as tokens."""

    name: str
    text: str
    cepstra: NDArray[np.float64]
    tokens: tuple[int, ...]


def load_spoken(data: Path, split: Split, tokens: TokenSet = CHARACTERS) -> list[Spoken]:
    """All utterances of a split; InputError for characters that models cannot write."""
    front_end, spoken = MfccDefinition(), []
    for utterance in load_dataset(data, split):
        text = " ".join(utterance.text.upper().split())
        numbers = tokens.encode(text, utterance.name)
        cepstra = load_cepstra(utterance.path, front_end)
        spoken.append(Spoken(name=utterance.name, text=text, cepstra=cepstra, tokens=numbers))
    return spoken


def define_features(recipe: FeatureRecipe, spoken: Sequence[Spoken]) -> FeatureDefinition:
    """The recipe's features, normalised by the mean and deviation over all frames of `spoken`.

    The statistics are rounded to float32, in which models hold them.
    """
    frames = np.concatenate([s.cepstra for s in spoken])
    mean, std = frames.mean(axis=0), np.maximum(frames.std(axis=0), 1e-6)
    return FeatureDefinition(
        mean=tuple(mean.astype(np.float32).astype(float)),
        std=tuple(std.astype(np.float32).astype(float)),
        stack=recipe.stack,
        utterance_mean_weight=recipe.utterance_mean_weight,
        global_mean_weight=recipe.global_mean_weight,
        fraction_bits=recipe.fraction_bits,
    )


@dataclass(frozen=True, eq=False, kw_only=True)
class Batch:
    """Examples side by side, padded with zeros.

    x        float32 (B, T, dim), on the int8 grid of the machine's input
    frames   int64 (B,): input vectors of each
    targets  int64 (B, U)
    labels   int64 (B,): tokens of each
    """

    x: NDArray[np.float32]
    frames: NDArray[np.int64]
    targets: NDArray[np.int64]
    labels: NDArray[np.int64]


def _pad(x: Sequence[NDArray[np.float64]], tokens: Sequence[Sequence[int]]) -> Batch:
    frames, labels = [np.array([len(v) for v in values], np.int64) for values in (x, tokens)]
    inputs = np.zeros((len(x), frames.max(), x[0].shape[1]), np.float32)
    targets = np.zeros((len(x), labels.max()), np.int64)
    for number, (vectors, text) in enumerate(zip(x, tokens, strict=True)):
        inputs[number, : len(vectors)] = vectors
        targets[number, : len(text)] = text
    return Batch(x=inputs, frames=frames, targets=targets, labels=labels)


class Batches:
    """The batches of every epoch. All that is drawn depends on the seed and the place alone.

    So a training can go on from any step without having drawn what came before it.
    """

    def __init__(
        self,
        spoken: Sequence[Spoken],
        definition: FeatureDefinition,
        augment: AugmentRecipe,
        *,
        size: int,
        seed: int,
        between: tuple[int, ...] = CHARACTERS.between,
    ) -> None:
        shortest = min(len(s.cepstra) for s in spoken)
        if int(shortest * augment.tempo[0]) < definition.stack:
            raise InputError(
                f"wanted utterances of at least {definition.stack} frames, got one of {shortest}"
            )
        self._spoken, self._definition, self._augment = list(spoken), definition, augment
        self._size, self._seed, self._between = size, seed, between
        self._axis = MelAxis(definition.front_end)
        self._deviations = np.array(definition.std)

    @property
    def per_epoch(self) -> int:
        """Batches in an epoch."""
        return -(-len(self._spoken) // self._size)

    def epoch(self, number: int) -> list[list[tuple[int, ...]]]:
        """The batches of an epoch: of each example, the utterances that are joined in it.

        What is joined is drawn before lengths are compared, or batches would be half padding.
        """
        rng = np.random.default_rng([self._seed, number])
        joined = [
            (n, int(rng.integers(len(self._spoken))))
            if len(s.cepstra) <= self._augment.join_frames and rng.random() < self._augment.join
            else (n,)
            for n, s in enumerate(self._spoken)
        ]
        lengths = [
            sum(len(self._spoken[n].cepstra) for n in example) + rng.uniform(0, _JITTER)
            for example in joined
        ]
        order = [joined[k] for k in np.argsort(lengths, kind="stable")]
        groups = [order[k : k + self._size] for k in range(0, len(order), self._size)]
        return [groups[k] for k in rng.permutation(len(groups))]

    def batch(self, epoch: int, place: int, group: Sequence[tuple[int, ...]]) -> Batch:
        """The examples of one step: `group` is number `place` of `epoch`."""
        rng = np.random.default_rng([self._seed, epoch, place])
        inputs, tokens = [], []
        for example in group:
            parts = [self._spoken[n] for n in example]
            x = np.concatenate([self._example(spoken, rng) for spoken in parts])
            inputs.append(mask_input(x, self._augment, rng))
            text = [[*self._between, *spoken.tokens] for spoken in parts]
            tokens.append([token for words in text for token in words][len(self._between) :])
        return _pad(inputs, tokens)

    def _example(self, spoken: Spoken, rng: np.random.Generator) -> NDArray[np.float64]:
        cepstra = change_cepstra(spoken.cepstra, self._augment, self._axis, self._deviations, rng)
        return on_grid(self._definition, cepstra)


def on_grid(definition: FeatureDefinition, cepstra: NDArray[np.float64]) -> NDArray[np.float64]:
    """Model input (frames, dim) as the machine gets it, in units of the features."""
    x = definition.quantise(definition.model_input(cepstra))
    return np.asarray(x / 2.0**definition.fraction_bits)


def in_order(
    spoken: Sequence[Spoken], definition: FeatureDefinition, size: int
) -> Iterator[tuple[list[int], Batch]]:
    """Unchanged utterances, longest first, `size` at a time, with their numbers."""
    order = sorted(range(len(spoken)), key=lambda n: -len(spoken[n].cepstra))
    for k in range(0, len(order), size):
        group = order[k : k + size]
        x = [on_grid(definition, spoken[n].cepstra) for n in group]
        yield group, _pad(x, [spoken[n].tokens for n in group])


def fingerprint(spoken: Sequence[Spoken]) -> str:
    """A hash of names, transcripts and cepstra."""
    state = hashlib.sha256()
    for s in spoken:
        state.update(f"{s.name}\0{s.text}\0{s.cepstra.shape}".encode())
        state.update(np.ascontiguousarray(s.cepstra).tobytes())
    return state.hexdigest()
