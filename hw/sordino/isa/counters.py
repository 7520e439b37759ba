"""Event counters of a machine, which a host reads."""

from dataclasses import dataclass

__all__ = ["COUNTERS", "COUNTER_BITS", "Counter"]

COUNTER_BITS = 48


@dataclass(frozen=True)
class Counter:
    """One event counter; `timed` ones depend on the machine's timing, the others do not."""

    name: str
    timed: bool
    text: str


COUNTERS = (
    Counter("cycles", True, "cycles from START until the machine stopped"),
    Counter("instructions", False, "instructions retired"),
    Counter("frames", False, "INPUT instructions that read a feature vector"),
    Counter("tokens", False, "tokens emitted"),
    Counter("places", False, "places walked by all groups, padding places not among them"),
    Counter("padding", False, "padding places walked by all groups"),
    Counter("useful", False, "products of two non-zero operands"),
    Counter("gated", False, "products not computed because x or the weight is zero"),
    Counter("matvec", True, "cycles in which a MATVEC was in progress"),
    Counter("vector", True, "cycles in which a vector instruction was in progress"),
    Counter("table", True, "cycles in which a TABLE was in progress"),
    Counter("wait_x", True, "group cycles in which a place waited for its column of x"),
    Counter("wait_input", True, "cycles INPUT waited for a feature"),
    Counter("wait_token", True, "cycles EMIT waited for room in the token FIFO"),
)
"""In register order: counter n is read at COUNTERS + 8 n, low word first."""
