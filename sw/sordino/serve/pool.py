"""Processes that rank lattices, the queue before them, and what nobody waits for any longer.

A worker is a process, not a thread: it can be ended in the middle of a lattice, and what it
computes leaves the event loop free, so that health is told and deadlines are kept meanwhile.
docs/results/serve-load.md has both measured.
"""

import asyncio
import os
import sys
import time
import traceback
from asyncio.subprocess import PIPE, Process
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sordino.serve.frames import frame, receive_frame
from sordino.serve.protocol import Refused, limit
from sordino.serve.ranking import Recipe

__all__ = ["Found", "Job", "Pool", "WorkerEnded"]

_RESTART_SECONDS = 1.0
"""Between a worker's end and its successor's start, so that a broken one is no busy loop."""


class WorkerEnded(Exception):
    """A worker that is not there any longer, or that said what nobody understands."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """A lattice's alternatives as JSON, and how long they took from the queue on."""

    alternatives: bytes
    milliseconds: float


class Job:
    """A lattice to be ranked.

    `outcome` becomes what was found, or the refusal. `waiters` counts who waits for it.
    """

    def __init__(self, lattice: bytes) -> None:
        self.lattice, self.waiters, self.begin = lattice, 0, time.monotonic()
        self.outcome: asyncio.Future[Found | Refused] = asyncio.get_running_loop().create_future()

    @property
    def done(self) -> bool:
        """Whether there is an outcome, or nobody wants one."""
        return self.outcome.done()

    def end(self, outcome: Found | Refused) -> None:
        """Set the outcome, if there is none."""
        if not self.done:
            self.outcome.set_result(outcome)
            self.lattice = b""


class Pool:
    """Workers, each for one lattice at a time, and the lattices that wait for one.

    `ready` of them are there, `running` are at a lattice.
    """

    def __init__(self, recipe: Recipe, identity: bytes, workers: int = 1) -> None:
        self.workers, self.ready, self.running = workers, 0, 0
        self._recipe, self._identity = recipe, identity
        self._waiting: dict[Job, None] = {}
        self._arrived = asyncio.Event()
        self._closing = False
        self._tasks: list[asyncio.Task[None]] = []
        self._live = set[_Worker]()

    @property
    def waiting(self) -> int:
        """Lattices that no worker has begun."""
        return len(self._waiting)

    async def start(self) -> None:
        """Start all workers; WorkerEnded if one does not come up."""
        ready = [asyncio.get_running_loop().create_future() for _ in range(self.workers)]
        self._tasks = [asyncio.create_task(self._keep(each)) for each in ready]
        await asyncio.gather(*ready)

    async def close(self) -> None:
        """End all workers, whatever they do."""
        self.refuse()
        for task in self._tasks:
            task.cancel()
        for ended in await asyncio.gather(*self._tasks, return_exceptions=True):
            if isinstance(ended, Exception) and not isinstance(ended, WorkerEnded):
                traceback.print_exception(ended)
        for worker in list(self._live):
            await worker.end()

    def refuse(self) -> None:
        """Refuse what waits and what comes; what runs goes on."""
        self._closing = True
        for job in list(self._waiting):
            self.drop(job, Refused(503, "wanted a service, got one that is ending; go on without"))

    def submit(self, lattice: bytes) -> Job:
        """Queue a lattice; Refused where too many wait, or the service is ending."""
        if self._closing:
            raise Refused(503, "wanted a service, got one that is ending; go on without")
        if len(self._waiting) >= limit("waiting"):
            raise Refused(
                503,
                f"wanted at most {limit('waiting')} lattices to wait, got more; send it again "
                f"after {limit('retry')} s",
            )
        job = Job(lattice)
        self._waiting[job] = None
        self._arrived.set()
        return job

    def drop(self, job: Job, outcome: Refused | None = None) -> None:
        """End a job early, with an outcome where somebody waits for one."""
        self._waiting.pop(job, None)
        if outcome is not None:
            job.end(outcome)
        elif not job.done:
            job.outcome.cancel()

    async def _next(self) -> Job:
        while not self._waiting:
            self._arrived.clear()
            await self._arrived.wait()
        job = next(iter(self._waiting))
        del self._waiting[job]
        return job

    async def _keep(self, ready: asyncio.Future[None]) -> None:
        """Keep one worker at work; start another where it ends."""
        while True:
            try:
                worker = await _Worker.start()
                self._live.add(worker)
                try:
                    await worker.make_ready(self._recipe, self._identity)
                    if not ready.done():
                        ready.set_result(None)
                    await self._serve(worker)
                finally:
                    await worker.end()
                    self._live.discard(worker)
            except WorkerEnded as error:
                if not ready.done():
                    ready.set_exception(error)
                    return
                print(f"sordino: {error}; another one is started", file=sys.stderr)
            await asyncio.sleep(_RESTART_SECONDS)

    async def _serve(self, worker: "_Worker") -> None:
        self.ready += 1
        try:
            while True:
                await self._work(worker, await self._next())
        finally:
            self.ready -= 1

    async def _work(self, worker: "_Worker", job: Job) -> None:
        self.running += 1
        asking = asyncio.create_task(worker.ask(job.lattice))
        try:
            both: set[asyncio.Future[Any]] = {asking, job.outcome}
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            if not asking.done():  # nobody waits for it any longer
                await asyncio.wait({asking}, timeout=limit("abandoned"))
            if not asking.done():
                raise WorkerEnded("a worker was at a lattice that nobody waits for, and was ended")
            status, text = asking.result()
            if status == 200:
                taken = (time.monotonic() - job.begin) * 1000
                job.end(Found(alternatives=text, milliseconds=round(taken, 3)))
            else:
                job.end(Refused(status, text.decode(errors="replace")))
        finally:
            self.running -= 1
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
            job.end(Refused(500, "wanted a ranking, got a worker that ended; send it again, once"))


class _Worker:
    """One process; messages go to its standard input and come from its standard output."""

    def __init__(self, process: Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._process, self._in, self._out = process, process.stdin, process.stdout

    @classmethod
    async def start(cls) -> "_Worker":
        """A process of the same Python, with the same modules in reach, and no folder of others.

        Raises WorkerEnded where the system gives none.
        """
        path = os.pathsep.join(entry for entry in sys.path if entry)
        warned = [f"-W{each}" for each in sys.warnoptions]
        program = [sys.executable, "-P", *warned, "-m", "sordino.serve.worker"]
        try:
            process = await asyncio.create_subprocess_exec(
                *program,
                stdin=PIPE,
                stdout=PIPE,
                env={**os.environ, "PYTHONPATH": path},
                start_new_session=True,  # Ctrl-C is for the service, which ends its workers
            )
        except OSError as error:
            raise WorkerEnded(f"a worker could not be started: {error.strerror}") from None
        return cls(process)

    async def make_ready(self, recipe: Recipe, identity: bytes) -> None:
        """Let it load what it needs; WorkerEnded where that is of another vocabulary."""
        found = await self._exchange(recipe.as_json())
        if found != identity:
            raise WorkerEnded("a worker read another image or n-gram than the service had")

    async def ask(self, lattice: bytes) -> tuple[int, bytes]:
        """A status, and what comes with it."""
        found = await self._exchange(lattice)
        if len(found) < 2:
            raise WorkerEnded("a worker said what nobody understands")
        return int.from_bytes(found[:2], "big"), found[2:]

    async def _exchange(self, data: bytes) -> bytes:
        found = None
        with suppress(ConnectionError):
            self._in.write(frame(data))
            await self._in.drain()
            found = await receive_frame(self._out)
        if found is None:
            raise WorkerEnded("a worker ended")
        return found

    async def end(self) -> None:
        """End the process at once."""
        with suppress(ProcessLookupError):
            self._process.kill()
        with suppress(ConnectionError):
            await self._process.communicate()  # its pipes are closed, too
