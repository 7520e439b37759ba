"""What commands say of a model's meta, and where they say that it may come from."""

import json

import numpy as np
import pytest

from sordino.model.random_rnnt import random_arrays

DATA, TRAIN = "models/utterances", ("--split", "train")


@pytest.fixture
def bare(small_tensors, tmp_path):
    """The small model without meta."""
    np.savez(tmp_path / "bare.npz", **small_tensors)
    return tmp_path / "bare.npz"


@pytest.fixture
def meta(small_meta, tmp_path):
    """Its meta, and changes of it, in a file."""

    def write(**changes):
        path = tmp_path / "meta.json"
        path.write_text(json.dumps({**small_meta, **changes}))
        return path

    return write


@pytest.mark.parametrize(
    ("changes", "wanted"),
    [
        ({"blank_id": 28}, "got 'blank_id'; did you mean blank?"),
        ({"max_symbols": 3}, "did you mean max_symbols_per_frame?"),
        ({"encoder": {"cell": "gru"}}, "known entries of meta encoder alone, got 'cell'"),
        ({"joint": {"activation": "tahn"}}, "joint.activation as tanh or relu, got 'tahn'"),
    ],
)
def test_what_is_not_understood_is_refused(sordino, small_model, meta, tmp_path, changes, wanted):
    image = tmp_path / "x.sordino"
    for command in (
        ("compile", small_model, "-o", image),
        ("estimate", small_model),
        ("eval", small_model, "--data", DATA, *TRAIN),
    ):
        assert wanted in sordino(*command, "--meta", meta(**changes)).complaint()
    assert not image.exists()


def test_doubts_are_warnings(sordino, small_model, small_meta, meta, tmp_path):
    tokens = [*small_meta["tokens"][1:], "<blank>"]
    result = sordino(
        "compile",
        small_model,
        "--config",
        "tiny",
        "--meta",
        meta(tokens=tokens),
        "-o",
        tmp_path / "x.sordino",
        "--json",
    )
    assert result.code == 0
    (warning,) = result.json()["warnings"]
    assert "token 11 says '<blank>'" in warning
    assert result.err == f"sordino: warning: {warning}\n"


def test_eval_takes_meta(sordino, bare, meta):
    refused = sordino("eval", bare, "--data", DATA, *TRAIN).complaint()
    assert "wanted meta (tokens, blank, joint), the file has none; give --meta FILE" in refused
    found = sordino("eval", bare, "--data", DATA, *TRAIN, "--meta", meta(), "--json").json()
    assert found["engine"] == "float"


def test_eval_of_an_image_takes_none(sordino, small_image, meta):
    refused = sordino("eval", small_image, "--data", DATA, *TRAIN, "--meta", meta()).complaint()
    assert "wanted a float model to use --meta on" in refused


@pytest.mark.parametrize("option", ["--start", "--teacher"])
def test_train_asks_for_no_option_that_it_has_not(sordino, bare, tmp_path, option):
    pytest.importorskip("torch", reason="needs the extra `train`")
    recipe = tmp_path / "r.toml"
    teacher = "[teacher]\nweight = 0.5\n" if option == "--teacher" else ""
    recipe.write_text(f'name = "x"\n{teacher}')
    refused = sordino(
        "train", recipe, "--data", DATA, "-o", tmp_path / "run", option, bare
    ).complaint()
    assert "the file has none; save the model with it, see docs/meta.md" in refused
    assert "--meta" not in refused


def test_lm_asks_for_no_option_that_it_has_not(sordino, bare, tmp_path):
    (tmp_path / "t.txt").write_text("A B\n")
    refused = sordino(
        "lm", tmp_path / "t.txt", "-o", tmp_path / "x.arpa", "--model", bare
    ).complaint()
    assert "save the model with it" in refused


def test_an_image_without_features_says_what_to_add(sordino, small_meta, recording, tmp_path):
    meta = {k: v for k, v in small_meta.items() if k != "features"}
    arrays = random_arrays(np.random.default_rng(0), tokens=12)
    np.savez(tmp_path / "m.npz", meta=np.array(json.dumps(meta)), **arrays)
    image = tmp_path / "m.sordino"
    assert sordino("compile", tmp_path / "m.npz", "--config", "tiny", "-o", image).code == 0
    refused = sordino("run", image, recording).complaint()
    assert "with `features` in its meta and the tensors features.mean" in refused
