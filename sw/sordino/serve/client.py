"""A client that sends a lattice and nothing else, and believes only what it can check.

It is written with the standard library, for the device's side: a request is one fixed text before
the lattice, so that what leaves the device can be read here. There are no proxies, cookies or
redirects, and time and bytes are bounded for the whole answer, not for each piece of it.
"""

import http.client
import io
import ipaddress
import json
import math
import re
import socket
import time
from dataclasses import dataclass
from typing import Any, cast

from sordino.errors import InputError
from sordino.lattice.graph import END, Lattice
from sordino.serve.protocol import DEADLINE, MEDIA_TYPE, RERANK, REVISION, UTTERANCE, limit
from sordino.serve.ranking import Ranked

__all__ = ["DEFAULT_DEADLINE", "MOST_DEADLINE", "Answer", "Client", "ServiceError"]

DEFAULT_DEADLINE, MOST_DEADLINE = int(DEADLINE.default or 0), DEADLINE.most or 0
"""Milliseconds."""
_GRACE_SECONDS = 0.25
"""After its deadline, for the line in which a service says so."""
_MOST_BYTES = limit("answer") + limit("head") + 4096
_FIELDS = {"utterance", "revision", "milliseconds", "alternatives"}
_LINE = 300
_LABEL = "[A-Za-z0-9-]{1,63}"
_URL = re.compile(
    rf"http://(\[[0-9a-fA-F:.]{{2,39}}\]|{_LABEL}(?:\.{_LABEL}){{0,126}})(?::(\d{{1,5}}))?/?", re.A
)


class ServiceError(Exception):
    """A service that has not ranked a lattice, and why, in one line."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a service found: at least one alternative, best first; its own time for it."""

    alternatives: list[Ranked]
    milliseconds: float


class Client:
    """A re-ranking service at a URL such as http://127.0.0.1:8075; InputError for another kind."""

    def __init__(self, url: str) -> None:
        found = _URL.fullmatch(url)
        port = int(found[2] or 80) if found else 0
        if found is None or not (0 < port < 1 << 16 and _is_host(found[1])):
            raise InputError(
                f"wanted the URL of a service such as http://127.0.0.1:8075, got {url!r}; give "
                "no path, and let a proxy do the encryption"
            )
        self.url, self._host, self._port = url.rstrip("/"), found[1], port

    def rank(
        self,
        data: bytes,
        lattice: Lattice,
        deadline: int = DEFAULT_DEADLINE,
        name: tuple[str, int] | None = None,
    ) -> Answer:
        """The ranked paths of a lattice whose bytes are `data`, within `deadline` milliseconds.

        `name` is an utterance's and a lattice's revision, where a later one may follow. Choose it
        at random: clients of a service share the names.

        ServiceError where there is no answer in time, or one that is not as it should be: what it
        holds must be paths of the lattice. InputError for a name or a deadline that is none.
        """
        end = time.monotonic() + deadline / 1000 + _GRACE_SECONDS
        request = self.request(data, deadline, name)
        try:
            with self._connect(end) as connection:
                connection.sendall(request)
                status, body = _receive(connection, end)
        except TimeoutError:
            raise self._error(f"no answer within {deadline} ms") from None
        except OSError as error:
            raise self._error(error.strerror or str(error)) from None
        except (http.client.HTTPException, ValueError) as error:
            said = f"{type(error).__name__} {error}".strip()
            raise self._error(f"an answer that is no HTTP ({said})") from None
        if status != 200:
            raise self._error(f"status {status}: {_complaint(body)}")
        try:
            return _answer(body, lattice, name)
        except (ValueError, RecursionError) as error:
            raise self._error(f"an answer that is none: {error}") from None

    def request(self, data: bytes, deadline: int, name: tuple[str, int] | None = None) -> bytes:
        """All bytes that are sent for a lattice."""
        named = ""
        if name is not None:
            values = zip((UTTERANCE, REVISION), map(str, name), strict=True)
            named = "".join(f"{each.name}: {each.check(value)}\r\n" for each, value in values)
        head = (
            f"POST {RERANK} HTTP/1.1\r\n"
            f"Host: {self._host}:{self._port}\r\n"
            f"Content-Type: {MEDIA_TYPE}\r\n"
            f"Content-Length: {len(data)}\r\n"
            f"{DEADLINE.name}: {DEADLINE.check(str(deadline))}\r\n"
            f"{named}"
            "Connection: close\r\n"
            "\r\n"
        )
        return head.encode() + data

    def _error(self, said: str) -> ServiceError:
        line = " ".join("".join(c if c.isprintable() else " " for c in said).split())
        return ServiceError(f"the service at {self.url} did not rank: {line[:_LINE]}")

    def _connect(self, end: float) -> socket.socket:
        """A connection; the addresses of a name are tried one after the other."""
        failed: OSError = TimeoutError()
        for family, address in self._addresses():
            connection = socket.socket(family, socket.SOCK_STREAM)
            try:
                connection.settimeout(_left(end))
                connection.connect(address)
                return connection
            except OSError as error:
                connection.close()
                failed = error
        raise failed

    def _addresses(self) -> list[tuple[int, Any]]:
        """Families and addresses; nobody is asked for that of a number."""
        host = self._host.strip("[]")
        try:
            version = ipaddress.ip_address(host).version
        except ValueError:
            found = socket.getaddrinfo(host, self._port, type=socket.SOCK_STREAM)
            return [(family, address) for family, _, _, _, address in found]
        return [(socket.AF_INET if version == 4 else socket.AF_INET6, (host, self._port))]


class _Bounded(io.RawIOBase):
    """The bytes of a connection until a moment, and so many at the most."""

    def __init__(self, connection: socket.socket, end: float, most: int) -> None:
        self._connection, self._end, self._left = connection, end, most

    def readable(self) -> bool:
        """True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read what has come; ValueError for too much, TimeoutError for too late."""
        self._connection.settimeout(_left(self._end))
        count = self._connection.recv_into(buffer)
        self._left -= count
        if self._left < 0:
            raise ValueError("too long")
        return count

    def makefile(self, _mode: str) -> io.BufferedReader:
        """A file, as http.client asks a socket for."""
        return io.BufferedReader(self)


def _is_host(name: str) -> bool:
    """Whether what stands in brackets is an address; other names need not be known."""
    try:
        return not name.startswith("[") or bool(ipaddress.IPv6Address(name[1:-1]))
    except ValueError:
        return False


def _left(end: float) -> float:
    left = end - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _receive(connection: socket.socket, end: float) -> tuple[int, bytes]:
    """A status and a body."""
    bounded = _Bounded(connection, end, _MOST_BYTES)
    with http.client.HTTPResponse(cast(socket.socket, bounded), method="POST") as response:
        response.begin()
        body = response.read(_MOST_BYTES)  # without a number, it takes the memory that it is told
        if response.length:
            raise http.client.IncompleteRead(body, response.length)
        return response.status, body


def _complaint(body: bytes) -> str:
    """What a service says of a refusal."""
    try:
        found = json.loads(body)
        return str(found["error"])
    except (ValueError, RecursionError, KeyError, TypeError):
        return "nothing that is understood"


def _answer(body: bytes, lattice: Lattice, name: tuple[str, int] | None) -> Answer:
    """An answer, checked; ValueError for one that is none."""
    found = json.loads(body, parse_constant=_number)
    if not isinstance(found, dict) or set(found) != _FIELDS:
        raise ValueError(f"wanted {', '.join(sorted(_FIELDS))}, got others")
    if (found["utterance"], found["revision"]) != (name or (None, None)):
        raise ValueError("wanted the answer to this lattice, got another's")
    entries = found["alternatives"]
    if not isinstance(entries, list) or not 0 < len(entries) <= limit("alternatives"):
        raise ValueError("wanted alternatives, got none or too many")
    alternatives = [_alternative(entry, lattice) for entry in entries]
    return Answer(alternatives=alternatives, milliseconds=_number(found["milliseconds"]))


def _alternative(entry: Any, lattice: Lattice) -> Ranked:
    names = {"text", "confidence", "transducer", "language"}
    if not isinstance(entry, dict) or set(entry) != names or not isinstance(entry["text"], str):
        raise ValueError(f"wanted alternatives of {', '.join(sorted(names))}, got others")
    confidence, transducer, language = (
        _number(entry[name]) for name in ("confidence", "transducer", "language")
    )
    if not 0 <= confidence <= 1:
        raise ValueError("wanted a confidence from 0 to 1, got another")
    if not _has(lattice, entry["text"].split(" ") if entry["text"] else []):
        raise ValueError("wanted words of the lattice, got others")
    return Ranked(
        text=entry["text"], confidence=confidence, transducer=transducer, language=language
    )


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("wanted a number, got none")
    try:
        number = float(value)
    except OverflowError:  # a whole number may have any number of digits
        number = math.inf
    if not math.isfinite(number):
        raise ValueError("wanted a number, got none that is finite")
    return number


def _has(lattice: Lattice, words: list[str]) -> bool:
    """Whether words are a path of a lattice."""
    number = 0
    for word in [*words, None]:
        ways = lattice.states[number].arcs
        target = next((arc.target for arc in ways if arc.word == word), None)
        if target is None:
            return False
        if target == END:
            return word is None
        number = target
    return False
