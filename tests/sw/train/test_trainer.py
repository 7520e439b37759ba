"""Whole trainings: they learn, end the same wherever they are killed, refuse what is not theirs."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra `train`")
pytest.importorskip("tensorboard", reason="needs the extra `train`")

import sordino.train.trainer as trainer
from sordino.arch import PRESETS
from sordino.compiler.compile import CompileOptions, compile_model
from sordino.compiler.numbers.prune import prune_matrix
from sordino.errors import InputError
from sordino.golden.machine import Golden
from sordino.image.image import Image
from sordino.model.load import load_model
from sordino.model.reference import FloatRnnt
from sordino.model.rnnt import RnntModel
from sordino.speech.corpora.datasets import load_dataset
from sordino.speech.inputs import load_features, load_input
from sordino.speech.wer import word_error_rate
from sordino.train.checkpoint import load_checkpoint
from sordino.train.recipes.recipe import (
    QuantiseRecipe,
    Recipe,
    ScheduleRecipe,
    SparsifyRecipe,
    load_recipe,
)
from sordino.train.session import train
from sordino.train.start import load_start


class Killed(Exception):
    """A training stopped between two steps, without a chance to save anything."""


def kill_after(steps: int):
    def on_step(done: int, _steps: int, _text: str) -> None:
        if done == steps:
            raise Killed

    return on_step


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, corpus: Path, tiny: Recipe) -> Path:
    """The tiny recipe trained without interruption."""
    folder: Path = tmp_path_factory.mktemp("whole")
    trained = train(tiny, corpus, folder, threads=1)
    assert len(trained.losses) == tiny.schedule.epochs
    return folder


def test_loss_falls_and_results_are_written(whole: Path, corpus: Path, tiny: Recipe) -> None:
    result = json.loads((whole / "result.json").read_text())
    losses = result["losses"]
    assert losses[1] < 0.95 * losses[0]  # CTC alone
    assert losses[-1] < 0.8 * losses[2]  # the transducer beside it
    assert (result["words"], result["utterances"], result["split"]) == (10, 3, "train")
    assert result["wer"] == result["errors"] / result["words"]
    assert result["data"] == corpus.name
    assert result["recipe"] == json.loads(json.dumps(tiny.to_dict()))
    assert result["parameters"] == load_model(whole / "model.npz").parameters() - 4 * (12 + 6)
    assert list((whole / "tensorboard").glob("events.*"))


def test_the_model_compiles_and_runs_on_the_exact_machine(whole: Path, corpus: Path) -> None:
    model = load_model(whole / "model.npz")
    definition = model.feature_definition()
    assert (definition.stack, definition.global_mean_weight) == (6, 1.0)
    assert model.licence == "Apache-2.0"
    image = compile_model(model, PRESETS["tiny"], CompileOptions()).image
    x = load_features(corpus / "yes.wav", definition)
    tokens = Golden(image).run(definition.quantise(x)).tokens
    assert all(0 < token < len(model.tokens) for token in tokens)


@pytest.mark.parametrize("at", [1, 3, 4, 15])
def test_a_killed_training_ends_the_same(
    at: int, whole: Path, corpus: Path, tiny: Recipe, tmp_path: Path, monkeypatch
) -> None:
    monkeypatch.setattr(trainer, "_SAVE_SECONDS", -1.0)  # a checkpoint after every step
    with pytest.raises(Killed):
        train(tiny, corpus, tmp_path, threads=1, on_step=kill_after(at))
    assert not (tmp_path / "model.npz").exists()
    monkeypatch.undo()
    seen: list[int] = []
    train(tiny, corpus, tmp_path, threads=1, on_step=lambda done, _steps, _text: seen.append(done))
    assert seen[0] == at, "the step that was killed before its checkpoint is taken again"
    assert (tmp_path / "model.npz").read_bytes() == (whole / "model.npz").read_bytes()
    losses = [json.loads((f / "result.json").read_text())["losses"] for f in (tmp_path, whole)]
    assert losses[0] == losses[1]


def test_a_process_killed_at_any_time_ends_the_same(corpus: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(
        'name = "killed"\n[features]\nstack = 6\n[network]\nencoder_layers = 1\n'
        "encoder_hidden = 12\nembedding = 6\nprediction_hidden = 6\njoint_hidden = 8\n"
        '[schedule]\nepochs = 40\nbatch = 1\ndropout = 0.1\nmeasure = "train"\n'
    )
    program = (
        "import sys, sordino.train.trainer as t; t._SAVE_SECONDS = 0.05\n"
        "from sordino.cli.main import main; main(sys.argv[1:])"
    )

    killed, whole = tmp_path / "killed", tmp_path / "whole"
    command = ("train", recipe, "--data", corpus, "-o", killed, "--threads", 1)
    process = subprocess.Popen([sys.executable, "-c", program, *map(str, command)])
    while not (killed / "checkpoint.pt").exists():
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not (killed / "model.npz").exists()
    for folder in (killed, whole):
        train(load_recipe(recipe), corpus, folder, threads=1)
    assert (killed / "model.npz").read_bytes() == (whole / "model.npz").read_bytes()


def test_the_seed_decides(whole: Path, corpus: Path, tiny: Recipe, tmp_path: Path) -> None:
    other = replace(tiny, schedule=replace(tiny.schedule, seed=2))
    train(other, corpus, tmp_path, threads=1)
    assert (tmp_path / "model.npz").read_bytes() != (whole / "model.npz").read_bytes()


def test_another_trainings_folder_is_refused(
    whole: Path, corpus: Path, tiny: Recipe, tmp_path: Path
) -> None:
    other = replace(tiny, schedule=replace(tiny.schedule, seed=2))
    with pytest.raises(InputError, match="of this training, but its recipe differs"):
        train(other, corpus, whole)
    less = tmp_path / "less"
    less.mkdir()
    os.symlink(corpus / "yes.wav", less / "yes.wav")
    (less / "transcripts.tsv").write_text("file\ttranscript\nyes.wav\tYES\n")
    with pytest.raises(InputError, match="its data differs"):
        train(tiny, less, whole)
    with pytest.raises(InputError, match="its start differs"):
        train(tiny, corpus, whole, start=whole)
    (tmp_path / "checkpoint.pt").write_bytes(b"no checkpoint")
    with pytest.raises(InputError, match="wanted a checkpoint, but"):
        train(tiny, corpus, tmp_path)


def test_training_goes_on_from_a_folder_or_a_model(
    whole: Path, corpus: Path, tiny: Recipe, tmp_path: Path
) -> None:
    still = replace(
        tiny, schedule=ScheduleRecipe(epochs=1, learning_rate=1e-9, batch=3, measure="train")
    )
    for start in (whole, whole / "model.npz"):
        folder = tmp_path / start.name
        train(still, corpus, folder, start=start)
        before, after = (load_model(f / "model.npz").arrays() for f in (whole, folder))
        for name in before:
            np.testing.assert_allclose(after[name], before[name], atol=1e-7)
    smaller = replace(still, network=replace(still.network, joint_hidden=7))
    with pytest.raises(InputError, match=r"wanted joint.encoder.weight of shape \(7, 12\)"):
        train(smaller, corpus, tmp_path / "smaller", start=whole)


def test_a_larger_network_starts_as_the_smaller_one(
    whole: Path, corpus: Path, tiny: Recipe, tmp_path: Path
) -> None:
    still = ScheduleRecipe(epochs=1, learning_rate=1e-9, batch=3, measure="train")
    network = replace(tiny.network, encoder_hidden=20, prediction_hidden=9, joint_hidden=9)
    train(replace(tiny, schedule=still, network=network), corpus, tmp_path, start=whole)
    results = [json.loads((f / "result.json").read_text()) for f in (whole, tmp_path)]
    assert results[0]["utterance_errors"] == results[1]["utterance_errors"]
    assert results[0]["parameters"] < results[1]["parameters"]


def test_what_is_exported_lies_between_the_start_and_the_end(
    corpus: Path, whole: Path, tiny: Recipe, tmp_path: Path
) -> None:
    arrays = {}
    for share in (0.0, 0.25, 1.0):
        schedule = replace(tiny.schedule, epochs=2, ctc_epochs=0, start_share=share)
        folder = tmp_path / f"{share}"
        train(replace(tiny, schedule=schedule), corpus, folder, start=whole, threads=1)
        arrays[share] = load_model(folder / "model.npz").arrays()
    before = load_model(whole / "model.npz").arrays()
    for name, start in before.items():
        np.testing.assert_array_equal(arrays[1.0][name], start)
        np.testing.assert_allclose(
            arrays[0.25][name], 0.75 * arrays[0.0][name] + 0.25 * start, rtol=1e-5, atol=1e-6
        )
    assert any((arrays[0.0][name] != before[name]).any() for name in before)
    with pytest.raises(InputError, match=r"tiny keeps a share, got none; give --start"):
        train(replace(tiny, schedule=schedule), corpus, tmp_path / "none")


def test_the_blank_of_an_exported_model_is_lower(
    corpus: Path, whole: Path, tiny: Recipe, tmp_path: Path
) -> None:
    lower = replace(tiny, schedule=replace(tiny.schedule, blank_penalty=1.5))
    train(lower, corpus, tmp_path, threads=1)
    as_it_is, changed = (load_model(f / "model.npz").arrays() for f in (whole, tmp_path))
    bias = "joint.output.bias"
    np.testing.assert_allclose(changed[bias][0], as_it_is[bias][0] - 1.5, atol=1e-6)
    np.testing.assert_array_equal(changed[bias][1:], as_it_is[bias][1:])
    # It is no part of what training goes on from.
    np.testing.assert_array_equal(
        load_start(tmp_path).weights[bias], load_start(whole).weights[bias]
    )


def test_zeros_are_where_training_goes_on(corpus: Path, tiny: Recipe, tmp_path: Path) -> None:
    """What was chosen to be zero is again, though the weights below the mask were not."""
    sparse = replace(tiny, sparsify=SparsifyRecipe(zeros=0.7, every=2))
    train(sparse, corpus, tmp_path / "once", threads=1)
    state = load_checkpoint(tmp_path / "once" / "checkpoint.pt")["learner"]
    masks, weights = state["compressor"]["masks"], load_start(tmp_path / "once").weights
    assert all((weights[name] != 0).equal(mask) for name, mask in masks.items())
    assert any((state["averaged"][name][~mask] != 0).any() for name, mask in masks.items())
    on = replace(
        sparse,
        schedule=replace(sparse.schedule, epochs=2, ctc_epochs=0),
        sparsify=SparsifyRecipe(zeros=0.7, end=0.001),
    )
    train(on, corpus, tmp_path / "again", start=tmp_path / "once", threads=1)
    before, after = (
        load_model(tmp_path / name / "model.npz").arrays() for name in ("once", "again")
    )
    for name in masks:
        np.testing.assert_array_equal(before[name] == 0, after[name] == 0)


def test_measured_as_the_float_reference_hears(whole: Path, corpus: Path) -> None:
    """Training's own decoding is the one that `sordino eval` reports."""
    result = json.loads((whole / "result.json").read_text())
    model = load_model(whole / "model.npz")
    network, definition = FloatRnnt(model.arrays(), model.meta), model.feature_definition()
    errors = []
    utterances = load_dataset(corpus, "train")
    for u in utterances:
        x = definition.quantise(load_features(u.path, definition)) / 2**definition.fraction_bits
        errors.append(network.text(network.transcribe(x)))
    score = word_error_rate([u.text for u in utterances], errors)
    assert list(score.utterance_errors) == result["utterance_errors"]


def test_settings_of_pytorch_are_put_back(corpus: Path, tiny: Recipe, tmp_path: Path) -> None:
    before = torch.get_num_threads()
    with pytest.raises(Killed):
        train(tiny, corpus, tmp_path, threads=before + 1, on_step=kill_after(1))
    assert torch.get_num_threads() == before
    assert not torch.are_deterministic_algorithms_enabled()


def test_a_loss_that_is_not_finite_ends_training(
    corpus: Path, tiny: Recipe, tmp_path: Path
) -> None:
    wild = replace(tiny, schedule=replace(tiny.schedule, weight_noise=10.0, learning_rate=10.0))
    wild = replace(wild, augment=replace(wild.augment, noise=10.0))
    weights = {"prediction.embedding.weight": torch.full((29, 6), float("nan"))}
    learner = trainer.Trainer(wild, corpus, tmp_path)._learner
    for name, parameter in learner.network.named().items():
        if name in weights:
            with torch.no_grad():
                parameter.copy_(weights[name])
    batches = trainer.Trainer(wild, corpus, tmp_path)._batches
    batch = batches.batch(0, 0, batches.epoch(0)[0])
    with pytest.raises(InputError, match="wanted a finite loss, got nan at step 5; lower"):
        learner.learn(batch, 4, 3)


def golden_errors(image: Image, model: RnntModel, corpus: Path) -> tuple[int, ...]:
    """Word errors of each utterance on the exact machine."""
    texts, utterances = [], load_dataset(corpus, "train")
    for u in utterances:
        tokens = Golden(image).run(load_input(u.path, model.feature_definition())).tokens
        texts.append("".join(model.tokens[t] for t in tokens))
    return word_error_rate([u.text for u in utterances], texts).utterance_errors


@pytest.mark.parametrize("unit", ["single", "connection"])
def test_compressed_training_ends_on_the_grid_with_the_share_of_zeros(
    unit: str, whole: Path, corpus: Path, tiny: Recipe, tmp_path: Path, monkeypatch
) -> None:
    recipe = replace(
        tiny,
        quantise=QuantiseRecipe(bits=4),
        sparsify=SparsifyRecipe(zeros=0.6, unit=unit, end=0.7, every=3),
    )
    trained = train(recipe, corpus, tmp_path / "whole", start=whole, threads=1)
    model = load_model(trained.model)
    for name, weight in model.arrays().items():
        if weight.ndim == 2 and "embedding" not in name:
            top = np.abs(weight).max()
            levels = weight / (top / 7)
            np.testing.assert_allclose(levels, np.round(levels), atol=1e-4)
            group = 1 if unit == "single" else 4
            stride = len(weight) // 4 if unit == "connection" and "joint" not in name else 1
            pruned = prune_matrix(weight, 0.6, group=group, stride=stride)
            assert np.array_equal(pruned, weight), "what the compiler would prune is zero already"
    config = PRESETS["tiny" if unit == "connection" else "tiny-unstructured"]
    image = compile_model(model, config, CompileOptions(weight_bits=4)).image
    assert trained.machine is not None
    assert trained.machine.utterance_errors == golden_errors(image, model, corpus)
    monkeypatch.setattr(trainer, "_SAVE_SECONDS", -1.0)
    with pytest.raises(Killed):  # between two choices of the zeros
        train(recipe, corpus, tmp_path / "cut", start=whole, threads=1, on_step=kill_after(5))
    train(recipe, corpus, tmp_path / "cut", start=whole, threads=1)
    assert (tmp_path / "cut" / "model.npz").read_bytes() == trained.model.read_bytes()


@pytest.mark.parametrize(
    ("method", "codebook"),
    [
        ("straight_through", "lloyd-max"),
        ("absolute_cosine", "uniform"),
        ("regional", "lloyd-max"),
    ],
)
def test_every_method_ends_on_its_values_and_on_the_exact_machine(
    method: str,
    codebook: str,
    whole: Path,
    corpus: Path,
    tiny: Recipe,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    quantise = QuantiseRecipe(
        bits=3, layers={"joint.*": 5}, method=method, codebook=codebook, every=4
    )
    sparsify = SparsifyRecipe(zeros=0.5, method="compressed_sensing", every=4)
    recipe = replace(tiny, quantise=quantise, sparsify=sparsify)
    trained = train(recipe, corpus, tmp_path / "whole", start=whole, threads=1)
    model = load_model(trained.model)
    for name, weight in model.arrays().items():
        if weight.ndim == 2 and "embedding" not in name:
            bits = 5 if "joint" in name else 3
            assert 2 < len(np.unique(weight)) <= 1 << bits
            assert (weight == 0).mean() >= 0.49
    image = compile_model(model, PRESETS["tiny-unstructured"]).image  # bits are the model's own
    assert image.host.layer_bits == {"joint.*": 5}
    assert (image.host.weight_bits, image.host.codebook) == (3, codebook)
    assert trained.machine is not None
    assert trained.machine.utterance_errors == golden_errors(image, model, corpus)
    monkeypatch.setattr(trainer, "_SAVE_SECONDS", -1.0)
    for at in (3, 6):  # while all weights may learn, and between two fittings
        with pytest.raises(Killed):
            train(
                recipe,
                corpus,
                tmp_path / f"{at}",
                start=whole,
                threads=1,
                on_step=kill_after(at),
            )
        train(recipe, corpus, tmp_path / f"{at}", start=whole, threads=1)
        assert (tmp_path / f"{at}" / "model.npz").read_bytes() == trained.model.read_bytes()


@pytest.mark.parametrize("method", ["magnitude", "compressed_sensing"])
@pytest.mark.parametrize("unit", ["single", "connection"])
@pytest.mark.parametrize("end", [0.4, 1.0])
def test_the_share_of_zeros_is_reached_exactly_at_the_end_of_the_last_epoch(
    method: str, unit: str, end: float, corpus: Path, tiny: Recipe, tmp_path: Path
) -> None:
    sparsify = SparsifyRecipe(zeros=0.7, unit=unit, method=method, end=end, every=4)
    recipe = replace(
        tiny, schedule=replace(tiny.schedule, epochs=3, ctc_epochs=0), sparsify=sparsify
    )
    model = load_model(train(recipe, corpus, tmp_path, threads=1).model)
    for name, weight in model.arrays().items():
        if weight.ndim != 2 or "embedding" in name:
            continue
        if unit == "single":
            units = weight.reshape(1, -1)
        elif "joint" in name:
            padded = np.pad(weight, ((0, -len(weight) % 4), (0, 0)))
            units = padded.reshape(-1, 4, weight.shape[1]).swapaxes(0, 1).reshape(4, -1)
        else:
            units = weight.reshape(4, -1)
        zero = ~units.any(axis=0)
        assert zero.sum() == round(0.7 * zero.size), name
        assert (weight == 0).sum() <= zero.sum() * len(units), "nothing is zero by chance"
