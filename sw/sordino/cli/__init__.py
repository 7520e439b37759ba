"""The command line: `sordino --help`."""

try:
    from sordino.cli.main import main
except KeyboardInterrupt:  # Ctrl-C in the first second, while modules are read
    raise SystemExit(130) from None

__all__ = ["main"]
