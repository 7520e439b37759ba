"""End-pointers that are trained: on the machine's grid, and better than they were."""

import weakref
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="PyTorch is not installed: extra `train`")

from sordino.arith import WEIGHT
from sordino.endpoint.decisions import Level
from sordino.endpoint.export import save_endpointer
from sordino.endpoint.integers import IntegerEndpointer
from sordino.endpoint.judge import Grid, choose_final, judge, network_frames
from sordino.endpoint.network import train
from sordino.endpoint.recipe import EndpointRecipe
from sordino.endpoint.rules import blanks
from sordino.endpoint.sets import Example, load_examples, read, save_examples
from sordino.errors import InputError

RECIPE = EndpointRecipe(
    inputs=("encoder", "prediction"), units=4, width=3, bits=4, zeros=0.5, epochs=15, batch=16
)


def drawn(count: int = 48, seed: int = 0) -> list[Example]:
    """Utterances with a pause inside; the encoder says which pause is the last one."""
    rng, made = np.random.default_rng(seed), []
    for number in range(count):
        pause, end = int(rng.integers(3, 9)), 14
        first = end - 2 - pause
        frames = (*range(2, first + 1), end - 1, end)
        encoder = rng.integers(-30, 30, (40, 6)).astype(np.int8)
        encoder[end + 1 :, 0] = 100
        made.append(
            Example(
                name=str(number),
                speaker=f"s{number % 4}",
                text="A",
                encoder=encoder,
                lower=encoder[:, :2],
                prediction=rng.integers(-30, 30, (40, 3)).astype(np.int8),
                end=end,
                loud=0.6,
                tokens=(1,) * len(frames),
                frames=frames,
            )
        )
    return made


@pytest.fixture(scope="module")
def trained() -> dict[str, np.ndarray]:
    return train([drawn, lambda: drawn(seed=1)], RECIPE)


def test_its_weights_are_what_the_machine_has(trained: dict[str, np.ndarray]) -> None:
    for name in ("weight_ih", "weight_hh", "output.weight"):
        weight = trained[f"endpoint.{name}"]
        step = np.abs(weight).max() / 7
        assert np.allclose(weight / step, np.round(weight / step), atol=1e-4)
    table = trained["endpoint.run.weight"] * 128
    assert (table == np.round(table)).all()
    assert np.abs(table).max() == WEIGHT.high


def test_half_of_its_groups_are_zero(trained: dict[str, np.ndarray]) -> None:
    groups = [
        trained[f"endpoint.{name}"].reshape(4, 4, -1).any(axis=0)
        for name in ("weight_ih", "weight_hh")
    ]
    share = np.concatenate([group.ravel() for group in groups]).mean()
    assert 0.3 < share <= 0.5


def test_it_is_sooner_than_a_run_of_blanks(trained: dict[str, np.ndarray]) -> None:
    examples = drawn()
    inputs = [read(one, RECIPE.inputs) for one in examples]
    scores = IntegerEndpointer(trained, 4).scores(inputs, [one.run for one in examples])
    grid = Grid(network_frames(scores, examples), examples)
    rule = Grid(blanks(examples), examples)
    everyone = np.ones(len(examples), np.bool_)
    ours, theirs = (one.wait[choose_final(one, everyone, 0.0)].mean() for one in (grid, rule))
    assert ours < theirs
    found = judge(grid, [one.speaker for one in examples], most=0.0, within=10.0)
    assert not found.early.any()
    assert set(found.points) == {"s0", "s1", "s2", "s3"}


def test_no_more_than_a_version_is_held_at_a_time() -> None:
    held = list[weakref.ref[Example]]()
    alive = list[int]()

    def made(seed: int) -> list[Example]:
        alive.append(sum(one() is not None for one in held))
        found = drawn(16, seed)
        held.extend(map(weakref.ref, found))
        return found

    versions = [partial(made, seed) for seed in range(3)]
    train(versions, replace(RECIPE, epochs=2))
    assert len(alive) == 1 + 2 * 3
    assert not any(alive)


def test_versions_of_other_sizes_are_refused() -> None:
    with pytest.raises(InputError, match="wanted 16 examples of each version, got 8; make them"):
        train([partial(drawn, 16), partial(drawn, 8)], RECIPE)


def test_between_two_utterances_an_end_is_right() -> None:
    (one,) = drawn(1)
    joined = replace(one, gaps=((4, 7), (9, 9)))
    assert (one.behind > 0).tolist() == [t > one.end for t in range(40)]
    assert (joined.behind > 0).tolist() == [t > one.end or 4 <= t < 7 for t in range(40)]
    assert joined.behind[4:7].tolist() == [1, 2, 3]
    assert joined.behind[one.end + 1] == 1


def test_scores_do_not_depend_on_what_is_beside(trained: dict[str, np.ndarray]) -> None:
    examples = drawn(3)
    network = IntegerEndpointer(trained, 4)
    inputs = [read(one, RECIPE.inputs) for one in examples]
    inputs[1] = inputs[1][:17]
    runs = [one.run[: len(x)] for one, x in zip(examples, inputs, strict=True)]
    together = network.scores(inputs, runs)
    for number in range(3):
        (alone,) = network.scores([inputs[number]], [runs[number]])
        assert (alone == together[number]).all()


def test_examples_come_back_from_their_file(tmp_path: Path) -> None:
    examples = drawn(3)
    examples[1] = replace(examples[1], gaps=((1, 4), (5, 9)))
    examples[2] = replace(examples[2], gaps=((2, 3),))
    save_examples(tmp_path / "a.npz", examples)
    for one, back in zip(examples, load_examples(tmp_path / "a.npz"), strict=True):
        assert (one.encoder == back.encoder).all()
        assert (one.name, one.end, one.tokens) == (back.name, back.end, back.tokens)
        assert one.gaps == back.gaps
        assert (one.run == back.run).all()


def test_its_file_has_all_that_a_reader_wants(
    tmp_path: Path, trained: dict[str, np.ndarray]
) -> None:
    path = tmp_path / "a.endpoint.npz"
    levels_ = {"speculative": Level(0.5, 2), "final": Level(1.0, 3, 9)}
    save_endpointer(path, trained, RECIPE, (6, 3), levels_, frame_ms=40.0)
    with np.load(path) as data:
        assert set(data.files) == {*trained, "meta"}
        assert '"widths": [6, 3, 3]' in str(data["meta"])
        assert '"final": {"threshold": 1.0, "frames": 3, "longest": 9}' in str(data["meta"])
