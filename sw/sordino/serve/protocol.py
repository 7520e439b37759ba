"""What a re-ranking service and its clients agree on, as data: headers, statuses, limits.

docs/service.md has these tables; a test compares them.
"""

import re
from dataclasses import dataclass

from sordino.errors import InputError
from sordino.lattice.coding.wire import MOST_BYTES

__all__ = [
    "DEADLINE",
    "HEADERS",
    "HEALTH",
    "LIMITS",
    "MEDIA_TYPE",
    "MOST_REVISION",
    "PREFIX",
    "RERANK",
    "REVISION",
    "STATUSES",
    "UTTERANCE",
    "Header",
    "Limit",
    "Refused",
    "Status",
    "limit",
]

RERANK, HEALTH = "/v1/rerank", "/v1/health"
MEDIA_TYPE = "application/vnd.sordino.lattice"
PREFIX = "sordino-"
"""Headers of ours begin so; one that is not among HEADERS is refused."""
MOST_REVISION = 2**31 - 1


@dataclass(frozen=True, kw_only=True)
class Header:
    """A header of a request that asks for a re-ranking.

    name     as it is written; capitals do not matter
    means    what it says
    values   which values it may have, in words
    pattern  a regular expression that they match as a whole
    most     the largest number, where it is a number
    default  what holds where it is not sent; None: nothing
    """

    name: str
    means: str
    values: str
    pattern: str
    most: int | None = None
    default: str | None = None

    def check(self, value: str) -> str:
        """The value; Refused for one that it may not have."""
        number = self.most is None or not value.isdecimal() or int(value[:20]) <= self.most
        if re.fullmatch(self.pattern, value, re.ASCII) is None or not number:
            raise Refused(400, f"wanted {self.name} to be {self.values}, got {value[:80]!r}")
        return value


UTTERANCE = Header(
    name="Sordino-Utterance",
    means="a name of the utterance, by which a revised lattice replaces an earlier one",
    values="1 to 64 of the characters A-Z a-z 0-9 . _ -",
    pattern=r"[A-Za-z0-9._-]{1,64}",
)
REVISION = Header(
    name="Sordino-Revision",
    means="which lattice of the utterance this is; a larger number replaces a smaller one",
    values=f"a whole number from 0 to {MOST_REVISION}",
    pattern=r"0|[1-9][0-9]{0,9}",
    most=MOST_REVISION,
    default="0",
)
DEADLINE = Header(
    name="Sordino-Deadline",
    means="milliseconds from the request's first line until its answer is of no use any longer",
    values="a whole number from 1 to 60000",
    pattern=r"[1-9][0-9]{0,4}",
    most=60_000,
    default="2000",
)
HEADERS = (UTTERANCE, REVISION, DEADLINE)


@dataclass(frozen=True, kw_only=True)
class Status:
    """A status that the service answers with: when, and what a client does then."""

    code: int
    when: str
    then: str


STATUSES = (
    Status(code=200, when="re-ranked, or healthy", then="take the first alternative"),
    Status(
        code=400,
        when="a damaged lattice, no HTTP, an unknown query parameter or `Sordino-` header, or a "
        "value that is not allowed",
        then="mend the client",
    ),
    Status(code=404, when="another path", then="mend the client"),
    Status(code=405, when="another method", then="mend the client"),
    Status(code=408, when="a request that comes too slowly", then="send it again"),
    Status(
        code=409,
        when="a lattice of another vocabulary: another model, or another `--words`",
        then="start the service with the device's image",
    ),
    Status(
        code=410,
        when="superseded: a later revision of the utterance has come, before or meanwhile",
        then="wait for the later one's answer",
    ),
    Status(code=413, when="a body, or a text, that is too large", then="send fewer paths"),
    Status(code=415, when="another media type, or a coded body", then="mend the client"),
    Status(
        code=422,
        when="another lattice under the same utterance and revision",
        then="send it with a larger revision",
    ),
    Status(code=431, when="headers that are too large", then="mend the client"),
    Status(code=500, when="a worker that ended, or a fault of ours", then="send it again, once"),
    Status(code=501, when="a transfer coding that nobody knows", then="mend the client"),
    Status(
        code=503,
        when="too many requests or connections, or the service is ending",
        then="send it again after `Retry-After` seconds",
    ),
    Status(code=504, when="the deadline has passed", then="go on without it"),
)


class Refused(InputError):
    """A request that gets no alternatives: the status, and one clear line."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(" ".join(message.split()))
        self.status = status


@dataclass(frozen=True, kw_only=True)
class Limit:
    """A bound, so that nobody can take more of the service than this."""

    name: str
    value: int
    unit: str
    means: str


LIMITS = (
    Limit(name="lattice", value=MOST_BYTES, unit="bytes", means="a request's body"),
    Limit(name="head", value=16_384, unit="bytes", means="a request's first line and headers"),
    Limit(name="head time", value=10, unit="seconds", means="until they are there"),
    Limit(name="body time", value=10, unit="seconds", means="until a body is there"),
    Limit(
        name="answer time",
        value=10,
        unit="seconds",
        means="for a client to read, once its answers pile up",
    ),
    Limit(name="idle", value=5, unit="seconds", means="between two requests of a connection"),
    Limit(name="unread", value=1 << 20, unit="bytes", means="read of a body that is refused"),
    Limit(name="connections", value=512, unit="", means="open at a time"),
    Limit(name="backlog", value=128, unit="", means="connections that are not accepted yet"),
    Limit(name="waiting", value=128, unit="", means="lattices that wait for a worker"),
    Limit(name="remembered", value=1024, unit="", means="utterances"),
    Limit(
        name="remembered answer",
        value=16_384,
        unit="bytes",
        means="of alternatives; longer ones are ranked again",
    ),
    Limit(name="remembered time", value=60, unit="seconds", means="after an utterance's last use"),
    Limit(name="alternatives", value=10, unit="", means="in an answer"),
    Limit(name="answer", value=1 << 18, unit="bytes", means="an answer's alternatives"),
    Limit(
        name="abandoned",
        value=1,
        unit="seconds",
        means="for work that nobody waits for, before its worker is replaced",
    ),
    Limit(name="retry", value=1, unit="seconds", means="what `Retry-After` says"),
    Limit(name="ending", value=5, unit="seconds", means="for requests, once the service ends"),
)


def limit(name: str) -> int:
    """The value of a limit."""
    return next(each.value for each in LIMITS if each.name == name)
