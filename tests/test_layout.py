"""The repository keeps its shape: one namespace package, imports that run one way."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PORTIONS = ("hw", "sw", "sim")
FILES = sorted(p for portion in PORTIONS for p in (ROOT / portion).rglob("*.py"))
CAMPAIGNS = sorted((ROOT / "campaigns").rglob("*.py"))

ALLOWED = {
    "arith": set(),
    "arch": set(),
    "isa": {"arch", "arith", "errors", "isa", "schema"},
    "schema": {"errors", "schema"},
    "rtl": {"arch", "arith", "errors", "extras", "files", "isa", "rtl"},
    "golden": {"arch", "arith", "isa", "golden", "engines"},
    "cycles": {"arch", "isa", "rtl", "golden", "engines", "cycles"},
    "errors": set(),
    "files": {"errors"},
    "extras": {"errors"},
    "locks": {"errors"},
    "npy": set(),
    "meta": {"arith", "errors", "files", "isa", "meta", "schema"},
    "model": {
        *("arch", "arith", "isa", "errors", "files", "meta", "model", "npy", "schema", "speech"),
    },
    "speech": {"errors", "files", "isa", "meta", "npy", "schema", "speech"},
    "driver": {"arch", "isa", "driver"},
    "decode": {
        *("compiler", "decode", "errors", "files", "golden", "isa", "model", "speech"),
    },
    "train": {
        *(
            "arch",
            "arith",
            "compiler",
            "errors",
            "extras",
            "files",
            "golden",
            "isa",
            "locks",
            "meta",
            "model",
            "speech",
            "train",
        ),
    },
    "compiler": {
        *("arch", "arith", "isa", "golden", "locks", "meta", "model", "compiler", "errors"),
        *("files", "speech"),
    },
}
"""Areas that an area may import; areas not named here (engines, cli, ...) may import any."""


def area(path: Path) -> str:
    return path.relative_to(ROOT).parts[2].removesuffix(".py")


def imported(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            if node.module == "sordino":
                names |= {f"sordino.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize("portion", PORTIONS)
def test_namespace_portion_has_no_init(portion: str) -> None:
    assert not (ROOT / portion / "sordino" / "__init__.py").exists(), (
        "an __init__.py here hides the other portions of the namespace"
    )
    extra = [p for p in (ROOT / portion).iterdir() if p.suffix == ".py" or p.name == "__init__.py"]
    assert not extra, "only sordino/ may be importable here"


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_run_one_way(path: Path) -> None:
    allowed = ALLOWED.get(area(path))
    if allowed is not None:
        used = {n.split(".")[1] for n in imported(path) if n.startswith("sordino.")}
        assert used <= allowed, f"{area(path)} must not import {sorted(used - allowed)}"
    assert "campaigns" not in {n.split(".")[0] for n in imported(path)}, "it is not in the wheel"
    if path.is_relative_to(ROOT / "hw"):
        outside = {n.split(".")[0] for n in imported(path)} - {"amaranth", "sordino"}
        import sys

        assert outside <= set(sys.stdlib_module_names), f"hw imports {sorted(outside)}"
        assert "__future__" not in imported(path), "it destroys Amaranth's declarations"


@pytest.mark.parametrize("path", FILES + CAMPAIGNS, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_package_is_typed_and_documented(path: Path) -> None:
    if path.name == "__init__.py":
        assert (path.parent / "py.typed").exists() or (path.parents[1] / "py.typed").exists()
    assert ast.get_docstring(ast.parse(path.read_text())), f"{path} has no docstring"
