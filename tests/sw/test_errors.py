"""Messages for users, all in the same manner: what was wanted, what was got, what to do."""

import ast
import re
from pathlib import Path

import pytest

SOURCES = Path(__file__).parents[2] / "sw" / "sordino"
WANTED = re.compile(r"wanted|cannot|needs")
GOT = re.compile(r"\bgot\b|\bbut\b|none|cannot|needs|has|says|no |is not")


def messages() -> list[tuple[str, str]]:
    """Every `raise InputError(text)` under `sw`: where, and the text with holes as `…`."""
    found = []
    for path in sorted(SOURCES.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not (isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call)):
                continue
            name = getattr(node.exc.func, "id", "")
            if name == "InputError" and node.exc.args:
                parts = ast.walk(node.exc.args[0])
                text = "…".join(
                    part.value
                    for part in parts
                    if isinstance(part, ast.Constant) and isinstance(part.value, str)
                )
                found.append((f"{path.relative_to(SOURCES)}:{node.lineno}", text))
    return found


def test_there_are_many() -> None:
    assert len(messages()) > 40


@pytest.mark.parametrize(("where", "text"), messages(), ids=[where for where, _ in messages()])
def test_input_errors_say_what_was_wanted_and_got(where: str, text: str) -> None:
    if text == ": ":  # an inner message behind the name of the file
        return
    assert "\n" not in text
    assert WANTED.search(text), f"{where}: {text}"
    assert GOT.search(text), f"{where}: {text}"
