"""Requests to a service: to its application alone, and to one that runs."""

import asyncio
import binascii
import json
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sordino.serve.pool import Pool
from sordino.serve.protocol import MEDIA_TYPE, RERANK

MODELS = Path(__file__).parents[3] / "models"
IMAGE = MODELS / "an4_rnnt_causal.sordino"
LATTICE = (b"content-type", MEDIA_TYPE.encode())


@dataclass
class Reply:
    """What an application has sent."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> dict[str, Any]:
        """The body, which must be a JSON object."""
        assert self.headers["content-type"] == "application/json"
        value = json.loads(self.body)
        assert isinstance(value, dict)
        return value

    def error(self) -> str:
        """The one line of an error."""
        value = self.json()
        assert set(value) == {"error"}
        line = value["error"]
        assert isinstance(line, str)
        assert line
        assert "\n" not in line
        assert self.status >= 400
        assert ("retry-after" in self.headers) == (self.status == 503)
        return line


class Call:
    """One request to an application, in the loop that runs; `hang_up` ends the connection."""

    def __init__(
        self,
        app: Any,
        *,
        method: str = "POST",
        path: str = RERANK,
        query: bytes = b"",
        headers: Iterable[tuple[bytes, bytes]] = (LATTICE,),
        body: Iterable[bytes] = (b"",),
        ends: bool = True,
    ) -> None:
        self.received, self.sent = 0, list[dict[str, Any]]()
        self._pieces, self._ends = list(body), ends
        self._gone = asyncio.Event()
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": query,
            "headers": list(headers),
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 2),
            "state": {},
        }
        self.task = asyncio.ensure_future(app(scope, self._receive, self._send))

    async def _receive(self) -> dict[str, Any]:
        if self._pieces:
            piece = self._pieces.pop(0)
            self.received += len(piece)
            more = bool(self._pieces) or not self._ends
            return {"type": "http.request", "body": piece, "more_body": more}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: dict[str, Any]) -> None:
        self.sent.append(message)

    def hang_up(self) -> None:
        """End the connection, as the application sees it."""
        self._gone.set()

    async def reply(self) -> Reply:
        """What was answered."""
        await self.task
        head, *rest = self.sent
        headers = {name.decode(): value.decode() for name, value in head["headers"]}
        return Reply(head["status"], headers, b"".join(part["body"] for part in rest))


async def settled() -> None:
    """Let everything run that can."""
    for _ in range(50):
        await asyncio.sleep(0)


@dataclass
class Running:
    """A service that runs in this process, and where."""

    port: int
    end: Callable[[], None]
    thread: threading.Thread

    def connect(self) -> socket.socket:
        """A connection to it."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=60)


class NoWorkers(Pool):
    """A pool that starts none."""

    async def start(self) -> None:
        """Nothing."""


class Rogue:
    """A server that answers every connection with the same bytes, and records what it got."""

    def __init__(self, answer: Callable[[socket.socket], None]) -> None:
        self._answer, self.got = answer, list[bytes]()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        while True:
            connection, _ = self._listening.accept()
            with connection:
                data = b""
                with suppress(ConnectionError):
                    while b"\r\n\r\n" not in data and (more := connection.recv(1 << 16)):
                        data += more
                if not data:
                    return
                self.got.append(data)
                with suppress(OSError):
                    self._answer(connection)
                    while connection.recv(1 << 16):  # until the client has had enough
                        pass

    def close(self) -> None:
        """End the thread."""
        with socket.create_connection(self._listening.getsockname()):
            pass
        self._thread.join(60)
        self._listening.close()


@contextmanager
def rogue(answer: Callable[[socket.socket], None]) -> Iterator[Rogue]:
    """A server that answers as it is told, in a thread."""
    server = Rogue(answer)
    try:
        yield server
    finally:
        server.close()


def http(body: bytes, status: bytes = b"200 OK", head: bytes = b"") -> bytes:
    """The bytes of an answer."""
    return b"HTTP/1.1 %s\r\nContent-Length: %d\r\n%s\r\n%s" % (status, len(body), head, body)


def http_answer(text: str, **changed: object) -> bytes:
    """An answer with one alternative, of which something is changed."""
    one = {"text": text, "confidence": 0.5, "transducer": 0.0, "language": 1.0}
    whole = {"utterance": None, "revision": None, "milliseconds": 1.0, "alternatives": [one]}
    for name, value in changed.items():
        (one if name in one else whole)[name] = value
    return http(json.dumps(whole).encode())


def sealed(data: bytes) -> bytes:
    """Bytes with the checksum that a lattice of them has."""
    return data + (binascii.crc_hqx(data, 0xFFFF) ^ 0xFFFF).to_bytes(2, "big")
