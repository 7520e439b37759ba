"""Context audio: the state is carried over, and no loss is on what is only heard."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra `train`")
pytest.importorskip("tensorboard", reason="needs the extra `train`")

import sordino.train.trainer as trainer
from sordino.errors import InputError
from sordino.speech.features import FeatureDefinition
from sordino.train.corpus.data import Batches, find_context, in_order, load_spoken, on_grid
from sordino.train.export import export_model
from sordino.train.networks.network import Network
from sordino.train.recipes.methods import ContextRecipe
from sordino.train.recipes.recipe import AugmentRecipe, NetworkRecipe, Recipe, TeacherRecipe
from sordino.train.session import train

DEFINITION = FeatureDefinition(mean=(0.0,) * 13, std=(3.0,) * 13, stack=6)
SIZES = NetworkRecipe(
    encoder_layers=2, encoder_hidden=8, embedding=4, prediction_hidden=5, joint_hidden=6
)


@pytest.fixture(scope="module")
def stream(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The corpus as one speaker's, the second recording without a transcript."""
    folder: Path = tmp_path_factory.mktemp("stream")
    lines = ["file\ttranscript\tspeaker"]
    for name, text in (("yes", "YES"), ("enter-six-five", ""), ("robert", "R O B E R T")):
        (folder / f"{name}.wav").symlink_to(corpus / f"{name}.wav")
        lines.append(f"{name}.wav\t{text}\tsomebody")
    (folder / "transcripts.tsv").write_text("\n".join(lines) + "\n")
    return folder


def test_the_state_is_carried_over() -> None:
    network = Network(SIZES, 10, seed=1).eval()
    x = torch.randn(3, 9, 10, generator=torch.Generator().manual_seed(1))
    skipped = torch.tensor([4, 0, 2])
    got = network.encode(x, skipped)
    for number, start in enumerate(skipped.tolist()):
        before, after = x[number : number + 1, :start], x[number : number + 1, start:]
        for layer in range(2):
            name = f"encoder.{layer}"
            state = None
            if start:
                before, state = network._lstm(name, before)
            after, _ = network._lstm(name, after, state)
        torch.testing.assert_close(got[number, : 9 - start], after[0])
    assert torch.equal(network.encode(x), network.encode(x, torch.zeros(3, dtype=torch.int64)))
    assert not torch.allclose(got[0, 0], network.encode(x[:, 4:])[0, 0])


def test_context_is_what_the_speaker_said_before(corpus: Path) -> None:
    spoken = load_spoken(corpus, "train")
    said = [replace(spoken[0], speaker=who) for who in ("a", "b", "a", "a", "", "b", "a", "")]
    assert find_context(said, 2) == [[], [], [0], [0, 2], [], [1], [2, 3], []]
    assert find_context(said, 0) == [[]] * 8


def test_batches_hold_context_before_each_utterance(stream: Path) -> None:
    spoken = load_spoken(stream, "train", unlabelled=True)
    context = ContextRecipe(utterances=2, frames=15)
    batches = Batches(spoken, DEFINITION, AugmentRecipe(), size=2, seed=1, context=context)
    assert batches.per_epoch == 1
    alone = [on_grid(DEFINITION, s.cepstra) for s in spoken]
    heard = set()
    for epoch in range(12):
        (group,) = batches.epoch(epoch)
        assert sorted(group) == [(0,), (2,)]
        batch = batches.batch(epoch, 0, group)
        for row, (number,) in enumerate(group):
            skipped, frames = batch.skipped[row], batch.frames[row]
            assert frames == len(alone[number])
            x = batch.x[row, : skipped + frames]
            before = np.concatenate([*(alone[n] for n in range(number)), alone[number]])
            np.testing.assert_allclose(x, before[len(before) - len(x) :], atol=1 / 16)
            heard.add((number, int(skipped)))
    lengths = [min(15, len(alone[1])), min(15, len(alone[0]) + len(alone[1]))]
    assert heard == {(0, 0), (2, 0), *((2, length) for length in lengths)}
    for numbers, batch in in_order(spoken, DEFINITION, 2, context):
        wanted = [0 if n == 0 else min(15, sum(map(len, alone[:n]))) for n in numbers]
        assert batch.skipped.tolist() == wanted


def test_trained_on_a_stream_killed_and_whole(
    stream: Path, tiny: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = replace(
        tiny,
        schedule=replace(tiny.schedule, epochs=4, ctc_epochs=1),
        context=ContextRecipe(utterances=2),
    )
    with pytest.raises(
        InputError, match=r"a transcript with words of enter-six-five\.wav in line 3"
    ):
        train(tiny, stream, tmp_path / "refused")
    whole = train(recipe, stream, tmp_path / "whole", threads=1)
    result = json.loads((tmp_path / "whole" / "result.json").read_text())
    assert result["steps"] == 4
    assert len(result["context_utterance_errors"]) == len(result["utterance_errors"]) == 2

    class Killed(Exception):
        pass

    def kill(done: int, _steps: int, _text: str) -> None:
        if done == 3:
            raise Killed

    monkeypatch.setattr(trainer, "_SAVE_SECONDS", -1.0)
    with pytest.raises(Killed):
        train(recipe, stream, tmp_path / "cut", threads=1, on_step=kill)
    train(recipe, stream, tmp_path / "cut", threads=1)
    assert (tmp_path / "cut" / "model.npz").read_bytes() == whole.model.read_bytes()


def test_a_teacher_labels_what_nobody_has(stream: Path, tiny: Recipe, tmp_path: Path) -> None:
    network = Network(SIZES, DEFINITION.dim, seed=5)
    with torch.no_grad():
        for weight in network.named().values():
            weight.mul_(4.0)
    weights = {name: p.detach().numpy() for name, p in network.named().items()}
    teacher = tmp_path / "teacher.npz"
    export_model(teacher, Recipe(name="large", network=SIZES), DEFINITION, weights)
    silent = tmp_path / "silent"
    silent.mkdir()
    table = (stream / "transcripts.tsv").read_text().splitlines()
    rows = [line.split("\t") for line in table]
    for row in rows[1:]:
        (silent / row[0]).symlink_to(stream / row[0])
    text = "\n".join(
        ["\t".join((*rows[0], "split")), *(f"{r[0]}\t\t{r[2]}\ttrain" for r in rows[1:])]
    )
    (silent / "measured.wav").symlink_to(stream / rows[1][0])
    (silent / "transcripts.tsv").write_text(f"{text}\nmeasured.wav\tYES\tother\tdev\n")
    recipe = replace(
        tiny,
        schedule=replace(tiny.schedule, epochs=2, ctc_epochs=0, measure="dev"),
        teacher=TeacherRecipe(weight=1.0, labels=False),
    )
    train(recipe, silent, tmp_path / "run", teacher=teacher, threads=1)
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    assert result["teacher"] == {"name": "large", "wer": None}
    assert (result["words"], result["split"]) == (1, "dev")
    nothing = replace(recipe, schedule=replace(recipe.schedule, measure="train"))
    with pytest.raises(InputError, match=r"wanted transcripts of split train, .* got none of "):
        train(nothing, silent, tmp_path / "nothing", teacher=teacher, threads=1)
    assert not (tmp_path / "nothing").exists(), "said before anything is trained"
