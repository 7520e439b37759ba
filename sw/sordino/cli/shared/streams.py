"""Standard streams as the shell hands them over, closed or narrow; signals that end a command."""

import codecs
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import TextIO

__all__ = ["CLOSED", "drop_output", "ending_on_signals", "open_streams"]

CLOSED = set[str]()
"""Names of the streams that the shell had closed."""
_PLAIN = {
    **{"×": "x", "≠": "!=", "–": "-", "—": "-", "−": "-", "±": "+-", "→": "->", "…": "..."},
    **{"’": "'", "‘": "'", "“": '"', "”": '"', "·": ".", "≤": "<=", "≥": ">=", "µ": "u"},
}
"""What a terminal without the characters on the left shows instead."""


def _plainer(error: UnicodeError) -> tuple[str | bytes, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    letter = error.object[error.start]
    return _PLAIN.get(letter) or ascii(letter)[1:-1], error.start + 1


codecs.register_error("sordino", _plainer)


def open_streams() -> None:
    """Make sure that there are three streams and that any text can be printed on them.

    A stream that the shell has closed is the null device: no file that is opened later gets its
    number. Characters that a terminal lacks are printed as others or as their numbers.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            CLOSED.add(name)
            os.open(os.devnull, os.O_RDWR)  # gets the lowest number that is free
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w" if number else "r", encoding="utf-8"))  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, ValueError):  # what tests put in their place
            stream.reconfigure(errors="sordino")  # type: ignore[union-attr]


def drop_output(stream: TextIO) -> None:
    """Let a stream that cannot be written go to the null device, so that Python ends quietly."""
    with suppress(OSError, ValueError, AttributeError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)


@contextmanager
def ending_on_signals() -> Iterator[None]:
    """Let SIGTERM and SIGHUP end the block as Ctrl-C does, with 128 and the signal's number.

    So temporary files are removed and tools that were started end, too.
    """

    def end(number: int, _frame: FrameType | None) -> None:
        sys.exit(128 + number)

    before = {}
    if threading.current_thread() is threading.main_thread():
        for name in ("SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)
            # `nohup` and a program that handles the signal itself have their will.
            if number is not None and signal.getsignal(number) is signal.SIG_DFL:
                before[number] = signal.signal(number, end)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
