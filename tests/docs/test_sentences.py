"""Pages are written in short sentences: words are counted, sentence by sentence."""

import math
import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
PAGES = (
    "index.md",
    "glossary.md",
    "tutorial.md",
    "architecture.md",
    "proofs.md",
    "decisions.md",
    "image.md",
)
MEAN, NINETIETH, WIDTH = 17, 30, 100
GENERATED = {"image.md"}

_ABBREVIATIONS = ("e.g.", "i.e.", "et al.", "vs.", "Fig.", "No.")
_MARKER = re.compile(r"(?:[*+-]|\d+[.)])\s+")
_FENCE = re.compile(r"\s*(```+|~~~+)")


def blocks(markdown: str) -> list[str]:
    """The paragraphs and list items of a page, without its code, tables, headings and comments."""
    found: list[list[str]] = [[]]
    fence = ""
    in_list = False
    for line in re.sub(r"<!--.*?-->", "", markdown, flags=re.DOTALL).splitlines():
        text = line.strip()
        if fence:
            fence = "" if text.startswith(fence) else fence
            continue
        if mark := _FENCE.match(line):
            fence = mark[1]
            found.append([])
            continue
        if not text:
            found.append([])
            continue
        if line == line.lstrip():
            in_list = False
        elif line.startswith("    ") and not in_list and not found[-1]:
            found.append([])  # an indented code block
            continue
        if text.startswith("#") or text.startswith("|") or re.fullmatch(r"[-*_=]{3,}", text):
            found.append([])
            continue
        if marker := _MARKER.match(text):
            in_list = True
            found.append([])
            text = text[marker.end() :]
        found[-1].append(text.lstrip("> "))
    return [" ".join(lines) for lines in found if lines]


def plain(block: str) -> str:
    """The words that a reader sees: pictures go, links keep their text, code becomes one word."""
    block = re.sub(r"!\[[^\]]*\]\([^)]*\)", "", block)
    block = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", block)
    block = re.sub(r"(`+).+?\1", "code", block)
    return block.replace("**", "").replace("*", " ")


def sentences(markdown: str) -> list[str]:
    """All sentences of a page. Semicolons and colons end none, a block's end does."""
    found = []
    for block in blocks(markdown):
        text = plain(block)
        for known in _ABBREVIATIONS:
            text = text.replace(known, known.replace(".", "\0"))
        text = re.sub(r"\b([A-Z])\. (?=[A-Z])", "\\1\0 ", text)  # initials of a name
        parts = re.split(r"(?<=[.!?])[\"”')\]]*\s+", text)
        found += [part.replace("\0", ".") for part in parts if words(part)]
    return found


def words(sentence: str) -> list[str]:
    """What stands between white space and has a letter or a digit."""
    return [word for word in sentence.split() if re.search(r"\w", word)]


def test_sentences_are_counted_right() -> None:
    page = """\
<!-- A comment of four words. -->
# A heading. With a full stop

One two three. Four `a.b c. d` six (e.g. eight
nine)! [Ten eleven](x.md) 1.5 twelve; more: yes?

    indented code. never counted

| a table | is no. sentence |
| --- | --- |
* An item without a full stop
  that goes on.
    And on. By J. Duda, 2013
1. **Bold words.** Plain words

```python
print("code. code. code")
```
![a picture. of two](figure.svg)
Last, \u2013 a line:
"""
    assert [len(words(s)) for s in sentences(page)] == [3, 6, 6, 9, 2, 4, 2, 2, 3]


@pytest.mark.parametrize("name", PAGES)
def test_sentences_are_short(name: str) -> None:
    counted = sorted(
        ((len(words(s)), s) for s in sentences((DOCS / name).read_text())), reverse=True
    )
    lengths = [length for length, _ in counted]
    mean = sum(lengths) / len(lengths)
    ninetieth = lengths[len(lengths) - math.ceil(0.9 * len(lengths))]
    longest = "\n".join(f"{length}: {text}" for length, text in counted[:5])
    assert mean <= MEAN, f"{name}: mean {mean:.1f} words a sentence, wanted {MEAN}\n{longest}"
    assert ninetieth <= NINETIETH, f"{name}: p90 {ninetieth}, wanted {NINETIETH}\n{longest}"


@pytest.mark.parametrize("name", sorted(set(PAGES) - GENERATED))
def test_lines_are_of_one_width(name: str) -> None:
    """Tables, code and links may be wider."""
    wide = [
        f"{name}:{number}: {len(line)} columns"
        for number, line in enumerate((DOCS / name).read_text().splitlines(), 1)
        if len(line) > WIDTH and not line.startswith("|") and "](" not in line
    ]
    assert not wide, "\n".join(wide)
