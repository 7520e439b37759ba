"""What recipes go on from: the graph, where it is found, and what is said where it is not."""

import json
from pathlib import Path

import pytest

from sordino.errors import InputError, InputWarning
from sordino.train.ancestry import (
    Sources,
    Step,
    family,
    find_sources,
    parents,
    read_result,
    steps_in,
)
from sordino.train.recipes.recipe import Recipe, digest_of, load_recipe

RECIPES = Path(__file__).parents[3] / "recipes"
TEACHER = '[teacher]\nname = "large"\nweight = 1.0\n'


def write(folder: Path, name: str, text: str = "", **fields: str) -> Path:
    """A recipe called as its file, with some entries of its own."""
    lines = [f'{key} = "{value}"' for key, value in {"name": name, **fields}.items()]
    path = folder / f"{name}.toml"
    path.write_text("\n".join([*lines, text]) + "\n")
    return path


def trained(runs: Path, path: Path, **more: object) -> dict[str, object]:
    """The result that a training of the recipe in `path` would leave; returned and written."""
    recipe = load_recipe(path)
    result: dict[str, object] = {
        "recipe": recipe.to_dict(),
        "start": recipe.start or None,
        "teacher": {"name": recipe.teacher.name} if recipe.teacher.used else None,
        "also": list(recipe.also),
        "identity": f"of {recipe.name}",
        "ancestry": {
            role: {"name": name, "identity": f"of {name}"} for role, name in parents(recipe)
        },
        **more,
    }
    (runs / recipe.name).mkdir(parents=True, exist_ok=True)
    (runs / recipe.name / "result.json").write_text(json.dumps(result))
    return result


@pytest.fixture
def line(tmp_path: Path) -> Path:
    """A recipe that goes on from another, learns from a third, and has a further corpus."""
    write(tmp_path, "first")
    write(tmp_path, "large", start="first")
    text = f'also = {{spoken = "make spoken"}}\n{TEACHER}'
    return write(tmp_path, "last", text, start="first")


def test_the_recipes_of_the_repository_are_a_graph() -> None:
    steps = steps_in(RECIPES, Path("runs"))
    places = {step.recipe.name: place for place, step in enumerate(steps)}
    assert sorted(places) == sorted(path.stem for path in RECIPES.glob("*.toml"))
    for step in steps:
        assert all(places[name] < places[step.recipe.name] for _, name in parents(step.recipe))
    broad = next(step for step in steps if step.recipe.name == "an4_broad_long")
    assert parents(broad.recipe) == [("start", "an4_broad"), ("teacher", "an4_wide")]
    assert list(broad.recipe.also) == ["synthetic"]
    assert [step.recipe.name for step in family(broad.path, Path("runs"))] == [
        "an4_float",
        "an4_causal",
        "an4_more",
        "an4_wide",
        "an4_broad",
        "an4_broad_long",
    ]
    assert parents(load_recipe(RECIPES / "fsdd.toml")) == []
    assert parents(load_recipe(RECIPES / "an4_mwer.toml")) == [("start", "an4_taught_long")]


def test_a_recipes_head_repeats_no_command() -> None:
    for path in RECIPES.glob("*.toml"):
        head = [text for text in path.read_text().splitlines() if text.startswith("#")]
        assert not any("--start" in text or "--also" in text for text in head), path


def test_ancestors_come_from_the_base_unless_a_recipe_says_others(tmp_path: Path) -> None:
    write(tmp_path, "low", 'also = {a = "", b = ""}\n' + TEACHER, start="x")
    write(tmp_path, "same", base="low.toml")
    write(tmp_path, "none", "also = {}\n[teacher]\nweight = 0.0", base="low.toml", start="")
    same, none = (load_recipe(tmp_path / f"{name}.toml") for name in ("same", "none"))
    assert (parents(same), list(same.also)) == ([("start", "x"), ("teacher", "large")], ["a", "b"])
    assert (parents(none), none.also) == ([], {})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('start = "../x"', r"wanted start as the name of one .*, without a path, got '\.\./x'"),
        ('start = ".."', r"without a path, got '\.\.'"),
        ('start = "a\\nb"', r"without a path, got 'a\\nb'"),
        ('start = " "', "without a path, got ' '"),
        ("start = 1", "wanted start as text, got 1"),
        ('also = ["x"]', r"wanted also as a table, got \['x'\]"),
        ('also = {"a/b" = ""}', "wanted a corpus in also as the name .* got 'a/b'"),
        ("also = {x = 1}", r"wanted also\.x as text, got 1"),
        ('also = {x = "a\\nb"}', r"wanted one line for also\.x, got 'a\\nb'"),
        ('[teacher]\nname = "/x"', r"wanted name of \[teacher\] as the name .* got '/x'"),
        ('ancestor = "x"', "got 'ancestor'"),
    ],
)
def test_names_that_are_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        load_recipe(write(tmp_path, "x", text))


def test_the_digest_is_of_the_training_not_of_what_its_ancestors_are_called(tmp_path: Path) -> None:
    plain = load_recipe(write(tmp_path, "x", "[teacher]\nweight = 1.0"))
    named = load_recipe(write(tmp_path, "x", 'also = {a = "b"}\n' + TEACHER, start="y"))
    other = load_recipe(write(tmp_path, "x", "[teacher]\nweight = 2.0"))
    assert plain.digest == named.digest != other.digest
    before = plain.to_dict()  # as recipes were before they could name anything
    del before["start"], before["also"], before["teacher"]["name"]
    assert digest_of(before) == named.digest


@pytest.mark.parametrize(
    ("recipes", "said"),
    [
        ({"a": {"start": "b"}, "b": {"start": "a"}}, "got (a from b from a|b from a from b) in"),
        ({"a": {"start": "a"}}, "wanted trainings that begin somewhere, got a from a in"),
        ({"a": {"start": "c"}}, r"wanted a recipe for c, which a goes on from, got no .*/c\.toml"),
    ],
)
def test_graphs_that_are_refused(
    tmp_path: Path, recipes: dict[str, dict[str, str]], said: str
) -> None:
    for name, fields in recipes.items():
        write(tmp_path, name, **fields)
    for find in (
        lambda: family(tmp_path / "a.toml", tmp_path),
        lambda: steps_in(tmp_path, tmp_path),
    ):
        with pytest.raises(InputError, match=said):
            find()


def test_a_recipe_is_called_as_its_file(tmp_path: Path, line: Path) -> None:
    (tmp_path / "first.toml").write_text('name = "other"\n')
    with pytest.raises(InputError, match=r"wanted name = 'first' in .*first\.toml.* got 'other'"):
        family(line, tmp_path)


def test_no_recipes(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"wanted a folder of recipes, got no \.toml file in"):
        steps_in(tmp_path, tmp_path)


def test_what_is_missing_is_named_with_what_makes_it(tmp_path: Path, line: Path) -> None:
    runs, data = tmp_path / "runs", Path("an4")
    step = family(line, runs)[-1]

    def refused() -> str:
        with pytest.raises(InputError) as error:
            find_sources(step, runs, data=data)
        assert "\n" not in str(error.value)
        return str(error.value)

    assert f"start of last, got no {runs}/first/result.json; `sordino train" in refused()
    assert f"{tmp_path}/first.toml --data an4 -o {runs}/first` makes it" in refused()
    (runs / "first").mkdir(parents=True)
    (runs / "first" / "checkpoint.pt").touch()
    assert "got one that has not ended; `sordino train" in refused()
    assert "first` goes on with it" in refused()
    trained(runs, tmp_path / "first.toml")
    assert "wanted the training large, the teacher of last, got no" in refused()
    assert "--with-ancestors all that is missing" in refused()
    trained(runs, tmp_path / "large.toml")
    assert "wanted the corpus spoken, which last is trained on too" in refused()
    assert "make it with `make spoken`, or give --also" in refused()
    (runs / "spoken").mkdir()
    assert find_sources(step, runs, data=data) == Sources(
        start=runs / "first", teacher=runs / "large" / "model.npz", also=(runs / "spoken",)
    )
    (tmp_path / "elsewhere" / "spoken").mkdir(parents=True)
    given = Sources(start=tmp_path, also=(tmp_path / "more", tmp_path / "elsewhere" / "spoken"))
    assert find_sources(step, runs, data=data, given=given) == Sources(
        start=tmp_path,
        teacher=runs / "large" / "model.npz",
        also=(tmp_path / "elsewhere" / "spoken", tmp_path / "more"),
    )


def test_an_ancestor_without_a_recipe_has_to_be_given(tmp_path: Path) -> None:
    path = write(tmp_path, "x", start="theirs")
    step = Step(recipe=load_recipe(path), path=path, folder=tmp_path / "x")
    with pytest.raises(InputError, match=r"the start of x, got no .*result\.json; give --start"):
        find_sources(step, tmp_path, data=Path("an4"))


def test_how_far_a_training_is(tmp_path: Path, line: Path) -> None:
    runs = tmp_path / "runs"

    def state(name: str = "last") -> str:
        return {s.recipe.name: s.state for s in family(line, runs)}[name]

    assert state() == "missing"
    (runs / "last").mkdir(parents=True)
    (runs / "last" / "checkpoint.pt").touch()
    assert state() == "begun"
    for name in ("first", "large", "last"):
        trained(runs, tmp_path / f"{name}.toml")
    assert state() == "trained"
    trained(runs, tmp_path / "first.toml", identity="of another")
    assert state() == "outdated: first, its start, has been trained anew"
    step = family(line, runs)[1]
    assert step.recipe.name == "large"
    (runs / "spoken").mkdir()
    with pytest.warns(InputWarning, match="large in .*, the teacher of last, is outdated: first,"):
        find_sources(family(line, runs)[-1], runs, data=Path("an4"))
    trained(runs, tmp_path / "first.toml")
    for more, reason in (
        ({"start": "other"}, "it started from other"),
        ({"start": None}, "it started from nothing"),
        ({"teacher": {"name": "small"}}, "it learnt from small"),
        ({"also": []}, "it was trained on other corpora"),
        ({"recipe": Recipe(name="last").to_dict()}, "its recipe says something else now"),
    ):
        trained(runs, line, **more)
        assert state() == f"outdated: {reason}"
    trained(runs, line, ancestry={})  # of an earlier version, which did not say
    assert state() == "trained"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"recipe": 1}', "[" * 100_000])
def test_results_that_are_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "result.json").write_text(text)
    with pytest.raises(InputError, match="wanted the result of a training as JSON, got something"):
        read_result(tmp_path)


VOICES = Path(__file__).parents[3] / "recipes" / "voices"


def test_the_voices_are_a_chain_from_nothing_to_the_compressed_network() -> None:
    """Its first part is of the folder above."""
    steps = family(VOICES / "voices_words_mwer.toml", Path("runs"))
    assert (steps[0].recipe.name, steps[0].recipe.start) == ("an4_float", "")
    own = [step for step in steps if step.path.parent == VOICES]
    names = [step.recipe.name for step in own]
    assert names[0] == "voices_float"
    assert set(names[1:-3]) == {"voices_neural", "voices_teacher", "voices_teacher_neural"}
    assert names[-3:] == ["voices_small", "voices_small_words", "voices_words_mwer"]
    every = ["voices", "voices-neural", "voices-words"]
    sets = {"voices_float": 1, "voices_teacher": 1} | dict.fromkeys(names[-2:], 3)
    for step in own:
        assert list(step.recipe.also) == every[: sets.get(step.recipe.name, 2)]
    assert {step.recipe.schedule.measure for step in own} == {"dev"}
    assert all(step.path.parent == VOICES.parent for step in steps if step not in own)


def test_what_is_chosen_on_the_speakers_to_choose_on_has_not_heard_them() -> None:
    """Nor has anything that it goes on from or learns from."""
    found = {step.recipe.name: step.recipe for step in steps_in(VOICES, Path("runs"))}
    for name in [name for name in found if name.startswith("fitting_")]:
        for step in family(VOICES / f"{name}.toml", Path("runs")):
            assert step.recipe.name.startswith("fitting_")
            assert step.recipe.schedule.measure == "tuning"


def test_a_recipe_beside_comes_before_that_of_the_folder_above(tmp_path: Path) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "b.toml").write_text('name = "b"\nstart = "a"\n')
    with pytest.raises(InputError, match="wanted a recipe for a, which b goes on from"):
        steps_in(inside, tmp_path)
    (tmp_path / "a.toml").write_text('name = "a"\n')
    assert [s.recipe.name for s in steps_in(inside, tmp_path)] == ["b"]
    assert [s.path for s in family(inside / "b.toml", tmp_path)] == [
        tmp_path / "a.toml",
        inside / "b.toml",
    ]
    (inside / "a.toml").write_text('name = "a"\n')
    assert family(inside / "b.toml", tmp_path)[0].path == inside / "a.toml"
