"""Bring what was built onto a board, with openFPGALoader."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from sordino.boards.board import Board
from sordino.boards.flow import MANIFEST
from sordino.boards.registry import find_board
from sordino.errors import InputError
from sordino.files import read_text

__all__ = ["PARTS", "TOOL", "commands", "find_tool", "read_manifest", "run"]

TOOL = "openFPGALoader"
PARTS = ("all", "bitstream", "image", "volatile")
"""What is brought there: both to the flash, one of them, or the bitstream for as long as there is
power. (An image is loaded from the flash in any case.)"""


def read_manifest(folder: Path) -> tuple[Board, dict[str, Any]]:
    """The board that a folder was built for, and what the build said; InputError for others."""
    path = folder / MANIFEST
    if not path.is_file():
        raise InputError(
            f"wanted a folder that `sordino build` wrote, but {folder} has no {MANIFEST}; build "
            "first, with -o and that folder"
        )
    try:
        found = json.loads(read_text(path, "what `sordino build` wrote"))
        board = find_board(found["board"])
        names = {name: folder / found[name] for name in ("bitstream", "memory")}
        at = found["memory_at"]
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"wanted {path} as `sordino build` writes it, got one that cannot be read ({error}); "
            "build again"
        ) from None
    for file in names.values():
        if not file.is_file():
            raise InputError(f"wanted {file}, which {path} names, but it is not there; build again")
    return board, {**names, "memory_at": at}


def commands(board: Board, built: dict[str, Any], part: str, cable: str | None) -> list[list[str]]:
    """openFPGALoader's arguments, one list a call, for one of PARTS."""
    to = ["--board", board.programmer, *(["--ftdi-serial", cable] if cable else [])]
    bitstream = [*to, "--write-flash", str(built["bitstream"])]
    image = [
        *to, "--write-flash", "--file-type", "raw", "--offset", hex(built["memory_at"]),
        str(built["memory"]),
    ]  # fmt: skip
    if board.flash.lines == 4:
        image.insert(len(to), "--enable-quad")
    match part:
        case "all":
            return [image, bitstream]
        case "bitstream":
            return [bitstream]
        case "image":
            return [image]
        case "volatile":
            return [[*to, "--write-sram", str(built["bitstream"])]]
    raise InputError(f"wanted one of {', '.join(PARTS)}, got {part!r}; see --help")


def find_tool() -> str:
    """Where openFPGALoader is; InputError where it is not in PATH."""
    found = shutil.which(TOOL)
    if found is None:
        raise InputError(
            f"programming a board needs {TOOL}, which is not in PATH; install it, as with apt "
            "install openfpgaloader or from https://trabucayre.github.io/openFPGALoader"
        )
    return found


def run(tool: str, arguments: list[str]) -> None:
    """Run one call, whose output is shown; InputError where it fails."""
    done = subprocess.run([tool, *arguments], check=False)
    if done.returncode:
        raise InputError(
            f"cannot program the board: {TOOL} has ended with {done.returncode}; check the cable "
            "and its permissions, then try again"
        )
