"""Trainings stopped by signals: nothing is lost, and all ends as if nothing had happened."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import FrameType

import pytest

pytest.importorskip("torch", reason="needs the extra `train`")
pytest.importorskip("tensorboard", reason="needs the extra `train`")

import sordino.train.trainer as trainer
from sordino.train.checkpoint import load_checkpoint
from sordino.train.measure import Measure
from sordino.train.recipes.recipe import Recipe, ScheduleRecipe, load_recipe
from sordino.train.session import train
from sordino.train.stopping import Stopped

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
RECIPE = """
name = "stopped"
[features]
stack = 6
[network]
encoder_layers = 1
encoder_hidden = 12
embedding = 6
prediction_hidden = 6
joint_hidden = 8
[augment]
noise = 0.1
join = 0.3
[schedule]
epochs = 24
batch = 1
warmup = 2
dropout = 0.1
average = 0.9
measure = "train"
measure_epochs = 2
"""
FILES = {"checkpoint.pt", "model.npz", "result.json", "tensorboard"}


def curves(folder: Path) -> dict[str, list[int]]:
    """The steps of every curve, as TensorBoard reads them."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = EventAccumulator(str(folder / "tensorboard"), size_guidance={"scalars": 0})
    found.Reload()
    return {name: [p.step for p in found.Scalars(name)] for name in found.Tags()["scalars"]}


def points(folder: Path) -> dict[tuple[str, int], float]:
    """Every point of every curve; a point that is there twice is an error."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = EventAccumulator(
        str(folder / "tensorboard"), size_guidance={"scalars": 0}, purge_orphaned_data=False
    )
    found.Reload()
    names = found.Tags()["scalars"]
    every = [((name, p.step), p.value) for name in names for p in found.Scalars(name)]
    assert len(dict(every)) == len(every)
    return dict(every)


def same(one: Path, other: Path) -> None:
    """Two trainings ended the same: the model, the losses, the curves; nothing else lies about."""
    assert (one / "model.npz").read_bytes() == (other / "model.npz").read_bytes()
    results = [json.loads((folder / "result.json").read_text()) for folder in (one, other)]
    for result in results:
        del result["seconds"]
    assert results[0] == results[1]
    assert points(one) == points(other)
    assert {p.name for p in one.iterdir()} == FILES


@pytest.fixture(scope="module")
def short(tiny: Recipe) -> Recipe:
    """Six steps, measured every epoch of two."""
    schedule = ScheduleRecipe(
        epochs=3, batch=2, warmup=2, average=0.9, measure="train", measure_epochs=1
    )
    return replace(tiny, schedule=schedule)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, corpus: Path, short: Recipe) -> Path:
    """It, without interruption."""
    folder: Path = tmp_path_factory.mktemp("whole")
    train(short, corpus, folder, threads=1)
    assert curves(folder)["loss/step"] == [1, 2, 3, 4, 5, 6]
    return folder


def sends(number: int, at: int = 1) -> Callable[..., None]:
    """Something that sends this process a signal the `at`-th time that it is called."""
    calls = []

    def send(*_arguments: object, **_more: object) -> None:
        calls.append(None)
        if len(calls) == at:
            os.kill(os.getpid(), number)

    return send


@pytest.mark.parametrize("number", SIGNALS)
def test_the_step_that_runs_is_in_the_checkpoint(
    number: int, whole: Path, corpus: Path, short: Recipe, tmp_path: Path
) -> None:
    before = [signal.getsignal(n) for n in SIGNALS]
    for at in (1, 2, 5, 6):  # within an epoch, and at its end, where something is measured
        folder = tmp_path / f"{at}"
        with pytest.raises(Stopped, match=rf"the checkpoint has {at} of 6 steps") as stopped:
            train(short, corpus, folder, threads=1, on_step=sends(number, at))
        assert stopped.value.signal == number
        assert [signal.getsignal(n) for n in SIGNALS] == before
        assert load_checkpoint(folder / "checkpoint.pt")["step"] == at
        assert curves(folder)["loss/step"] == list(range(1, at + 1))
        assert not (folder / "model.npz").exists()
        train(short, corpus, folder, threads=1)
        same(folder, whole)


def test_nothing_is_lost_at_any_line_between_two_steps(
    whole: Path, corpus: Path, short: Recipe, tmp_path: Path
) -> None:
    """A signal at the first line of every function that the trainer calls, one after the other."""
    file, lines = trainer.__file__, 0

    def trace(frame: FrameType, _event: str, _argument: object) -> None:
        nonlocal lines
        inside = frame.f_back is not None and frame.f_back.f_code.co_filename == file
        if done and inside and frame.f_code.co_name != "_handle":
            lines += 1
            if lines == at:
                os.kill(os.getpid(), signal.SIGINT)

    saved = []
    for at in range(1, 40, 3):
        folder, lines, done = tmp_path / f"{at}", 0, list[int]()
        sys.settrace(trace)  # type: ignore[arg-type]
        try:
            train(
                short,
                corpus,
                folder,
                threads=1,
                on_step=lambda step, _steps, _text, done=done: done.append(step),
            )
        except Stopped as error:
            saved.append((error.steps, (done[-1], 6)))
        finally:
            sys.settrace(None)
        train(short, corpus, folder, threads=1)
        same(folder, whole)
    assert len(saved) > 5
    assert all(there == taken for there, taken in saved), "in the checkpoint is what was taken"


@pytest.mark.parametrize("at", [1, 2, 3])
def test_measuring_is_left_at_once_and_taken_up_again(
    at: int, whole: Path, corpus: Path, short: Recipe, tmp_path: Path, monkeypatch
) -> None:
    send, measured = sends(signal.SIGINT, at), Measure.network

    def network(*arguments: object) -> object:
        send()
        return measured(*arguments)

    monkeypatch.setattr(Measure, "network", network)
    with pytest.raises(Stopped, match=rf"the checkpoint has {2 * at} of 6 steps"):
        train(short, corpus, tmp_path, threads=1)
    assert len(curves(tmp_path).get("word error rate/train", [])) == at - 1
    train(short, corpus, tmp_path, threads=1)
    same(tmp_path, whole)


def test_a_second_signal_ends_at_once_and_leaves_the_checkpoint(
    whole: Path, corpus: Path, short: Recipe, tmp_path: Path, monkeypatch
) -> None:
    """Though it comes while one is written: after the third step, to save which was asked."""
    from sordino.train import checkpoint

    with pytest.raises(Stopped):
        train(short, corpus, tmp_path, threads=1, on_step=sends(signal.SIGINT, 1))
    before = (tmp_path / "checkpoint.pt").read_bytes()
    written = checkpoint.write_atomically

    def write(path: Path, contents: bytes) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        written(path, contents)

    monkeypatch.setattr(checkpoint, "write_atomically", write)
    with pytest.raises(Stopped, match="the checkpoint has 1 of 6 steps") as stopped:
        train(short, corpus, tmp_path, threads=1, on_step=sends(signal.SIGINT, 1))
    assert stopped.value.signal == signal.SIGTERM
    assert (tmp_path / "checkpoint.pt").read_bytes() == before
    monkeypatch.undo()
    train(short, corpus, tmp_path, threads=1)
    same(tmp_path, whole)


def test_signals_that_are_ignored_stay_so(corpus: Path, short: Recipe, tmp_path: Path) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        train(short, corpus, tmp_path, threads=1, on_step=sends(signal.SIGHUP, 2))
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)
    assert (tmp_path / "model.npz").exists()


DRIVER = """
import json, os, random, sys, time
numbers, turns, *command = sys.argv[1:]
numbers, turns = json.loads(numbers), int(turns)
import sordino.train.session, sordino.train.trainer as t
from sordino.cli.main import main
t._SAVE_SECONDS = 0.001  # as good as all the time is spent writing checkpoints
draw, codes = random.Random(1), []
for turn in range(turns + 1):
    child = os.fork()
    if not child:
        main(command)
    if turn < turns:
        time.sleep(draw.uniform(0, 0.8))
        os.kill(child, numbers[turn % len(numbers)])  # or it has ended, and is not waited for
    codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
print(json.dumps(codes))
"""


@pytest.mark.parametrize(
    ("numbers", "codes"),
    [([signal.SIGINT, signal.SIGTERM], {130, 143}), ([signal.SIGKILL], {-signal.SIGKILL})],
    ids=["asked", "killed"],
)
def test_processes_stopped_at_random_moments_end_the_same(
    numbers: list[int], codes: set[int], corpus: Path, tmp_path: Path
) -> None:
    """The same command again and again, stopped six times, anywhere."""
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(RECIPE)
    cut, whole = tmp_path / "cut", tmp_path / "whole"
    train(load_recipe(recipe), corpus, whole, threads=1)
    command = ("train", recipe, "--data", corpus, "-o", cut, "--threads", 1, "--json")
    turns = 6
    done = subprocess.run(
        [sys.executable, "-c", DRIVER, json.dumps(numbers), *map(str, (turns, *command))],
        capture_output=True,
        text=True,
        check=True,
    )
    ended = json.loads(done.stdout.splitlines()[-1])
    assert set(ended) <= {0, *codes}
    assert codes & set(ended), "none was stopped"
    assert ended[-1] == 0
    said = done.stderr.splitlines()
    assert len(said) == sum(code in (130, 143) for code in ended)
    assert all("stopped" in line and "the same command" in line for line in said)
    same(cut, whole)


def test_the_last_second_is_not_lost_either(
    whole: Path, corpus: Path, short: Recipe, tmp_path: Path, monkeypatch
) -> None:
    """Between the end of training and the model there is nothing that a repeat does not do."""
    monkeypatch.setattr(trainer, "export_model", sends(signal.SIGINT))
    with pytest.raises(Stopped, match="the checkpoint has 6 of 6 steps"):
        train(short, corpus, tmp_path, threads=1)
    monkeypatch.undo()
    for _ in range(2):
        train(short, corpus, tmp_path, threads=1)
        same(tmp_path, whole)
