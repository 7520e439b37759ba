"""Docstrings can be read by themselves, in a help window: sentences, or noun phrases."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PORTIONS = ("hw", "sw", "sim")

FRAGMENTS = """
about after also and as at back because before behind below beneath beside besides between
but by during else for from if in into its like none of on or over per since so than that
their theirs then these they this those to towards under unless until upon whose with within
without appends collects decodes ends finds gives goes has holds is keeps never puts raises
reads returns says takes turns
"""
"""First words of docstrings that go on where a name stopped: prepositions, conjunctions, pronouns
for what only the name says, and verbs without a subject."""

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


def definitions(
    tree: ast.Module | ast.ClassDef, prefix: str = ""
) -> Iterator[tuple[str, Definition]]:
    """Classes, functions and methods by their qualified names; not those inside functions."""
    for node in tree.body:
        if isinstance(node, Definition):
            yield prefix + node.name, node
            if isinstance(node, ast.ClassDef):
                yield from definitions(node, f"{prefix}{node.name}.")


def packages() -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    for portion in PORTIONS:
        folder = ROOT / portion / "sordino"
        for path in sorted(folder.rglob("*.py")):
            package = path.relative_to(folder).parts[0].removesuffix(".py")
            found.setdefault(f"{portion}/{package}", []).append(path)
    return found


def is_fragment(docstring: str) -> bool:
    words = re.match(r"[A-Za-z']+", docstring)
    return words is not None and words[0].lower() in FRAGMENTS.split()


@pytest.mark.parametrize(
    ("docstring", "fragment"),
    [
        ("Of both kinds of stream.", True),
        ("That hold a stream of so many bits.", True),
        ("Those that later instructions find.", True),
        ("As `x`.", True),
        ("With blocks of 36 kilobits.", True),
        ("Takes words.", True),
        ("The bits of both kinds of stream.", False),
        ("Asked-for bursts.", False),
        ("Forward sums (T, U).", False),
        ("`x` as it is.", False),
    ],
)
def test_fragments_are_found(docstring: str, fragment: bool) -> None:
    assert is_fragment(docstring) == fragment


@pytest.mark.parametrize(("package", "paths"), packages().items())
def test_docstrings_are_no_fragments(package: str, paths: list[Path]) -> None:
    found = []
    for path in paths:
        tree = ast.parse(path.read_text())
        for name, node in [("", tree), *definitions(tree)]:
            docstring = ast.get_docstring(node) or ""
            if is_fragment(docstring):
                found.append(f"{path.relative_to(ROOT)} {name}: {docstring.splitlines()[0]}")
    assert not found, "\n".join(found)


def inherited(classes: dict[str, ast.ClassDef], name: str, method: str) -> bool:
    """Whether a base class, by its name, has a docstring for the method: `help` shows that one."""
    bases = (classes.get(getattr(base, "id", "")) for base in classes[name].bases)
    return any(
        inherited(classes, base.name, method)
        or any(n == method and ast.get_docstring(node) for n, node in definitions(base))
        for base in bases
        if base is not None
    )


@pytest.mark.parametrize(("package", "paths"), packages().items())
def test_whatever_is_public_has_a_docstring(package: str, paths: list[Path]) -> None:
    trees = {path: ast.parse(path.read_text()) for path in paths}
    classes = {
        node.name: node
        for tree in trees.values()
        for _, node in definitions(tree)
        if isinstance(node, ast.ClassDef)
    }
    missing = [
        f"{path.relative_to(ROOT)} {name}"
        for path, tree in trees.items()
        for name, node in definitions(tree)
        if not any(part.startswith("_") for part in name.split("."))
        and name.split(".")[-1] != "elaborate"  # says what the class does
        and ast.get_docstring(node) is None
        and not ("." in name and inherited(classes, *name.split(".")[-2:]))
    ]
    assert not missing, "\n".join(missing)
