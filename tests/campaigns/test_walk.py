"""Every recipe trained once, after what it goes on from."""

from pathlib import Path

import pytest

from campaigns import walk
from sordino.train.ancestry import parents
from sordino.train.recipes.recipe import load_recipe


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder of recordings with the transcripts of one."""
    folder = tmp_path / "data" / "an4"
    folder.mkdir(parents=True)
    (folder / "a.wav").touch()
    (folder / "transcripts.tsv").write_text("file\ttranscript\tsplit\na.wav\tYES\ttrain\n")
    return tmp_path / "data"


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """What is trained, spoken and rounded, in order; nothing of it is really made."""
    calls: list[tuple[str, ...]] = []

    def sordino(*arguments: object) -> None:
        words = [str(argument) for argument in arguments]
        calls.append(tuple(words))
        folder = Path(words[words.index("-o") + 1])
        folder.mkdir(parents=True)
        (folder / "result.json").write_text("{}")

    def speak(lines: list[object], folder: Path) -> None:
        calls.append(("speak", str(len(lines)), folder.name))

    def compress_run(run: Path, data: Path, output: Path, **settings: object) -> None:
        assert (run / "result.json").is_file()
        calls.append(("round", output.name))

    monkeypatch.setattr(walk, "sordino", sordino)
    monkeypatch.setattr(walk, "speak", speak)
    monkeypatch.setattr(walk, "compress_run", compress_run)
    return calls


def test_all_recipes_after_their_ancestors(
    data: Path, tmp_path: Path, made: list[tuple[str, ...]]
) -> None:
    runs = tmp_path / "runs"
    folders = walk.train_all(data, runs)
    assert made[0] == ("speak", "3000", "synthetic")
    trained = [Path(call[1]) for call in made if call[0] == "train"]
    names = [path.stem for path in trained]
    recipes = {path.stem for path in walk.RECIPES.glob("*.toml")}
    assert len(names) == len(set(names))
    assert set(names) == recipes - {"smoke"}
    for place, path in enumerate(trained):
        assert {name for _, name in parents(load_recipe(path))} <= set(names[:place])
    (fsdd,) = [call for call in made if call[1].endswith("fsdd.toml")]
    assert fsdd[2:] == (
        "--data",
        str(data / "fsdd" / "recordings"),
        "-o",
        str(runs / "fsdd"),
        "--runs",
        str(runs),
    )
    rounded = [call[1] for call in made if call[0] == "round"]
    assert rounded[0] == "untrained-8-0"
    assert rounded[-1] == "untrained-even-5-0.8"
    order = [folder.name for folder in folders]
    assert sorted(order) == sorted([*names, *rounded])
    assert (order[0], order[-1]) == ("an4_float", "fsdd")
    assert order.index("an4_wide") < order.index("an4_layers") < order.index(rounded[0])


def test_what_has_been_trained_is_left(
    data: Path, tmp_path: Path, made: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "runs" / "an4_float"
    folder.mkdir(parents=True)
    (folder / "result.json").write_text("{}")
    monkeypatch.setattr(walk.Step, "state", "outdated: for a reason")
    walk.train_all(data, tmp_path / "runs")
    assert "an4_float" not in [Path(call[1]).stem for call in made]
