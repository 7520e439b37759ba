"""The service without HTTP and workers: what it refuses, revisions, deadlines, garbage."""

import asyncio
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest.importorskip("starlette", reason="sordino[serve] is not installed")

from sordino.serve.app import Service, make_app
from sordino.serve.pool import Found, Pool
from sordino.serve.protocol import HEADERS, HEALTH, MEDIA_TYPE, STATUSES, limit
from tests.sw.serve.calls import LATTICE, Call, Reply, sealed, settled

FOUND = Found(alternatives=b'[{"text": "YES"}]', milliseconds=1.5)
KNOWN = {status.code for status in STATUSES}


def ours(utterance: str, revision: int | None = None, deadline: int = 60_000) -> list:
    """Headers of an utterance."""
    found = [LATTICE, (b"sordino-utterance", utterance.encode())]
    if revision is not None:
        found.append((b"sordino-revision", str(revision).encode()))
    return [*found, (b"sordino-deadline", str(deadline).encode())]


@pytest.fixture
def app(still, ranking):
    return make_app(Service(still, ranking.vocabulary.identity))


def ask(app, **request) -> Reply:
    """The reply to one request, alone."""

    async def run():
        return await Call(app, **request).reply()

    return asyncio.run(run())


def only_job(pool: Pool):
    (job,) = pool._waiting
    return job


@pytest.mark.parametrize(
    ("request_", "status", "said"),
    [
        ({"path": "/v1/rerank/"}, 404, "wanted POST /v1/rerank or GET /v1/health, got"),
        ({"path": "/"}, 404, "got 'POST /'"),
        ({"method": "GET"}, 405, "got 'GET /v1/rerank'"),
        ({"method": "OPTIONS"}, 405, "got 'OPTIONS"),
        ({"path": HEALTH}, 405, "got 'POST /v1/health'"),
        ({"query": b"beam=4"}, 400, "wanted no query parameters, got 'beam=4'"),
        ({"headers": [LATTICE, (b"sordino-beam", b"4")]}, 400, "got 'sordino-beam'"),
        ({"headers": [LATTICE, (b"Sordino-Beam", b"4")]}, 400, "Sordino-Deadline, got"),
        ({"headers": [LATTICE, (b"sordino-deadline", b"0")]}, 400, "from 1 to 60000, got '0'"),
        ({"headers": [LATTICE, (b"sordino-deadline", b"60001")]}, 400, "got '60001'"),
        ({"headers": [LATTICE, (b"sordino-deadline", b"1e3")]}, 400, "got '1e3'"),
        ({"headers": [LATTICE, (b"sordino-deadline", "²".encode("latin-1"))]}, 400, "got '²'"),
        ({"headers": [LATTICE, (b"sordino-deadline", b"9" * 9999)]}, 400, "from 1 to 60000"),
        ({"headers": [LATTICE, *[(b"sordino-deadline", b"5")] * 2]}, 400, "once, got it twice"),
        ({"headers": [LATTICE, (b"sordino_deadline", b"5")]}, 400, "got 'sordino_deadline'"),
        (
            {"headers": [LATTICE, (b"Content-Length", b"5"), (b"transfer-encoding", b"chunked")]},
            400,
            "wanted Content-Length or Transfer-Encoding, got both",
        ),
        ({"headers": ours("a" * 65)}, 400, "1 to 64 of the characters"),
        ({"headers": ours("")}, 400, "1 to 64 of the characters"),
        ({"headers": ours("a/b")}, 400, "got 'a/b'"),
        ({"headers": [LATTICE, (b"sordino-utterance", b"a\n")]}, 400, "got 'a"),
        ({"headers": [LATTICE, (b"sordino-revision", b"1")]}, 400, "Sordino-Utterance beside"),
        ({"headers": ours("a", 2**31)}, 400, "got '2147483648'"),
        ({"headers": [*ours("a"), (b"sordino-revision", b"01")]}, 400, "got '01'"),
        ({"headers": [*ours("a"), (b"sordino-revision", b"-1")]}, 400, "got '-1'"),
        ({"headers": []}, 415, f"wanted the media type {MEDIA_TYPE}, got none"),
        ({"headers": [(b"content-type", b"text/plain")]}, 415, "got 'text/plain'"),
        ({"headers": [(b"content-type", LATTICE[1] + b"; v=1")]}, 415, "; v=1'"),
        ({"headers": [LATTICE, LATTICE]}, 415, "wanted the media type"),
        ({"headers": [LATTICE, (b"content-encoding", b"gzip")]}, 415, "got one that is 'gzip'"),
        ({"headers": [LATTICE, (b"content-length", b"65537")]}, 413, "got 65537 bytes"),
        ({"body": [b"x" * 40_000] * 3}, 413, "at most 65,536 bytes, got more"),
        ({"body": [b""]}, 400, "got an empty file"),
        ({"body": [b"not a lattice"]}, 400, "checksum is wrong"),
    ],
)  # fmt: skip
def test_what_is_refused(app, still, request_, status, said):
    reply = ask(app, **request_)
    assert reply.status == status
    assert said in reply.error()
    assert still.waiting == 0


def test_lattices_that_are_damaged_or_of_another_vocabulary(app, lattices):
    data = bytearray(lattices[0])
    data[-1] ^= 1
    assert ask(app, body=[bytes(data)]).status == 400
    reply = ask(app, body=[sealed(data[:1] + b"\1\2\3\4" + data[5:-2])])
    assert reply.status == 409
    assert "got one of 01020304" in reply.error()


def test_health_is_told_and_asked_for_no_more(app):
    found = ask(app, path=HEALTH, method="GET", headers=[]).json()
    assert (found["status"], found["workers"], found["ready"]) == ("no worker", 1, 0)
    assert (found["running"], found["waiting"], found["remembered"]) == (0, 0, 0)
    for more in ({"query": b"a"}, {"headers": [(b"sordino-deadline", b"5")]}):
        assert ask(app, path=HEALTH, method="GET", **more).status == 400
    found = ask(app, path=HEALTH, method="GET", headers=[]).json()
    assert found["answered"] == {"200": 1, "400": 2}


def test_a_body_that_is_too_large_is_not_read_for_ever(app, limits):
    """Nor one that never ends: then the connection does."""
    limits(unread=100_000)

    async def run():
        call = Call(app, body=[b"x" * 10_000] * 1000)
        return await call.reply(), call.received

    reply, received = asyncio.run(run())
    assert (reply.status, reply.headers["connection"]) == (413, "close")
    assert received <= limit("lattice") + 10_000 + 100_000 + 10_000
    assert "connection" not in ask(app, body=[b"x" * 70_000, b"x"]).headers


def test_a_body_that_comes_too_slowly(app, limits):
    limits(body_time=0)
    reply = ask(app, body=[b"half"], ends=False)
    assert reply.status == 408
    assert reply.headers["connection"] == "close"
    assert "wanted a body within 0 s" in reply.error()


def test_the_deadline_holds_for_the_body_too(app):
    headers = [LATTICE, (b"sordino-deadline", b"1")]
    reply = ask(app, headers=headers, body=[b"half"], ends=False)
    assert (reply.status, reply.headers["connection"]) == (504, "close")


def test_who_waits_to_be_told_to_send_is_not_told_where_he_is_refused(app):
    """Reading would send 100 Continue."""

    async def run():
        headers = [(b"expect", b"100-continue")]
        call = Call(app, headers=headers, body=[b"x"])
        return await call.reply(), call.received

    reply, received = asyncio.run(run())
    assert (reply.status, received, reply.headers["connection"]) == (415, 0, "close")


def test_the_deadline(app, still, lattices):
    reply = ask(app, headers=[LATTICE, (b"sordino-deadline", b"1")], body=[lattices[0]])
    assert reply.status == 504
    assert "before the deadline" in reply.error()
    assert still.waiting == 0, "what nobody waits for is not begun"


def test_a_full_queue(app, still, lattices, limits):
    limits(waiting=2)

    async def run():
        held = [Call(app, body=[lattices[0]]) for _ in range(2)]
        await settled()
        refused = await Call(app, body=[lattices[0]]).reply()
        held[0].hang_up()
        await settled()
        assert still.waiting == 1, "who hangs up gives his place back"
        health = await Call(app, path=HEALTH, method="GET", headers=[]).reply()
        assert (health.json()["hung_up"], health.json()["answered"]) == (1, {"503": 1})
        taken = Call(app, body=[lattices[0]])
        await settled()
        for job in list(still._waiting):
            job.end(FOUND)
        return refused, await held[1].reply(), await taken.reply()

    refused, held, taken = asyncio.run(run())
    assert refused.status == 503
    assert "wanted at most 2 lattices to wait" in refused.error()
    assert (held.status, taken.status) == (200, 200)


def test_an_answer(app, still, lattices):
    async def run():
        named = Call(app, headers=ours("a.B-c_1", 7), body=[lattices[0]])
        await settled()
        only_job(still).end(FOUND)
        first = await named.reply()
        still._waiting.clear()
        alone = Call(app, body=[lattices[0][:5], lattices[0][5:]])
        await settled()
        assert only_job(still).lattice == lattices[0]
        only_job(still).end(FOUND)
        return first, await alone.reply()

    first, alone = asyncio.run(run())
    assert first.json() == {
        "utterance": "a.B-c_1",
        "revision": 7,
        "milliseconds": 1.5,
        "alternatives": [{"text": "YES"}],
    }
    assert alone.json() == {**first.json(), "utterance": None, "revision": None}


@pytest.mark.parametrize("running", [False, True])
def test_a_revised_lattice_supersedes_the_one_before(app, still, lattices, running):
    async def run():
        first = Call(app, headers=ours("a"), body=[lattices[0]])
        await settled()
        job = await still._next() if running else only_job(still)
        second = Call(app, headers=ours("a", 5), body=[lattices[1]])
        superseded = await first.reply()
        assert job.done
        assert only_job(still).lattice == lattices[1]
        late = await Call(app, headers=ours("a", 4), body=[lattices[0]]).reply()
        other = Call(app, headers=ours("b", 4), body=[lattices[0]])
        await settled()
        for each in list(still._waiting):
            each.end(FOUND)
        return superseded, late, await second.reply(), await other.reply()

    superseded, late, second, other = asyncio.run(run())
    assert superseded.status == late.status == 410
    assert "superseded: wanted the last revision, got 0, and 5 has come" in superseded.error()
    assert "got 4, and 5 has come" in late.error()
    assert (second.status, second.json()["revision"]) == (200, 5)
    assert other.status == 200


def test_the_same_revision_again_is_the_same(app, still, lattices):
    """While it is ranked, and later, one job is all that there is."""

    async def run():
        request = {"headers": ours("a", 3), "body": [lattices[0]]}
        calls = [Call(app, **request) for _ in range(3)]
        await settled()
        calls[0].hang_up()
        await settled()
        job = only_job(still)
        still._waiting.clear()
        assert not job.done, "two still wait"
        other = await Call(app, headers=ours("a", 3), body=[lattices[1]]).reply()
        job.end(FOUND)
        bodies = {(await call.reply()).body for call in calls[1:]}
        bodies.add((await Call(app, **request).reply()).body)
        assert still.waiting == 0
        return other, bodies

    other, bodies = asyncio.run(run())
    assert other.status == 422
    assert "wanted the lattice that was revision 3 before" in other.error()
    assert len(bodies) == 1


def test_what_was_not_ranked_may_be_sent_again(app, still, lattices):
    """A deadline, and an answer too long to be kept."""

    async def run():
        request = {"headers": ours("a", 3, deadline=1), "body": [lattices[0]]}
        assert (await Call(app, **request).reply()).status == 504
        request["headers"] = ours("a", 3)
        long = Found(alternatives=b"[" + b" " * limit("remembered answer") + b"]", milliseconds=1)
        for found in (long, FOUND):
            call = Call(app, **request)
            await settled()
            only_job(still).end(found)
            still._waiting.clear()
            assert (await call.reply()).status == 200

    asyncio.run(run())


def test_utterances_are_forgotten(app, still, lattices, limits):
    limits(remembered=3)

    async def count():
        reply = await Call(app, path=HEALTH, method="GET", headers=[]).reply()
        return reply.json()["remembered"]

    async def run():
        running = Call(app, headers=ours("runs"), body=[lattices[0]])
        await settled()
        first = only_job(still)
        for number in range(5):
            call = Call(app, headers=ours(f"u{number}"), body=[lattices[0]])
            await settled()
            for job in list(still._waiting):
                if job is not first:
                    job.end(FOUND)
            await call.reply()
        assert await count() == 3
        first.end(FOUND)
        assert (await running.reply()).status == 200
        limits(remembered_time=-1, remembered=3)
        call = Call(app, headers=ours("last"), body=[lattices[0]])
        await settled()
        assert await count() == 1
        call.hang_up()
        await call.reply()

    asyncio.run(run())


def test_utterances_that_were_refused_are_forgotten_behind_those_that_run(
    app, still, lattices, limits
):
    """However many wait, and are the oldest."""
    limits(remembered=6, waiting=2)

    async def run():
        waiting = []
        for name in "abc":
            waiting.append(Call(app, headers=ours(name), body=[lattices[0]]))
            await settled()
            if name == "a":
                still._waiting.clear()  # a worker has begun it
        for number in range(20):
            refused = Call(app, headers=ours(f"u{number}"), body=[lattices[0]])
            assert (await refused.reply()).status == 503
        reply = await Call(app, path=HEALTH, method="GET", headers=[]).reply()
        assert reply.json()["remembered"] == 6
        for each in waiting:
            each.hang_up()
            await each.reply()

    asyncio.run(run())


def test_an_ending_service(app, still, lattices):
    async def run():
        call = Call(app, body=[lattices[0]])
        await settled()
        still.refuse()
        return await call.reply(), await Call(app, body=[lattices[0]]).reply()

    for reply in asyncio.run(run()):
        assert reply.status == 503
        assert "ending" in reply.error()


def test_a_fault_is_said_to_be_ours(app, lattices, monkeypatch):
    def submit(_self, _lattice):
        raise ZeroDivisionError

    monkeypatch.setattr(Pool, "submit", submit)

    async def run():
        call = Call(app, body=[lattices[0]])
        with pytest.raises(ZeroDivisionError):  # uvicorn writes it on standard error
            await call.task
        call.task = asyncio.ensure_future(asyncio.sleep(0))
        return await call.reply()

    reply = asyncio.run(run())
    assert reply.status == 500
    assert "a fault of ours" in reply.error()


_NAMES = st.sampled_from(
    [b"content-type", b"content-length", b"content-encoding", b"sordino-x", b"expect", b"host"]
    + [header.name.lower().encode() for header in HEADERS]
)
_VALUES = st.binary(max_size=40) | st.sampled_from([LATTICE[1], b"1", b"a", b"100-continue"])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    method=st.sampled_from(["GET", "POST", "PUT", "HEAD", "OPTIONS", "CONNECT", "\u00fc"]),
    path=st.sampled_from(["/v1/rerank", "/v1/health", "/", "//", "*", ""]) | st.text(max_size=20),
    query=st.just(b"") | st.binary(max_size=20),
    headers=st.lists(st.tuples(_NAMES, _VALUES), max_size=6) | st.just([LATTICE]),
    body=st.lists(st.binary(max_size=60), max_size=3),
    data=st.data(),
)
def test_garbage(app, still, lattices, method, path, query, headers, body, data):
    """Whatever comes, the answer is JSON with a status of ours, and not a fault."""
    if data.draw(st.booleans()):
        broken = bytearray(data.draw(st.sampled_from(lattices)))
        broken[data.draw(st.integers(0, len(broken) - 1))] ^= data.draw(st.integers(1, 255))
        body = [bytes(broken)]

    async def run():
        call = Call(
            app, method=method, path=path, query=query, headers=headers, body=[*body, b""]
        )  # fmt: skip
        await settled()
        assert still.waiting == 0
        return await call.reply()

    reply = asyncio.run(run())
    assert reply.status in KNOWN - {500, 503}
    if reply.status == 200:
        assert json.loads(reply.body)["status"] == "no worker"
    else:
        reply.error()
