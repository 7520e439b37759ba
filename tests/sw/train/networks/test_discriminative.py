"""Minimum word error rate: the loss against its formula, and that it lowers expected errors."""

import math
from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs the extra `train`")
pytest.importorskip("tensorboard", reason="needs the extra `train`")

import sordino.train.trainer as trainer
from sordino.train.corpus.tokens import CHARACTERS, TOKENS
from sordino.train.networks.discriminative import (
    draw_hypotheses,
    expected_errors,
    minimum_word_errors,
)
from sordino.train.networks.loss import lattice_loss
from sordino.train.networks.network import Network
from sordino.train.recipes.methods import DiscriminativeRecipe, TeacherRecipe
from sordino.train.recipes.recipe import NetworkRecipe, Recipe
from sordino.train.session import train

RECIPE = DiscriminativeRecipe(weight=1.0, hypotheses=6)
SIZES = NetworkRecipe(
    encoder_layers=1,
    encoder_hidden=8,
    embedding=4,
    prediction_hidden=5,
    joint_hidden=6,
    max_symbols=2,
)
FRAMES = torch.tensor([6, 4])


def make_network(seed: int = 1) -> tuple[Network, torch.Tensor]:
    network = Network(SIZES, 10, seed=seed).eval()
    with torch.no_grad():
        for name, weight in network.named().items():
            weight.mul_(5.0 if name.startswith(("joint", "pred")) else 2.0)
        network.named()["joint.output.bias"][0] += 3.0
    x = torch.randn(2, 6, 10, generator=torch.Generator().manual_seed(seed)) * 2
    return network, x


def test_expected_errors_and_their_gradient() -> None:
    log_p = torch.tensor([-3.0, -5.0, -4.0, -900.0, -901.0], requires_grad=True)
    errors = torch.tensor([1.0, 0.0, 3.0, 2.0, 1.0])
    owner = torch.tensor([0, 0, 0, 2, 2])
    got = expected_errors(log_p, errors, owner, 3)
    p = [math.exp(v) for v in (-3, -5, -4)]
    p = [v / sum(p) for v in p]
    q = [1 / (1 + math.exp(-1)), 1 / (1 + math.exp(1))]
    wanted = [sum(a * (w - 4 / 3) for a, w in zip(p, (1, 0, 3), strict=True)), 0.0]
    wanted.append(q[0] * 0.5 - q[1] * 0.5)
    torch.testing.assert_close(got, torch.tensor(wanted))
    got.sum().backward()
    mean = sum(a * w for a, w in zip(p, (1, 0, 3), strict=True))
    pull = [a * (w - mean) for a, w in zip(p, (1, 0, 3), strict=True)]
    torch.testing.assert_close(log_p.grad[:3], torch.tensor(pull))
    assert log_p.grad[4] < 0 < log_p.grad[3]


def test_hypotheses_differ() -> None:
    network, x = make_network()
    encoded = network.encode(x)
    network.random.manual_seed(4)
    found = draw_hypotheses(network, encoded, FRAMES, replace(RECIPE, hypotheses=12))
    assert [said[0] for said in found] == [tuple(said) for said in network.decode(encoded, FRAMES)]
    for said in found:
        assert 2 < len(said) <= 12
        assert len(set(said)) == len(said)
        assert all(0 < token < len(TOKENS) for tokens in said for token in tokens)
    network.random.manual_seed(4)
    assert draw_hypotheses(network, encoded, FRAMES, replace(RECIPE, hypotheses=12)) == found
    cold = replace(RECIPE, temperature=0.01)
    assert [len(said) for said in draw_hypotheses(network, encoded, FRAMES, cold)] == [1, 1]


def test_a_sequence_is_drawn_as_often_as_its_full_sum_says() -> None:
    network, x = make_network()
    network.recipe = replace(SIZES, max_symbols=50)  # the lattice knows no limit
    one, none = torch.tensor([1]), torch.tensor([0])
    encoded = network.encode(x)[1:, :1]

    def likely(tokens: list[int]) -> float:
        targets = torch.tensor([tokens or [0]])
        arcs = network.scores(encoded, targets, one, none + len(tokens))
        return math.exp(-lattice_loss(*arcs, one, none + len(tokens)).item())

    with torch.no_grad():  # something or nothing, each as likely
        network.named()["joint.output.bias"][0] += math.log(1 / likely([]) - 1)
    assert likely([]) == pytest.approx(0.5, abs=1e-3)
    drawn = [tuple(t) for t in network.decode(encoded.repeat(4000, 1, 1), one.repeat(4000), 1.0)]
    common = max(set(drawn) - {()}, key=drawn.count)
    assert drawn.count(common) > 40
    for said in ((), common):
        assert drawn.count(said) / 4000 == pytest.approx(likely(list(said)), abs=0.03)


def test_training_lowers_the_expected_errors() -> None:
    network, x = make_network(seed=2)
    x, frames, recipe = x[:, :1], torch.tensor([1, 1]), replace(RECIPE, hypotheses=16)
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-2)

    def drawn() -> list[list[tuple[int, ...]]]:
        encoded = network.encode(x).repeat(300, 1, 1)
        said = [tuple(tokens) for tokens in network.decode(encoded, frames.repeat(300), 1.0)]
        return [said[0::2], said[1::2]]

    # The transcripts are what the network says now and then, but seldom.
    references = [
        sorted({t for t in said if CHARACTERS.spell(t)}, key=said.count)[-3] for said in drawn()
    ]
    before = [said.count(r) / 300 for said, r in zip(drawn(), references, strict=True)]
    assert max(before) < 0.3
    for _ in range(40):
        optimiser.zero_grad()
        encoded = network.encode(x)
        loss = minimum_word_errors(network, encoded, frames, references, recipe, CHARACTERS.spell)
        loss.backward()
        optimiser.step()
    after = [said.count(r) / 300 for said, r in zip(drawn(), references, strict=True)]
    assert sum(after) > sum(before) + 0.5


def test_nothing_unsure_costs_nothing() -> None:
    network, x = make_network()
    encoded = network.encode(x)
    cold = replace(RECIPE, temperature=0.01)
    loss = minimum_word_errors(network, encoded, FRAMES, [[2, 3], [4]], cold, CHARACTERS.spell)
    loss.backward()
    assert not loss
    assert not minimum_word_errors(network, encoded, FRAMES, [[], []], RECIPE, CHARACTERS.spell)


def test_hypotheses_far_too_long_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    network, x = make_network()
    encoded, seen = network.encode(x), []
    scores = network.scores

    def looked_at(*arguments: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        seen.append(int(arguments[3].max()))
        return scores(*arguments)

    monkeypatch.setattr(network, "scores", looked_at)
    for reference in ([2, 3, 4, 5], [2]):
        minimum_word_errors(network, encoded, FRAMES, [reference] * 2, RECIPE, CHARACTERS.spell)
    assert seen[0] > 6
    assert all(length <= 6 for length in seen[1:]), "at most three times the transcript and three"


def test_whole_trainings_end_the_same(
    corpus: Path, tiny: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    schedule = replace(tiny.schedule, epochs=3, ctc_epochs=1)
    recipe = replace(tiny, schedule=schedule, discriminative=RECIPE)
    whole = train(recipe, corpus, tmp_path / "whole", threads=1)
    plain = train(replace(tiny, schedule=schedule), corpus, tmp_path / "plain", threads=1)
    assert whole.losses[0] == plain.losses[0]
    assert whole.losses[1] < 0.5 * plain.losses[1], "the likelihood has a weight of a tenth"

    class Killed(Exception):
        pass

    def kill(done: int, _steps: int, _text: str) -> None:
        if done == 4:
            raise Killed

    monkeypatch.setattr(trainer, "_SAVE_SECONDS", -1.0)
    with pytest.raises(Killed):
        train(recipe, corpus, tmp_path / "cut", threads=1, on_step=kill)
    train(recipe, corpus, tmp_path / "cut", threads=1)
    assert (tmp_path / "cut" / "model.npz").read_bytes() == whole.model.read_bytes()


def test_word_pieces_taught_and_counted(corpus: Path, tiny: Recipe, tmp_path: Path) -> None:
    pytest.importorskip("sentencepiece", reason="needs the extra `train`")
    recipe = replace(
        tiny,
        network=replace(tiny.network, tokens="pieces", pieces=30),
        schedule=replace(tiny.schedule, epochs=2, ctc_epochs=0),
    )
    teacher = train(recipe, corpus, tmp_path / "teacher", threads=1).model
    taught = replace(recipe, teacher=TeacherRecipe(weight=1.0), discriminative=RECIPE)
    losses = train(taught, corpus, tmp_path / "both", teacher=teacher, threads=1).losses
    assert all(map(math.isfinite, losses))
