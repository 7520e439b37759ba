"""The service as it runs: HTTP over a socket, workers, signals, and clients that mean harm."""

import asyncio
import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest.importorskip("starlette", reason="sordino[serve] is not installed")
pytest.importorskip("uvicorn", reason="sordino[serve] is not installed")

from sordino.lattice.coding.wire import unpack
from sordino.serve.client import Client, ServiceError
from sordino.serve.pool import Found, Pool
from sordino.serve.protocol import HEALTH, MEDIA_TYPE, RERANK, STATUSES, Refused
from sordino.serve.ranking import Recipe
from tests.sw.serve.calls import IMAGE, NoWorkers, Running

KNOWN = {status.code for status in STATUSES}
HEAD = f"POST {RERANK} HTTP/1.1\r\nHost: a\r\nContent-Type: {MEDIA_TYPE}\r\n".encode()


def post(data: bytes, more: bytes = b"") -> bytes:
    return HEAD + more + f"Content-Length: {len(data)}\r\n\r\n".encode() + data


GET = f"GET {HEALTH} HTTP/1.1\r\nHost: a\r\n\r\n".encode()
LAST = GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")


def answers(service: Running, *pieces: bytes) -> list[tuple[int, dict]]:
    """What comes back for bytes, until the service ends the connection."""
    with service.connect() as connection:
        for piece in pieces:
            connection.sendall(piece)
        data = b""
        while more := connection.recv(1 << 16):
            data += more
    found = []
    while data:
        head, _, data = data.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head)
        assert length is not None
        body, data = data[: int(length[1])], data[int(length[1]) :]
        assert b"content-type: application/json" in head
        found.append((int(head.split()[1]), json.loads(body)))
    return found


def is_well(service: Running) -> None:
    ((status, found),) = answers(service, LAST)
    assert (status, found["status"], found["running"]) == (200, "ok", 0)


@pytest.fixture
def idle(start, ranking, limits) -> Running:
    """A service without workers, whose limits are small."""
    limits(head_time=0.5, connections=2, idle=1)
    return start(NoWorkers(Recipe(image=str(IMAGE)), ranking.vocabulary.identity))


def test_lattices_are_ranked_as_they_are_here(service, ranking, lattices):
    client = Client(f"http://127.0.0.1:{service.port}")
    for data in lattices:
        answer = client.rank(data, unpack(data, ranking.vocabulary), 60_000)
        assert answer.alternatives == ranking.of(data)
        assert answer.milliseconds > 0
    close = b"Connection: close\r\n"
    ((status, found),) = answers(service, post(lattices[0], close))
    assert (status, set(found)) == (
        200,
        {"utterance", "revision", "milliseconds", "alternatives"},
    )
    assert found["alternatives"][0]["text"] == ranking.of(lattices[0])[0].text


def test_revisions_over_http(service, ranking, lattices):
    client, end = Client(f"http://127.0.0.1:{service.port}"), 60_000
    first, second = (unpack(data, ranking.vocabulary) for data in lattices)
    once = client.rank(lattices[0], first, end, ("test", 1))
    assert client.rank(lattices[0], first, end, ("test", 1)) == once, "its milliseconds, too"
    assert client.rank(lattices[1], second, end, ("test", 2)).alternatives
    with pytest.raises(ServiceError, match=r"status 410: superseded: .* got 1, and 2 has come"):
        client.rank(lattices[0], first, end, ("test", 1))
    with pytest.raises(ServiceError, match="status 422: wanted the lattice that was revision 2"):
        client.rank(lattices[0], first, end, ("test", 2))


def test_requests_in_one_piece_are_answered_in_order(service, lattices):
    both = answers(service, post(lattices[0]) + GET + post(lattices[1]) + LAST)
    assert [status for status, _ in both] == [200] * 4
    assert both[2][1]["alternatives"][0]["text"] == "YES"


def test_a_body_in_chunks(service, ranking, lattices):
    def chunks(*pieces: bytes) -> list[bytes]:
        head = HEAD + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
        return [head, *(b"%x\r\n%s\r\n" % (len(p), p) for p in pieces), b"0\r\n\r\n"]

    ((status, found),) = answers(service, *chunks(lattices[0][:3], lattices[0][3:]))
    assert (status, len(found["alternatives"])) == (200, len(ranking.of(lattices[0])))
    ((status, found),) = answers(service, *chunks(*[b"x" * 30_000] * 3))
    assert (status, "got more" in found["error"]) == (413, True)


@pytest.mark.parametrize(
    ("pieces", "status"),
    [
        ([b"\r\n\r\n \r\n\r\n"], 400),
        ([b"GET\r\n\r\n"], 400),
        ([b"GET /v1/health HTTP/1\r\n\r\n"], 400),
        ([b"GET /v1/health HTTP/1.1\r\n\r\n"], 400),  # no Host
        ([b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"], 400),  # TLS
        ([HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n12345"], 400),
        ([HEAD + b"Content-Length: -1\r\n\r\n"], 400),
        ([HEAD + b"Transfer-Encoding: gzip\r\n\r\n"], 501),
        ([HEAD + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n"], 400),
        ([LAST[:-2] + b"a: " + b"b" * 20_000 + b"\r\n\r\n"], 431),
        ([GET[:-2] + b"a: b\r\n" * 5000], 431),
        ([post(b"")[:-4], b"\r\nConnection: close\r\n\r\n"], 400),
        ([HEAD + b"Content-Length: 99999999999\r\nConnection: close\r\n\r\n"], 413),
        ([b"CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\nConnection: close\r\n\r\n"], 404),
        ([b"GET http://a/v1/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"], 404),
        ([LAST.replace(b"close", b"close, upgrade\r\nUpgrade: websocket")], 200),
    ],
)  # fmt: skip
def test_what_is_no_request_of_ours(service, pieces, status):
    found = answers(service, *pieces)
    assert [code for code, _ in found] == [status]
    assert status == 200 or set(found[0][1]) == {"error"}
    is_well(service)


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40
)
@given(data=st.data())
def test_garbage_over_a_socket(service, lattices, data):
    """Random bytes, pieces of requests and hang-ups; health is told afterwards."""
    whole = [GET, HEAD, post(lattices[0]), b"\r\n\r\n", b"0\r\n\r\n"]
    piece = st.binary(max_size=80) | st.sampled_from(whole) | st.sampled_from(whole).map(
        lambda text: text[: len(text) // 2]
    )  # fmt: skip
    with service.connect() as connection:
        with contextlib.suppress(ConnectionError):
            for part in data.draw(st.lists(piece, max_size=5)):
                connection.sendall(part)
        if data.draw(st.booleans()):  # reset, not closed
            linger = b"\1\0\0\0\0\0\0\0"
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    ((status, found),) = answers(service, LAST)
    assert (status, found["status"]) == (200, "ok")
    assert {int(code) for code in found["answered"]} <= KNOWN - {500}


def test_a_head_that_does_not_come(idle):
    """Nothing, half a line, and half a head after a whole request."""
    for pieces in ([], [b"GE"], [GET + b"POST"]):
        found = answers(idle, *pieces)
        assert [code for code, _ in found] == [200] * (len(found) - 1) + [408]
        assert "wanted a request's head" in found[-1][1]["error"]


def test_a_request_that_ends_in_two_places(service, lattices):
    """What follows may be smuggled: a proxy before the service may have seen one request alone."""
    head = HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
    body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(lattices[0]), lattices[0])
    ((status, found),) = answers(service, head + body + GET)
    assert (status, "got both" in found["error"]) == (400, True)


def test_who_never_reads_is_not_waited_for(idle, limits):
    """A connection is held by answers that nobody takes no longer than by questions."""
    limits(answer_time=0.2, head_time=60, idle=60)
    with idle.connect() as connection, contextlib.suppress(ConnectionError):
        while True:  # as long as the service reads, and then until it hangs up
            connection.sendall(GET * 1000)
    assert answers(idle, LAST)[0][0] == 200


def test_one_connection_too_many(idle, limits):
    limits(connections=2, head_time=60)
    with idle.connect() as first, idle.connect() as second:
        for connection in (first, second):
            connection.sendall(GET)
            assert connection.recv(12) == b"HTTP/1.1 200"
        ((status, found),) = answers(idle)
        assert (status, "connections, got more" in found["error"]) == (503, True)


def test_who_waits_to_be_told_to_send(service, lattices):
    """As curl does with large bodies."""
    head = HEAD + b"Expect: 100-continue\r\nConnection: close\r\nContent-Length: %d\r\n\r\n"
    with service.connect() as connection:
        connection.sendall(head % len(lattices[0]))
        assert connection.recv(1 << 16) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(lattices[0])
        assert connection.recv(15) == b"HTTP/1.1 200 OK"
    ((status, _),) = answers(service, head % 70_000)
    assert status == 413, "it is not told to send what would be refused"


# A worker that stands still


@pytest.fixture
def stopped(start, ranking) -> tuple[Running, Pool]:
    """A service whose worker is stopped, as one that is at a lattice for long."""
    pool = Pool(Recipe(image=str(IMAGE)), ranking.vocabulary.identity)
    service = start(pool)
    (worker,) = pool._live
    os.kill(worker._process.pid, signal.SIGSTOP)
    return service, pool


def until_running(service: Running) -> None:
    """Ask for health, which is told meanwhile, until the worker has a lattice."""
    for _ in range(10_000):
        ((status, found),) = answers(service, LAST)
        assert (status, found["ready"]) == (200, 1)
        if found["running"]:
            return
    raise AssertionError("the lattice was not begun")


def test_health_is_told_while_workers_are_busy(stopped, lattices):
    service, pool = stopped
    (worker,) = pool._live
    with service.connect() as connection:
        connection.sendall(post(lattices[0], b"Sordino-Deadline: 60000\r\n"))
        until_running(service)
        os.kill(worker._process.pid, signal.SIGCONT)
        assert connection.recv(15) == b"HTTP/1.1 200 OK"
    assert pool._live == {worker}


def test_a_deadline_passes_while_the_worker_is_busy(stopped, lattices):
    service, _ = stopped
    head = b"Connection: close\r\nSordino-Deadline: 1\r\n"
    ((status, found),) = answers(service, post(lattices[0], head))
    assert (status, "before the deadline" in found["error"]) == (504, True)


def test_a_revised_lattice_ends_the_work_on_the_one_before(stopped, ranking, lattices):
    """The worker that is at it is replaced, since nobody waits for it any longer."""
    service, pool = stopped
    (worker,) = pool._live
    named = b"Sordino-Utterance: a\r\nSordino-Revision: %d\r\nSordino-Deadline: 60000\r\n"
    with service.connect() as connection:
        connection.sendall(post(lattices[0], named % 1))
        until_running(service)
        ((status, found),) = answers(
            service, post(lattices[1], named % 2 + b"Connection: close\r\n")
        )
        assert connection.recv(17) == b"HTTP/1.1 410 Gone"
    assert (status, found["revision"]) == (200, 2)
    assert found["alternatives"][0]["text"] == ranking.of(lattices[1])[0].text
    assert worker not in pool._live


# Workers


def in_pool(ranking, check) -> None:
    """Run a check on a pool with one worker."""

    async def run():
        pool = Pool(Recipe(image=str(IMAGE)), ranking.vocabulary.identity)
        try:
            await pool.start()
            await check(pool)
        finally:
            await pool.close()

    asyncio.run(run())


@pytest.fixture
def started(monkeypatch) -> list[int]:
    """The processes of the workers that were started."""
    from sordino.serve import pool

    ids, start = [], pool._Worker.start

    async def counted():
        worker = await start()
        ids.append(worker._process.pid)
        return worker

    monkeypatch.setattr(pool._Worker, "start", counted)
    return ids


def test_a_worker_that_is_killed_is_replaced(ranking, lattices, started, capfd):
    async def check(pool):
        os.kill(started[0], signal.SIGSTOP)
        job = pool.submit(lattices[0])
        while not pool.running:
            await asyncio.sleep(0)
        os.kill(started[0], signal.SIGKILL)
        assert pool.ready == 1
        outcome = await job.outcome
        assert isinstance(outcome, Refused)
        assert (outcome.status, "a worker that ended" in str(outcome)) == (500, True)
        assert isinstance(await pool.submit(lattices[0]).outcome, Found)
        assert len(started) == 2

    in_pool(ranking, check)
    assert "sordino: a worker ended; another one is started\n" in capfd.readouterr().err


def test_work_that_nobody_waits_for_ends_with_its_worker(ranking, lattices, started, limits):
    limits(abandoned=0)

    async def check(pool):
        os.kill(started[0], signal.SIGSTOP)
        job = pool.submit(lattices[0])
        while not pool.running:
            await asyncio.sleep(0)
        pool.drop(job)
        assert isinstance(await pool.submit(lattices[1]).outcome, Found)
        assert len(started) == 2
        assert job.outcome.cancelled()

    in_pool(ranking, check)


def test_a_worker_of_another_vocabulary_is_none(ranking):
    from sordino.serve.pool import WorkerEnded

    async def run():
        pool = Pool(Recipe(image=str(IMAGE)), b"none")
        try:
            with pytest.raises(WorkerEnded, match="another image or n-gram"):
                await pool.start()
        finally:
            await pool.close()

    asyncio.run(run())


# The command


@pytest.fixture
def command():
    """`sordino serve` in a process of its own; its URL, and its process."""
    running = []

    def run(*more: str):
        program = "from sordino.cli import main; main()"
        path = os.pathsep.join(entry for entry in sys.path if entry)
        process = subprocess.Popen(
            [sys.executable, "-W", "error", "-c", program, "serve", str(IMAGE), "--port=0", *more],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": path},
        )
        running.append(process)
        line = process.stdout.readline()
        found = re.match(r"listening on (http://127\.0\.0\.1:\d+), vocabulary \w{8}, workers", line)
        assert found is not None, line + process.stderr.read()
        return found[1], process

    yield run
    for process in running:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_service_in_order(command, ranking, lattices, number):
    url, process = command()
    client, lattice = Client(url), unpack(lattices[0], ranking.vocabulary)
    assert client.rank(lattices[0], lattice, 60_000).alternatives
    with socket.create_connection(("127.0.0.1", client._port)):  # a client that asks nothing
        process.send_signal(number)
        out, err = process.communicate(timeout=60)  # the worker has its standard error, too
    assert (process.returncode, out, err) == (0, "ended\n", "")


def test_no_worker_outlives_a_service_that_was_killed(command):
    _, process = command("--workers", "2")
    process.kill()
    out, err = process.communicate(timeout=60)  # ends once the workers let go of standard error
    assert (process.returncode, out, err) == (-signal.SIGKILL, "", "")
