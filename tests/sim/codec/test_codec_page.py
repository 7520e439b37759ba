"""The worked example of docs/codec.md is what encoder, decoder and tables say."""

import re
from pathlib import Path

import numpy as np

from sordino.codec.encode import Encoder
from sordino.codec.walk import walk_group
from sordino.image.packing import pack_tables
from sordino.image.tans import Symbol, expand

PAGE = (Path(__file__).parents[3] / "docs" / "codec.md").read_text()
RUNS = (Symbol(0, 0, 8), Symbol(1, 0, 4), Symbol(2, 2, 4))
VALUES = (Symbol(-1, 0, 5), Symbol(1, 0, 10), Symbol(2, 2, 1, mirrored=True))


def rows_after(text: str) -> list[list[str]]:
    """Cells of the table that follows this text."""
    lines = PAGE[PAGE.index(text) :].split("\n\n")[1].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]


def test_the_page_quotes_place_and_route() -> None:
    results = Path(__file__).parents[3] / "docs" / "results" / "synthesis.md"
    lines = [line for line in results.read_text().splitlines() if line.startswith("| ")]
    measured = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]
    quoted = rows_after("beside those of prefix codes:")
    assert quoted == [[row[n] for n in (0, 1, 4, 5, 6, 8)] for row in measured]
    assert len(quoted) > 5


def matrix() -> np.ndarray:
    return np.array(
        [
            [int(word) for word in re.search(rf"row {row}:(.*)", PAGE)[1].split()]
            for row in range(2)
        ],
        np.int8,
    )


def test_states_of_the_value_table() -> None:
    listed = [tuple(map(int, row)) for row in rows_after("States of the value table")]
    entries = expand(VALUES, 4)
    assert listed == [(n, e.symbol.base, e.next_base, e.bits) for n, e in enumerate(entries)]


def test_streams_and_steps() -> None:
    walk = walk_group(matrix() != 0, 15)
    values = matrix()[walk.rows, walk.columns].astype(np.int64)
    for name, table, symbols, text, column in (
        ("positions", RUNS, walk.symbols, "Positions likewise", 5),
        ("values", VALUES, values, "Values, step by step", 4),
    ):
        words, count = Encoder(table, 4).encode(symbols)
        assert f"`0x{int(words[0]):04x}`" in PAGE
        bits = re.search(rf"    {name} +([01 ]+)\n", PAGE)[1].replace(" ", "")
        assert bits == f"{int(words[0]):016b}"[::-1][:count]
        steps = rows_after(text)
        assert [int(step[column]) for step in steps] == symbols.tolist()
        following = [int(step[-1].split("=")[-1]) for step in steps]
        assert following[-1] == 0
        assert [int(step[0]) for step in steps[1:]] == following[:-1]


def test_packed_tables() -> None:
    assert f"`{pack_tables([RUNS, VALUES]).hex(' ')}`" in PAGE
