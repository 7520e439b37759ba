"""A grammar file: classes, their alternatives, how probable each is, and names that are spelled.

TOML. `start` is the class of a whole utterance. `[class.NAME]` has alternatives, "words and
<classes>" = weight. `[listed.NAME]` stands for one of a file's names, `[letters.NAME]` for any that
has letters as those have; both are spelled, a letter a word. No class may lead to itself.
"""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NoReturn

from sordino.errors import InputError
from sordino.files import parse_toml, read_text
from sordino.rerank.grammar.spelled import (
    MOST_WEIGHT,
    LetterNgram,
    NameList,
    Spelled,
    read_names,
)
from sordino.schema.kinds import shown

__all__ = ["Alternative", "Grammar", "Item", "load_grammar", "reweighted"]

_ITEM = re.compile(r"<([^<>\s]+)>|([^<>\s]+)")
_MOST_BYTES = 1 << 22
_MOST_DEEP = 100
"""Classes in classes: they are written out by functions that call themselves."""


@dataclass(frozen=True, slots=True)
class Item:
    """A word, or the name of a class or of spelled names."""

    name: str
    is_word: bool


@dataclass(frozen=True, slots=True)
class Alternative:
    """One of a class: its items in their order, and its share of the class's weight."""

    items: tuple[Item, ...]
    share: float


@dataclass(frozen=True)
class Grammar:
    """Classes by name, the one that an utterance is, and names that are spelled."""

    start: str
    classes: Mapping[str, tuple[Alternative, ...]]
    spelled: Mapping[str, Spelled]

    @property
    def words(self) -> list[str]:
        """All words that it may say, letters among them, sorted."""
        found = {
            item.name
            for alternatives in self.classes.values()
            for alternative in alternatives
            for item in alternative.items
            if item.is_word
        }
        return sorted(found.union(*(each.letters for each in self.spelled.values())))

    def with_weights(self, weights: Mapping[str, Sequence[float]]) -> "Grammar":
        """The same with other weights of the alternatives, by class, in their order."""
        classes = dict(self.classes)
        for name, values in weights.items():
            total = math.fsum(values)
            classes[name] = tuple(
                replace(alternative, share=value / total)
                for alternative, value in zip(classes[name], values, strict=True)
            )
        return replace(self, classes=classes)


def load_grammar(path: str | Path) -> Grammar:
    """Read a grammar file; files that it names are looked for beside it.

    Raises InputError, in one line, for a file that cannot be read, what TOML is not, an unknown
    key, a class that is not there, empty, never used or leads to itself, and a weight that is none.
    """
    text = read_text(path, "grammar")
    if len(text) > _MOST_BYTES:
        raise InputError(
            f"wanted a grammar of at most {_MOST_BYTES:,} characters, got more: {path}"
        )
    data = parse_toml(text, "a grammar", path)
    try:
        return _grammar(data, Path(path).parent)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def _fail(wanted: str, got: str) -> NoReturn:
    raise InputError(f"wanted {wanted} in the grammar, got {got}; correct the file")


def _table(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        _fail(f"a table for {what}", shown(value))
    return value


def _grammar(data: dict[str, Any], folder: Path) -> Grammar:
    for key in data:
        if key not in ("start", "class", "listed", "letters"):
            _fail("start, [class.…], [listed.…] and [letters.…]", f"{key!r}")
    classes = {
        name: _alternatives(name, _table(alternatives, f"class {name!r}"))
        for name, alternatives in _table(data.get("class", {}), "class").items()
    }
    spelled = dict(_spelled(data, folder))
    for name in spelled:
        if name in classes:
            _fail("one meaning for each name", f"{name!r} as a class and as spelled names")
    start = data.get("start")
    if not isinstance(start, str) or start not in classes:
        _fail("start, the name of a class,", shown(start))
    _check_references(start, classes, spelled)
    return Grammar(start, classes, spelled)


def _alternatives(name: str, table: dict[str, Any]) -> tuple[Alternative, ...]:
    if not table:
        _fail(f"alternatives in class {name!r}", "none")
    weights = [_weight(value, f"{text!r} of class {name!r}") for text, value in table.items()]
    total = math.fsum(weights)
    if total <= 0:
        _fail(f"an alternative of class {name!r} with a weight above 0", "none")
    return tuple(
        Alternative(_items(text, name), weight / total)
        for text, weight in zip(table, weights, strict=True)
    )


def _weight(value: Any, where: str) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not 0 <= value <= MOST_WEIGHT:
        _fail(f"a weight from 0 to {MOST_WEIGHT:g} for {where}", shown(value))
    return float(value)


def _items(text: str, name: str) -> tuple[Item, ...]:
    items = []
    for part in text.split():
        match = _ITEM.fullmatch(part)
        if match is None:
            _fail(f"words and <classes> in class {name!r}", f"{part!r}")
        items.append(Item(match[1] or match[2], is_word=match[1] is None))
    if not items:
        _fail(f"words in each alternative of class {name!r}", "an empty one")
    return tuple(items)


def _spelled(data: dict[str, Any], folder: Path) -> Iterator[tuple[str, Spelled]]:
    seen = set[str]()
    for kind, keys in (("listed", {"file"}), ("letters", {"file", "order"})):
        for name, value in _table(data.get(kind, {}), kind).items():
            table = _table(value, f"{kind} {name!r}")
            for key in table.keys() - keys:
                _fail(f"{' and '.join(sorted(keys))} in {kind} {name!r}", f"{key!r}")
            file, order = table.get("file"), table.get("order", 4)
            if not isinstance(file, str) or not file or not file.isprintable():
                _fail(f"a file of names in {kind} {name!r}", shown(file))
            if type(order) is not int or order not in (1, 2, 3, 4):
                _fail(f"an order of 1 to 4 in letters {name!r}", shown(order))
            if name in seen:
                _fail("one meaning for each name", f"{name!r} as listed and as letters")
            seen.add(name)
            names = read_names(folder / file)
            yield name, NameList(names) if kind == "listed" else LetterNgram(names, order)


def _check_references(
    start: str, classes: Mapping[str, tuple[Alternative, ...]], spelled: Mapping[str, Spelled]
) -> None:
    """Every class that is named is there, every one there is reached, and none leads to itself."""
    used = {name: _named(alternatives) for name, alternatives in classes.items()}
    for name, others in used.items():
        for other in others:
            if other not in classes and other not in spelled:
                _fail("classes that are there", f"<{other}> in class {name!r}")
    deep, path = dict[str, int](), [start]
    todo = [iter(used[start])]
    while todo:
        following = next(todo[-1], None)
        if following is None:
            todo.pop()
            name = path.pop()
            deep[name] = 1 + max((deep[other] for other in used.get(name, ())), default=0)
            _check_depth(name, deep[name])
        elif following in path:
            circle = [*path[path.index(following) :], following]
            _fail("classes that do not lead to themselves", " ".join(f"<{n}>" for n in circle))
        elif following not in deep:
            path.append(following)
            _check_depth(following, len(path))
            todo.append(iter(used.get(following, ())))
    unused = sorted((classes.keys() | spelled.keys()) - deep.keys())
    if unused:
        _fail(f"classes that <{start}> leads to", f"{unused[0]!r}, which it does not")


def _check_depth(name: str, deep: int) -> None:
    if deep > _MOST_DEEP:
        _fail(f"classes at most {_MOST_DEEP} deep in each other", f"<{name}>, which is deeper")


def _named(alternatives: Sequence[Alternative]) -> list[str]:
    names = [item.name for each in alternatives for item in each.items if not item.is_word]
    return list(dict.fromkeys(names))


_HEADER = re.compile(r"\[class\.(\"?)([^\"\]]+)\1\]\s*")
_LINE = re.compile(r"(\s*(?:\"[^\"]*\"|[A-Za-z0-9_-]+)\s*=\s*)\S+(\s*(?:#.*)?)")


def reweighted(text: str, weights: Mapping[str, Sequence[float]]) -> str:
    """A grammar file's text with other weights; all else stays as it is written.

    Every class's alternatives have a line each, in the order of their weights.
    """
    lines, left = list[str](), list[float]()
    for line in text.split("\n"):
        header, entry = _HEADER.fullmatch(line), _LINE.fullmatch(line)
        if line.startswith("["):
            left = list(weights.get(header[2], ())) if header else []
        elif entry and left:
            line = f"{entry[1]}{left.pop(0):.4g}{entry[2]}"
        lines.append(line)
    return "\n".join(lines)
