"""The generated reference pages are what the contracts say now."""

from pathlib import Path

import pytest

from sordino.reference.pages import PAGES

DOCS = Path(__file__).parents[1] / "docs"


@pytest.mark.parametrize("name", PAGES)
def test_page_is_fresh(name: str) -> None:
    assert (DOCS / name).read_text() == PAGES[name](), "run `make docs`"
