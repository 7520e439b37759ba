"""Utterances that the service remembers: which lattice of each is the last, and its outcome."""

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from sordino.serve.pool import Found, Job
from sordino.serve.protocol import Refused, limit

__all__ = ["Jobs", "Table"]


class Jobs(Protocol):
    """What makes jobs of lattices, and ends them early: a `Pool`."""

    def submit(self, lattice: bytes) -> Job:
        """Queue a lattice; Refused where too many wait."""

    def drop(self, job: Job, outcome: Refused | None = None) -> None:
        """End a job early, with an outcome where somebody waits for one."""


@dataclass
class _Entry:
    """The last lattice of an utterance; `job` None where none has begun that is of use."""

    revision: int
    digest: bytes
    job: Job | None
    touched: float

    def settle(self) -> None:
        """Keep what a job has found, if it is short; an outcome of another kind is not kept."""
        if self.job is not None and self.job.done:
            found = None if self.job.outcome.cancelled() else self.job.outcome.result()
            most = limit("remembered answer")
            if not isinstance(found, Found) or len(found.alternatives) > most:
                self.job = None


class Table:
    """Utterances of late, so many at the most; `clock` says seconds."""

    def __init__(self, jobs: Jobs, clock: Callable[[], float] = time.monotonic) -> None:
        self._jobs, self._clock = jobs, clock
        self._entries: OrderedDict[str, _Entry] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def job(self, utterance: str, revision: int, lattice: bytes) -> Job:
        """The job of an utterance's lattice: a new one, or that of the same lattice.

        Refused for a revision before the last one, for another lattice of the same revision, and
        as `submit` says. A new revision ends the job of the one before.
        """
        self._forget()
        digest = hashlib.sha256(lattice).digest()
        entry = self._entries.get(utterance)
        if entry is None:
            entry = _Entry(revision, digest, None, 0.0)
        elif revision < entry.revision:
            raise _superseded(revision, entry.revision)
        elif revision > entry.revision:
            if entry.job is not None:
                self._jobs.drop(entry.job, _superseded(entry.revision, revision))
            entry = _Entry(revision, digest, None, 0.0)
        elif digest != entry.digest:
            raise Refused(
                422,
                f"wanted the lattice that was revision {revision} before, got another; send it "
                "with a larger revision",
            )
        entry.touched = self._clock()
        self._entries[utterance] = entry
        self._entries.move_to_end(utterance)
        entry.settle()
        if entry.job is None:
            entry.job = job = self._jobs.submit(lattice)
            job.outcome.add_done_callback(lambda _: entry.settle())
        return entry.job

    def _forget(self) -> None:
        """Let go of what is old, and of the oldest where there are many; never of what runs."""
        oldest = self._clock() - limit("remembered time")
        for name, entry in list(self._entries.items()):
            if entry.touched >= oldest and len(self._entries) < limit("remembered"):
                break
            if entry.job is None or entry.job.done:
                del self._entries[name]


def _superseded(revision: int, later: int) -> Refused:
    return Refused(
        410, f"superseded: wanted the last revision, got {revision}, and {later} has come; wait "
        "for that one's answer"
    )  # fmt: skip
