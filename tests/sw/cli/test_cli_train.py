"""`sordino train` on one recording."""

import io
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from sordino.cli.shared.output import progress
from sordino.locks import exclusive

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
    sordino, recipe: Path, corpus: Path, tmp_path: Path, monkeypatch, forget
) -> None:
    forget("sordino.train.")
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


def test_one_training_in_a_folder(sordino, recipe: Path, corpus: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="needs the extra `train`")
    pytest.importorskip("tensorboard", reason="needs the extra `train`")
    out = tmp_path / "out"
    out.mkdir()
    with exclusive(out / ".lock", "it"):
        complaint = sordino("train", recipe, "--data", corpus, "-o", out).complaint()
    assert f"the folder of a training {out}: process {os.getpid()} on" in complaint


def test_torchrun_is_told_that_training_is_one_process(
    sordino, recipe: Path, corpus: Path, tmp_path: Path, monkeypatch
) -> None:
    pytest.importorskip("torch", reason="needs the extra `train`")
    pytest.importorskip("tensorboard", reason="needs the extra `train`")
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "0")
    complaint = sordino("train", recipe, "--data", corpus, "-o", tmp_path / "out").complaint()
    assert "wanted one process, since a training is one, got WORLD_SIZE=2" in complaint
    assert not (tmp_path / "out").exists()


def test_the_short_recording_is_named(sordino, recipe: Path, corpus: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="needs the extra `train`")
    pytest.importorskip("tensorboard", reason="needs the extra `train`")
    soundfile = pytest.importorskip("soundfile")
    recipe.write_text(RECIPE.replace("stack = 8", "stack = 16"))
    samples, rate = soundfile.read(corpus / "yes.wav")
    soundfile.write(corpus / "short.wav", samples[int(0.5 * rate) :][: int(0.13 * rate)], rate)
    table = corpus / "transcripts.tsv"
    table.write_text("file\ttranscript\nyes.wav\tYES\nshort.wav\tYES\n")
    complaint = sordino("train", recipe, "--data", corpus, "-o", tmp_path / "out").complaint()
    assert "short.wav" in complaint
    assert "16 frames" in complaint


def test_a_bar_without_a_known_end_is_drawn() -> None:
    """Before the corpus is read nobody knows how many steps there are; names are no markup."""
    text = io.StringIO()
    for total in (None, 8):
        bar = progress()
        bar.add_task("[/name]", total=total)
        Console(file=text, width=100).print(bar.get_renderable())
    assert text.getvalue().count("[/name]") == 2
    assert "0/8" in text.getvalue()


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="needs pseudo-terminals")
def test_ctrl_c_leaves_the_terminal_as_it_was(recipe: Path, corpus: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="needs the extra `train`")
    pytest.importorskip("tensorboard", reason="needs the extra `train`")
    recipe.write_text(RECIPE.replace("epochs = 2", "epochs = 10000\nmeasure_epochs = 10000"))
    program = "from sordino.cli.main import main; main()"
    command = ("train", recipe, "--data", corpus, "-o", tmp_path / "out", "--threads", 1)
    ours, theirs = os.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", program, *map(str, command)],
        stdin=theirs,
        stdout=subprocess.DEVNULL,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "100"},
    ) as process:
        os.close(theirs)
        shown = b""
        while b"epoch 3" not in shown:
            shown += os.read(ours, 1 << 16)
        process.send_signal(signal.SIGINT)
        try:
            while piece := os.read(ours, 1 << 16):
                shown += piece
        except OSError:  # how Linux says that a terminal has no more processes
            pass
        os.close(ours)
    assert process.returncode == 130
    hidden, visible = shown.rfind(b"\x1b[?25l"), shown.rfind(b"\x1b[?25h")
    assert 0 <= hidden < visible, "the cursor"
    last = shown[visible:].decode().removeprefix("\x1b[?25h")
    assert last.startswith("sordino: stopped; the checkpoint has ")
    assert last.endswith("steps, and the same command goes on from there\r\n")
    assert last.count("\n") == 1


@pytest.fixture
def line(tmp_path: Path, recipe: Path, corpus: Path) -> Path:
    """A recipe whose start and teacher are `one`, with the corpus as its further one, too."""
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "more").symlink_to(corpus)
    (tmp_path / "two.toml").write_text('base = "one.toml"\nname = "two"\nstart = "one"\n')
    path = tmp_path / "three.toml"
    path.write_text(
        'base = "two.toml"\nname = "three"\nstart = "two"\n'
        'also = {more = "make more"}\n[teacher]\nname = "one"\nweight = 1.0\n'
    )
    return path


def states(sordino, line: Path) -> dict[str, str]:
    listed = sordino("train", line, "--list", "--runs", line.parent / "runs", "--json").json()
    return {entry["recipe"]: entry["state"] for entry in listed["recipes"]}


def test_ancestors_are_trained_first_when_asked(
    sordino, line: Path, corpus: Path, tmp_path: Path
) -> None:
    pytest.importorskip("tensorboard", reason="needs the extra `train`")
    runs = tmp_path / "runs"
    command = ("train", line, "--data", corpus, "--runs", runs, "--threads", 1)
    assert f"sordino train {tmp_path}/two.toml --data {corpus} -o {runs}/two" in (
        sordino(*command).complaint()
    )
    found = sordino(*command, "--with-ancestors", "--json").json()
    assert found["recipe"] == "three"
    assert [entry["recipe"] for entry in found["ancestors"]] == ["one", "two"]
    assert states(sordino, line) == dict.fromkeys(("one", "two", "three"), "trained")
    one, two, three = (
        json.loads((runs / name / "result.json").read_text()) for name in ("one", "two", "three")
    )
    first = {"name": "one", "identity": one["identity"], "ancestry": {}}
    assert one["ancestry"] == {}
    assert two["ancestry"] == {"start": first}
    assert three["ancestry"] == {
        "start": {"name": "two", "identity": two["identity"], "ancestry": {"start": first}},
        "teacher": first,
    }
    assert three["also"] == ["more"]
    assert len({one["identity"], two["identity"], three["identity"]}) == 3
    again = sordino(*command, "--with-ancestors", "--json").json()
    assert (again["ancestors"], again["losses"]) == ([], found["losses"])


def test_a_start_that_is_trained_anew_makes_its_descendants_outdated(
    sordino, line: Path, corpus: Path, tmp_path: Path
) -> None:
    pytest.importorskip("tensorboard", reason="needs the extra `train`")
    runs = tmp_path / "runs"
    common = ("--data", corpus, "--threads", 1)
    two = tmp_path / "two.toml"
    assert sordino("train", two, *common, "-o", runs / "two", "--with-ancestors").code == 0
    shutil.rmtree(runs / "one")
    (tmp_path / "one.toml").write_text(RECIPE.replace("epochs = 2", "epochs = 1"))
    assert sordino("train", tmp_path / "one.toml", *common, "-o", runs / "one").code == 0
    listed = sordino("train", line, "--list", "--runs", runs, "--json").json()["recipes"]
    assert [entry["state"] for entry in listed] == ["trained", "outdated", "missing"]
    assert listed[1]["reason"] == "its recipe says something else now"
    told = sordino("train", line, *common, "-o", runs / "three")
    assert told.code == 0
    assert "sordino: warning: the training two in" in told.err


def test_the_default_folder_is_the_recipes_in_build_runs(
    sordino, recipe: Path, corpus: Path, tmp_path: Path, monkeypatch
) -> None:
    pytest.importorskip("tensorboard", reason="needs the extra `train`")
    monkeypatch.chdir(tmp_path)
    assert sordino("train", recipe, "--data", corpus, "--threads", 1).code == 0
    assert (tmp_path / "build" / "runs" / "one" / "model.npz").is_file()


def test_the_list_needs_nothing_but_recipes(sordino, line: Path, tmp_path: Path) -> None:
    table = sordino("train", tmp_path, "--list", "--runs", tmp_path / "runs").out
    assert [name in table for name in ("one", "two", "three", "more", "missing")] == [True] * 5
    entry = sordino("train", line, "--list", "--json").json()["recipes"][-1]
    assert entry == {
        "recipe": "three",
        "path": str(line),
        "description": "",
        "start": "two",
        "teacher": "one",
        "also": ["more"],
        "folder": "build/runs/three",
        "state": "missing",
        "reason": None,
    }


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--list", "--threads", 1], "wanted --list with --runs and --json alone, got more"),
        (["--with-ancestors", "--data", ".", "--start", "x"], "wanted either --with-ancestors or"),
        ([], "Missing option '--data'"),
    ],
)
def test_arguments_that_do_not_go_together(sordino, line: Path, arguments, said: str) -> None:
    assert said in sordino("train", line, *arguments).complaint()
