"""Batches of a corpus: cepstra once, then changed, normalised and padded in every epoch."""

import hashlib
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sordino.errors import InputError, warn
from sordino.speech.corpora.datasets import Split
from sordino.speech.corpora.splits import load_split
from sordino.speech.doubts import warn_of
from sordino.speech.features import FeatureDefinition
from sordino.speech.mfcc import MfccDefinition
from sordino.train.corpus.augment import MelAxis, change_cepstra, mask_input
from sordino.train.corpus.cepstra_cache import let_go, load_cepstra_of
from sordino.train.corpus.room import put_in_room
from sordino.train.corpus.tokens import BLANK, CHARACTERS, TOKENS, TokenSet
from sordino.train.recipes.methods import ContextRecipe
from sordino.train.recipes.recipe import AugmentRecipe, FeatureRecipe, RoomRecipe

__all__ = [
    "BLANK",
    "TOKENS",
    "Batch",
    "Batches",
    "Spoken",
    "check_lengths",
    "define_features",
    "find_context",
    "fingerprint",
    "in_order",
    "load_spoken",
    "on_grid",
]

_OTHER_SPLIT = 'measure = "{}" under [schedule] in the recipe'
_NO_TRAINING = "recordings in the split train"
_JITTER = 80
"""Frames by which lengths are blurred before sorting: batches hold similar lengths, new ones in
every epoch, and little padding."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Spoken:
    """An utterance: cepstra (frames, cepstra) and its transcript, also as tokens.

    `file` is where it comes from, for messages. Cepstra of a corpus are mapped from a file.
    """

    name: str
    text: str
    cepstra: NDArray[np.float64]
    tokens: tuple[int, ...]
    speaker: str = ""
    file: str = ""


def load_spoken(
    data: Path,
    split: Split,
    tokens: TokenSet = CHARACTERS,
    *,
    unlabelled: bool = False,
) -> list[Spoken]:
    """All utterances of a split; InputError for characters that models cannot write.

    With `unlabelled`, those without a transcript, too. An InputWarning names recordings that were
    cut short, are too quiet or the like.
    """
    remedy = _NO_TRAINING if split in ("train", "fitting") else _OTHER_SPLIT
    utterances = load_split(data, split, remedy, unlabelled=unlabelled)
    texts = [tokens.speller.adapt(utterance.text) for utterance in utterances]
    numbers = [tokens.encode(t, u.name) for t, u in zip(texts, utterances, strict=True)]
    heard = load_cepstra_of([utterance.path for utterance in utterances], MfccDefinition())
    doubts = {str(u.path): h.doubts for u, h in zip(utterances, heard, strict=True)}
    spoken = [
        Spoken(
            name=utterance.name,
            text=text,
            cepstra=each.cepstra,
            tokens=own,
            speaker=utterance.speaker,
            file=str(utterance.path),
        )
        for utterance, text, own, each in zip(utterances, texts, numbers, heard, strict=True)
    ]
    warn_of(doubts)
    return spoken


def check_lengths(spoken: Sequence[Spoken], frames: int, why: str) -> None:
    """Raise InputError, which names the file, for an utterance of fewer frames of 10 ms."""
    shortest = min(spoken, key=lambda s: len(s.cepstra))
    if len(shortest.cepstra) < frames:
        raise InputError(
            f"wanted recordings of at least {frames} frames of 10 ms, {why}, got "
            f"{len(shortest.cepstra)} in {shortest.file or shortest.name}; leave it out, or lower "
            "stack in the recipe"
        )


def define_features(recipe: FeatureRecipe, spoken: Sequence[Spoken]) -> FeatureDefinition:
    """The recipe's features, normalised by the mean and deviation over all frames of `spoken`.

    The statistics are rounded to float32, in which models hold them.
    """
    mean = _mean(s.cepstra for s in spoken)
    variance = _mean((s.cepstra - mean) ** 2 for s in spoken)
    std = np.maximum(np.sqrt(variance), 1e-6)
    return FeatureDefinition(
        mean=tuple(mean.astype(np.float32).astype(float)),
        std=tuple(std.astype(np.float32).astype(float)),
        stack=recipe.stack,
        utterance_mean_weight=recipe.utterance_mean_weight,
        global_mean_weight=recipe.global_mean_weight,
        mean_over=recipe.mean_over,
        prior_frames=recipe.prior_frames,
        fraction_bits=recipe.fraction_bits,
    )


def _mean(parts: Iterable[NDArray[np.float64]]) -> NDArray[np.float64]:
    """The mean over all rows of parts (n, width), one part after the other in memory.

    Rows are added in their order, as NumPy does for all of them at once: the same to the bit.
    """
    total, count = None, 0
    for part in parts:
        rows = part if total is None else np.concatenate([total[None], part])
        total, count = np.add.reduce(rows, axis=0), count + len(part)
        let_go()
    assert total is not None
    return np.asarray(total / count)


@dataclass(frozen=True, eq=False, kw_only=True)
class Batch:
    """Examples side by side, padded with zeros.

    x          float32 (B, T, dim), on the int8 grid of the machine's input
    frames     int64 (B,): input vectors of each
    targets    int64 (B, U)
    labels     int64 (B,): tokens of each
    skipped    int64 (B,): input vectors of context before those, on which there is no loss
    teacher_x  the same examples in a teacher's features (B, T, its dim); None without a teacher
    """

    x: NDArray[np.float32]
    frames: NDArray[np.int64]
    targets: NDArray[np.int64]
    labels: NDArray[np.int64]
    skipped: NDArray[np.int64]
    teacher_x: NDArray[np.float32] | None = None


def _pad(
    x: Sequence[NDArray[np.float64]],
    tokens: Sequence[Sequence[int]],
    context: Sequence[NDArray[np.float64]] = (),
) -> Batch:
    """A batch of inputs (frames, dim), each after what is heard before it, if anything is."""
    frames, labels = [np.array([len(v) for v in values], np.int64) for values in (x, tokens)]
    skipped = np.array([len(before) for before in context] or [0] * len(x), np.int64)
    inputs = np.zeros((len(x), (frames + skipped).max(), x[0].shape[1]), np.float32)
    targets = np.zeros((len(x), labels.max()), np.int64)
    for number, (vectors, text, start) in enumerate(zip(x, tokens, skipped, strict=True)):
        inputs[number, start : start + len(vectors)] = vectors
        targets[number, : len(text)] = text
    for number, before in enumerate(context):
        inputs[number, : len(before)] = before
    return Batch(x=inputs, frames=frames, targets=targets, labels=labels, skipped=skipped)


def find_context(spoken: Sequence[Spoken], count: int) -> list[list[int]]:
    """The numbers of the `count` utterances before each one by its speaker, in order."""
    said: dict[str, list[int]] = {}
    before = []
    for number, s in enumerate(spoken):
        earlier = said.setdefault(s.speaker, [])
        before.append(earlier[-count:] if count and s.speaker else [])
        earlier.append(number)
    return before


class Batches:
    """The batches of every epoch. All that is drawn depends on the seed and the place alone.

    So a training can go on from any step without having drawn what came before it. With the
    features of a `teacher`, which stack as many frames, batches are in both. Utterances without
    a transcript are heard as context alone, where there is any. After the first `own` (all, for
    None) come those of further corpora, of which each epoch draws some: as many as
    `augment.extra` says; or with a `mix`, (utterances, share for each of the own) of one corpus
    after the other, as many as its share of each. A `room` is for the own alone.
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
        teacher: FeatureDefinition | None = None,
        context: ContextRecipe | None = None,
        own: int | None = None,
        room: RoomRecipe | None = None,
        mix: Sequence[tuple[int, float]] = (),
    ) -> None:
        context = context or ContextRecipe()
        labelled = [n for n, s in enumerate(spoken) if s.tokens or not context.utterances]
        own = len(spoken) if own is None else own
        self._own, self._room = own, room or RoomRecipe()
        self._labelled = [n for n in labelled if n < own]
        self._others = np.array([n for n in labelled if n >= own], np.int64)
        self._drawn = min(len(self._others), round(augment.extra * len(self._labelled)))
        if len(self._others) and not self._drawn and not mix:
            warn(
                f"extra = {augment.extra:g} draws none of the {len(self._others)} utterances of "
                "further corpora: they change nothing; raise extra in the recipe, or leave out "
                "--also"
            )
        if not self._labelled:
            raise InputError("wanted utterances with transcripts to train on, got none")
        self._mixed = list(self._parts(mix, own))
        if mix:
            self._drawn = sum(count for _, count in self._mixed)
        self._context = find_context(spoken, context.utterances)
        self._context_frames = context.frames
        fewest = math.ceil(round(definition.stack / augment.tempo[0], 9))
        check_lengths(spoken, fewest, f"which stack = {definition.stack} and tempo need")
        self._spoken, self._definition, self._augment = list(spoken), definition, augment
        self._definitions = [definition] if teacher is None else [definition, teacher]
        self._size, self._seed, self._between = size, seed, between
        self._axis = MelAxis(definition.front_end)
        self._deviations = np.array(definition.std)

    def _parts(
        self, mix: Sequence[tuple[int, float]], own: int
    ) -> Iterator[tuple[NDArray[np.int64], int]]:
        """Utterances with transcripts of each further corpus, and how many an epoch draws."""
        start = own
        for count, share in mix:
            inside = self._others[(self._others >= start) & (self._others < start + count)]
            start += count
            if not len(inside):
                raise InputError(
                    "wanted utterances with transcripts in each corpus of [[data.mix]], got none "
                    "in one of them; transcribe some, or leave it out"
                )
            yield inside, round(share * len(self._labelled))

    def _draw(self, rng: np.random.Generator) -> list[int]:
        """The utterances of further corpora in an epoch; of a small corpus some come again."""
        if not self._mixed:
            return [int(n) for n in rng.choice(self._others, self._drawn, replace=False)]
        drawn = list[int]()
        for inside, count in self._mixed:
            whole, rest = divmod(count, len(inside))
            drawn += inside.tolist() * whole
            drawn += [int(n) for n in rng.choice(inside, rest, replace=False)]
        return drawn

    @property
    def per_epoch(self) -> int:
        """Batches in an epoch."""
        return -(-(len(self._labelled) + self._drawn) // self._size)

    def epoch(self, number: int) -> list[list[tuple[int, ...]]]:
        """The batches of an epoch: of each example, the utterances that are joined in it.

        What is joined is drawn before lengths are compared, or batches would be half padding.
        """
        rng = np.random.default_rng([self._seed, number])
        used = list(self._labelled)
        if self._drawn:
            used += self._draw(rng)
        joined = [
            (n, self._labelled[int(rng.integers(len(self._labelled)))])
            if len(self._spoken[n].cepstra) <= self._augment.join_frames
            and rng.random() < self._augment.join
            else (n,)
            for n in used
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
        inputs, tokens, context = [], [], []
        for example in group:
            parts = [self._spoken[n] for n in example]
            x = np.concatenate([self._example(n, rng) for n in example])
            inputs.append(mask_input(x, self._augment, rng))
            context.append(self._before(example[0], rng))
            text = [[*self._between, *spoken.tokens] for spoken in parts]
            tokens.append([token for words in text for token in words][len(self._between) :])
        batch, dim = _pad(inputs, tokens, context), self._definition.dim
        let_go()
        if len(self._definitions) == 1:
            return batch
        return replace(batch, x=batch.x[..., :dim].copy(), teacher_x=batch.x[..., dim:].copy())

    def _before(self, number: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """The input (frames, dim) heard before an utterance, changed as one is; often no frames."""
        found, width = self._context[number], sum(d.dim for d in self._definitions)
        drawn = int(rng.integers(len(found) + 1)) if found else 0
        parts = [self._example(n, rng) for n in found[len(found) - drawn :]]
        return np.concatenate([np.zeros((0, width)), *parts])[-self._context_frames :]

    def _example(self, number: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """The changed utterance in the features of all who hear it, side by side."""
        cepstra = self._spoken[number].cepstra
        if number < self._own:
            cepstra = put_in_room(cepstra, self._room, self._axis, rng)
        cepstra = change_cepstra(cepstra, self._augment, self._axis, self._deviations, rng)
        return np.concatenate([on_grid(d, cepstra) for d in self._definitions], axis=1)


def on_grid(definition: FeatureDefinition, cepstra: NDArray[np.float64]) -> NDArray[np.float64]:
    """Model input (frames, dim) as the machine gets it, in units of the features."""
    x = definition.quantise(definition.model_input(cepstra))
    return np.asarray(x / 2.0**definition.fraction_bits)


def in_order(
    spoken: Sequence[Spoken],
    definition: FeatureDefinition,
    size: int,
    context: ContextRecipe | None = None,
) -> Iterator[tuple[list[int], Batch]]:
    """Unchanged utterances, longest first, `size` at a time, with their numbers.

    Each after its whole context, where there is to be any.
    """
    context = context or ContextRecipe()
    contexts = find_context(spoken, context.utterances)
    order = sorted(range(len(spoken)), key=lambda n: -len(spoken[n].cepstra))
    for k in range(0, len(order), size):
        group = order[k : k + size]
        x = [on_grid(definition, spoken[n].cepstra) for n in group]
        none = np.zeros((0, definition.dim))
        before = [
            np.concatenate([none, *(on_grid(definition, spoken[m].cepstra) for m in contexts[n])])
            for n in group
        ]
        tokens = [spoken[n].tokens for n in group]
        yield group, _pad(x, tokens, [part[-context.frames :] for part in before])


def fingerprint(*parts: Sequence[Spoken]) -> str:
    """A hash of names, speakers, transcripts and cepstra, and of which part each is in."""
    state = hashlib.sha256()
    for part in parts:
        state.update(f"{len(part)}\0".encode())
        for s in part:
            state.update(f"{s.name}\0{s.speaker}\0{s.text}\0{s.cepstra.shape}".encode())
            state.update(np.ascontiguousarray(s.cepstra).tobytes())
            let_go()
    return state.hexdigest()
