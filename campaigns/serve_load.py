"""How many lattices a re-ranking service answers, and what happens when it is killed meanwhile."""

import asyncio
import os
import platform
import re
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import click
import numpy as np

from campaigns.common import MODELS, UTTERANCES, output_option, write_page
from sordino.decode.beam import BeamOptions
from sordino.decode.decoder import Decoder
from sordino.decode.machine_transducer import MachineTransducer
from sordino.image.image import Image
from sordino.lattice.build import WIRE, listen
from sordino.lattice.coding.owner import image_vocabulary
from sordino.lattice.coding.wire import pack, unpack
from sordino.lattice.graph import Lattice
from sordino.reference.markdown import table
from sordino.serve.client import Client, ServiceError
from sordino.serve.pool import Pool
from sordino.serve.protocol import HEALTH
from sordino.serve.ranking import Ranking, Recipe
from sordino.speech.transcript import hear

__all__ = ["Load", "Sent", "killed", "load", "make_lattices", "service"]

_IMAGE = MODELS / "an4_rnnt_causal.sordino"
_DEADLINE = 10_000
"""Milliseconds; nothing here is late because of it."""
_PROBES_A_SECOND = 20


@dataclass(frozen=True)
class Sent:
    """An utterance's lattice, and its bytes."""

    name: str
    data: bytes
    lattice: Lattice


def make_lattices(beam: int) -> tuple[Ranking, list[Sent]]:
    """The wire lattices of the shipped utterances, and the re-ranker for them."""
    image, ranking = Image.load(_IMAGE), Recipe(image=str(_IMAGE)).load()
    options = BeamOptions(beam=beam)
    decoder = Decoder(transducer=MachineTransducer(image), options=options, fusion=None)
    found = []
    for path in sorted(UTTERANCES.glob("*.wav")):
        lattice = listen(decoder, hear(image, path).quantised)[1].lattice(WIRE)
        data = pack(lattice, ranking.vocabulary)
        found.append(Sent(path.stem, data, unpack(data, image_vocabulary(image))))
    return ranking, found


@contextmanager
def service(workers: int) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A service in a process of its own, on this computer alone: its URL, and the process."""
    path = os.pathsep.join(entry for entry in sys.path if entry)
    program = [sys.executable, "-c", "from sordino.cli import main; main()"]
    with subprocess.Popen(
        [*program, "serve", str(_IMAGE), "--port", "0", "--workers", str(workers)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    ) as process:
        try:
            assert process.stdout is not None
            found = re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline())
            assert found is not None, "the service has not come up"
            yield found[0], process
        finally:
            process.terminate()


@dataclass
class Load:
    """What some clients got, each one request after the other: seconds of each, and statuses."""

    clients: int
    seconds: float = 0.0
    taken: list[float] = field(default_factory=list)
    health: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)

    def row(self) -> tuple[str, ...]:
        """A row of the page."""
        others = sum(count for status, count in self.statuses.items() if status != 200)
        return (
            str(self.clients),
            f"{len(self.taken):,}",
            f"{len(self.taken) / self.seconds:,.0f}",
            *_percentiles(self.taken),
            *_percentiles(self.health),
            str(others),
        )


def _percentiles(seconds: Sequence[float]) -> tuple[str, str]:
    if not seconds:
        return "", ""
    p50, p99 = np.percentile(seconds, (50, 99)) * 1000
    return f"{p50:.1f}", f"{p99:.1f}"


async def _exchange(port: int, request: bytes) -> int:
    """The status of one request on a connection of its own, once all of its answer is there."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request)
        data = await reader.read()
    finally:
        writer.close()
    return int(data.split(maxsplit=2)[1]) if data else 0


async def load(url: str, sent: Sequence[Sent], clients: int, requests: int, limit: float) -> Load:
    """Let clients send lattices, so many in all, but for `limit` seconds at the most."""
    port, client, found = int(url.rpartition(":")[2]), Client(url), Load(clients)
    bodies = [client.request(each.data, _DEADLINE) for each in sent]
    left, begin = iter(range(requests)), time.perf_counter()

    async def one() -> None:
        for number in left:
            first = time.perf_counter()
            if first - begin > limit:
                return
            status = await _exchange(port, bodies[number % len(bodies)])
            found.taken.append(time.perf_counter() - first)
            found.statuses[status] = found.statuses.get(status, 0) + 1

    async def probe() -> None:
        while True:
            first = time.perf_counter()
            request = f"GET {HEALTH} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"
            await _exchange(port, request.encode())
            found.health.append(time.perf_counter() - first)
            await asyncio.sleep(1 / _PROBES_A_SECOND)

    probing = asyncio.create_task(probe())
    await asyncio.gather(*(one() for _ in range(clients)))
    found.seconds = time.perf_counter() - begin
    probing.cancel()
    return found


def killed(url: str, sent: Sequence[Sent], total: int, kill: Callable[[], None]) -> dict[str, int]:
    """What becomes of utterances of ten devices when the service dies after a third of them.

    ranked  with the service's text
    own     with the device's own best path, since there was no answer
    lost    without a text
    """
    client, lock, left = Client(url), threading.Lock(), iter(range(total))
    counts = {"ranked": 0, "own": 0}

    def device() -> None:
        while True:
            with lock:
                number = next(left, None)
            if number is None:
                return
            each, how = sent[number % len(sent)], "ranked"
            try:
                text = client.rank(each.data, each.lattice, _DEADLINE).alternatives[0].text
            except ServiceError:
                text, how = " ".join(each.lattice.best), "own"
            with lock:
                counts[how] += bool(text)
                if how == "ranked" and counts["ranked"] == total // 3:
                    kill()

    devices = [threading.Thread(target=device) for _ in range(10)]
    for thread in devices:
        thread.start()
    for thread in devices:
        thread.join()
    return {**counts, "lost": total - sum(counts.values())}


async def _lateness(work: Callable[[], Awaitable[object]], seconds: float) -> list[float]:
    """By how much an event loop is late, that wants to run every 2 ms, while work is done."""
    found, end = list[float](), time.perf_counter() + seconds

    async def working() -> None:
        while time.perf_counter() < end:
            await work()

    task = asyncio.create_task(working())
    while not task.done():
        first = time.perf_counter()
        await asyncio.sleep(0.002)
        found.append(time.perf_counter() - first - 0.002)
    return found


def _where(ranking: Ranking, sent: Sequence[Sent], seconds: float) -> list[tuple[str, ...]]:
    """How late the event loop is with ranking in a thread of its process, and in a worker."""
    data = max((each.data for each in sent), key=len)

    async def run() -> list[tuple[str, ...]]:
        pool = Pool(Recipe(image=str(_IMAGE)), ranking.vocabulary.identity)

        async def in_worker() -> object:
            return await pool.submit(data).outcome

        try:
            await pool.start()
            thread = await _lateness(lambda: asyncio.to_thread(ranking.of, data), seconds)
            process = await _lateness(in_worker, seconds)
        finally:
            await pool.close()
        return [("a thread", *_percentiles(thread)), ("a process", *_percentiles(process))]

    return asyncio.run(run())


@click.command()
@click.option("--beam", default=16, show_default=True, help="Of the search that makes lattices.")
@click.option("--requests", default=2000, show_default=True, help="For each number of clients.")
@click.option("--seconds", default=20.0, show_default=True, help="At most, for each of them.")
@click.option("--workers", default=1, show_default=True, help="Of the service.")
@output_option("serve-load.md")
def main(beam: int, requests: int, seconds: float, workers: int, output: Path) -> None:
    """Load a service on this computer with 1, 10 and 100 clients, and kill it under load."""
    busy = os.getloadavg()[0]
    ranking, sent = make_lattices(beam)
    with service(workers) as (url, _):
        loads = [asyncio.run(load(url, sent, n, requests, seconds)) for n in (1, 10, 100)]
    with service(workers) as (url, process):
        counts = killed(url, sent, min(requests, 600), process.kill)
    mean = sum(len(each.data) for each in sent) / len(sent)
    where = _where(ranking, sent, min(seconds, 3.0))
    page = _page(loads, counts, where, mean, workers, busy)
    write_page(output, "A re-ranking service under load", page)


def _page(
    loads: Sequence[Load],
    counts: dict[str, int],
    where: Sequence[tuple[str, ...]],
    mean: float,
    workers: int,
    busy: float,
) -> list[str]:
    return [
        f"""\
Each client sends the lattices of the seven shipped utterances, {mean:.0f} bytes in the mean, one
after the other, on a connection of its own each. The service has {workers} worker(s). It shares
{os.cpu_count()} cores ({platform.machine()}) with all clients, and with what else the computer did:
its load before was {busy:.1f}. All traffic stays on the loopback address. Times are in
milliseconds, from the connection to the end of the answer. What asks for health is in the clients'
process, whose own delays are in its times.
""",
        table(
            (
                "clients",
                "requests",
                "a second",
                "p50",
                "p99",
                "health p50",
                "health p99",
                "refused",
            ),
            [each.row() for each in loads],
        ),
        f"""\
## The service is killed

Ten devices send {sum(counts.values())} utterances. After a third of the answers the service is
killed (SIGKILL). Every device goes on, with its own best path.
""",
        table(
            ("text", "utterances"),
            [
                ("ranked by the service", counts["ranked"]),
                ("the device's own best path", counts["own"]),
                ("none", counts["lost"]),
            ],
        ),
        """\
## A thread or a process

The largest of the lattices is ranked again and again. An event loop wants to run every 2 ms: by how
many milliseconds is it late?
""",
        table(("ranked in", "p50", "p99"), where).rstrip() + "\n",
    ]
