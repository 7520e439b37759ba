"""What each instruction writes."""

import pytest

from sordino.arch import PRESETS
from sordino.isa.choices import Space
from sordino.isa.fields import Store
from sordino.isa.hazards import Region, claims, conflict, writes
from sordino.isa.instruction import Instruction
from sordino.isa.operations import (
    ISA,
    Add,
    Argmax,
    Branch,
    Call,
    Cell,
    Copy,
    Count,
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
    Read,
    Return,
    Set,
    Table,
    Take,
    Use,
    Write,
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
    Read: ({"register": 3, "state": 7}, (Region(Store.REGISTER, 3, 1),)),
    Write: ({"register": 3, "state": 7}, (Region(Store.STATE, 7, 1),)),
    Count: ({"register": 4, "step": -1}, (Region(Store.REGISTER, 4, 1),)),
    Take: ({"register": 5}, (Region(Store.REGISTER, 5, 1),)),
    Use: ({"segment": 1, "otherwise": 5}, (Region(Store.PC, 0, 1),)),
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


def test_a_wide_sum_writes_state() -> None:
    add = Add(destination=6, count=4, wide=1)
    assert writes(add, CONFIG) == (Region(Store.STATE, 6, 4),)


@pytest.mark.parametrize(
    ("fields", "regions"),
    [
        ({}, (Region(Store.STATE, 2, 4), Region(Store.STATE, 9, 4))),
        ({"from_activation": 1}, (Region(Store.ACTIVATION, 2, 4), Region(Store.STATE, 9, 4))),
        ({"alone": 1}, (Region(Store.STATE, 2, 4), Region(Store.STATE, 9, 0))),
    ],
)
def test_what_a_sum_reads(fields: dict[str, int], regions: tuple[Region, ...]) -> None:
    """What is alone does not conflict with a write of what would be the second operand."""
    add = Add(a=2, b=9, destination=30, count=4, **fields)
    assert claims(add, CONFIG)[0] == regions
    second = Fill(space=Space.STATE, destination=8, count=3)
    assert (conflict(add, second, CONFIG) is None) == bool(fields.get("alone"))


def test_stores_are_the_spaces_with_the_same_numbers() -> None:
    assert {s.name: s.value for s in Space}.items() <= {s.name: s.value for s in Store}.items()
