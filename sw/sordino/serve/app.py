"""The service as an ASGI application: two paths, and an answer in JSON whatever comes."""

import asyncio
import json
from collections import Counter
from contextlib import suppress
from importlib.metadata import version
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sordino.errors import InputError
from sordino.lattice.coding.wire import OtherVocabulary, check_bytes
from sordino.serve.pool import Found, Job, Pool
from sordino.serve.protocol import HEALTH, MEDIA_TYPE, RERANK, Refused, limit
from sordino.serve.requests import (
    Asked,
    check_health,
    check_rerank,
    has_two_lengths,
    too_large,
)
from sordino.serve.table import Table

__all__ = ["Service", "failure", "make_app"]


class _Gone(Exception):
    """A client that hung up."""


class Service:
    """What the service knows: its workers, the utterances, and what it has answered so far."""

    def __init__(self, pool: Pool, identity: bytes) -> None:
        self._pool, self._identity = pool, identity
        self._table = Table(pool)
        self.answered, self.hung_up = Counter[int](), 0

    async def health(self, request: Request) -> Response:
        """What it is, and how much it has to do."""
        check_health(request.scope["query_string"], request.scope["headers"])
        return _json(
            200,
            {
                "status": "ok" if self._pool.ready else "no worker",
                "version": version("sordino"),
                "vocabulary": self._identity.hex(),
                "media_type": MEDIA_TYPE,
                "workers": self._pool.workers,
                "ready": self._pool.ready,
                "running": self._pool.running,
                "waiting": self._pool.waiting,
                "remembered": len(self._table),
                "hung_up": self.hung_up,
                "answered": {str(code): count for code, count in sorted(self.answered.items())},
            },
        )

    async def rerank(self, request: Request) -> Response:
        """The alternatives of a lattice."""
        begin = asyncio.get_running_loop().time()
        asked = check_rerank(request.scope["query_string"], request.scope["headers"])
        try:
            lattice = await _read(request.receive, asked.deadline)
            self._check(lattice)
            if asked.utterance is None:
                job = self._pool.submit(lattice)
            else:
                job = self._table.job(asked.utterance, asked.revision, lattice)
            found = await self._wait(job, request.receive, begin + asked.deadline)
        except _Gone:
            found = Refused(408, "wanted a client, got one that hung up; nobody reads this")
        if isinstance(found, Refused):
            raise found
        return Response(_answer(asked, found), media_type="application/json")

    def _check(self, lattice: bytes) -> None:
        try:
            check_bytes(lattice, self._identity)
        except OtherVocabulary as error:
            raise Refused(409, str(error)) from None
        except InputError as error:
            raise Refused(400, str(error)) from None

    async def _wait(self, job: Job, receive: Receive, end: float) -> Found | Refused:
        """A job's outcome; a refusal where it comes too late, _Gone where nobody waits for it."""
        job.waiters += 1
        hung_up = asyncio.ensure_future(receive())
        try:
            left = max(0.0, end - asyncio.get_running_loop().time())
            either: set[asyncio.Future[Any]] = {job.outcome, hung_up}
            await asyncio.wait(either, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            if job.done:
                return job.outcome.result()
            if hung_up.done():
                raise _Gone
            return _late()
        finally:
            hung_up.cancel()
            job.waiters -= 1
            if not job.waiters and not job.done:
                self._pool.drop(job)


def _answer(asked: Asked, found: Found) -> bytes:
    """The answer as JSON; the alternatives are written already."""
    head = {
        "utterance": asked.utterance,
        "revision": None if asked.utterance is None else asked.revision,
        "milliseconds": found.milliseconds,
    }
    return json.dumps(head).encode()[:-1] + b', "alternatives": ' + found.alternatives + b"}"


def _late() -> Refused:
    return Refused(504, "wanted an answer before the deadline, got none; go on without")


async def _read(receive: Receive, deadline: float) -> bytes:
    """A request's body; Refused where it is too large, or takes too long."""
    data = bytearray()
    try:
        async with asyncio.timeout(min(limit("body time"), deadline)):
            while True:
                message = await receive()
                if message["type"] != "http.request":
                    raise _Gone
                data += message.get("body", b"")
                if len(data) > limit("lattice"):
                    raise too_large("more")
                if not message.get("more_body", False):
                    return bytes(data)
    except TimeoutError:
        if deadline < limit("body time"):
            raise _late() from None
        raise Refused(
            408, f"wanted a body within {limit('body time')} s, got a part of one; send it again"
        ) from None


def _json(status: int, value: dict[str, Any], headers: dict[str, str] | None = None) -> Response:
    text = json.dumps(value, ensure_ascii=False)
    return Response(text, status, headers, media_type="application/json")


def failure(status: int, message: str) -> tuple[dict[str, str], bytes]:
    """The headers and the body of an answer that is an error."""
    headers = {"content-type": "application/json"}
    if status == 503:
        headers["retry-after"] = str(limit("retry"))
    return headers, json.dumps({"error": message}, ensure_ascii=False).encode()


def _failed(status: int, message: str, headers: dict[str, str]) -> Response:
    own, body = failure(status, message)
    return Response(body, status, {**headers, **own})


async def _on_refusal(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    return _failed(error.status, str(error), {})


async def _on_http(request: Request, error: Exception) -> Response:
    """What the routing refuses."""
    assert isinstance(error, HTTPException)
    got = f"{request.method} {request.scope['path']}"[:80]  # its URL may be none
    said = f"wanted POST {RERANK} or GET {HEALTH}, got {got!r}"
    return _failed(error.status_code, said, dict(error.headers or {}))


async def _on_fault(_request: Request, _error: Exception) -> Response:
    return _failed(500, "wanted an answer, got a fault of ours; see the service's messages", {})


class _Whole:
    """Read requests to their end before an error is answered: else it may not arrive.

    Where a client sends more than a limit, waits to be told to send, or says in two ways where its
    request ends, the connection ends.
    """

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app, self._service = app, service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run the application on a request."""
        more, gone = True, False

        async def receive_and_see() -> Message:
            nonlocal more, gone
            message = await receive()
            gone = gone or message["type"] == "http.disconnect"
            more = more and message["type"] == "http.request" and message.get("more_body", False)
            return message

        async def send_at_the_end(message: Message) -> None:
            if message["type"] == "http.response.start":
                if gone:
                    self._service.hung_up += 1
                else:
                    self._service.answered[message["status"]] += 1
                if more and (b"expect", b"100-continue") not in scope["headers"]:
                    with suppress(TimeoutError):
                        async with asyncio.timeout(1):
                            left = limit("unread")
                            while more and left > 0:
                                left -= len((await receive_and_see()).get("body", b""))
                if more or has_two_lengths(scope["headers"]):
                    message["headers"] = [*message["headers"], (b"connection", b"close")]
            await send(message)

        await self._app(scope, receive_and_see, send_at_the_end)


def make_app(service: Service) -> ASGIApp:
    """The application of a service whose workers run."""
    app = Starlette(
        routes=[
            Route(RERANK, service.rerank, methods=["POST"]),
            Route(HEALTH, service.health, methods=["GET"]),
        ],
        exception_handlers={
            Refused: _on_refusal,
            HTTPException: _on_http,
            Exception: _on_fault,
        },
    )
    app.router.redirect_slashes = False
    return _Whole(app, service)
