"""The page of trainings, and the check of the small one, on folders made here."""

import json
import xml.etree.ElementTree as xml
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from campaigns import post_training, replay, train_smoke, training, training_time
from sordino.arch import PRESETS
from sordino.compiler.compile import compile_model
from sordino.cycles.bounds import frame_bounds
from sordino.errors import InputError
from sordino.golden.machine import Golden
from sordino.model.load import load_model
from sordino.model.random_rnnt import random_arrays, random_meta
from sordino.speech.corpora.datasets import load_dataset
from sordino.speech.inputs import load_input
from sordino.speech.wer import word_error_rate
from sordino.train.corpus.data import TOKENS

ROOT = Path(__file__).parents[2]


def result(name: str, errors: list[int], machine: list[int] | None = None, **more: Any) -> dict:
    return {
        "recipe": {
            "name": name,
            "description": "what",
            "schedule": {"epochs": 3},
            "sparsify": {"unit": "connection"},
        },
        "split": "dev",
        "wer": sum(errors) / 8,
        "errors": sum(errors),
        "words": 8,
        "utterance_errors": errors,
        "utterance_words": [4, 4],
        "machine_wer": None if machine is None else sum(machine) / 8,
        "machine_errors": None if machine is None else sum(machine),
        "machine_utterance_errors": machine,
        "parameters": 12340,
        "start": None,
        "teacher": None,
        "losses": [9.0, 1.0, 0.1],
        "steps": 30,
        "seconds": 90.0,
        "threads": 1,
        **more,
    }


def write_model(folder: Path) -> None:
    rng = np.random.default_rng(1)
    arrays = random_arrays(rng, inputs=117, tokens=len(TOKENS))
    features = {"kind": "sphinx-mfcc", "stack": 3}
    meta = random_meta(len(TOKENS), features=features, licence="Apache-2.0")
    meta["tokens"] = list(TOKENS)
    arrays |= {"features.mean": np.zeros(13), "features.std": np.ones(13)}
    np.savez(folder / "model.npz", meta=np.array(json.dumps(meta)), **arrays)


def test_page(tmp_path: Path) -> None:
    runs = {
        "a": result("a", [2, 0]),
        "b": result("b", [1, 0], parameters=22340),
        "c": result("c", [1, 1], [0, 0], start="a", teacher={"name": "b", "wer": 0.1}),
        "d": result("d", [1, 1], [1, 0], start="c"),
        "e": result("e", [0, 0], split="test", utterance_words=[1, 7]),
    }
    runs["d"]["recipe"]["schedule"]["blank_penalty"] = 0.5
    for name, contents in runs.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "result.json").write_text(json.dumps(contents))
    write_model(tmp_path / "c")
    write_model(tmp_path / "d")
    page = tmp_path / "docs" / "page.md"
    arguments = [*(str(tmp_path / name) for name in runs), "-o", str(page), "--machine", "tiny"]
    ran = CliRunner().invoke(training.main, arguments, catch_exceptions=False)
    assert ran.exit_code == 0
    text = page.read_text()
    assert "| a | what | dev | 25.00% |  | 2/8 |  |  |  |" in text
    assert "| b | what | dev | 12.50% |  | 1/8 | a | -12.50% | -25.00% to +0.00% |" in text
    assert "| c | what | dev | 25.00% | 0.00% | 0/8 | a | -25.00% | -50.00% to +0.00% |" in text
    assert "| d | what | dev | 25.00% | 12.50% | 1/8 | a | -12.50% | -25.00% to +0.00% |" in text
    assert "blank is lower ([how much](blank-penalty.md)) in d. Against" in text
    assert "| e | what | test | 0.00% |  | 0/8 |  |  |  |" in text
    assert "most accurate float model here, b, with 89,360 bytes" in text
    assert "| a |  |  | 49,360 | 100.00% | 55.24% |  |" in text
    image = compile_model(load_model(tmp_path / "c" / "model.npz"), PRESETS["tiny"]).image
    size = len(image.to_bytes())
    bounds = frame_bounds(image)
    assert bounds is not None
    cycles = bounds.tokens[0].worst
    assert f"| {size:,} | {size / 49360:.2%} | {size / 89360:.2%} | {cycles:,} |" in text
    start = "sordino train recipes/c.toml --data an4 -o runs/c --start runs/a"
    named = result("c", [0], start="a", teacher={"name": "b"}, also=["s", "t"])
    named["recipe"] |= {"start": "a", "teacher": {"name": "b"}, "also": {"s": ""}}
    assert training.command(named) == ("sordino train recipes/c.toml --data an4 -o runs/c --also t")
    assert f"| 12,340 | 3 | 2 | 3000 | 1 | `{start} --teacher runs/b/model.npz` |" in text
    drawn = xml.fromstring((tmp_path / "docs" / "page.svg").read_text())
    labels = [element.text for element in drawn.iter() if element.tag.endswith("text")]
    assert {"a", "b", "c", "float32", "groups of 4"} <= set(labels)
    assert "e" not in labels
    ends = [e for e in drawn.iter() if e.tag.endswith("circle") and e.get("r") == "4"]
    assert len(ends) == 4 + 2


def test_a_model_rounded_and_pruned_without_training(tmp_path: Path) -> None:
    (tmp_path / "float").mkdir()
    write_model(tmp_path / "float")
    contents = result("a", [2, 0], split="train")
    (tmp_path / "float" / "result.json").write_text(json.dumps(contents))
    data = ROOT / "models" / "utterances"
    arguments = [tmp_path / "float", "--data", data, "-o", tmp_path / "a_b3_z50", "--bits", 3]
    arguments += ["--zeros", 0.5, "--codebook", "lloyd-max"]
    run = [str(argument) for argument in arguments]
    ran = CliRunner().invoke(post_training.main, run, catch_exceptions=False)
    assert ran.exit_code == 0
    assert "a rounded to 3 bits, Lloyd-Max, 50% zeros, no training: WER" in ran.output
    found = training.load_run(tmp_path / "a_b3_z50", "tiny")
    assert found.zeros is not None
    assert found.zeros >= 0.49
    assert training.point(found).kind == "post-training"
    assert "--bits 3 --codebook lloyd-max --zeros 0.5" in training.command(found.result)
    model = load_model(tmp_path / "a_b3_z50" / "model.npz")
    image = compile_model(model, PRESETS["tiny"]).image
    assert (image.host.weight_bits, image.host.codebook) == (3, "lloyd-max")
    utterances = load_dataset(data, "train")
    texts = []
    for u in utterances:
        tokens = Golden(image).run(load_input(u.path, model.feature_definition())).tokens
        texts.append("".join(TOKENS[t] for t in tokens))
    score = word_error_rate([u.text for u in utterances], texts)
    assert found.errors == list(score.utterance_errors)
    page = tmp_path / "replay.md"
    options = ["--split", "train", "--machine", "tiny", "-o", str(page)]
    again = CliRunner().invoke(
        replay.main, [str(tmp_path / "a_b3_z50"), "--data", str(data), *options]
    )
    assert again.exit_code == 0
    assert page.read_text().splitlines()[-1].startswith("| a_b3_z50 | tiny | 7 |")
    assert page.read_text().splitlines()[-1].endswith("| 0 |")
    with pytest.raises(InputError, match="wanted a float training"):
        CliRunner().invoke(
            post_training.main,
            [str(tmp_path / "a_b3_z50"), "--data", str(data), "-o", str(tmp_path / "c")],
            catch_exceptions=False,
        )


def test_a_training_that_has_not_ended_has_no_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="wanted the result of a whole training"):
        training.load_run(tmp_path, "small")


def test_a_model_that_learnt_nothing_fails_the_smoke_test(tmp_path: Path) -> None:
    write_model(tmp_path)
    (tmp_path / "result.json").write_text(json.dumps(result("x", [0, 0])))
    arguments = ["--run", str(tmp_path), "--data", str(ROOT / "models" / "utterances")]
    ran = CliRunner().invoke(train_smoke.main, arguments, catch_exceptions=False)
    assert ran.exit_code == 1
    assert "word errors" in ran.output


def test_page_of_step_times(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="needs the extra `train`")
    small = (
        "[network]\nencoder_layers = 1\nencoder_hidden = 8\n[features]\nstack = 6\n"
        '[schedule]\nbatch = 4\nmeasure = "train"\n'
    )
    (tmp_path / "a.toml").write_text(f'name = "a"\n{small}')
    (tmp_path / "b.toml").write_text('base = "a.toml"\nname = "b"\n[quantise]\nbits = 4\n')
    recipes = [str(tmp_path / f"{name}.toml") for name in "ab"]
    arguments = [*recipes, "--data", str(ROOT / "models" / "utterances"), "--steps", "2"]
    page = tmp_path / "page.md"
    ran = CliRunner().invoke(
        training_time.main, [*arguments, "-o", str(page)], catch_exceptions=False
    )
    assert ran.exit_code == 0
    first, second = page.read_text().splitlines()[-2:]
    assert first.startswith("| a |")
    assert first.endswith("| 1.00 |")
    assert second.startswith("| b |")
