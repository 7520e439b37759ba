"""Small rooms: one idea a file, a function that fits a screen, imports without circles.

What is over a limit today stands in KNOWN_… below, with nothing else beside it; both may only
become shorter.
"""

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from sordino.isa.operations import ISA

ROOT = Path(__file__).parents[1]
PORTIONS = tuple(name for name in ("hw", "sw", "sim", "campaigns") if (ROOT / name).is_dir())
PYTHON = sorted(path for portion in PORTIONS for path in (ROOT / portion).rglob("*.py"))
CPP = sorted(path for portion in PORTIONS for path in (ROOT / portion).rglob("*.[ch]pp"))

MODULE_LINES = 400
FUNCTION_LINES = 60
FEW_OPERATIONS = 3
"""A file that tells more operations apart than these is one that a new operation touches."""

KNOWN_LONG_MODULES: set[str] = set()
KNOWN_LONG_FUNCTIONS: set[tuple[str, str]] = set()
OPERATION_FILES = 8
"""Files of hw, sw and sim that tell four or more operations apart; the aim was 8."""


# Lines


def functions(tree: ast.AST, inside: str = "") -> Iterator[tuple[str, int]]:
    """Every function of a module by its qualified name, with its lines from `def` to the end."""
    for node in ast.iter_child_nodes(tree):
        name = inside
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            name = f"{inside}.{node.name}".lstrip(".")
            if not isinstance(node, ast.ClassDef):
                assert node.end_lineno is not None
                yield name, node.end_lineno - node.lineno + 1
        yield from functions(node, name)


def test_every_function_is_found_once_with_its_lines() -> None:
    text = "class A:\n    @b\n    def c(self):\n        def d(): ...\n        return d\n"
    assert list(functions(ast.parse(text + "if 1:\n    async def e():\n        pass\n"))) == [
        ("A.c", 3),
        ("A.c.d", 1),
        ("e", 2),
    ]


def test_no_module_is_over_400_lines() -> None:
    lines = {path: len(path.read_text().splitlines()) for path in PYTHON + CPP}
    long = {path.name for path, count in lines.items() if count > MODULE_LINES}
    assert long <= KNOWN_LONG_MODULES, "split them along an idea"


def test_no_function_is_over_60_lines() -> None:
    long = {
        (path.name, name)
        for path in PYTHON
        for name, lines in functions(ast.parse(path.read_text()))
        if lines > FUNCTION_LINES
    }
    assert long <= KNOWN_LONG_FUNCTIONS, "split them along an idea"


# Circles


def module_name(path: Path) -> str:
    parts = list(path.relative_to(ROOT).with_suffix("").parts)
    if parts[0] != "campaigns":
        parts = parts[1:]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imported(path: Path, modules: set[str]) -> set[str]:
    """The modules of ours that a file imports, wherever in it; a package stands for its init."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relative to itself"
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                found.add(inner if inner in modules else str(node.module))
    return found & modules


def circles(edges: dict[str, set[str]]) -> list[set[str]]:
    """Groups of two or more nodes that reach each other."""

    def reach(start: str) -> set[str]:
        seen: set[str] = set()
        todo = [start]
        while todo:
            new = edges.get(todo.pop(), set()) - seen
            seen |= new
            todo += new
        return seen

    reached = {node: reach(node) for node in edges}
    groups = {
        frozenset({node} | {other for other in ends if node in reached.get(other, ())})
        for node, ends in reached.items()
    }
    return sorted((set(group) for group in groups if len(group) > 1), key=sorted)


def circles_in(package: str, uses: dict[str, set[str]]) -> list[set[str]]:
    """Circles between the modules and sub-packages that stand directly in a package.

    A sub-package counts as one; so at every floor of the tree something comes first.
    """

    def child(module: str) -> str | None:
        inside = module.removeprefix(f"{package}.")
        return inside.split(".")[0] if inside != module else None

    edges: dict[str, set[str]] = {}
    for module, used in uses.items():
        here = child(module)
        if here is not None:
            there = {name for name in map(child, used) if name is not None}
            edges.setdefault(here, set()).update(there - {here})
    return circles(edges)


USES = {
    module_name(path): imported(path, {module_name(other) for other in PYTHON}) for path in PYTHON
}
PACKAGES = sorted({module.rpartition(".")[0] for module in USES} - {""})


def test_circles_are_found_on_every_floor() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"b"}, "d": {"a"}}) == [{"b", "c"}]
    uses = {"p.a.x": {"p.b.y"}, "p.b.y": {"p.b.z"}, "p.b.z": {"p.b.y"}, "p.c": {"p.a.x"}}
    assert circles_in("p", uses) == []
    assert circles_in("p.b", uses) == [{"y", "z"}]
    assert circles_in("p", {**uses, "p.b.z": {"p.c"}}) == [{"a", "b", "c"}]


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_make_no_circle(package: str) -> None:
    assert circles_in(package, USES) == []


# Tuples


def test_no_tuple_is_unpacked_where_it_stands() -> None:
    """`*("a", "b"),` in a list is `"a", "b",` with a puzzle around it."""
    unpacked = {
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in PYTHON
        if path.relative_to(ROOT).parts[0] != "campaigns"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Starred) and isinstance(node.value, ast.Tuple)
    }
    assert not unpacked


# Deadlines


def test_every_simulation_has_a_deadline_in_cycles() -> None:
    """`sordino.stimuli.simulate` says who waits; a bare `Simulator` hangs until pytest ends it."""
    simulate = ROOT / "sim" / "sordino" / "stimuli" / "simulate.py"
    tests = [*(ROOT / "tests").rglob("*.py"), *(ROOT / "examples").rglob("*.py")]
    bare = {
        str(path.relative_to(ROOT))
        for path in {*PYTHON, *tests} - {simulate}
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("amaranth.sim")
        if any(alias.name == "Simulator" for alias in node.names)
    }
    assert not bare


# Operations

MNEMONICS = frozenset(operation.mnemonic for operation in ISA)
CLASSES = {name.title(): name for name in MNEMONICS}


def operations(text: str) -> set[str]:
    """The operations that a module tells apart, by any spelling, as mnemonics.

    Spellings are a member (`Opcode.MATVEC`, `Work.CELL`), the operation's class, its fields in an
    instruction word (`arguments.matvec`) and a string that is the mnemonic; one in other letters is
    where it chooses: as a key, as an index, in a comparison or a case. Text for readers is none:
    docstrings, comments, `__all__`; an import by itself says nothing either.
    """
    tree = ast.parse(text)
    aside = {id(node) for part in _aside(tree) for node in ast.walk(part)}
    choosing = {id(node) for part in _choosing(tree) for node in ast.walk(part)}
    classes = dict(_classes(tree))
    found = set()
    for node in ast.walk(tree):
        if id(node) in aside:
            continue
        if isinstance(node, ast.Attribute):
            if node.attr in MNEMONICS:
                found.add(node.attr)
            elif _last_name(node.value) == "arguments" and node.attr.upper() in MNEMONICS:
                found.add(node.attr.upper())
            elif _last_name(node.value) in classes and node.attr in CLASSES:
                found.add(CLASSES[node.attr])
        elif isinstance(node, ast.Name | ast.ClassDef):
            name = node.id if isinstance(node, ast.Name) else node.name
            found |= {classes[name]} & MNEMONICS if name in classes else set()
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            name = node.value.upper() if id(node) in choosing else node.value
            found |= {name} & MNEMONICS
    return found


def _last_name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else getattr(node, "attr", "")


def _aside(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        targets = node.targets if isinstance(node, ast.Assign) else []
        if text or any(_last_name(target) == "__all__" for target in targets):
            yield node


def _choosing(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Dict):
            yield from filter(None, node.keys)
        elif isinstance(node, ast.Subscript):
            yield node.slice
        elif isinstance(node, ast.Compare | ast.MatchValue):
            yield node


def _classes(tree: ast.AST) -> Iterable[tuple[str, str]]:
    """Names that mean an operation's class here, and of modules that hold such (as "")."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("sordino.isa"):
            for alias in node.names:
                yield alias.asname or alias.name, CLASSES.get(alias.name, "")
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.startswith("sordino.isa"):
                    yield (alias.asname or alias.name).rpartition(".")[2], ""
        elif isinstance(node, ast.ClassDef) and node.name in CLASSES:
            yield node.name, CLASSES[node.name] if _declares(node) else ""


def _declares(node: ast.ClassDef) -> bool:
    """Whether a class declares an operation, and is not a component of the same name."""
    return any(_last_name(base) in ("Struct", "Instruction") for base in node.bases)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a = Opcode.MATVEC", {"MATVEC"}),
        ("a = isa.Opcode.CELL, Work.FILL", {"CELL", "FILL"}),
        ("from sordino.isa.operations import Add, Fill", set()),
        ("from sordino.isa.operations import Add as A\nisinstance(i, A)", {"ADD"}),
        ("from sordino.isa import operations as ops\nops.Drain(1)", {"DRAIN"}),
        ("import sordino.isa.operations\nsordino.isa.operations.Drain(1)", {"DRAIN"}),
        ("from sordino.isa.x import Cell\nmatch i:\n    case Cell(): pass", {"CELL"}),
        ("from sordino.rtl.vector.cell import Cell\nCell()", set()),
        ("class Cell(wiring.Component): pass", set()),
        ("class Halt(data.Struct): pass\nclass Jump(Instruction, unit=1): pass", {"HALT", "JUMP"}),
        ("word.arguments.embed.table", {"EMBED"}),
        ("a = {'MATVEC': 1, 'cell': 2}", {"MATVEC", "CELL"}),
        ("a['add'], a in ('fill', 'copy'), f('DRAIN')", {"ADD", "FILL", "COPY", "DRAIN"}),
        ("draw(('add', 'table'), 'input')", set()),
        ('"""ADD"""\nx = 1\n"FILL"\n# COPY\n__all__ = ["add", "copy"]', set()),
    ],
)
def test_operations_are_counted_by_any_spelling(text: str, found: set[str]) -> None:
    assert operations(text) == found


PROGRAMS = ROOT / "sw" / "sordino" / "compiler" / "programs"
"""What is made of operations, as an assembler's text is; a new operation changes nothing there."""


def test_few_files_tell_operations_apart() -> None:
    counted = {
        str(path.relative_to(ROOT)): operations(path.read_text())
        for path in PYTHON
        if path.relative_to(ROOT).parts[0] != "campaigns" and path.parent != PROGRAMS
    }
    many = sorted(name for name, found in counted.items() if len(found) > FEW_OPERATIONS)
    assert len(many) <= OPERATION_FILES, "\n".join(many)
