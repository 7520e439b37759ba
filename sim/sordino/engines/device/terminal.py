"""A simulated board at a terminal of the system, for programs that open serial ports."""

import os
import select
import threading
from contextlib import suppress

from sordino.engines.device.line import SimulatedLine

__all__ = ["SimulatedTerminal"]

_CYCLES = 400
"""Cycles that the board runs between two looks at the terminal."""


class SimulatedTerminal:
    """A pseudo-terminal with a board behind it, which runs all the time until `close`.

    Attributes
    ----------
    path
        The device to open, such as /dev/pts/3; it takes any baud rate.
    """

    def __init__(self, line: SimulatedLine) -> None:
        import pty  # not on every system
        import tty

        self.line = line
        self._board, self._host = pty.openpty()
        tty.setraw(self._host)
        self.path = os.ttyname(self._host)
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._run, name="simulated board", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop the board."""
        if not self._ends.is_set():
            self._ends.set()
            self._thread.join()
            os.close(self._host)
            os.close(self._board)

    def __enter__(self) -> "SimulatedTerminal":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self) -> None:
        while not self._ends.is_set():
            ready, _, _ = select.select([self._board], [], [], 0)
            if ready:
                with suppress(OSError):  # nobody has the other end open
                    self.line.write(os.read(self._board, 1 << 16))
            self.line.run(_CYCLES)
            if received := self.line.take():
                _write_all(self._board, received)


def _write_all(file: int, data: bytes) -> None:
    while data:
        data = data[os.write(file, data) :]
