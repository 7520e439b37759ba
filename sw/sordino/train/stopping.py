"""Stopping a training by a signal, so that nothing it has done is lost."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Self

__all__ = ["StopSignals", "Stopped"]

_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")
"""Ctrl-C, a request to end, a terminal that is gone; not all systems have the last."""


class Stopped(KeyboardInterrupt):
    """A training ended by a signal; running it again goes on from its last checkpoint.

    signal  its number
    steps   what the last checkpoint has, of how many; None before a training has been looked at
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.signal = number
        self.steps: tuple[int, int] | None = None

    def __str__(self) -> str:
        if self.steps is None or not self.steps[0]:
            return "stopped before the first checkpoint; the same command starts again"
        done, steps = self.steps
        return (
            f"stopped; the checkpoint has {done:,} of {steps:,} steps, and the same command goes "
            "on from there"
        )


class StopSignals:
    """Signals that stop a training, for as long as the block runs.

    The first raises `Stopped` where it arrives, or at the end of a block that is `deferred` (at
    once in a part of that block that is `immediate`); a second one raises it at once. Signals that
    are ignored (as `nohup` does) stay so. Outside the main thread, where Python has no signals,
    nothing changes.
    """

    def __init__(self) -> None:
        self._handlers: dict[int, Any] = {}
        self._holding = False
        self._signal: int | None = None

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            for name in _SIGNALS:
                number = getattr(signal, name, None)
                if number is not None and signal.getsignal(number) not in (signal.SIG_IGN, None):
                    self._handlers[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._handlers.clear()

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        first, self._signal = self._signal is None, number
        if not (first and self._holding):
            raise Stopped(number)

    @property
    def requested(self) -> bool:
        """Whether a signal has come."""
        return self._signal is not None

    @contextmanager
    def deferred(self) -> Iterator[None]:
        """A block at the end of which a first signal is obeyed, and not before."""
        self._holding = True
        try:
            yield
        finally:
            self._holding = False
        self._obey()

    @contextmanager
    def immediate(self) -> Iterator[None]:
        """A block inside a deferred one that a first signal leaves at once."""
        self._holding = False
        self._obey()
        yield
        self._holding = True

    def _obey(self) -> None:
        if self._signal is not None:
            raise Stopped(self._signal)
