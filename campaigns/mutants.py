"""One thing broken at a time, and which tests turn red."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import click

from campaigns.common import ROOT, output_option, write_page
from sordino.cli.shared.output import progress
from sordino.reference.markdown import table

__all__ = ["MUTANTS", "Mutant", "mutated"]

_COPIED = ("hw", "sw", "sim", "campaigns", "tests", "models", "docs", "pyproject.toml", "README.md")


@dataclass(frozen=True)
class Mutant:
    """One change of one file, and the tests that are about what it breaks."""

    name: str
    path: str
    old: str
    new: str
    tests: tuple[str, ...]


_CIRCUIT = ("tests/sim/engines/test_random_programs.py",)
MUTANTS = (
    Mutant(
        "rounding: a negative half goes up, not away from zero",
        "hw/sordino/rtl/shared/rounding.py",
        "value[shift - 1] & (~negative | value[: shift - 1].any())",
        "value[shift - 1]",
        ("tests/hw/rtl/vector/test_requantise.py", "tests/hw/rtl/vector/test_cell.py", *_CIRCUIT),
    ),
    Mutant(
        "rounding: requantise forgets the product's sign",
        "hw/sordino/rtl/vector/stages/requantise.py",
        "product - product[-1]",
        "product",
        ("tests/hw/rtl/vector/test_requantise.py", *_CIRCUIT),
    ),
    Mutant(
        "table entry: one knot of tanh and sigmoid, in the circuit alone",
        "hw/sordino/rtl/vector/stages/curve.py",
        "for knot, slope in zip(curve.knots, curve.slopes, strict=False)",
        "for knot, slope in zip("
        "(k + (n == 20) for n, k in enumerate(curve.knots)), curve.slopes, strict=False)",
        ("tests/hw/rtl/vector/test_curve.py", *_CIRCUIT),
    ),
    Mutant(
        "table entry: one bit of one decoder state, on the way to the circuit",
        "hw/sordino/image/loading.py",
        "yield LoadTarget.TABLES, 0, image.expanded_tables()",
        "words = bytearray(image.expanded_tables())\n"
        "    words[8 * 5 + 4] ^= 1\n"
        "    yield LoadTarget.TABLES, 0, bytes(words)",
        ("tests/hw/rtl/host/test_host.py", "tests/hw/rtl/test_machine.py", *_CIRCUIT),
    ),
    Mutant(
        "full flag: the x FIFO takes one column more than it holds",
        "hw/sordino/rtl/lanes/xfifo.py",
        "Mux(self.reserve, self.depth - 1, self.depth)",
        "Mux(self.reserve, self.depth, self.depth + 1)",
        ("tests/hw/rtl/lanes/test_xfifo.py", "tests/hw/rtl/lanes/test_group.py", *_CIRCUIT),
    ),
    Mutant(
        "branch: less than holds for equal",
        "hw/sordino/rtl/execute.py",
        "less.eq(register < branch.right)",
        "less.eq(register <= branch.right)",
        ("tests/hw/rtl/test_sequencer.py", *_CIRCUIT),
    ),
    Mutant(
        "branch: the compiler leaves a frame at every symbol but the blank",
        "sw/sordino/compiler/programs/transducer.py",
        'blank = {"condition": Condition.EQ, "value": self.program.blank}',
        'blank = {"condition": Condition.NE, "value": self.program.blank}',
        ("tests/e2e/test_utterance.py",),
    ),
)


def mutated(source: str, mutant: Mutant) -> str:
    """The text with the change; ValueError unless it applies in exactly one place."""
    if source.count(mutant.old) != 1:
        raise ValueError(
            f"{mutant.path} holds {mutant.old!r} {source.count(mutant.old)} times, wanted once; "
            "bring the mutant up to date"
        )
    return source.replace(mutant.old, mutant.new)


def _copy(root: Path) -> None:
    for name in _COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, root / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, root / name)


def _red(root: Path, tests: tuple[str, ...]) -> tuple[int, list[str]]:
    """How many tests ran, and the functions that failed."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--maxfail=40"]
    result = subprocess.run(
        [*command, "-rfE", "--tb=no", *tests],
        cwd=root,
        env={**os.environ, "XDG_CACHE_HOME": str(root / "cache"), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    failed = re.findall(r"^(?:FAILED|ERROR) \S*?([^/\s]+\.py::\w+)", result.stdout, re.M)
    ran = sum(int(n) for n in re.findall(r"(\d+) (?:passed|failed|errors?)", result.stdout))
    if not ran:
        raise SystemExit(f"no test ran: {result.stdout[-500:]}{result.stderr[-500:]}")
    return ran, list(dict.fromkeys(failed))


@click.command()
@output_option("mutants.md")
def main(output: Path) -> None:
    """Apply every mutant to a copy of this checkout; exit 1 if the tests of one stay green."""
    rows = []
    with tempfile.TemporaryDirectory() as folder, progress() as bar:
        root = Path(folder)
        _copy(root)
        task = bar.add_task("mutants", total=len(MUTANTS))
        for mutant in MUTANTS:
            path = root / mutant.path
            before = path.read_text()
            path.write_text(mutated(before, mutant))
            ran, failed = _red(root, mutant.tests)
            path.write_text(before)
            names = ", ".join(f"`{name}`" for name in failed) or "**none**"
            rows.append((mutant.name, f"`{mutant.path}`", ran, names))
            bar.advance(task)
    write_page(
        output,
        "Broken on purpose",
        (
            "One change at a time; which of the tests about it turn red.\n",
            table(("broken", "where", "tests run", "red"), rows),
        ),
    )
    raise SystemExit(any(names == "**none**" for *_, names in rows))
