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

from sordino.errors import InputError
from sordino.files import remove_temporary, write_atomically
from sordino.speech.corpora.datasets import Split, load_dataset
from sordino.speech.wer import Wer, word_error_rate
from sordino.train.ancestry import CHECKPOINT, MODEL, RESULT
from sordino.train.checkpoint import DAMAGED, load_checkpoint, save_checkpoint
from sordino.train.corpus.data import Batches, Spoken, check_lengths, define_features, load_spoken
from sordino.train.corpus.tokens import CHARACTERS, TokenSet, make_tokens
from sordino.train.export import describe, export_model
from sordino.train.identity import Identity
from sordino.train.learner import Learner, learning_rate
from sordino.train.log import EPOCH_LOSS, LEARNING_RATE, STEP_LOSS, WORD_ERRORS, Log
from sordino.train.measure import Measure, scores
from sordino.train.recipes.recipe import Recipe
from sordino.train.start import Start
from sordino.train.stopping import Stopped, StopSignals
from sordino.train.teacher import Teacher

__all__ = ["Trained", "Trainer"]

_SAVE_SECONDS = 40.0
"""Between checkpoints: with steps of seconds and a count of word errors, a minute is lost."""


@dataclass(frozen=True, kw_only=True)
class Trained:
    """The results of a training.

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

    data     corpus, as `load_dataset` reads it: its training split gives the features' statistics;
             where the recipe measures `tuning`, `fitting` is what it trains on
    also     further corpora, of which the training splits are used
    start    weights to start from
    teacher  for recipes that learn from one
    on_step  called after every step with the steps done, the steps in all, and a line of text
    stop     signals that end the training, after the checkpoint that they make it write

    Raises InputError for data that does not fit and for a folder with another training in it.
    """

    def __init__(
        self,
        recipe: Recipe,
        data: Path,
        output: Path,
        *,
        also: Sequence[Path] = (),
        start: Start | None = None,
        teacher: Teacher | None = None,
        on_step: Callable[[int, int, str], None] = lambda _done, _steps, _text: None,
        stop: StopSignals | None = None,
    ) -> None:
        self._recipe, self._output, self._on_step = recipe, output, on_step
        self._stop = stop or StopSignals()
        schedule = recipe.schedule
        own: Split = "fitting" if schedule.measure == "tuning" else "train"
        self._tokens = self._choose_tokens(data, own)
        if start is not None:
            start.check(self._tokens.names, recipe.features.stack)
        parts = [self._load(data, own), *(self._load(folder, "train") for folder in also)]
        measured = self._load(data, schedule.measure)
        self._definition = define_features(recipe.features, parts[0])
        _check_measured(measured, recipe)
        spoken = [s for part in parts for s in part]
        self._measure = Measure(measured, self._definition, self._tokens)
        weights = {} if start is None else start.weights
        self._identity = Identity(
            recipe,
            self._tokens,
            [*parts, measured],
            weights,
            None if teacher is None else teacher.digest,
            _ancestry(start, teacher),
        )
        self._described: dict[str, Any] = {
            "data": data.name,
            "also": [folder.name for folder in also],
            "start": None if start is None else start.name,
            "teacher": None,
        }
        if teacher is not None:
            spoken = self._listen(teacher, spoken)
        self._batches = self._deal_out(spoken, [len(part) for part in parts], teacher)
        self._steps = schedule.epochs * self._batches.per_epoch
        self._learner = Learner(
            recipe, self._definition.dim, self._steps, weights or None, teacher, self._tokens
        )
        self._step, self._saved, self._seconds = 0, 0, 0.0
        self._finished = False
        self._losses: list[float] = []
        self._epoch_losses: list[float] = []
        self._text = ""
        self._drawn: tuple[int, list[list[tuple[int, ...]]]] = (-1, [])

    def _choose_tokens(self, data: Path, split: Split) -> TokenSet:
        """The recipe's tokens; word pieces are chosen by the transcripts."""
        network = self._recipe.network
        if network.tokens == "characters":
            return CHARACTERS
        if not self._recipe.teacher.labels:
            raise InputError(
                "wanted tokens = 'characters' in a recipe that reads no transcripts, got word "
                "pieces, which are chosen by them"
            )
        spoken = load_dataset(data, split, unlabelled=self._recipe.reads_unlabelled)
        return make_tokens(network, (CHARACTERS.speller.adapt(u.text) for u in spoken if u.text))

    def _load(self, data: Path, split: Split) -> list[Spoken]:
        return load_spoken(data, split, self._tokens, unlabelled=self._recipe.reads_unlabelled)

    def _deal_out(
        self, spoken: list[Spoken], counts: Sequence[int], teacher: Teacher | None
    ) -> Batches:
        """The utterances in batches: those of the corpus, then of each further one, as counted."""
        recipe = self._recipe
        return Batches(
            spoken,
            self._definition,
            recipe.augment,
            size=recipe.schedule.batch,
            seed=recipe.schedule.seed,
            between=self._tokens.between,
            teacher=teacher.definition if teacher and recipe.teacher.weight else None,
            context=recipe.context,
            own=counts[0],
            room=recipe.room,
            mix=recipe.data.per_own(recipe.also, counts[1:]),
        )

    def _listen(self, teacher: Teacher, spoken: list[Spoken]) -> list[Spoken]:
        """What is trained on: the utterances, where the recipe says so as the teacher hears them.

        Their own transcripts then serve one figure in the result and nothing else.
        """
        teacher.check(self._definition, self._tokens)
        taught: dict[str, Any] = {"name": teacher.name, "wer": None}
        self._described["teacher"] = taught
        if self._recipe.teacher.labels:
            return spoken
        written = teacher.write(spoken, self._tokens)
        if any(s.text for s in spoken):
            score = word_error_rate([s.text for s in spoken], [s.text for s in written])
            taught["wer"] = score.wer
        return written

    def run(self) -> Trained:
        """Train to the end, write model and result."""
        self._output.mkdir(parents=True, exist_ok=True)
        try:
            self._resume()
            self._clock = time.monotonic()
            with Log(self._output, self._step) as log:
                self._learn(log)
                score, after = self._hear(log)
            return self._export(score, after)
        except Stopped as stopped:
            stopped.steps = self._saved, self._steps
            raise

    def _learn(self, log: Log) -> None:
        """Take all steps that are left, and measure between them.

        A signal waits for the step and its checkpoint. Before something is measured, which takes
        longer and leaves nothing, there is a checkpoint.
        """
        with self._stop.deferred():
            self._measure_between(log)
            while self._step < self._steps:
                self._advance(log)
                if self._stop.requested or time.monotonic() - self._clock > _SAVE_SECONDS:
                    self._save()
                if self._stop.requested:
                    break
                self._measure_between(log)

    def _advance(self, log: Log) -> None:
        epoch, place = divmod(self._step, self._batches.per_epoch)
        if epoch != self._drawn[0]:
            self._drawn = epoch, self._batches.epoch(epoch)
        batch = self._batches.batch(epoch, place, self._drawn[1][place])
        loss = self._learner.learn(batch, self._step, epoch)
        self._epoch_losses.append(loss)
        self._step += 1
        log.add(STEP_LOSS, loss, self._step)
        if place + 1 == self._batches.per_epoch:
            self._end_epoch(log, epoch + 1)
        self._on_step(self._step, self._steps, self._text)

    def _end_epoch(self, log: Log, epochs: int) -> None:
        loss = sum(self._epoch_losses) / len(self._epoch_losses)
        self._losses.append(loss)
        self._epoch_losses = []
        rate = learning_rate(self._recipe.schedule, self._step - 1, self._steps)
        log.add(EPOCH_LOSS, loss, self._step)
        log.add(LEARNING_RATE, rate, self._step)
        self._text = f"epoch {epochs}, loss {loss:.3f}"

    def _measure_between(self, log: Log) -> None:
        """Measure word errors where the recipe wants them, unless an earlier part has."""
        epochs, place = divmod(self._step, self._batches.per_epoch)
        every = self._recipe.schedule.measure_epochs
        if place or not epochs or epochs % every or self._step == self._steps:
            return
        if not log.has(self._curve, self._step):
            self._save()
            with self._stop.immediate():
                score = self._count(log)
            self._text += f", WER {score.wer:.2%}"

    @property
    def _curve(self) -> str:
        return f"{WORD_ERRORS}/{self._recipe.schedule.measure}"

    def _count(self, log: Log, *, context: bool = False) -> Wer:
        with self._learner.in_use() as network:
            score = self._measure.network(network, self._recipe.context if context else None)
        after = f"{WORD_ERRORS} after context/{self._recipe.schedule.measure}"
        log.add(after if context else self._curve, score.wer, self._step)
        return score

    def _hear(self, log: Log) -> tuple[Wer, Wer | None]:
        """The word errors at the end, and after context where there is any."""
        self._save()
        score = self._count(log)
        after = self._count(log, context=True) if self._recipe.context.utterances else None
        self._save(finished=True)
        return score, after

    def _export(self, score: Wer, after: Wer | None) -> Trained:
        model = self._output / MODEL
        weights = self._learner.exported()
        export_model(model, self._recipe, self._definition, weights, self._tokens)
        precision = self._recipe.quantise.precision
        machine = None if precision is None else self._measure.machine(model, precision)
        parameters = sum(w.size for name, w in weights.items() if not name.startswith("ctc"))
        result = {
            "recipe": self._recipe.to_dict(),
            "split": self._recipe.schedule.measure,
            **scores(score, machine, after),
            "parameters": parameters,
            **self._described,
            "identity": self._identity.digest,
            "ancestry": self._identity.ancestry,
            "sha256": hashlib.sha256(model.read_bytes()).hexdigest(),
            "losses": self._losses,
            "steps": self._steps,
            "seconds": round(self._seconds, 1),
            "threads": torch.get_num_threads(),
        }
        write_atomically(self._output / RESULT, json.dumps(result, indent=2) + "\n")
        return Trained(
            model=model,
            score=score,
            machine=machine,
            losses=tuple(self._losses),
            seconds=self._seconds,
        )

    def _save(self, *, finished: bool = False) -> None:
        """Write a checkpoint, unless the last one says the same."""
        if self._step == self._saved and finished <= self._finished:
            return
        now = time.monotonic()
        self._seconds += now - self._clock
        self._clock = now
        described = describe(self._recipe, self._definition, self._tokens)
        save_checkpoint(
            self._output / CHECKPOINT,
            {
                **self._identity.state(),
                "meta": json.dumps(described),
                "step": self._step,
                "finished": finished,
                "seconds": self._seconds,
                "losses": self._losses,
                "epoch_losses": self._epoch_losses,
                "learner": self._learner.state(),
            },
        )
        self._saved, self._finished = self._step, finished

    def _resume(self) -> None:
        path = self._output / CHECKPOINT
        remove_temporary(self._output)  # of a process that was killed while writing
        if not path.exists():
            return
        state = load_checkpoint(path)
        try:
            self._identity.check(state, path)
            self._restore(state)
        except InputError:
            raise
        except DAMAGED:
            raise InputError(
                f"wanted a checkpoint, but {path} is damaged; delete it to start again"
            ) from None

    def _restore(self, state: Mapping[str, Any]) -> None:
        self._step, self._seconds = int(state["step"]), float(state["seconds"])
        self._losses = [float(loss) for loss in state["losses"]]
        self._epoch_losses = [float(loss) for loss in state["epoch_losses"]]
        self._finished = bool(state["finished"])
        epochs, place = divmod(self._step, self._batches.per_epoch)
        if self._step > self._steps or (len(self._losses), len(self._epoch_losses)) != (
            epochs,
            place,
        ):
            raise ValueError
        self._learner.restore(state["learner"])
        self._saved = self._step


def _check_measured(measured: Sequence[Spoken], recipe: Recipe) -> None:
    """Refuse a split on which no word errors can be counted."""
    split = recipe.schedule.measure
    check_lengths(measured, recipe.features.stack, f"as many as stack, to {split}")
    if not any(s.text for s in measured):
        raise InputError(
            f"wanted transcripts of split {split}, on which word errors are counted, got none of "
            f"{len(measured)} recordings; transcribe some, or choose another split with measure in "
            "the recipe"
        )


def _ancestry(start: Start | None, teacher: Teacher | None) -> dict[str, Any]:
    """What a training goes on from, and that in turn."""
    return {
        role: {"name": one.name, "identity": one.identity, "ancestry": one.ancestry}
        for role, one in (("start", start), ("teacher", teacher))
        if one is not None
    }
