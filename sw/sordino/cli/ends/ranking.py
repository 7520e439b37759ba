"""`sordino run --endpoints --url`: lattices are ranked elsewhere while somebody may still speak."""

import secrets
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict
from typing import Any, Self, TypeVar

import click

from sordino.cli.shared.search import SearchChoice
from sordino.decode.beam import BeamOptions
from sordino.errors import warn
from sordino.lattice.coding.vocabulary import Vocabulary
from sordino.lattice.coding.wire import unpack
from sordino.recogniser.ends import EndOptions
from sordino.recogniser.events import Ended, Event, Revised, Speculative
from sordino.serve.client import DEFAULT_DEADLINE, MOST_DEADLINE, Client, ServiceError
from sordino.serve.ranking import Ranked

__all__ = ["Service", "service_of", "service_options"]

_AT_ONCE = 4
"""Requests that wait at a time; one whose lattice is revised is answered at once."""
_Command = TypeVar("_Command", bound=Callable[..., Any])


def service_options(command: _Command) -> _Command:
    """Options --url and --deadline."""
    for option in (
        click.option(
            "--deadline",
            type=click.IntRange(1, MOST_DEADLINE),
            help="With --url: milliseconds after which an answer is of no use.  "
            f"[default: {DEFAULT_DEADLINE}]",
        ),
        click.option(
            "--url",
            help="With --endpoints and a search: a service, as `sordino serve` prints it, ranks "
            "what may have been said again. It begins where the end is likely.",
        ),
    ):
        command = option(command)
    return command


def service_of(
    url: str | None, deadline: int | None, ends: EndOptions | None, choice: SearchChoice
) -> "Service | None":
    """The service that the options say; None without --url.

    Usage errors for options that do not fit; InputError for a URL of another kind.
    """
    if url is None:
        if deadline is not None:
            raise click.UsageError("wanted --url beside --deadline, got none")
        return None
    if ends is None:
        raise click.UsageError(
            "wanted --endpoints beside --url, got none; `sordino rerank` ranks whole recordings"
        )
    if not choice.wanted:
        raise click.UsageError(
            "wanted a search beside --url, got greedy decoding, which has no lattice; add --beam "
            f"{BeamOptions().beam}"
        )
    return Service(Client(url), DEFAULT_DEADLINE if deadline is None else deadline)


class Service:
    """A re-ranking service that gets each revision of an utterance as soon as there is one.

    It is asked in the background. A revision supersedes the one before, whose work ends. Close it
    as a context manager.
    """

    def __init__(self, client: Client, deadline: int) -> None:
        self.url, self._client, self._deadline = client.url, client, deadline
        self.vocabulary: Vocabulary | None = None
        """That of the image; without one, nothing is sent."""
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="ranking")
        self._warned = False
        self._next()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._threads.shutdown(wait=kind is None, cancel_futures=True)

    def hear(self, event: Event) -> dict[str, Any] | None:
        """Send the lattice of an event, if it has one; at an utterance's end, what came of it.

        The answer is waited for, until its deadline. None for other events and without words. Where
        the service does not answer, `failed` says why, and a warning does once.
        """
        if isinstance(event, Speculative | Revised | Ended) and event.lattice is not None:
            self._send(event.lattice, event.revision or 0)
        if not isinstance(event, Ended):
            return None
        waiting = self._waiting
        found = None if waiting is None else self._answer(event, waiting)
        self._next()
        return found

    def _next(self) -> None:
        """Another utterance; services share their names, so they are random."""
        self._name = secrets.token_hex(8)
        self._waiting: Future[tuple[list[Ranked], float]] | None = None
        self._sent = 0

    def _send(self, data: bytes, revision: int) -> None:
        if self.vocabulary is not None:
            self._sent += 1
            name = (self._name, revision)
            self._waiting = self._threads.submit(self._rank, data, self.vocabulary, name)

    def _rank(
        self, data: bytes, vocabulary: Vocabulary, name: tuple[str, int]
    ) -> tuple[list[Ranked], float]:
        """Alternatives, and the milliseconds until they were here."""
        begin = time.perf_counter()
        answer = self._client.rank(data, unpack(data, vocabulary), self._deadline, name)
        return answer.alternatives, (time.perf_counter() - begin) * 1000

    def _answer(self, event: Ended, waiting: Future[tuple[list[Ranked], float]]) -> dict[str, Any]:
        """What JSON has of the answer to the last revision."""
        begin, failed = time.perf_counter(), None
        alternatives, milliseconds = list[Ranked](), None
        try:
            alternatives, milliseconds = waiting.result()
        except ServiceError as error:
            failed = str(error)
            if not self._warned:
                warn(f"{failed}; what is printed is the device's own best path")
            self._warned = True
        return {
            "transcript": alternatives[0].text if alternatives else event.text,
            "revision": event.revision,
            "sent": self._sent,
            "milliseconds": milliseconds,
            "waited_ms": (time.perf_counter() - begin) * 1000,
            "alternatives": [asdict(each) for each in alternatives],
            "failed": failed,
        }
