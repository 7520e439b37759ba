"""Index tables of parameter memory, without numpy."""

import struct

import pytest

from sordino.isa.instruction import INSTRUCTION_BITS
from sordino.isa.parameters import PARAMETER_BITS, PARAMETER_BYTES, index_entries

ENTRIES = ((5, 0), (-7, 3), (2**31 - 1, -1), (-(2**31), 65_535))


def test_one_loader_serves_parameters_and_instructions() -> None:
    assert PARAMETER_BITS == INSTRUCTION_BITS


@pytest.mark.parametrize("word", [0, 1, 3])
def test_entries_are_read_from_a_word_on(word: int) -> None:
    parameters = bytes(word * PARAMETER_BYTES) + b"".join(struct.pack("<ii", *e) for e in ENTRIES)
    assert index_entries(parameters, word, 4) == ENTRIES
    assert index_entries(parameters, word, 3) == ENTRIES[:3]
    assert index_entries(parameters, word, 9) == ENTRIES
