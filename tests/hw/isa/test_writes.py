"""What each instruction writes."""

import pytest

from sordino.arch import PRESETS
from sordino.isa.choices import Space
from sordino.isa.fields import Store
from sordino.isa.hazards import Region, writes
from sordino.isa.instruction import Instruction
from sordino.isa.operations import (
    ISA,
    Add,
    Argmax,
    Branch,
    Call,
    Cell,
    Copy,
    Drain,
    Embed,
    Emit,
    Fill,
    Gru,
    Halt,
    Input,
    Jump,
    Loop,
    Matvec,
    Multiply,
    Return,
    Set,
    Table,
)

CONFIG = PRESETS["small"]  # 16 lanes, 4 quads
CASES = {
    Halt: ({"code": 1}, ()),
    Set: ({"register": 3, "value": 9}, (Region(Store.REGISTER, 3, 1),)),
    Jump: ({"target": 5}, (Region(Store.PC, 0, 1),)),
    Call: ({"target": 5}, (Region(Store.PC, 0, 1),)),
    Return: ({}, (Region(Store.PC, 0, 1),)),
    Loop: (
        {"register": 2, "target": 5},
        (Region(Store.REGISTER, 2, 1), Region(Store.PC, 0, 1)),
    ),
    Branch: ({"register": 2, "target": 5}, (Region(Store.PC, 0, 1),)),
    Input: ({"destination": 8, "count": 5}, (Region(Store.ACTIVATION, 8, 5),)),
    Emit: ({"register": 1}, (Region(Store.TOKEN, 0, 1),)),
    Table: ({"source": 1}, ()),
    Matvec: (
        {"source": 4, "columns": 8, "rows": 3, "bank": 1},
        (Region(Store.BANK1, 0, 3),),
    ),
    Cell: (
        {"units": 9, "state": 7, "destination": 11},
        (
            Region(Store.STATE, 7, 9),
            Region(Store.ACTIVATION, 11, 9),
            Region(Store.BANK0, 0, 3),
        ),
    ),
    Gru: (
        {"units": 9, "state": 7, "destination": 11, "bank": 1},
        (
            Region(Store.STATE, 7, 9),
            Region(Store.ACTIVATION, 11, 9),
            Region(Store.BANK1, 0, 3),
        ),
    ),
    Drain: (
        {"rows": 2, "destination": 6, "bank": 1},
        (Region(Store.ACTIVATION, 6, 32), Region(Store.BANK1, 0, 2)),
    ),
    Argmax: (
        {"rows": 2, "register": 5},
        (Region(Store.REGISTER, 5, 1), Region(Store.BANK0, 0, 2)),
    ),
    Add: ({"destination": 3, "count": 4}, (Region(Store.ACTIVATION, 3, 4),)),
    Multiply: (
        {"destination": 3, "count": 4, "wide": 1},
        (Region(Store.STATE, 3, 4),),
    ),
    Embed: ({"destination": 3, "count": 4}, (Region(Store.ACTIVATION, 3, 4),)),
    Fill: (
        {"space": Space.BANK1, "destination": 3, "count": 4},
        (Region(Store.BANK1, 3, 4),),
    ),
    Copy: (
        {"space": Space.STATE, "source": 1, "destination": 3, "count": 4},
        (Region(Store.STATE, 3, 4),),
    ),
}


@pytest.mark.parametrize("operation", ISA.operations, ids=lambda o: o.mnemonic)
def test_writes(operation: type[Instruction]) -> None:
    fields, regions = CASES[operation]
    assert writes(operation(**fields), CONFIG) == regions


def test_wide_drain_writes_state() -> None:
    drain = Drain(rows=1, destination=6, wide=1)
    assert writes(drain, CONFIG)[0] == Region(Store.STATE, 6, 16)


def test_stores_are_the_spaces_with_the_same_numbers() -> None:
    assert {s.name: s.value for s in Space}.items() <= {s.name: s.value for s in Store}.items()
