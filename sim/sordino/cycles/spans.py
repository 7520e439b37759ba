"""Fewest and most cycles, of a stretch of a program and of all that a host may ask for."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, TypeVar

__all__ = ["Bounds", "Span"]

_Key = TypeVar("_Key", int, str)


@dataclass(frozen=True, slots=True)
class Span:
    """Fewest and most cycles; `worst` is None if the program alone does not bound it."""

    best: int
    worst: int | None

    def __add__(self, other: "Span") -> "Span":
        if self.worst is None or other.worst is None:
            return Span(self.best + other.best, None)
        return Span(self.best + other.best, self.worst + other.worst)

    def __or__(self, other: "Span") -> "Span":
        best = min(self.best, other.best)
        if self.worst is None or other.worst is None:
            return Span(best, None)
        return Span(best, max(self.worst, other.worst))

    def holds(self, cycles: int) -> bool:
        """Whether so many cycles are within."""
        return self.best <= cycles and (self.worst is None or cycles <= self.worst)

    def less(self, cycles: int) -> "Span":
        """The span with so many cycles fewer."""
        return Span(self.best - cycles, None if self.worst is None else self.worst - cycles)

    def times(self, n: int) -> "Span":
        """n times over."""
        return Span(self.best * n, None if self.worst is None else self.worst * n)


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """Cycles of a program with a host that is never late; errors and limits left out.

    start    from START to the cycle in which the first INPUT begins, that included
    frame    from there on, for an INPUT that reads a vector, to the next one's beginning or to HALT
    tokens   the same by number of tokens emitted, every possible count up to 64 (in programs with
             loops of 1024 times and more only 0)
    end      from there on, for an INPUT that meets the end of input, to HALT; may be 0 where a
             program also halts elsewhere
    request  from there on, for an INPUT that finds a request, to the next one's beginning or to
             HALT, whatever the request; None where no INPUT takes requests
    requests the same by the request's number, of all that the program knows, where the host gives
             the vectors that it reads
    networks of each network that runs in a frame or on request, and whose instructions stand by
             themselves, from the cycle in which the first of them begins to that in which what
             follows begins

    All of these INPUTs are on the channel that the program reads first. An INPUT on another channel
    is a part of the way: it finds a vector, or in `end` and `request` perhaps the end of input.
    """

    start: Span
    frame: Span
    tokens: dict[int, Span]
    end: Span
    request: Span | None = None
    requests: dict[int, Span] = field(default_factory=dict)
    networks: dict[str, Span] = field(default_factory=dict)

    def run(self, frames: int) -> Span:
        """A whole run of so many input vectors."""
        return self.start + self.frame.times(frames) + self.end

    def as_dict(self) -> dict[str, Any]:
        """Spans as {best, worst}, `tokens` and `requests` by number as text, networks by name."""
        request = ("request",) if self.request is not None else ()
        by_number: dict[str, Mapping[Any, Span]] = {"tokens": self.tokens}
        if request:
            by_number["requests"] = self.requests
        if self.networks:
            by_number["networks"] = self.networks
        return {
            **{name: asdict(getattr(self, name)) for name in ("start", "frame", "end", *request)},
            **{
                name: {str(number): asdict(span) for number, span in spans.items()}
                for name, spans in by_number.items()
            },
        }

    def __or__(self, other: "Bounds") -> "Bounds":
        """The bounds of a program that begins in one of two ways."""
        return Bounds(
            start=self.start | other.start,
            frame=self.frame | other.frame,
            tokens=_either(self.tokens, other.tokens),
            end=self.end | other.end,
            request=_one_of(self.request, other.request),
            requests=_either(self.requests, other.requests),
            networks=_either(self.networks, other.networks),
        )


def _one_of(one: Span | None, other: Span | None) -> Span | None:
    return one | other if one and other else one or other


def _either(one: dict[_Key, Span], other: dict[_Key, Span]) -> dict[_Key, Span]:
    """The spans of two dictionaries, both where a number has one in each."""
    found = ((n, _one_of(one.get(n), other.get(n))) for n in one | other)
    return {number: span for number, span in found if span is not None}
