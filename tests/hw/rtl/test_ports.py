"""Every port stands once, and says in one form what its name does not; nothing is wired by text.

The form is a section `Members` of the docstring: lines of names, separated by commas, each with
indented text below. Every port of a component is in it, and so is every member of a signature
unless that says that its names are AMBA's.
"""

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from amaranth.hdl import Fragment, Signal
from amaranth.lib import wiring

import sordino.rtl
from sordino.arch import PRESETS
from sordino.rtl.boot.bridge import BootBridge
from sordino.rtl.boot.rom import RomSource
from sordino.rtl.boot.system import FlashSystem
from sordino.rtl.bridges.registry import BRIDGES, make_bridge
from sordino.rtl.top import Sordino
from sordino.testing.images.streaming import STREAMING

FOLDER = Path(next(iter(sordino.rtl.__path__)))
SOURCES = sorted(FOLDER.rglob("*.py"))
CONFIGS = (
    PRESETS["tiny"],
    STREAMING,
    PRESETS["tiny"].with_settings({"channels": 2}),
    PRESETS["tiny-serial"],
)
BY_STANDARD = ("in AMBA's names", "in Wishbone's names")
DATAPATH = (
    "Argmax",
    "Arithmetic",
    "Cell",
    "Curve",
    "Fetch",
    "Group",
    "Lane",
    "MatvecArray",
    "PositionWalker",
    "Requantise",
    "StreamDecoder",
    "VectorUnit",
    "crc_bit",
    "crc_step",
    "round_shifted",
    "saturated",
)
"""What computes values: each names its exact twin in numpy or Python."""


def members(docstring: str) -> list[str]:
    """The names that a docstring's section `Members` explains.

    Raises ValueError where the section is missing or has another form.
    """
    lines = [line[4:] if line.startswith("    ") else line for line in docstring.splitlines()]
    if "Members" not in lines:
        raise ValueError("wanted a section Members, got none")
    at = lines.index("Members")
    if lines[at + 1] != "-------":
        raise ValueError("wanted seven hyphens below Members")
    names: list[str] = []
    explained = True
    for line in lines[at + 2 :]:
        if not line.strip() or line.startswith("    "):
            explained = explained or bool(line.strip())
        elif explained and re.fullmatch(r"\w+(, \w+)*", line):
            names += line.split(", ")
            explained = False
        else:
            raise ValueError(f"wanted names and indented text below, got {line!r}")
    if not explained:
        raise ValueError(f"wanted text below {names[-1]!r}, got none")
    return names


@pytest.mark.parametrize(
    ("docstring", "found"),
    [
        (
            "A.\n\n    Members\n    -------\n    a, b\n        Two.\n    c\n        One.\n    ",
            "abc",
        ),
        ("A.\n\n    `a` and `b`.\n    ", None),
        ("A.\n\n    Members\n    -------\n    a : In(1)\n        One.\n    ", None),
        ("A.\n\n    Members\n    -------\n    a     one\n    ", None),
        ("A.\n\n    Members\n    -------\n    a\n    b\n        Both.\n    ", None),
        ("A.\n\n    Members\n    -------\n    a\n    ", None),
    ],
)
def test_one_form_is_read(docstring: str, found: str | None) -> None:
    if found is None:
        with pytest.raises(ValueError, match="wanted"):
            members(docstring)
    else:
        assert members(docstring) == list(found)


def classes(base: type) -> Iterator[type]:
    """Subclasses of `base` that modules of `sordino.rtl` define."""
    for module in pkgutil.walk_packages(sordino.rtl.__path__, "sordino.rtl."):
        for each in vars(importlib.import_module(module.name)).values():
            if isinstance(each, type) and issubclass(each, base) and each.__module__ == module.name:
                yield each


def flash_system() -> FlashSystem:
    """A machine that boots from a flash and streams from it."""
    bridge = make_bridge("uart")
    return FlashSystem(STREAMING, bridge, lines=4, size=1 << 20, address=0)


@cache
def interfaces() -> dict[type, frozenset[str]]:
    """Components and signatures of whole machines, with the names that they have in any of them."""
    found: dict[type, frozenset[str]] = {}

    def add(each: Any, signature: wiring.Signature) -> None:
        names = frozenset(map(str, signature.members))
        found[type(each)] = found.get(type(each), frozenset()) | names
        for member in signature.members.values():
            if member.is_signature:
                inner = member.signature if member.flow is wiring.Out else member.signature.flip()
                add(inner, inner)

    def visit(fragment: Any) -> None:
        for origin in fragment.origins or ():
            boots = isinstance(origin, Sordino) and isinstance(origin.bridge, BootBridge)
            if isinstance(origin, wiring.Component) and not boots:
                add(origin, origin.signature)
        for inner, *_ in fragment.subfragments:
            visit(inner)

    for config in CONFIGS:
        visit(Fragment.get(Sordino(config), None))
    visit(Fragment.get(flash_system(), None))
    visit(Fragment.get(RomSource([0]), None))
    for bus in BRIDGES:
        visit(Fragment.get(make_bridge(bus), None))
    return found


COMPONENTS = sorted(classes(wiring.Component), key=lambda each: each.__name__)
SIGNATURES = sorted(classes(wiring.Signature), key=lambda each: each.__name__)


@pytest.mark.parametrize("interface", [*COMPONENTS, *SIGNATURES], ids=lambda each: each.__name__)
def test_every_port_is_explained_once(interface: type) -> None:
    assert interface in interfaces(), "no machine has one"
    text = interface.__doc__ or ""
    if interface in SIGNATURES and any(words in text for words in BY_STANDARD):
        return
    names = members(text)
    assert len(names) == len(set(names)), "a port is explained twice"
    assert set(names) == {NUMBERED.sub(r"\1N", name) for name in interfaces()[interface]}


@pytest.mark.parametrize("component", COMPONENTS, ids=lambda each: each.__name__)
def test_every_port_is_declared_once(component: type) -> None:
    """Where a constructor has the signature, the class does not repeat its names."""
    declared = vars(component).get("__annotations__", {})
    assert all(isinstance(kind, wiring.Member) for kind in declared.values())


def test_repeated_ports_would_be_found() -> None:
    class Repeats(wiring.Component):
        start: Signal

        def __init__(self) -> None:
            super().__init__({"start": wiring.In(1)})

    with pytest.raises(AssertionError):
        test_every_port_is_declared_once(Repeats)


NUMBERED = re.compile(r"^(channel)\d+$")
"""Members of which a configuration says how many there are; a docstring explains `channelN`."""


def is_numbered(call: ast.Call) -> bool:
    """Whether a call of `getattr` takes a numbered member."""
    name = call.args[1]
    if not isinstance(name, ast.JoinedStr) or len(name.values) != 2:
        return False
    first = name.values[0]
    return isinstance(first, ast.Constant) and bool(NUMBERED.fullmatch(f"{first.value}0"))


def faults(text: str) -> list[str]:
    """Wiring by text, and attributes that are made while a circuit is built, by line."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id in ("getattr", "setattr") and not is_numbered(node):
                found.append(f"{node.lineno}: {node.func.id}")
        elif isinstance(node, ast.FunctionDef) and node.name != "__init__":
            for inner in ast.walk(node):
                stored = isinstance(inner, ast.Attribute) and isinstance(inner.ctx, ast.Store)
                if stored and isinstance(inner.value, ast.Name) and inner.value.id == "self":
                    found.append(f"{inner.lineno}: self.{inner.attr}")
    return found


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ('m.d.comb += getattr(self, f"{name}_start").eq(1)', 1),
        ("setattr(self, name, 1)", 1),
        ('getattr(self, f"channel{number}")', 0),
        ("class A:\n    def __init__(self):\n        self._a = 1", 0),
        ("class A:\n    def elaborate(self, platform):\n        self._a: int = 1", 1),
        ("class A:\n    def go(self):\n        m.x = self._a, self.b = 1, 2", 2),
        ("class A:\n    def go(self):\n        m.submodules.a = a = self.b", 0),
    ],
)
def test_faults_are_found(text: str, count: int) -> None:
    assert len(faults(text)) == count


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_nothing_is_wired_by_text_or_made_on_the_way(path: Path) -> None:
    assert not faults(path.read_text())


def twins(text: str) -> list[Any]:
    """What a docstring names after the word twin, imported; KeyError where it is not there."""
    found = []
    for sentence in re.findall(r"\btwins?\b.*?(?:\.(?=\s)|\Z)", text, re.DOTALL):
        for name in re.findall(r"`(sordino(?:\.\w+)+)`", sentence):
            module, _, attribute = name.rpartition(".")
            try:
                found.append(importlib.import_module(name))
            except ModuleNotFoundError:
                found.append(vars(importlib.import_module(module))[attribute])
    return found


def test_twins_are_imported() -> None:
    assert len(twins("Add. Its twins are `sordino.arith` and `sordino.arith.saturate`. No.")) == 2
    assert not twins("Add `sordino.arith.saturate`.")
    with pytest.raises((KeyError, ModuleNotFoundError)):
        twins("Its twin is `sordino.arith.nothing_of_the_kind`.")


@pytest.mark.parametrize("name", DATAPATH)
def test_what_computes_names_its_exact_twin(name: str) -> None:
    holders = [
        getattr(module, name)
        for found in pkgutil.walk_packages(sordino.rtl.__path__, "sordino.rtl.")
        if hasattr(module := importlib.import_module(found.name), name)
    ]
    assert holders
    assert twins(holders[0].__doc__ or "")
