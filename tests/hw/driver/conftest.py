"""A host on a board, over the bus of every bridge."""

import pytest

from sordino.driver import Host
from sordino.stimuli.board import SimulatedBoard
from tests.hw.driver.stand_in import CONFIG


@pytest.fixture(scope="session")
def one_board(system):
    circuit = system.fake(CONFIG)
    return SimulatedBoard(circuit, system.manager(circuit), timeout=100)


@pytest.fixture
def board(one_board):
    """A board that was used before, as boards are."""
    Host(one_board, patience=50).reset()
    return one_board


@pytest.fixture
def host(board):
    return Host(board, patience=50)
