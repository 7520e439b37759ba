"""What a training goes on from: recipes name it, and it is found in the folder of the runs."""

import json
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

from sordino.errors import InputError, warn
from sordino.files import read_text
from sordino.train.recipes.recipe import Recipe, digest_of, load_recipe

__all__ = [
    "CHECKPOINT",
    "MODEL",
    "NOTHING",
    "RESULT",
    "Sources",
    "Step",
    "family",
    "find_sources",
    "missing",
    "parents",
    "read_result",
    "steps_in",
    "unmet",
]

CHECKPOINT, MODEL, RESULT = "checkpoint.pt", "model.npz", "result.json"
"""What a training leaves in its folder."""


@dataclass(frozen=True, kw_only=True)
class Sources:
    """Files and folders that a training reads beside its own corpus.

    start    folder of the training, or model, whose weights it goes on from
    teacher  model that it learns from
    also     folders of further corpora
    """

    start: Path | None = None
    teacher: Path | None = None
    also: tuple[Path, ...] = ()


NOTHING = Sources()
"""What a training reads that begins anew on its own corpus alone."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """A recipe, its file, and the folder of its training."""

    recipe: Recipe
    path: Path
    folder: Path

    @property
    def state(self) -> str:
        """How far the training is: missing, begun, trained, or outdated with the reason."""
        if not (self.folder / RESULT).is_file():
            return "begun" if (self.folder / CHECKPOINT).is_file() else "missing"
        reason = self._outdated(read_result(self.folder))
        return f"outdated: {reason}" if reason else "trained"

    @property
    def trained(self) -> bool:
        """Whether the training has ended, outdated or not."""
        return (self.folder / RESULT).is_file()

    def _outdated(self, result: Mapping[str, Any]) -> str:
        """What has changed since it was trained; empty where nothing has, as far as is known."""
        recipe = self.recipe
        if digest_of(result["recipe"]) != recipe.digest:
            return "its recipe says something else now"
        if recipe.start != (result.get("start") or ""):
            return f"it started from {result.get('start') or 'nothing'}"
        taught_by = (result.get("teacher") or {}).get("name")
        if recipe.teacher.used and recipe.teacher.name not in ("", taught_by):
            return f"it learnt from {taught_by}"
        if sorted(recipe.also) != sorted(result.get("also", ())):
            return "it was trained on other corpora"
        for role, name in parents(recipe):
            then = (result.get("ancestry") or {}).get(role) or {}
            folder = self.folder.parent / name
            now = read_result(folder) if (folder / RESULT).is_file() else {}
            known = then.get("identity") and now.get("identity")
            if known and then["identity"] != now["identity"]:
                return f"{name}, its {role}, has been trained anew"
        return ""


def read_result(folder: Path) -> dict[str, Any]:
    """The result of the training in a folder; InputError where there is none."""
    path = folder / RESULT
    if not path.is_file():
        raise InputError(
            f"wanted the result of a whole training, got no {path}; train it to its end"
        )
    try:
        result = json.loads(read_text(path, "result of a training"))
    except (ValueError, RecursionError):
        result = None
    if not isinstance(result, dict) or not isinstance(result.get("recipe"), dict):
        raise InputError(
            f"wanted the result of a training as JSON, got something else in {path}; train again"
        )
    return result


def parents(recipe: Recipe) -> list[tuple[str, str]]:
    """What a recipe names, as (start or teacher, name of the training)."""
    named = [("start", recipe.start)] if recipe.start else []
    taught = recipe.teacher.used and recipe.teacher.name
    return [*named, ("teacher", recipe.teacher.name)] if taught else named


def family(path: Path, runs: Path) -> list[Step]:
    """A recipe and all that it goes on from, each after its own ancestors; itself comes last.

    The recipe called NAME is NAME.toml beside it or in the folder above, its training in
    `runs`/NAME. Raises InputError where a recipe is missing, and for one that goes on from itself.
    """
    recipe = load_recipe(path)
    found = {recipe.name: Step(recipe=recipe, path=path, folder=runs / recipe.name)}
    graph: dict[str, list[str]] = {}
    todo = [recipe.name]
    while todo:
        step = found[todo.pop()]
        graph[step.recipe.name] = [name for _, name in parents(step.recipe)]
        for name in (n for n in graph[step.recipe.name] if n not in found):
            found[name] = _named(name, step, runs)
            todo.append(name)
    return [found[name] for name in _in_order(graph, path)]


def _named(name: str, wanted_by: Step, runs: Path) -> Step:
    path = wanted_by.path.parent / f"{name}.toml"
    above = path.absolute().parents[1] / path.name
    if not path.is_file() and above.is_file():
        path = above
    if not path.is_file():
        raise InputError(
            f"wanted a recipe for {name}, which {wanted_by.recipe.name} goes on from, got no "
            f"{path}; write one, or correct the name in {wanted_by.path}"
        )
    return _checked(path, runs)


def _checked(path: Path, runs: Path) -> Step:
    """A recipe that can be named: it is called as its file is."""
    recipe = load_recipe(path)
    if recipe.name != path.stem:
        raise InputError(
            f"wanted name = {path.stem!r} in {path}, since others find it by that name, got "
            f"{recipe.name!r}; give file and recipe the same name"
        )
    return Step(recipe=recipe, path=path, folder=runs / recipe.name)


def _in_order(graph: Mapping[str, Sequence[str]], where: Path) -> Iterator[str]:
    try:
        yield from TopologicalSorter(graph).static_order()
    except CycleError as error:
        circle = " from ".join(reversed(error.args[1]))
        raise InputError(
            f"wanted trainings that begin somewhere, got {circle} in {where}; correct one's start "
            "or teacher"
        ) from None


def steps_in(folder: Path, runs: Path) -> list[Step]:
    """All recipes in a folder, each after its ancestors there; InputError as `family`, or for none.

    Ancestors of the folder above are looked for, and are not among them.
    """
    paths = sorted(folder.glob("*.toml"))
    if not paths:
        raise InputError(
            f"wanted a folder of recipes, got no .toml file in {folder}; name a folder or a recipe"
        )
    found: dict[str, Step] = {}
    for path in paths:
        step = _checked(path, runs)
        found[step.recipe.name] = step
    graph = {}
    for name, step in found.items():
        graph[name] = [parent for _, parent in parents(step.recipe)]
        for parent in (p for p in graph[name] if p not in found):
            _named(parent, step, runs)  # which refuses what is nowhere
    return [found[name] for name in _in_order(graph, folder) if name in found]


def missing(steps: Sequence[Step]) -> list[Step]:
    """The steps among some that have not been trained to their end."""
    return [step for step in steps if not step.trained]


def find_sources(
    step: Step,
    runs: Path,
    *,
    data: Path,
    given: Sources = NOTHING,
    planned: Container[str] = (),
) -> Sources:
    """Where what a recipe names lies in the folder of the runs; what is `given` comes first.

    data     for the command that a refusal names
    planned  trainings that will be made first, and need not be there

    A given further corpus takes the place of the one of the same name. Raises InputError, with
    the command that makes it, for what is not there, or has not been trained to its end; warns
    of what is outdated.
    """
    recipe, start, teacher = step.recipe, given.start, given.teacher
    for role, name in parents(recipe):
        if role == "start" and start is None:
            start = runs / name
        elif role == "teacher" and teacher is None:
            teacher = runs / name / MODEL
        else:
            continue
        if name not in planned:
            _check_trained(step, role, name, runs, data)
    named = {folder.name: folder for folder in given.also}
    also = [named.pop(name, runs / name) for name in recipe.also]
    for folder in also:
        if not folder.is_dir():
            raise InputError(unmet(recipe, folder))
    return Sources(start=start, teacher=teacher, also=(*also, *named.values()))


def unmet(recipe: Recipe, folder: Path) -> str:
    """What to say where a further corpus is missing."""
    command = recipe.also[folder.name]
    how = f"make it with `{command}`, or give --also" if command else "give --also"
    return (
        f"wanted the corpus {folder.name}, which {recipe.name} is trained on too, got no {folder}; "
        f"{how}"
    )


def _check_trained(step: Step, role: str, name: str, runs: Path, data: Path) -> None:
    beside = step.path.parent / f"{name}.toml"
    folder = runs / name
    if (folder / RESULT).is_file():
        if beside.is_file():
            state = _checked(beside, runs).state
            if state != "trained":
                warn(
                    f"the training {name} in {folder}, the {role} of {step.recipe.name}, is "
                    f"{state}; train it again in a new folder, or go on with what there is"
                )
        return
    begun = (folder / CHECKPOINT).is_file()
    got = "one that has not ended" if begun else f"no {folder / RESULT}"
    does = "goes on with" if begun else "makes"
    how = (
        f"`sordino train {beside} --data {data} -o {folder}` {does} it, --with-ancestors all that "
        "is missing"
        if beside.is_file()
        else f"give --{role}"
    )
    raise InputError(
        f"wanted the training {name}, the {role} of {step.recipe.name}, got {got}; {how}"
    )
