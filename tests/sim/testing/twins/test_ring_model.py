"""The rule of streamed weights: no interleaving gets stuck, and without reservation one does."""

import pytest

from sordino.testing.twins.ring_model import Overwritten, RingModel, Stuck

IMBALANCE = (3, 1, 1, 1)
"""One lane's stream is three times as long as the others; rings of two bursts."""


def test_no_interleaving_is_stuck() -> None:
    assert RingModel(bursts=IMBALANCE, outstanding=2).states() > 50_000


def test_rings_of_one_burst_suffice() -> None:
    assert RingModel(bursts=(3, 0, 1, 1), outstanding=2, ring=1).states() > 1_000


def test_without_reservation_a_full_ring_holds_the_others_up() -> None:
    with pytest.raises(Stuck, match="on their way"):
        RingModel(bursts=IMBALANCE, outstanding=2, reserved=False).states()


def test_taken_again_from_rings_that_hold_all() -> None:
    """Nothing is asked for and no burst is gone; of a longer stream one is."""
    assert RingModel(bursts=(2, 1, 2, 0), again=True).states() > 100
    assert RingModel(bursts=(3, 1, 1, 1), ring=3, again=True).states() > 100
    with pytest.raises(Overwritten, match="stream 0: burst 0 of 3"):
        RingModel(bursts=IMBALANCE, again=True).states()
