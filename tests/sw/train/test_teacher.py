"""A teacher: the divergence literally, what is heard side by side, and training without labels."""

import json
import math
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra `train`")
pytest.importorskip("tensorboard", reason="needs the extra `train`")

import sordino.train.trainer as trainer
from sordino.errors import InputError
from sordino.model.load import load_model
from sordino.speech.features import FeatureDefinition
from sordino.train.corpus.data import Batches, load_spoken, on_grid
from sordino.train.corpus.tokens import CHARACTERS
from sordino.train.export import export_model
from sordino.train.measure import transcribe
from sordino.train.networks.network import Network
from sordino.train.recipes.recipe import FeatureRecipe, NetworkRecipe, Recipe, TeacherRecipe
from sordino.train.session import train
from sordino.train.teacher import Teacher, lattice_divergence

MEANS = tuple((np.arange(13) / 8 - 1).tolist())
DEFINITION = FeatureDefinition(mean=MEANS, std=(3.0,) * 13, stack=6, mean_over="running")
LARGE = NetworkRecipe(
    encoder_layers=2, encoder_hidden=16, embedding=7, prediction_hidden=9, joint_hidden=10
)


@pytest.fixture(scope="module")
def teacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network that says much, and nothing of what was said."""
    path: Path = tmp_path_factory.mktemp("teacher") / "large.npz"
    network = Network(LARGE, DEFINITION.dim, seed=5)
    with torch.no_grad():
        for name, weight in network.named().items():
            weight.mul_(6.0 if name.startswith(("joint", "pred")) else 2.0)
        network.named()["joint.output.bias"][0] += 2.0
    weights = {name: p.detach().numpy() for name, p in network.named().items()}
    export_model(path, Recipe(name="large", network=LARGE), DEFINITION, weights)
    return path


def random_arcs(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """log probabilities of blank and label of five tokens, (2, 4, 3)."""
    scores = torch.randn(2, 4, 3, 5, generator=torch.Generator().manual_seed(seed))
    scores = scores.log_softmax(-1)
    return scores[..., 0], scores[..., 1]


def test_divergence_is_the_definition() -> None:
    teacher, network = random_arcs(1), random_arcs(2)
    frames, labels = torch.tensor([4, 2]), torch.tensor([2, 1])
    got = lattice_divergence(teacher, network, frames, labels)
    for b in range(2):
        total = 0.0
        for t in range(int(frames[b])):
            for u in range(int(labels[b]) + 1):
                last = u == labels[b]
                p = [math.exp(part[b, t, u]) for part in teacher[: 1 if last else 2]]
                q = [math.exp(part[b, t, u]) for part in network[: 1 if last else 2]]
                for x, y in zip([*p, 1 - sum(p)], [*q, 1 - sum(q)], strict=True):
                    total += x * math.log(x / y)
        nodes = int(frames[b] * (labels[b] + 1))
        assert float(got[b]) == pytest.approx(total / nodes, rel=1e-4)


def test_divergence_is_least_at_the_teacher_and_padding_is_not_read() -> None:
    teacher = random_arcs(1)
    frames, labels = torch.tensor([4, 2]), torch.tensor([2, 1])
    same = [part.clone().requires_grad_() for part in teacher]
    divergence = lattice_divergence(teacher, (same[0], same[1]), frames, labels)
    torch.testing.assert_close(divergence, torch.zeros(2), atol=1e-6, rtol=0)
    divergence.sum().backward()
    for part in same:
        torch.testing.assert_close(part.grad, torch.zeros_like(part), atol=1e-6, rtol=0)
    other = [part.clone().requires_grad_() for part in random_arcs(2)]
    lattice_divergence(teacher, (other[0], other[1]), frames, labels).sum().backward()
    assert other[0].grad[1, :2, :2].all()
    for part in other:
        assert not part.grad[1, 2:].any()
        assert not part.grad[1, :, 2:].any()
    assert not other[1].grad[0, :, 2].any()


def test_certain_nodes_have_finite_divergences() -> None:
    sure = torch.tensor([[[0.0, -50.0], [-80.0, -1e-7]]]), torch.tensor([[[-90.0, 0], [0.0, 0]]])
    unsure = [part.clone().requires_grad_() for part in sure]
    for teacher in (sure, (sure[0].flip(1), sure[1].flip(1))):
        ends = torch.tensor([2]), torch.tensor([1])
        divergence = lattice_divergence(teacher, (unsure[0], unsure[1]), *ends)
        assert torch.isfinite(divergence).all()
        divergence.sum().backward()
        assert all(torch.isfinite(part.grad).all() for part in unsure)


def test_the_teacher_is_the_model_in_the_file(teacher: Path, corpus: Path) -> None:
    loaded = Teacher(teacher)
    assert loaded.definition == DEFINITION
    assert loaded.digest == Teacher(teacher).digest
    spoken = load_spoken(corpus, "train")
    said = transcribe(loaded.network, spoken, DEFINITION)
    written = loaded.write(spoken, CHARACTERS)
    assert [s.text for s in written] == said
    assert sum(map(len, said)) > 10
    assert all(a.cepstra is b.cepstra for a, b in zip(spoken, written, strict=True))


def test_both_hear_the_same_changes(corpus: Path, tiny: Recipe) -> None:
    spoken = load_spoken(corpus, "train")
    mine = replace(DEFINITION, mean_over="utterance", std=(2.0,) * 13)
    alone, both = (
        Batches(spoken, mine, tiny.augment, size=3, seed=1, teacher=other)
        for other in (None, DEFINITION)
    )
    group = alone.epoch(0)[0]
    one, two = alone.batch(0, 0, group), both.batch(0, 0, group)
    assert one.teacher_x is None
    assert two.teacher_x is not None
    assert np.array_equal(one.x, two.x)
    assert np.array_equal(two.x.any(-1), two.teacher_x.any(-1)), "masks cover the same vectors"
    assert not np.array_equal(two.x, two.teacher_x)
    plain = replace(tiny.augment, time_masks=0, band_masks=0, join=0.0, noise=0.0)
    plain = replace(plain, tempo=(1.0, 1.0), warp=(1.0, 1.0))
    unchanged = Batches(spoken, mine, plain, size=3, seed=1, teacher=DEFINITION)
    batch = unchanged.batch(0, 0, [(0,)])
    assert batch.teacher_x is not None
    assert np.abs(batch.teacher_x[0] - on_grid(DEFINITION, spoken[0].cepstra)).max() <= 1 / 32


def learning(tiny: Recipe, **settings: object) -> Recipe:
    schedule = replace(tiny.schedule, epochs=4, ctc_epochs=1)
    return replace(tiny, schedule=schedule, teacher=TeacherRecipe(**settings))


def test_without_labels_no_transcript_is_read(
    teacher: Path, corpus: Path, tiny: Recipe, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    shutil.copytree(corpus, other)
    table = other / "transcripts.tsv"
    header, *lines = table.read_text().splitlines()
    place = header.split("\t").index("transcript")
    changed = [line.split("\t") for line in lines]
    for row in changed:
        row[place] = "NOBODY SAID THIS"
    table.write_text("\n".join([header, *map("\t".join, changed)]) + "\n")
    recipe = learning(tiny, weight=0.5, labels=False)
    for name, data in (("a", corpus), ("b", other)):
        train(recipe, data, tmp_path / name, teacher=teacher, threads=1)
    models = [(tmp_path / name / "model.npz").read_bytes() for name in "ab"]
    assert models[0] == models[1]
    results = [json.loads((tmp_path / name / "result.json").read_text()) for name in "ab"]
    assert results[0]["losses"] == results[1]["losses"]
    assert results[0]["teacher"] == {"name": "large", "wer": 1.0}


def test_the_divergence_falls_and_a_killed_training_ends_the_same(
    teacher: Path, corpus: Path, tiny: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = learning(tiny, weight=100.0)
    first = train(recipe, corpus, tmp_path / "whole", teacher=teacher, threads=1)
    assert first.losses[-1] < 0.9 * first.losses[1]
    plain = learning(tiny)
    train(plain, corpus, tmp_path / "plain", threads=1)
    result = json.loads((tmp_path / "plain" / "result.json").read_text())
    assert result["teacher"] is None
    assert first.losses[1] > result["losses"][1] + 1

    class Killed(Exception):
        pass

    def kill(done: int, _steps: int, _text: str) -> None:
        if done == 5:
            raise Killed

    monkeypatch.setattr(trainer, "_SAVE_SECONDS", -1.0)
    with pytest.raises(Killed):
        train(recipe, corpus, tmp_path / "cut", teacher=teacher, threads=1, on_step=kill)
    monkeypatch.undo()
    louder = load_model(teacher)
    arrays = {k: v.astype(np.float32) for k, v in louder.arrays().items()}
    arrays["joint.output.bias"] += 1
    other = tmp_path / "other.npz"
    export_model(other, Recipe(name="large", network=LARGE), DEFINITION, arrays)
    with pytest.raises(InputError, match="but its teacher differs"):
        train(recipe, corpus, tmp_path / "cut", teacher=other, threads=1)
    train(recipe, corpus, tmp_path / "cut", teacher=teacher, threads=1)
    models = [(tmp_path / name / "model.npz").read_bytes() for name in ("whole", "cut")]
    assert models[0] == models[1]


def test_refused_in_one_line(teacher: Path, corpus: Path, tiny: Recipe, tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match="wanted a teacher, which tiny learns from, got none; give"
    ):
        train(learning(tiny, labels=False), corpus, tmp_path)
    with pytest.raises(InputError, match="wanted no teacher, since tiny does not learn from one"):
        train(tiny, corpus, tmp_path, teacher=teacher)
    recipe = replace(learning(tiny, weight=1.0), features=FeatureRecipe(stack=5))
    with pytest.raises(InputError, match="wanted a teacher that hears 5 frames at once"):
        train(recipe, corpus, tmp_path, teacher=teacher)
    pieces = replace(tiny.network, tokens="pieces", pieces=30)
    for settings, message in (
        ({"weight": 1.0}, "writes the tokens of the recipe, 31 of them, got large with 29 others"),
        ({"labels": False}, "wanted tokens = 'characters' in a recipe that reads no transcripts"),
    ):
        recipe = replace(learning(tiny, **settings), network=pieces)
        with pytest.raises(InputError, match=message):
            train(recipe, corpus, tmp_path, teacher=teacher)
    with pytest.raises(InputError, match=r"wanted a teacher's model, but .* is a folder; give .*z"):
        train(learning(tiny, weight=1.0), corpus, tmp_path, teacher=teacher.parent)
    relu = tmp_path / "relu.npz"
    with np.load(teacher) as file:
        arrays = dict(file)
    meta = json.loads(str(arrays["meta"]))
    for change, message in (
        ({"joint": {"activation": "relu"}}, "a tanh joint"),
        ({"tokens": [*meta["tokens"][:-1], "ß"]}, "writes the tokens of the recipe"),
    ):
        np.savez(
            relu, allow_pickle=False, **{**arrays, "meta": np.array(json.dumps(meta | change))}
        )
        with pytest.raises(InputError, match=message):
            train(learning(tiny, weight=1.0), corpus, tmp_path, teacher=relu)
    assert not (tmp_path / "checkpoint.pt").exists()
