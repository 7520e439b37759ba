"""The table of symbols that a folder has already, as OpenFst, Kaldi and k2 write them."""

from pathlib import Path

from sordino.errors import InputError
from sordino.files import read_lines
from sordino.lattice.exports.symbols import EPSILON

__all__ = ["read_symbols"]

_MOST_BYTES = 1 << 26
_MOST_NUMBER = 2**31 - 1
"""Labels have 32 bits, and k2 has use for negative ones."""


def read_symbols(path: Path) -> dict[str, int]:
    """The numbers of the words in a symbol table; none where there is no such file.

    Raises InputError for a file that is no table, or gives a word or a number twice.
    """
    if not path.exists():
        return {}
    if path.stat().st_size > _MOST_BYTES:
        raise InputError(
            f"wanted a table of symbols of at most {_MOST_BYTES:,} bytes in {path}, got more; "
            "choose another folder"
        )
    numbers: dict[str, int] = {}
    taken = set[int]()
    for place, line in enumerate(read_lines(path, "table of symbols"), start=1):
        word, number = _entry(path, place, line)
        if word in numbers or number in taken or (word == EPSILON) != (number == 0):
            raise InputError(
                f"wanted a number for each word in {path}, and {EPSILON} as 0, got {line!r} in "
                f"line {place}; choose another folder"
            )
        numbers[word] = number
        taken.add(number)
    numbers.pop(EPSILON, None)
    return numbers


def _entry(path: Path, place: int, line: str) -> tuple[str, int]:
    fields = line.split()
    digits = fields[1] if len(fields) == 2 else ""
    if not (digits.isascii() and digits.isdecimal() and int(digits[:11]) <= _MOST_NUMBER):
        raise InputError(
            f"wanted a word and its number in line {place} of {path}, a table of symbols that the "
            f"files there have, got {line[:40]!r}; choose another folder"
        )
    return fields[0], int(digits)
