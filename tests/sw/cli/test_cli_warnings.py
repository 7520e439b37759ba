"""Warnings: one line each on standard error, and in what `--json` prints."""

import click
import pytest

from sordino.cli.main import cli
from sordino.cli.shared.output import print_json
from sordino.errors import InputWarning, warn


@pytest.fixture
def warned(sordino, monkeypatch):
    @click.command()
    def command() -> None:
        warn("found a\nthing; mend it")
        warn("found a\nthing; mend it")
        warn("and another")
        print_json({"a": 1})

    monkeypatch.setitem(cli.commands, "warned", command)
    return sordino("warned")


def test_each_is_said_once(warned):
    assert warned.code == 0
    assert warned.err == (
        "sordino: warning: found a thing; mend it\nsordino: warning: and another\n"
    )
    assert warned.json() == {"a": 1, "warnings": ["found a thing; mend it", "and another"]}


def test_the_next_command_begins_anew(warned, sordino):
    assert sordino("info", "--config", "tiny", "--json").json()["warnings"] == []


def test_in_python_it_is_a_warning():
    with pytest.warns(InputWarning, match="found"):
        warn("found it")
