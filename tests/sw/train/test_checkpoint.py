"""Folders of trainings: whose they are, what is damaged, who else is at work in them."""

import io
import json
import os
import pickle
import random
import resource
import shutil
import struct
import subprocess
import sys
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs the extra `train`")
pytest.importorskip("tensorboard", reason="needs the extra `train`")

import sordino.train.trainer as trainer
from sordino.errors import InputError, InputWarning
from sordino.locks import exclusive
from sordino.model.load import load_model
from sordino.model.save import save_arrays
from sordino.train.checkpoint import load_checkpoint, save_checkpoint
from sordino.train.learner import Learner
from sordino.train.recipes.recipe import Recipe, ScheduleRecipe
from sordino.train.session import train
from sordino.train.start import load_start


@pytest.fixture(scope="module")
def short(tiny: Recipe) -> Recipe:
    """Two steps."""
    schedule = ScheduleRecipe(epochs=1, batch=2, warmup=2, average=0.9, measure="train")
    return replace(tiny, schedule=schedule)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, corpus: Path, short: Recipe) -> Path:
    """It, done."""
    folder: Path = tmp_path_factory.mktemp("whole")
    train(short, corpus, folder, threads=1)
    return folder


@pytest.fixture
def done(whole: Path, tmp_path: Path) -> Path:
    """A copy of it, to be damaged."""
    return Path(shutil.copytree(whole, tmp_path / "done"))


def edit(folder: Path, **changes: object) -> None:
    path = folder / "checkpoint.pt"
    save_checkpoint(path, {**load_checkpoint(path), **changes})


def test_what_differs_of_the_recipe_is_named(done: Path, corpus: Path, short: Recipe) -> None:
    schedule = replace(short.schedule, seed=7, dropout=0.1)
    other = replace(short, schedule=schedule, network=replace(short.network, joint_hidden=9))
    with pytest.raises(
        InputError,
        match=r"its recipe differs \(network\.joint_hidden 8, now 9; schedule\.seed 1, now 7; "
        r"schedule\.dropout 0\.2, now 0\.1\); choose another folder, or delete ",
    ):
        train(other, corpus, done, threads=1)


def test_data_is_known_by_its_contents(
    done: Path, corpus: Path, short: Recipe, tmp_path: Path
) -> None:
    before = (done / "model.npz").read_bytes()
    moved = Path(shutil.copytree(corpus, tmp_path / "moved"))
    train(short, moved, done, threads=1)  # elsewhere the same
    assert (done / "model.npz").read_bytes() == before
    table = moved / "transcripts.tsv"
    said = table.read_text()
    header, *lines = said.splitlines()
    for changed in (said.replace("YES", "NO"), "\n".join([header, *reversed(lines)])):
        assert changed != said
        table.write_text(changed)
        with pytest.raises(InputError, match=r"its data differs \(another corpus, or its rec"):
            train(short, moved, done, threads=1)
    table.write_text(said)
    (moved / "yes.wav").write_bytes((moved / "robert.wav").read_bytes())
    with pytest.raises(InputError, match="its data differs"):
        train(short, moved, done, threads=1)
    with pytest.raises(InputError, match="its data differs"):  # the same utterances all in all
        train(short, corpus, done, also=[corpus], threads=1)


def test_speakers_are_data_too(corpus: Path, short: Recipe, tmp_path: Path) -> None:
    """What is heard before an utterance is by the same speaker."""
    table = Path(shutil.copytree(corpus, tmp_path / "c")) / "transcripts.tsv"
    header, *lines = table.read_text().splitlines()
    assert "speaker" not in header
    for speakers in ("aab", "abb"):
        rows = [f"{line}\t{who}" for line, who in zip(lines, speakers, strict=True)]
        table.write_text("\n".join([f"{header}\tspeaker", *rows]) + "\n")
        if speakers == "aab":
            train(short, table.parent, tmp_path / "o", threads=1)
    with pytest.raises(InputError, match="its data differs"):
        train(short, table.parent, tmp_path / "o", threads=1)


def test_other_threads_or_another_pytorch_are_said(done: Path, corpus: Path, short: Recipe) -> None:
    with pytest.warns(InputWarning, match=r"computed with threads 1, now 2; the model can differ"):
        train(short, corpus, done, threads=2)
    there = load_checkpoint(done / "checkpoint.pt")["computed with"]
    edit(done, **{"computed with": {**there, "PyTorch": "1.0"}})
    with pytest.warns(InputWarning, match=rf"PyTorch 1\.0, now {torch.__version__[0]}"):
        train(short, corpus, done, threads=1)


class _Bomb:
    def __reduce__(self) -> object:
        return os.system, ("touch executed",)


def _unpacked_larger() -> bytes:
    contents = io.BytesIO()
    with zipfile.ZipFile(contents, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({}))
        archive.writestr("archive/data/0", bytes(1 << 24))
    return contents.getvalue()


def _saved(value: object) -> bytes:
    contents = io.BytesIO()
    torch.save(value, contents)
    return contents.getvalue()


@pytest.mark.parametrize(
    "contents",
    [
        b"",
        b"no checkpoint",
        _unpacked_larger(),
        _saved([1, 2]),
        _saved({"format": 2, "learner": torch.zeros(1).expand(1 << 40)}),
        _saved(_Bomb()),
        pickle.dumps(_Bomb()),
        pickle.dumps({"step": 1}),
    ],
    ids=["empty", "text", "larger", "list", "expanded", "bomb", "pickled-bomb", "pickle"],
)
def test_a_strangers_file_is_no_checkpoint(
    contents: bytes, corpus: Path, short: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "checkpoint.pt").write_bytes(contents)
    with pytest.raises(InputError, match=r"wanted a checkpoint, but .* is none or damaged; delete"):
        train(short, corpus, tmp_path, threads=1)
    with pytest.raises(InputError, match="wanted a checkpoint, but"):
        load_start(tmp_path)
    assert not (tmp_path / "executed").exists()


def test_a_damaged_checkpoint_is_refused_wherever_the_damage_is(
    done: Path, corpus: Path, short: Recipe
) -> None:
    path = done / "checkpoint.pt"
    good, draw = path.read_bytes(), random.Random(1)
    damaged = [good[: draw.randrange(len(good))] for _ in range(20)]
    with zipfile.ZipFile(path) as archive:
        inside = [
            (*struct.unpack_from("<HH", good, part.header_offset + 26), part)
            for part in archive.infolist()
        ]
    for name, extra, part in inside:
        start = part.header_offset + 30 + name + extra
        at = start + draw.randrange(part.file_size)
        damaged.append(good[:at] + bytes([good[at] ^ 1 << draw.randrange(8)]) + good[at + 1 :])
    for contents in damaged:
        path.write_bytes(contents)
        with pytest.raises(InputError, match="wanted a checkpoint, but"):
            load_checkpoint(path)
    with pytest.raises(InputError, match="wanted a checkpoint, but"):
        train(short, corpus, done, threads=1)


@pytest.mark.parametrize(
    "changes",
    [
        {"step": 1},
        {"step": 10**6},
        {"step": "x"},
        {"step": -1},
        {"losses": None},
        {"losses": []},
        {"learner": {}},
        {"identity": None},
        {"computed with": None},
    ],
    ids=str,
)
def test_a_checkpoint_that_contradicts_itself_is_damaged(
    changes: dict[str, object], done: Path, corpus: Path, short: Recipe
) -> None:
    edit(done, **changes)
    with pytest.raises(InputError, match=r"wanted a checkpoint, but .* is damaged; delete it"):
        train(short, corpus, done, threads=1)


def test_a_checkpoint_with_other_weights_is_damaged(
    done: Path, corpus: Path, short: Recipe
) -> None:
    for name in ("weights", "averaged"):
        learner = load_checkpoint(done / "checkpoint.pt")["learner"]
        weights = learner[name].items()
        for number, others in enumerate(
            ({n: w.new_zeros(2, 2) for n, w in weights}, {n: w.double() for n, w in weights})
        ):
            other = Path(shutil.copytree(done, done.parent / f"{name}{number}"))
            edit(other, learner={**learner, name: others})
            with pytest.raises(InputError, match="damaged"):
                train(short, corpus, other, threads=1)


def test_a_checkpoint_of_an_earlier_version(done: Path, corpus: Path, short: Recipe) -> None:
    state = load_checkpoint(done / "checkpoint.pt")
    del state["format"], state["meta"]
    save_checkpoint(done / "checkpoint.pt", state)
    with pytest.raises(InputError, match=r"by this version of sordino, but .* is none; choose an"):
        train(short, corpus, done, threads=1)
    assert load_start(done).stack == 6  # from its model
    (done / "model.npz").unlink()
    assert load_start(done).tokens is None


def test_what_a_killed_process_was_writing_is_cleared_away(
    done: Path, corpus: Path, short: Recipe
) -> None:
    for name in (f".{'0a' * 8}.sordino", ".notes.sordino", "notes.txt"):
        (done / name).write_bytes(b"half")
    train(short, corpus, done, threads=1)
    names = {"checkpoint.pt", "model.npz", "result.json", "tensorboard"}
    names |= {"notes.txt", ".notes.sordino"}
    assert {p.name for p in done.iterdir()} == names


def test_a_full_disk_keeps_the_last_checkpoint(
    corpus: Path, short: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files of this process may not grow beyond the half of a checkpoint: as good as no room."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def limit(done: int, _steps: int, _text: str) -> None:
        if done == 2:
            size = (tmp_path / "checkpoint.pt").stat().st_size
            resource.setrlimit(resource.RLIMIT_FSIZE, (size // 2, before[1]))

    monkeypatch.setattr(trainer, "_SAVE_SECONDS", -1.0)
    try:
        with pytest.raises(InputError, match=r"cannot write checkpoint .*pt: File too large; mend"):
            train(short, corpus, tmp_path, threads=1, on_step=limit)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert load_checkpoint(tmp_path / "checkpoint.pt")["step"] == 1
    assert {p.name for p in tmp_path.iterdir()} == {"checkpoint.pt", "tensorboard"}
    monkeypatch.undo()
    train(short, corpus, tmp_path, threads=1)


def test_weights_that_are_not_finite_never_reach_a_checkpoint(
    corpus: Path, short: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loss may be finite where its gradient is not."""
    penalties = []

    def loss(self: Learner, batch: object, epoch: int) -> object:
        weight = self.network.named()["joint.output.bias"].sum()
        penalties.append(None)
        return weight if len(penalties) == 1 else (weight * 0).sqrt()  # slope ∞ · 0

    monkeypatch.setattr(trainer, "_SAVE_SECONDS", -1.0)
    monkeypatch.setattr(Learner, "_loss", loss)
    with pytest.raises(InputError, match=r"wanted a finite gradient, got nan at step 2; lower"):
        train(short, corpus, tmp_path, threads=1)
    state = load_checkpoint(tmp_path / "checkpoint.pt")
    assert state["step"] == 1
    assert all(w.isfinite().all() for w in state["learner"]["weights"].values())


def test_one_training_in_a_folder(done: Path, corpus: Path, short: Recipe) -> None:
    before = (done / "checkpoint.pt").read_bytes()
    with (
        exclusive(done / ".lock", "a test"),
        pytest.raises(InputError, match=rf"the folder of a training .*: process {os.getpid()} on"),
    ):
        train(short, corpus, done, threads=1)
    assert (done / "checkpoint.pt").read_bytes() == before
    train(short, corpus, done, threads=1)
    assert not (done / ".lock").exists()


def test_a_killed_training_locks_nothing(corpus: Path, short: Recipe, tmp_path: Path) -> None:
    program = (
        "import sys, time\nfrom sordino.locks import exclusive\n"
        "with exclusive(sys.argv[1], 'it'):\n    print('held', flush=True)\n    time.sleep(1000)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / ".lock")], stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(InputError, match=rf"process {other.pid} on"):
            train(short, corpus, tmp_path, threads=1)
        other.kill()
    assert (tmp_path / ".lock").exists()
    train(short, corpus, tmp_path, threads=1)


@pytest.mark.parametrize(
    "environment",
    [{"WORLD_SIZE": "2", "RANK": "0"}, {"RANK": "1"}, {"OMPI_COMM_WORLD_SIZE": "4"}],
    ids=str,
)
def test_a_training_is_one_process(
    environment: dict[str, str],
    corpus: Path,
    short: Recipe,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(InputError, match=r"wanted one process, since a training is one, got .*=\d"):
        train(short, corpus, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_one_process_of_a_launcher_is_fine(
    done: Path, corpus: Path, short: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RANK", "0")
    with pytest.warns(InputWarning, match="training is one process, RANK=0 changes nothing"):
        train(short, corpus, done, threads=1)
    monkeypatch.setenv("WORLD_SIZE", "1")
    train(short, corpus, done, threads=1)


def test_what_cannot_be_started_from(
    whole: Path, corpus: Path, short: Recipe, tmp_path: Path
) -> None:
    out = tmp_path / "out"

    def start(path: Path, recipe: Recipe = short) -> None:
        train(recipe, corpus, out, start=path, threads=1)

    (tmp_path / "none").mkdir()
    with pytest.raises(InputError, match=r"to start from, but .*none has no checkpoint\.pt; give"):
        start(tmp_path / "none")
    higher = replace(short, features=replace(short.features, stack=7))
    for path in (whole, whole / "model.npz"):
        with pytest.raises(InputError, match=r"hears 7 frames at once, as the recipe does, got 6"):
            start(path, higher)
    model = load_model(whole / "model.npz")
    assert model.feature_mean is not None
    assert model.feature_std is not None
    arrays = model.arrays()
    arrays |= {"features.mean": model.feature_mean, "features.std": model.feature_std}
    for meta, message in (
        ({"tokens": [*model.tokens[:-2], "'", "Z"]}, "that are not the same; start from"),
        (
            {"blank": 1, "tokens": [" ", "<blank>", *model.tokens[2:]]},
            "whose blank is token 0, got 1 in model",
        ),
        ({"joint": {"dim": 8, "activation": "relu"}}, "and with a tanh joint, got model"),
        (
            {"features": {**model.meta.features.as_dict(), "front_end": {"lowest": 100}}},
            "another front_end in its meta",
        ),
    ):
        save_arrays(tmp_path / "model.npz", {**model.meta.as_dict(), **meta}, arrays)
        with pytest.raises(InputError, match=message):
            start(tmp_path / "model.npz")
    assert not out.exists()


def test_the_lock_is_older_than_what_takes_long(
    corpus: Path, short: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second training is told so before it reads its corpus."""
    monkeypatch.setattr(trainer, "load_spoken", lambda *_a, **_k: time.sleep(1000))
    with exclusive(tmp_path / ".lock", "it"), pytest.raises(InputError, match="uses it; wait"):
        train(short, corpus, tmp_path, threads=1)


def test_the_result_of_a_repeat_is_the_same(done: Path, corpus: Path, short: Recipe) -> None:
    before = [(done / name).read_bytes() for name in ("checkpoint.pt", "model.npz", "result.json")]
    train(short, corpus, done, threads=1)
    after = [(done / name).read_bytes() for name in ("checkpoint.pt", "model.npz", "result.json")]
    assert before == after
    assert json.loads(after[2])["threads"] == 1
