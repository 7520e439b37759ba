"""Messages for users, all in the same manner: what was wanted, what was got, what to do."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PORTIONS = ("hw", "sim", "sw", "campaigns")
WANTED = re.compile(r"wanted|cannot|needs")
GOT = re.compile(r"\bgot\b|\bbut\b|none|cannot|needs|has|says|no |is not")


def messages() -> list[tuple[str, str]]:
    """Every `raise InputError(text)`: where, and the text with holes as `…`."""
    found = []
    for path in sorted(path for portion in PORTIONS for path in (ROOT / portion).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not (isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call)):
                continue
            name = getattr(node.exc.func, "id", "")
            if name == "InputError" and node.exc.args:
                if isinstance(node.exc.args[0], ast.Call):  # it is written elsewhere
                    continue
                text = "…".join(words(node.exc.args[0]))
                found.append((f"{path.relative_to(ROOT)}:{node.lineno}", text))
    return found


def words(message: ast.expr) -> Iterator[str]:
    """What a message consists of: its text, a variable `wanted` stands for its name."""
    for part in ast.walk(message):
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            yield part.value
        elif isinstance(part, ast.Name) and part.id == "wanted":
            yield part.id


def test_there_are_many() -> None:
    assert len(messages()) > 40


def test_no_error_says_that_something_must_be() -> None:
    """There is one grammar of messages; "X must be Y, not Z" is another."""
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in sorted(p for portion in PORTIONS for p in (ROOT / portion).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Raise)
        and isinstance(node.exc, ast.Call)
        and any(re.search(r"\bmust (be|have|hold|not)\b", text) for text in words(node.exc))
    ]
    assert not found


@pytest.mark.parametrize(("where", "text"), messages(), ids=[where for where, _ in messages()])
def test_input_errors_say_what_was_wanted_and_got(where: str, text: str) -> None:
    if text == ": ":  # an inner message behind the name of the file
        return
    assert "\n" not in text
    assert WANTED.search(text), f"{where}: {text}"
    assert GOT.search(text), f"{where}: {text}"
