"""The command line: `sordino compile | run | cosim | eval | info | disasm | verilog | bench`."""

from sordino.cli.main import main

__all__ = ["main"]
