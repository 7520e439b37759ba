"""The page of trainings, and the check of the small one, on folders made here."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from sordino.campaigns import train_smoke, training
from sordino.errors import InputError
from sordino.testing.models import random_arrays, random_meta
from sordino.train.data import TOKENS

ROOT = Path(__file__).parents[3]


def result(name: str, errors: list[int]) -> dict:
    return {
        "recipe": {"name": name, "description": "what", "schedule": {"epochs": 3}},
        "split": "dev",
        "wer": sum(errors) / 8,
        "errors": sum(errors),
        "words": 8,
        "utterance_errors": errors,
        "utterance_words": [4, 4],
        "machine_wer": None if name == "a" else 0.25,
        "parameters": 1234,
        "losses": [9.0, 1.0, 0.1],
        "steps": 30,
        "seconds": 90.0,
        "threads": 1,
    }


def test_page(tmp_path: Path) -> None:
    for name, errors in (("a", [2, 0]), ("b", [1, 0])):
        (tmp_path / name).mkdir()
        (tmp_path / name / "result.json").write_text(json.dumps(result(name, errors)))
    page = tmp_path / "docs" / "page.md"
    arguments = [str(tmp_path / "a"), str(tmp_path / "b"), "-o", str(page)]
    ran = CliRunner().invoke(training.main, arguments, catch_exceptions=False)
    assert ran.exit_code == 0
    first, second = page.read_text().splitlines()[-2:]
    assert first == "| a | what | dev | 25.00% |  | 2/8 |  |  | 1,234 | 3 | 30 | 2 | 1 |"
    assert "| b | what | dev | 12.50% | 25.00% | 1/8 | -12.50% | -25.00% to +0.00% |" in second


def test_a_training_that_has_not_ended_has_no_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="wanted the result of a whole training"):
        training.load_result(tmp_path)


def test_a_model_that_learnt_nothing_fails_the_smoke_test(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    arrays = random_arrays(rng, inputs=117, tokens=len(TOKENS))
    meta = random_meta(
        len(TOKENS), features={"kind": "sphinx-mfcc", "stack": 3}, licence="Apache-2.0"
    )
    arrays |= {"features.mean": np.zeros(13), "features.std": np.ones(13)}
    np.savez(tmp_path / "model.npz", meta=np.array(json.dumps(meta)), **arrays)
    (tmp_path / "result.json").write_text(json.dumps(result("x", [0, 0])))
    arguments = [str(tmp_path), "--data", str(ROOT / "models" / "utterances")]
    ran = CliRunner().invoke(train_smoke.main, arguments, catch_exceptions=False)
    assert ran.exit_code == 1
    assert "word errors" in ran.output
