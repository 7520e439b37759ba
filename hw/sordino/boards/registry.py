"""Every board by its name."""

from collections.abc import Mapping

from sordino.boards import ecpix5, ulx3s
from sordino.boards.board import Board
from sordino.errors import InputError

__all__ = ["BOARDS", "find_board"]

BOARDS: Mapping[str, Board] = {board.name: board for board in (ulx3s.BOARD, ecpix5.BOARD)}


def find_board(name: str) -> Board:
    """The board of that name; InputError where there is none."""
    if name not in BOARDS:
        raise InputError(
            f"wanted one of the boards {', '.join(BOARDS)}, got {name!r}; docs/boards.md says how "
            "to add one"
        )
    return BOARDS[name]
