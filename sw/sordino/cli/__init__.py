"""The command line: `sordino --help`."""

from sordino.cli.main import main

__all__ = ["main"]
