"""`sordino train` on one recording."""

import sys
from pathlib import Path

import pytest

RECIPE = """
name = "one"
[features]
stack = 8
[network]
encoder_layers = 1
encoder_hidden = 4
embedding = 3
prediction_hidden = 4
joint_hidden = 4
[schedule]
epochs = 2
learning_rate = 0.01
warmup = 1
measure = "train"
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    path = tmp_path / "one.toml"
    path.write_text(RECIPE)
    return path


@pytest.fixture
def corpus(tmp_path: Path, recording: Path) -> Path:
    folder = tmp_path / "corpus"
    folder.mkdir()
    (folder / "yes.wav").symlink_to(recording)
    (folder / "transcripts.tsv").write_text("file\ttranscript\nyes.wav\tYES\n")
    return folder


def test_without_torch_one_line_says_what_to_install(
    sordino, recipe: Path, corpus: Path, tmp_path: Path, monkeypatch
) -> None:
    for name in [name for name in sys.modules if name.startswith("sordino.train.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torch", None)
    complaint = sordino("train", recipe, "--data", corpus, "-o", tmp_path / "out").complaint()
    assert "training needs torch" in complaint
    assert "pip install 'sordino[train]'" in complaint
    assert not (tmp_path / "out").exists()


def test_a_bad_recipe_is_refused_before_anything_is_loaded(
    sordino, recipe: Path, tmp_path: Path
) -> None:
    recipe.write_text(RECIPE + "colour = 1\n")
    result = sordino("train", recipe, "--data", tmp_path / "none", "-o", tmp_path / "out")
    assert "got 'colour'" in result.complaint()


def test_trains_compiles_and_runs(sordino, recipe: Path, corpus: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="needs the extra `train`")
    pytest.importorskip("tensorboard", reason="needs the extra `train`")
    out = tmp_path / "out"
    arguments = ("train", recipe, "--data", corpus, "-o", out, "--threads", 1)
    first = sordino(*arguments, "--json").json()
    assert first["model"] == str(out / "model.npz")
    assert (first["recipe"], first["split"], first["words"]) == ("one", "train", 1)
    assert first["losses"][1] < first["losses"][0]
    again = sordino(*arguments)  # nothing left to do
    assert again.code == 0
    assert f"{first['losses'][1]:.3f}" in again.out
    image = tmp_path / "one.sordino"
    assert sordino("compile", out / "model.npz", "--config", "tiny", "-o", image).code == 0
    assert sordino("run", image, corpus / "yes.wav").code == 0


def test_the_wrong_data_is_refused(sordino, recipe: Path, tmp_path: Path, corpus: Path) -> None:
    pytest.importorskip("torch", reason="needs the extra `train`")
    pytest.importorskip("tensorboard", reason="needs the extra `train`")
    out = ("-o", tmp_path / "out")
    result = sordino("train", recipe, "--data", tmp_path / "none", *out)
    assert "is not a folder" in result.complaint()
    (corpus / "transcripts.tsv").write_text("file\ttranscript\nyes.wav\tÜBER 4\n")
    result = sordino("train", recipe, "--data", corpus, *out)
    assert "wanted transcripts of A to Z" in result.complaint()
    recipe.write_text(RECIPE.replace("stack = 8", "stack = 16").replace('"train"', '"dev"'))
    (corpus / "transcripts.tsv").write_text("file\ttranscript\nyes.wav\tYES\n")
    assert (
        "wanted recordings of dev" in sordino("train", recipe, "--data", corpus, *out).complaint()
    )
    assert (
        "cannot read" in sordino("train", tmp_path / "x.toml", "--data", corpus, *out).complaint()
    )
