"""The repository keeps its shape: one namespace package in three portions, imports one way."""

import ast
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BELOW = {"hw": {"hw"}, "sim": {"hw", "sim"}, "sw": {"hw", "sim", "sw"}}
"""What a portion may import: hw nothing but itself, sim the hardware, sw both."""
FILES = sorted(path for portion in BELOW for path in (ROOT / portion).rglob("*.py"))
MOST_MODULES = 15
"""Modules in one folder; beyond, it has rooms that want a name."""

ALLOWED = {
    # hw
    "arch": "",
    "arith": "",
    "boards": "arch driver errors extras files image isa rtl rtl.boot rtl.bridges rtl.export",
    "driver": "errors extras frames image isa",
    "errors": "",
    "extras": "errors",
    "files": "errors",
    "frames": "",
    "image": "arch arith errors image.section isa schema",
    "image.checks": "arch image image.section isa",
    "image.section": "schema",
    "image.segments": "arch errors image image.checks isa schema",
    "isa": "arch",
    "isa.text": "files isa",
    "locks": "errors",
    "rtl": "arch arith image isa rtl.bridges rtl.host rtl.lanes rtl.shared rtl.vector",
    "rtl.boot": ("arch image isa rtl rtl.bridges rtl.shared"),
    "rtl.bridges": "errors frames isa rtl.shared",
    "rtl.export": "arch errors extras files isa rtl rtl.bridges rtl.vector",
    "rtl.host": "arch image isa rtl.shared",
    "rtl.lanes": "arch arith image isa rtl.shared rtl.streaming",
    "rtl.shared": "arch arith image isa",
    "rtl.streaming": "arch image isa rtl.shared",
    "rtl.vector": "arch arith isa rtl.shared rtl.vector.stages",
    "rtl.vector.stages": "arch arith isa rtl.shared",
    "schema": "errors",
    # sim
    "codec": "arch image",
    "cycles": "arch engines golden image isa",
    "engines": "arch driver errors image isa",
    "engines.amaranth": "arch engines image isa rtl stimuli",
    "engines.device": "arch driver engines engines.native frames rtl stimuli",
    "engines.native": "arch engines errors extras files image isa locks rtl",
    "golden": "arch arith engines image isa",
    "netlist": "driver engines.native errors extras",
    "stimuli": "arch driver frames isa rtl",
    "testing": "",
    "testing.benches": "arch codec golden image isa rtl stimuli",
    "testing.images": "arch codec engines image isa",
    "testing.twins": "arch cycles engines golden isa rtl",
    # sw
    "cli": "arch cli.boards cli.commands cli.shared compiler driver engines errors image isa",
    "cli.boards": "arch boards cli.shared errors image",
    "cli.ends": (
        "cli.shared decode engines errors image lattice.coding recogniser serve speech speech.files"
    ),
    "cli.commands": (
        "arch cli.ends cli.shared compiler cycles decode endpoint engines errors extras files "
        "image isa lattice lattice.coding locks model npy recogniser rtl serve speech speech.files "
        "tools train"
    ),
    "cli.shared": (
        "arch compiler cycles decode driver engines engines.device errors files golden image isa "
        "lattice lattice.coding lattice.exports model recogniser speech speech.files tools"
    ),
    "compiler": (
        "arch arith codec compiler.limits compiler.numbers compiler.passes compiler.program "
        "compiler.programs compiler.segments errors files graph image layers locks model"
    ),
    "compiler.limits": "arch codec errors isa",
    "compiler.numbers": "arith compiler.limits errors image layers meta",
    "compiler.passes": (
        "arch arith codec compiler.limits compiler.numbers errors graph image isa layers model"
    ),
    "compiler.program": "arch codec compiler.limits compiler.passes errors image isa layers",
    "compiler.programs": "compiler.limits compiler.passes compiler.program errors image isa layers",
    "compiler.segments": (
        "arith codec compiler.limits compiler.numbers compiler.passes image layers"
    ),
    "decode": "decode.phrases engines errors files golden image isa model speech",
    "decode.phrases": "errors files speech",
    "endpoint": (
        "arch arith decode errors files golden isa layers layers.base layers.numbers model "
        "recogniser speech train train.corpus train.networks train.recipes"
    ),
    "graph": "errors isa layers",
    "lattice": "decode errors speech",
    "lattice.coding": "decode errors image lattice model speech",
    "lattice.exports": "errors lattice",
    "layers": "arch arith errors isa layers.base layers.layout layers.numbers",
    "layers.base": "arith errors layers.layout",
    "layers.elementwise": "errors isa layers layers.base layers.layout layers.numbers",
    "layers.layout": "arch isa",
    "layers.numbers": "arith errors",
    "meta": "arith errors files image schema",
    "model": "arith errors files graph image.section layers meta npy schema speech",
    "npy": "",
    "recogniser": (
        "decode engines errors golden image isa lattice lattice.coding speech speech.files"
    ),
    "reference": (
        "arch arith codec cycles files frames image isa layers meta model npy rtl schema speech"
    ),
    "rerank": "decode errors files lattice rerank.grammar schema",
    "rerank.grammar": "errors files schema",
    "serve": "decode errors image lattice lattice.coding rerank",
    "speech": "errors image isa meta schema speech.files",
    "speech.corpora": "errors files speech",
    "speech.files": "errors files npy",
    "tools": "arch compiler engines errors golden image model testing",
    "tools.bench": (
        "arch arith codec compiler cycles engines errors image isa layers meta model testing "
        "tools.peers"
    ),
    "tools.estimate": "arch arith compiler cycles errors image isa model rtl speech",
    "tools.peers": "codec engines extras",
    "tools.report": "arch codec cycles errors golden image isa speech tools.estimate",
    "tools.sweep": "arch compiler errors extras files golden image model speech tools.estimate",
    "train": (
        "arch compiler errors files golden isa layers locks model speech train.corpus "
        "train.networks train.recipes"
    ),
    "train.corpus": "errors extras files locks speech train.recipes",
    "train.networks": "arch compiler layers speech train.corpus train.recipes",
    "train.recipes": "compiler errors files image model speech",
}
"""What the modules of each package import, all of it.

A module at the top counts as a package. The name of another area stands for all its packages.
"""

OPTIONAL = {"driver.serial_port": {"serial"}}
"""What of an extra a module of hw imports, when it is used."""


def module(path: Path) -> str:
    """The dotted name of a file, without `sordino.`."""
    parts = path.relative_to(ROOT).with_suffix("").parts[2:]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def package(name: str) -> str:
    """The package that a module stands in; packages stand for themselves."""
    return name if name in PACKAGES else name.rpartition(".")[0]


MODULES = {module(path): path for path in FILES}
PACKAGES = {name for name, path in MODULES.items() if path.name == "__init__.py" or "." not in name}


def imports(path: Path) -> set[str]:
    """All modules that a file imports, wherever in it, ours without `sordino.`."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relative to itself"
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            inner = {name for name in names if name.removeprefix("sordino.") in MODULES}
            found |= inner or {str(node.module)}
    return found


def ours(path: Path) -> set[str]:
    return {name.removeprefix("sordino.") for name in imports(path) if name.startswith("sordino.")}


def within(entry: str, here: str) -> set[str]:
    """The packages that an entry of `here` stands for."""
    if entry.partition(".")[0] == here.partition(".")[0]:
        return {entry}
    return {name for name in PACKAGES if name == entry or name.startswith(f"{entry}.")}


def allowed(here: str) -> set[str]:
    return {name for entry in ALLOWED[here].split() for name in within(entry, here)}


@pytest.mark.parametrize("portion", BELOW)
def test_namespace_portion_has_no_init(portion: str) -> None:
    assert not (ROOT / portion / "sordino" / "__init__.py").exists(), (
        "an __init__.py here hides the other portions of the namespace"
    )
    extra = [p for p in (ROOT / portion).iterdir() if p.suffix == ".py" or p.name == "__init__.py"]
    assert not extra, "only sordino/ may be importable here"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_run_one_way(path: Path) -> None:
    portion = path.relative_to(ROOT).parts[0]
    here = package(module(path))
    for name in ours(path):
        there = MODULES[name].relative_to(ROOT).parts[0]
        assert there in BELOW[portion], f"{portion} must not import {name}, which is in {there}"
        assert package(name) in allowed(here) | {here}, f"{here} must not import {name}"
    roots = {name.partition(".")[0] for name in imports(path)}
    assert "campaigns" not in roots, "campaigns are not in the wheel"
    if portion == "hw":
        outside = roots - {"amaranth", "sordino"} - set(sys.stdlib_module_names)
        if here == "boards":
            outside -= {"amaranth_boards"}
        outside -= OPTIONAL.get(module(path), set())
        assert not outside, f"hw imports {sorted(outside)}"
        assert "__future__" not in roots, "it destroys Amaranth's declarations"


def test_every_package_says_what_it_imports_and_no_more() -> None:
    assert set(ALLOWED) == PACKAGES
    used: dict[str, set[str]] = {name: set() for name in PACKAGES}
    for name, path in MODULES.items():
        used[package(name)] |= {package(other) for other in ours(path)}
    for name, entries in ALLOWED.items():
        idle = [entry for entry in entries.split() if not within(entry, name) & used[name]]
        assert not idle, f"{name} imports nothing of {idle}; take it out of ALLOWED"


def test_packages_import_without_circles() -> None:
    TopologicalSorter({name: allowed(name) for name in ALLOWED}).prepare()  # or CycleError


@pytest.mark.parametrize("name", sorted(PACKAGES))
def test_packages_are_small_enough_to_look_through(name: str) -> None:
    modules = [m for m in MODULES if m.rpartition(".")[0] == name and m not in PACKAGES]
    assert len(modules) <= MOST_MODULES, f"{name} holds {sorted(modules)}"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_package_is_typed_and_documented(path: Path) -> None:
    assert path.parent.name == "sordino" or (path.parent / "__init__.py").exists()
    if path.name == "__init__.py":
        assert (path.parent / "py.typed").exists()
    assert ast.get_docstring(ast.parse(path.read_text())), f"{path} has no docstring"


def test_tests_stand_where_what_they_test_stands() -> None:
    folders = {
        path.parent.relative_to(ROOT / "tests").parts
        for portion in BELOW
        for path in (ROOT / "tests" / portion).rglob("test_*.py")
    }
    homes = {(portion, *name.split(".")) for name in PACKAGES for portion in BELOW}
    lost = {folder for folder in folders if len(folder) > 1} - homes
    assert not lost, f"no package has the name of {lost}"
