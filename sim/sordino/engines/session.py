"""Runs that are fed bit by bit: what an engine offers to whoever hears as somebody speaks.

Where a program wants features that have not come yet, a session stands still, and so does its
clock. So what comes out, cycles and all, is what one run of all the features gives, however they
were cut.
"""

from collections.abc import Callable
from typing import Protocol

from sordino.engines.engine import Engine, Features, Record, Requests, RunResult
from sordino.errors import InputError

__all__ = ["Session", "StreamingEngine", "closed", "expect_open"]


class Session(Protocol):
    """A run in progress; another run on its engine ends it.

    It holds the features that the program has not read yet, and all tokens.
    """

    @property
    def running(self) -> bool:
        """Whether the machine has not stopped, but works or waits for input."""

    def feed(self, features: Features) -> list[int]:
        """Run on `features`, as far as they reach; the tokens that came since the last call.

        They are as in `Engine.run`, in pieces of any size, and none are fine. What comes after the
        machine has stopped is not read. Raises InputError once `finish` was called, or another run.
        """

    def finish(self) -> RunResult:
        """Say that no features follow, and run until the machine stops; all that `run` gives."""


class StreamingEngine(Engine, Protocol):
    """An engine that can be fed while it runs."""

    def session(
        self,
        *,
        cycle_limit: int = 0,
        record: bool | Callable[[Record], None] = False,
        entry: str = "main",
        requests: Requests = (),
    ) -> Session:
        """Begin a run that is fed bit by bit; what the arguments mean is as in `run`."""


def expect_open(open_: bool) -> None:
    """InputError for a session that is over."""
    if not open_:
        raise closed()


def closed() -> InputError:
    """What is said to somebody who goes on with a session that is over."""
    return InputError(
        "wanted a session in progress, got one that is finished, or whose engine runs something "
        "else; begin another"
    )
