"""Docstrings become Markdown: aligned members a table, everything else as it is."""

from sordino.reference.markdown import as_table


def test_members_become_a_table() -> None:
    text = "One thing.\n\na   first\n    and more\nb|c  second\n\nThe last line.\nAnd its end."
    assert as_table(text, ("key", "meaning")) == (
        "One thing.\n\n"
        "| key | meaning |\n| --- | --- |\n| `a` | first and more |\n| `b\\|c` | second |\n\n"
        "The last line.\nAnd its end.\n"
    )


def test_prose_stays() -> None:
    text = "Two sentences.  With two spaces.\n\n    code   in a block"
    assert as_table(text, ("key", "meaning")) == f"{text}\n"
