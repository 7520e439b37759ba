"""One training, from a recipe and a corpus to a model; killed, it goes on and ends the same.

All that is drawn depends on the seed and the number of the step alone, so that a checkpoint needs
no state of random generators: the weights, the optimiser's moments and the step are enough.
"""

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sordino.compiler.precision import Precision
from sordino.errors import InputError
from sordino.files import write_atomically
from sordino.model.load import load_model
from sordino.speech.datasets import Split, load_dataset
from sordino.speech.features import FeatureDefinition
from sordino.speech.wer import Wer, word_error_rate
from sordino.train.checkpoint import load_checkpoint, save_checkpoint
from sordino.train.data import (
    Batches,
    Spoken,
    define_features,
    fingerprint,
    in_order,
    load_spoken,
)
from sordino.train.export import export_model
from sordino.train.learner import Learner, learning_rate
from sordino.train.log import Log
from sordino.train.methods import ContextRecipe
from sordino.train.network import Network
from sordino.train.recipe import Recipe
from sordino.train.replay import Replay
from sordino.train.teacher import Teacher
from sordino.train.tokens import CHARACTERS, TokenSet, make_tokens

__all__ = ["CHECKPOINT", "MODEL", "RESULT", "Trained", "Trainer", "transcribe"]

CHECKPOINT, MODEL, RESULT = "checkpoint.pt", "model.npz", "result.json"
"""What a training leaves in its folder, beside curves for TensorBoard."""
_SAVE_SECONDS = 40.0
"""Between checkpoints: with steps of seconds and a count of word errors, a minute is lost."""
_DECODED = 64
"""Utterances decoded at once."""


def transcribe(
    network: Network,
    spoken: list[Spoken],
    definition: FeatureDefinition,
    tokens: TokenSet = CHARACTERS,
    context: ContextRecipe | None = None,
) -> list[str]:
    """What the network hears, greedily, in the order of `spoken`; each after its context."""
    texts = [""] * len(spoken)
    for numbers, batch in in_order(spoken, definition, _DECODED, context):
        parts = (batch.x, batch.frames, batch.skipped)
        found = network.transcribe(*map(torch.from_numpy, parts))
        for number, said in zip(numbers, found, strict=True):
            texts[number] = tokens.spell(said)
    return texts


@dataclass(frozen=True, kw_only=True)
class Trained:
    """What a training came to.

    model    its file
    score    word errors on the split that the recipe measures, decoded greedily
    machine  the same in the machine's integers, for recipes that quantise
    losses   mean of every epoch
    seconds  of training, over all its parts
    """

    model: Path
    score: Wer
    machine: Wer | None
    losses: tuple[float, ...]
    seconds: float


class Trainer:
    """A training in folder `output`; goes on where an earlier one with equal arguments stopped.

    data     corpus, as `load_dataset` reads it: its training split gives the features' statistics
    also     further corpora, of which the training splits are used
    start    weights to start from, by their canonical names
    started  what they are called in the result
    teacher  for recipes that learn from one
    on_step  called after every step with the steps done, the steps in all, and a line of text

    Raises InputError for data that does not fit and for a folder with another training in it.
    """

    def __init__(
        self,
        recipe: Recipe,
        data: Path,
        output: Path,
        *,
        also: Sequence[Path] = (),
        start: Mapping[str, Tensor] | None = None,
        started: str | None = None,
        teacher: Teacher | None = None,
        on_step: Callable[[int, int, str], None] = lambda _done, _steps, _text: None,
    ) -> None:
        self._recipe, self._output, self._on_step = recipe, output, on_step
        schedule = recipe.schedule
        self._tokens = self._choose_tokens(data)
        spoken = self._load(data, "train")
        self._measured = self._load(data, schedule.measure)
        self._definition, own = define_features(recipe.features, spoken), len(spoken)
        for folder in also:
            spoken += self._load(folder, "train")
        self._data, self._also = data.name, [folder.name for folder in also]
        self._identity = {
            "recipe": recipe.digest,
            "data": fingerprint([*spoken, *self._measured]),
            "start": _digest(start or {}),
        }
        self._started = started
        self._taught: dict[str, Any] | None = None
        if teacher is not None:
            spoken = self._listen(teacher, spoken)
        self._batches = Batches(
            spoken,
            self._definition,
            recipe.augment,
            size=schedule.batch,
            seed=schedule.seed,
            between=self._tokens.between,
            teacher=teacher.definition if teacher and recipe.teacher.weight else None,
            context=recipe.context,
            own=own,
        )
        self._steps = schedule.epochs * self._batches.per_epoch
        self._learner = Learner(
            recipe, self._definition.dim, self._steps, start, teacher, self._tokens
        )
        self._step, self._seconds = 0, 0.0
        self._losses: list[float] = []
        self._epoch_losses: list[float] = []
        self._text = ""
        self._drawn: tuple[int, list[list[tuple[int, ...]]]] = (-1, [])

    def _choose_tokens(self, data: Path) -> TokenSet:
        """The recipe's; word pieces are those of the transcripts."""
        network = self._recipe.network
        if network.tokens == "characters":
            return CHARACTERS
        if not self._recipe.teacher.labels:
            raise InputError(
                "wanted tokens = 'characters' in a recipe that reads no transcripts, got word "
                "pieces, which are chosen by them"
            )
        spoken = load_dataset(data, "train", unlabelled=self._recipe.reads_unlabelled)
        return make_tokens(network, (CHARACTERS.speller.adapt(u.text) for u in spoken if u.text))

    def _load(self, data: Path, split: Split) -> list[Spoken]:
        return load_spoken(data, split, self._tokens, unlabelled=self._recipe.reads_unlabelled)

    def _listen(self, teacher: Teacher, spoken: list[Spoken]) -> list[Spoken]:
        """What is trained on: the utterances, where the recipe says so as the teacher hears them.

        Their own transcripts then serve one figure in the result and nothing else.
        """
        teacher.check(self._definition, self._tokens)
        self._identity["teacher"] = teacher.digest
        self._taught = {"name": teacher.name, "wer": None}
        if self._recipe.teacher.labels:
            return spoken
        written = teacher.write(spoken, self._tokens)
        if any(s.text for s in spoken):
            score = word_error_rate([s.text for s in spoken], [s.text for s in written])
            self._taught["wer"] = score.wer
        return written

    def run(self) -> Trained:
        """Train to the end, write model and result."""
        self._output.mkdir(parents=True, exist_ok=True)
        self._resume()
        self._clock = time.monotonic()
        with Log(self._output, self._step) as log:
            while self._step < self._steps:
                self._advance(log)
                if time.monotonic() - self._clock > _SAVE_SECONDS:
                    self._save()
            score = self._measure(log)
            after = self._measure(log, context=True) if self._recipe.context.utterances else None
        self._save()
        model = self._output / MODEL
        weights = self._learner.exported()
        export_model(model, self._recipe, self._definition, weights, self._tokens)
        precision = self._recipe.quantise.precision
        machine = None if precision is None else self._replay(model, precision)
        self._write_result(score, machine, after)
        return Trained(
            model=model,
            score=score,
            machine=machine,
            losses=tuple(self._losses),
            seconds=self._seconds,
        )

    def _advance(self, log: Log) -> None:
        epoch, place = divmod(self._step, self._batches.per_epoch)
        if epoch != self._drawn[0]:
            self._drawn = epoch, self._batches.epoch(epoch)
        batch = self._batches.batch(epoch, place, self._drawn[1][place])
        loss = self._learner.learn(batch, self._step, epoch)
        self._epoch_losses.append(loss)
        self._step += 1
        log.add("loss/step", loss, self._step)
        if place + 1 == self._batches.per_epoch:
            self._end_epoch(log, epoch + 1)
        self._on_step(self._step, self._steps, self._text)

    def _end_epoch(self, log: Log, epochs: int) -> None:
        schedule = self._recipe.schedule
        loss = sum(self._epoch_losses) / len(self._epoch_losses)
        self._losses.append(loss)
        self._epoch_losses = []
        rate = learning_rate(schedule, self._step - 1, self._steps)
        log.add("loss/epoch", loss, self._step)
        log.add("learning rate", rate, self._step)
        self._text = f"epoch {epochs}, loss {loss:.3f}"
        if epochs % schedule.measure_epochs == 0 and self._step < self._steps:
            score = self._measure(log)
            self._text += f", WER {score.wer:.2%}"

    def _measure(self, log: Log, *, context: bool = False) -> Wer:
        """Word errors with the encoder's state zero at the beginning, or after its context."""
        before = self._recipe.context if context else None
        with self._learner.in_use() as network:
            texts = transcribe(network, self._measured, self._definition, self._tokens, before)
        score = self._score(texts)
        name = "word error rate after context" if context else "word error rate"
        log.add(f"{name}/{self._recipe.schedule.measure}", score.wer, self._step)
        return score

    def _replay(self, path: Path, precision: Precision) -> Wer:
        """Word errors of the exported model on the exact machine."""
        model, definition = load_model(path), self._definition
        inputs = [definition.quantise(definition.model_input(s.cepstra)) for s in self._measured]
        found = Replay(model, precision).transcribe(inputs)
        return self._score([self._tokens.spell(said) for said in found])

    def _score(self, texts: Sequence[str]) -> Wer:
        """Word errors of what was heard, where it is known what was said."""
        known = [(s.text, text) for s, text in zip(self._measured, texts, strict=True) if s.text]
        return word_error_rate([said for said, _ in known], [heard for _, heard in known])

    def _save(self) -> None:
        now = time.monotonic()
        self._seconds += now - self._clock
        self._clock = now
        save_checkpoint(
            self._output / CHECKPOINT,
            {
                "identity": self._identity,
                "step": self._step,
                "seconds": self._seconds,
                "losses": self._losses,
                "epoch_losses": self._epoch_losses,
                "learner": self._learner.state(),
            },
        )

    def _resume(self) -> None:
        path = self._output / CHECKPOINT
        if not path.exists():
            return
        state = load_checkpoint(path)
        for what, wanted in self._identity.items():
            if state.get("identity", {}).get(what) != wanted:
                raise InputError(
                    f"wanted the checkpoint in {self._output} to be of this training, but its "
                    f"{what} differs; choose another folder, or delete {path}"
                )
        self._step, self._seconds = state["step"], state["seconds"]
        self._losses, self._epoch_losses = state["losses"], state["epoch_losses"]
        self._learner.restore(state["learner"])

    def _write_result(self, score: Wer, machine: Wer | None, after: Wer | None) -> None:
        result = {
            "recipe": self._recipe.to_dict(),
            "split": self._recipe.schedule.measure,
            "wer": score.wer,
            "errors": score.errors,
            "words": score.words,
            "utterances": score.utterances,
            "utterance_errors": list(score.utterance_errors),
            "utterance_words": list(score.utterance_words),
            "context_wer": None if after is None else after.wer,
            "context_utterance_errors": None if after is None else after.utterance_errors,
            "machine_wer": None if machine is None else machine.wer,
            "machine_errors": None if machine is None else machine.errors,
            "machine_utterance_errors": None if machine is None else machine.utterance_errors,
            "parameters": sum(
                p.numel()
                for name, p in self._learner.network.named().items()
                if not name.startswith("ctc")
            ),
            "data": self._data,
            "also": self._also,
            "start": self._started,
            "teacher": self._taught,
            "losses": self._losses,
            "steps": self._steps,
            "seconds": round(self._seconds, 1),
            "threads": torch.get_num_threads(),
        }
        write_atomically(self._output / RESULT, json.dumps(result, indent=2) + "\n")


def _digest(weights: Mapping[str, Tensor]) -> str:
    state = hashlib.sha256()
    for name in sorted(weights):
        state.update(name.encode() + weights[name].detach().numpy().tobytes())
    return state.hexdigest()
