"""What limits a machine, by where its cycles go."""

from sordino.cycles.stalls import Stalls


def stalls(**counts: int) -> Stalls:
    names = [name for name in Stalls.__dataclass_fields__ if name != "name"]
    return Stalls(name="x", **{name: counts.get(name, 0) for name in names})


def test_limiters() -> None:
    waiting = {"wait_broadcast": 5, "wait_fifo": 6, "places": 9, "overhead": 2}
    assert stalls(cycles=10, matvec=10, **waiting).limiter == "lanes"
    assert stalls(cycles=10, matvec=10, stream=8, **waiting).limiter == "stream"
    assert stalls(cycles=30, matvec=10, vector=20, places=9).limiter == "cell"
    assert stalls(cycles=9, table=5, control=4).limiter == "table"
    assert stalls(cycles=9, matvec=5, places=1, overhead=9, control=1).limiter == "control"
    assert stalls(hidden=100).limiter == "hidden"
