"""What each instruction writes."""

import pytest

from sordino.arch import PRESETS
from sordino.isa.effects import Region, Store, writes
from sordino.isa.instructions import Instruction, Opcode, Space

CONFIG = PRESETS["small"]  # 16 lanes, 4 quads
CASES = {
    Opcode.HALT: ({"code": 1}, ()),
    Opcode.SET: ({"register": 3, "value": 9}, (Region(Store.REGISTER, 3, 1),)),
    Opcode.JUMP: ({"target": 5}, (Region(Store.PC, 0, 1),)),
    Opcode.CALL: ({"target": 5}, (Region(Store.PC, 0, 1),)),
    Opcode.RETURN: ({}, (Region(Store.PC, 0, 1),)),
    Opcode.LOOP: (
        {"register": 2, "target": 5},
        (Region(Store.REGISTER, 2, 1), Region(Store.PC, 0, 1)),
    ),
    Opcode.BRANCH: ({"register": 2, "target": 5}, (Region(Store.PC, 0, 1),)),
    Opcode.INPUT: ({"destination": 8, "count": 5}, (Region(Store.ACTIVATION, 8, 5),)),
    Opcode.EMIT: ({"register": 1}, (Region(Store.TOKEN, 0, 1),)),
    Opcode.TABLE: ({"source": 1}, ()),
    Opcode.MATVEC: (
        {"source": 4, "columns": 8, "rows": 3, "bank": 1},
        (Region(Store.BANK1, 0, 3),),
    ),
    Opcode.CELL: (
        {"units": 9, "state": 7, "destination": 11},
        (
            Region(Store.STATE, 7, 9),
            Region(Store.ACTIVATION, 11, 9),
            Region(Store.BANK0, 0, 3),
        ),
    ),
    Opcode.DRAIN: (
        {"rows": 2, "destination": 6, "bank": 1},
        (Region(Store.ACTIVATION, 6, 32), Region(Store.BANK1, 0, 2)),
    ),
    Opcode.ARGMAX: (
        {"rows": 2, "register": 5},
        (Region(Store.REGISTER, 5, 1), Region(Store.BANK0, 0, 2)),
    ),
    Opcode.ADD: ({"destination": 3, "count": 4}, (Region(Store.ACTIVATION, 3, 4),)),
    Opcode.EMBED: ({"destination": 3, "count": 4}, (Region(Store.ACTIVATION, 3, 4),)),
    Opcode.FILL: (
        {"space": Space.BANK1, "destination": 3, "count": 4},
        (Region(Store.BANK1, 3, 4),),
    ),
    Opcode.COPY: (
        {"space": Space.STATE, "source": 1, "destination": 3, "count": 4},
        (Region(Store.STATE, 3, 4),),
    ),
}


@pytest.mark.parametrize("opcode", list(Opcode))
def test_writes(opcode: Opcode) -> None:
    fields, regions = CASES[opcode]
    assert writes(Instruction.make(opcode, **fields), CONFIG) == regions


def test_wide_drain_writes_state() -> None:
    drain = Instruction.make(Opcode.DRAIN, rows=1, destination=6, wide=1)
    assert writes(drain, CONFIG)[0] == Region(Store.STATE, 6, 16)


def test_stores_are_the_spaces_with_the_same_numbers() -> None:
    assert {s.name: s.value for s in Space}.items() <= {s.name: s.value for s in Store}.items()
