"""Connections that cannot be held for nothing, and whose errors are JSON, too.

Uvicorn reads HTTP; it waits for ever for a request's head and for a client to read its answers,
keeps any number of connections, and answers what is no HTTP with plain text. This adds times, a
number, and JSON.
"""

import asyncio
import sys
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import STATUS_PHRASES, H11Protocol

from sordino.serve.app import failure
from sordino.serve.protocol import limit

__all__ = ["Connection"]

_SAID = {
    400: "wanted a request of HTTP/1.1, got something else; mend the client",
    408: f"wanted a request's head within {limit('head time')} s, got a part; send it again",
    431: f"wanted headers of at most {limit('head'):,} bytes, got more; mend the client",
    501: "wanted a body with a length or in chunks, got another transfer coding; mend the client",
    503: f"wanted at most {limit('connections')} connections, got more; send it again after "
    f"{limit('retry')} s",
}


class Connection(H11Protocol):
    """A client's connection."""

    _head: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Wait for a request, or refuse one connection too many."""
        super().connection_made(transport)
        if len(self.connections) > limit("connections"):
            self._refuse(503)
        else:
            self._wait_for_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of the client."""
        self._have_head()
        self._have_read()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read what has come; the time for a head runs from its first byte on."""
        super().data_received(data)
        if self.conn.their_state is not h11.IDLE:
            self._have_head()
        elif self._head is None and not self.transport.is_closing():
            self._wait_for_head()

    def pause_writing(self) -> None:
        """Wait for a client that does not read its answers, but not for ever."""
        super().pause_writing()
        self._have_read()
        self._unread = self.loop.call_later(limit("answer time"), self.transport.abort)

    def resume_writing(self) -> None:
        """Go on with a client that has read."""
        super().resume_writing()
        self._have_read()

    def on_response_complete(self) -> None:
        """Be ready for the next request; a client that reads no answer is not waited for."""
        super().on_response_complete()
        if self.transport.is_closing():
            self._abort_later()
        elif self.conn.their_state is h11.IDLE and self.conn.trailing_data[0]:
            self._unset_keepalive_if_required()  # a part of the next head is there
            self._wait_for_head()

    def timeout_keep_alive_handler(self) -> None:
        """End a connection on which nothing is asked."""
        super().timeout_keep_alive_handler()
        self._abort_later()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP with the status that h11 has for it."""
        error = sys.exc_info()[1]
        status = getattr(error, "error_status_hint", 400)
        self._refuse(status if status in _SAID else 400)

    def _wait_for_head(self) -> None:
        self._head = self.loop.call_later(limit("head time"), self._late)

    def _have_head(self) -> None:
        if self._head is not None:
            self._head.cancel()
            self._head = None

    def _have_read(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
            self._unread = None

    def _late(self) -> None:
        self._head = None
        if not self.transport.is_closing():
            self._refuse(408)

    def _refuse(self, status: int) -> None:
        """Answer with an error, if the answer before is whole, and end the connection."""
        cycle: Any = self.cycle
        if cycle is not None and not cycle.response_complete:
            cycle.disconnected = True  # the application answers nobody
            cycle.message_event.set()
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            headers, body = failure(status, _SAID[status])
            fields = {**headers, "content-length": str(len(body)), "connection": "close"}
            response = h11.Response(
                status_code=status, headers=list(fields.items()), reason=STATUS_PHRASES[status]
            )
            for event in (response, h11.Data(data=body), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()
        self._abort_later()

    def _abort_later(self) -> None:
        self.loop.call_later(limit("idle"), self.transport.abort)
