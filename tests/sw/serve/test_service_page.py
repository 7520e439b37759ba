"""docs/service.md has the protocol's tables, and no other header, status or limit."""

import re
from pathlib import Path

import pytest

from sordino.reference.markdown import table
from sordino.serve.protocol import HEADERS, HEALTH, LIMITS, MEDIA_TYPE, RERANK, STATUSES

PAGE = (Path(__file__).parents[3] / "docs" / "service.md").read_text()
TABLES = {
    "headers": table(
        ("header", "values", "if not sent", "what it says"),
        [(f"`{h.name}`", h.values, h.default or "nothing", h.means) for h in HEADERS],
    ),
    "statuses": table(
        ("status", "when", "what a client does"), [(s.code, s.when, s.then) for s in STATUSES]
    ),
    "limits": table(
        ("limit", "", "what it bounds"),
        [(limit.name, f"{limit.value:,} {limit.unit}".strip(), limit.means) for limit in LIMITS],
    ),
}


@pytest.mark.parametrize("name", TABLES)
def test_the_page_has_the_table(name: str) -> None:
    assert TABLES[name].strip() in PAGE, f"docs/service.md wants this table:\n{TABLES[name]}"


def test_the_page_names_what_there_is() -> None:
    for text in (RERANK, HEALTH, MEDIA_TYPE):
        assert text in PAGE
    named = set(re.findall(r"\bSordino-\w+", PAGE))
    assert named == {header.name for header in HEADERS}
    gets = re.findall(r"\bgets? ([45]\d\d)\b", PAGE)
    assert gets
    assert set(gets) <= {str(status.code) for status in STATUSES}
