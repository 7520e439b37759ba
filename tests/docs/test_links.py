"""Links between pages lead somewhere, to a heading where they name one."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([ROOT / "README.md", *DOCS.glob("*.md"), *DOCS.glob("contributing/*.md")])


def name_of(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def without_code(markdown: str) -> str:
    return re.sub(r"(`+).+?\1", "", re.sub(r"```.*?```", "", markdown, flags=re.DOTALL))


def anchors(page: Path) -> set[str]:
    """Of every heading, as GitHub makes them."""
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    titles = [m[1].lower() for m in re.finditer(r"^#+ (.+)$", text, re.M)]
    return {re.sub(r"[^\w\- ]", "", title).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(\s*([^)\s]+)\)", without_code(page.read_text())):
        if target.startswith(("http:", "https:")):
            continue
        name, _, anchor = target.partition("#")
        path = (page.parent / name) if name else page
        assert path.exists(), f"{page.name}: {target}"
        assert not anchor or anchor in anchors(path), f"{page.name}: {target}"


@pytest.mark.parametrize("folder", [DOCS, DOCS / "contributing"], ids=name_of)
def test_every_page_is_linked_from_the_index(folder: Path) -> None:
    linked = set(re.findall(r"\]\((\w+\.md)\)", (folder / "index.md").read_text()))
    assert linked == {page.name for page in folder.glob("*.md")} - {"index.md"}


def named_code(page: Path) -> set[str]:
    """Modules, and names in modules, that a page mentions: `sordino.a.b`, `rtl/a.py`."""
    text = page.read_text()
    files = {m[1].replace("/", ".") for m in re.finditer(r"`((?:rtl|compiler)/\w+)\.py`", text)}
    return {f"sordino.{name}" for name in files} | {
        m[1] for m in re.finditer(r"`(sordino(?:\.\w+)+)`", text)
    }


def is_there(name: str) -> bool:
    """Whether a module, or a name in a module's text, exists."""
    for portion in ("hw", "sw", "sim"):
        path = ROOT / portion / name.replace(".", "/")
        above = path.parent
        modules = (above.with_suffix(".py"), above / "__init__.py")
        if path.is_dir() or path.with_suffix(".py").exists():
            return True
        if any(m.exists() and re.search(rf"\b{path.name}\b", m.read_text()) for m in modules):
            return True
    return False


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_code_that_is_named_is_there(page: Path) -> None:
    assert not {name for name in named_code(page) if not is_there(name)}
