"""What a request says before its body, checked: nothing of ours that is unknown is let pass."""

from collections.abc import Iterable
from dataclasses import dataclass

from sordino.serve.protocol import (
    DEADLINE,
    HEADERS,
    MEDIA_TYPE,
    PREFIX,
    REVISION,
    UTTERANCE,
    Header,
    Refused,
    limit,
)

__all__ = ["Asked", "RawHeaders", "check_health", "check_rerank", "has_two_lengths", "too_large"]

RawHeaders = Iterable[tuple[bytes, bytes]]


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A request for a re-ranking, without its lattice; `deadline` in seconds."""

    utterance: str | None
    revision: int
    deadline: float


def check_rerank(query: bytes, headers: RawHeaders) -> Asked:
    """What a request for a re-ranking says; Refused for one that is not as it should be."""
    found = _plain(headers)
    _check_query(query)
    ours = _ours(found, HEADERS)
    _check_body(found)
    utterance = ours.get(UTTERANCE.name)
    if REVISION.name in ours and utterance is None:
        raise Refused(
            400, f"wanted {UTTERANCE.name} beside {REVISION.name}, got none; name the utterance"
        )
    return Asked(
        utterance=utterance,
        revision=int(ours.get(REVISION.name, REVISION.default or 0)),
        deadline=int(ours.get(DEADLINE.name, DEADLINE.default or 0)) / 1000,
    )


def check_health(query: bytes, headers: RawHeaders) -> None:
    """Refused for a request for health that says more."""
    found = _plain(headers)
    _check_query(query)
    _ours(found, ())


def _plain(headers: RawHeaders) -> list[tuple[str, str]]:
    """Names in small letters, and values; Refused for too many bytes, which come in one piece."""
    found = [(name.decode("latin-1").lower(), value.decode("latin-1")) for name, value in headers]
    if sum(len(name) + len(value) + 4 for name, value in found) > limit("head"):
        raise Refused(431, f"wanted headers of at most {limit('head'):,} bytes, got more")
    if has_two_lengths(headers):
        raise Refused(
            400, "wanted Content-Length or Transfer-Encoding, got both; programs on the way may "
            "disagree where the body ends"
        )  # fmt: skip
    return found


def has_two_lengths(headers: RawHeaders) -> bool:
    """Whether a request says in two ways how long it is (RFC 9112, 6.3), as smuggled ones do."""
    return {b"content-length", b"transfer-encoding"} <= {name.lower() for name, _ in headers}


def _check_query(query: bytes) -> None:
    if query:
        raise Refused(400, f"wanted no query parameters, got {query.decode('latin-1')[:80]!r}")


def _ours(headers: Iterable[tuple[str, str]], known: Iterable[Header]) -> dict[str, str]:
    """The values of our headers by their names; Refused for one that is unknown, or sent twice."""
    by_name = {header.name.lower(): header for header in known}
    found: dict[str, str] = {}
    for name, value in headers:
        if not name.replace("_", "-").startswith(PREFIX):  # some programs take these as the same
            continue
        if name not in by_name:
            wanted = ", ".join(header.name for header in by_name.values()) or "none"
            raise Refused(400, f"wanted headers of ours to be {wanted}, got {name[:80]!r}")
        header = by_name[name]
        if header.name in found:
            raise Refused(400, f"wanted {header.name} once, got it twice")
        found[header.name] = header.check(value)
    return found


def _check_body(headers: list[tuple[str, str]]) -> None:
    types = [value.strip().lower() for name, value in headers if name == "content-type"]
    if types != [MEDIA_TYPE]:
        got = repr(", ".join(types)[:80]) if types else "none"
        raise Refused(415, f"wanted the media type {MEDIA_TYPE}, got {got}; send a lattice")
    coded = [value for name, value in headers if name == "content-encoding"]
    if coded:
        raise Refused(415, f"wanted a body as it is, got one that is {coded[0][:80]!r}")
    for name, value in headers:
        if name == "content-length" and (not value.isdecimal() or int(value[:20]) > _most()):
            raise too_large(f"{value[:20]} bytes")


def too_large(got: str) -> Refused:
    """The refusal of a body of so many bytes."""
    return Refused(413, f"wanted a lattice of at most {_most():,} bytes, got {got}; prune it")


def _most() -> int:
    return limit("lattice")
