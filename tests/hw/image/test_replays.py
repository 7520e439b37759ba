"""What rings hold is known apart for each call of a subroutine."""

from sordino.image.checks.replays import UNKNOWN, stale_replays
from sordino.isa.operations import Call, Halt, Matvec, Return, Set


def test_rings_of_networks_that_share_a_subroutine() -> None:
    """Each network takes its own matrix again after the same subroutine."""
    marks = [True, True, False]
    program = [
        *(Matvec(matrix=0), Call(target=8), Matvec(matrix=0, from_ring=1), Halt()),
        *(Matvec(matrix=1), Call(target=8), Matvec(matrix=1, from_ring=1), Halt()),
        *(Set(register=1), Return()),
    ]
    assert not list(stale_replays(program, [0, 4], marks))
    assert list(stale_replays(program, [0, 5], marks)) == [(6, UNKNOWN)]
    # A subroutine that uses the rings leaves the same to all.
    program[8] = Matvec(matrix=1)
    assert list(stale_replays(program, [0, 4], marks)) == [(2, 1)]
    # One that takes a matrix that is not streamed leaves what is there.
    program[8] = Matvec(matrix=2)
    assert not list(stale_replays(program, [0, 4], marks))
