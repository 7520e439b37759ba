"""Runs that are fed bit by bit: what an engine offers to whoever hears as somebody speaks.

Where a program wants features that have not come yet, a session stands still, and so does its
clock. So what comes out, cycles and all, is what one run of all the features gives, however they
were cut.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from sordino.engines.engine import Engine, Features, Record, Requests, RunResult
from sordino.errors import InputError

__all__ = ["Emitted", "Gathered", "Session", "StreamingEngine", "expect_open", "session_of"]


class Emitted(NamedTuple):
    """A token, and the channel that it was emitted on."""

    token: int
    channel: int


class Session(Protocol):
    """A run in progress; another run on its engine ends it, and so does loading a segment.

    It holds the features that the program has not read yet, and all tokens.
    """

    @property
    def running(self) -> bool:
        """Whether the machine has not stopped, but works or waits for input."""

    def feed(self, features: Features) -> list[Emitted]:
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


class Gathered:
    """A session of an engine that cannot be fed: it holds all features, and runs at the end."""

    running = True

    def __init__(self, engine: Engine, **more: Any) -> None:
        self._engine, self._more, self._features = engine, more, list[NDArray[np.int8]]()

    def feed(self, features: Features) -> list[Emitted]:
        """Hold features of channel 0; there are no tokens before the end."""
        if isinstance(features, Mapping):
            raise InputError(
                f"wanted features of one channel for {self._engine.name}, which runs at the end, "
                "got some by channel; run it on all of them at once"
            )
        if len(features):
            self._features.append(features)
        return []

    def finish(self) -> RunResult:
        """Run on all that was held."""
        self.running = False
        held = np.concatenate(self._features) if self._features else np.zeros((0, 0), np.int8)
        return self._engine.run(held, **self._more)


def session_of(engine: Engine, **more: Any) -> Session:
    """A session of any engine; one that cannot be fed runs at its end.

    `more` are arguments of `StreamingEngine.session`.
    """
    if hasattr(engine, "session"):
        session: Session = engine.session(**more)
        return session
    return Gathered(engine, **more)


def expect_open(is_open: bool) -> None:
    """InputError for a session that is over."""
    if not is_open:
        raise InputError(
            "wanted a session in progress, got one that is finished, or whose engine runs "
            "something else; begin another"
        )
