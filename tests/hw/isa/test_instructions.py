"""Every field of every operation goes through the 128-bit word and back."""

import random

import pytest
from amaranth.hdl import Shape
from amaranth.lib import data

from sordino.isa.encoding import EncodingError, check_field, encode
from sordino.isa.instructions import (
    ARGUMENTS,
    EXTENSION_BIT,
    EXTENSIONS,
    HEAD_BITS,
    INSTRUCTION_BITS,
    OPCODE_BITS,
    Instruction,
    Opcode,
    Space,
    Unit,
    Word,
    field_layout,
    unit_of,
)


def shapes(opcode: Opcode) -> dict[str, Shape]:
    return {name: Shape.cast(field.shape) for name, field in field_layout(opcode).items()}


def limits(shape: Shape) -> tuple[int, int]:
    if shape.signed:
        return -(1 << (shape.width - 1)), (1 << (shape.width - 1)) - 1
    return 0, (1 << shape.width) - 1


FIELDS = [(opcode, name) for opcode in Opcode for name in shapes(opcode)]
ids = [f"{opcode.name}-{name}" for opcode, name in FIELDS]


def round_trip(instruction: Instruction) -> None:
    word = instruction.encode()
    assert 0 <= word < 1 << INSTRUCTION_BITS
    assert word & ((1 << OPCODE_BITS) - 1) == instruction.opcode.value
    assert Instruction.decode(word, instruction.layer) == instruction
    seen = Word.from_bits(word)
    extension = EXTENSIONS.get(instruction.opcode)
    more = seen.arguments.raw >> EXTENSION_BIT
    last = extension.from_bits(more & (1 << extension.as_shape().size) - 1) if extension else None
    assert seen.opcode == instruction.opcode
    assert seen.beside == instruction.beside
    for name, value in instruction.fields.items():
        if last is not None and name in [n for n, _ in data.Layout.cast(extension)]:
            assert last[name] == value, name
            continue
        field = seen.arguments[instruction.opcode.name.lower()][name]
        assert getattr(field, "value", field) == value, name


@pytest.mark.parametrize("opcode", list(Opcode))
def test_round_trip_of_all_fields(opcode: Opcode) -> None:
    rng = random.Random(opcode.value)
    fields = shapes(opcode)
    round_trip(Instruction.make(opcode))
    for pick in (0, 1):
        round_trip(Instruction.make(opcode, **{n: _valid(opcode, n, pick) for n in fields}))
    for _ in range(20):
        values = {n: rng.randint(*_range(opcode, n)) for n in fields}
        beside = rng.randrange(8)
        made = Instruction.make(opcode, f"layer {opcode.value}", beside=beside, **values)
        assert made.beside is Unit(beside)
        round_trip(made)


def _range(opcode: Opcode, name: str) -> tuple[int, int]:
    """Limits of a field; an enumeration may have fewer members than its width has values."""
    shape = field_layout(opcode)[name].shape
    if isinstance(shape, type):
        return 0, max(member.value for member in shape)
    return limits(shapes(opcode)[name])


def _valid(opcode: Opcode, name: str, pick: int) -> int:
    return _range(opcode, name)[pick]


@pytest.mark.parametrize(("opcode", "name"), FIELDS, ids=ids)
def test_extremes_of_one_field_touch_no_other(opcode: Opcode, name: str) -> None:
    for value in _range(opcode, name):
        decoded = Instruction.decode(Instruction.make(opcode, **{name: value}).encode())
        assert decoded.fields == {n: value if n == name else 0 for n in shapes(opcode)}


@pytest.mark.parametrize(("opcode", "name"), FIELDS, ids=ids)
def test_what_does_not_fit_is_refused_by_name(opcode: Opcode, name: str) -> None:
    low, high = limits(shapes(opcode)[name])
    for value in (low - 1, high + 1, high + (1 << 70)):
        with pytest.raises(EncodingError) as caught:
            Instruction.make(opcode, **{name: value}).encode()
        assert str(caught.value) == (
            f"{opcode.name}: field {name!r}: {value} does not fit, wanted {low} to {high}"
        )


@pytest.mark.parametrize("opcode", list(Opcode))
def test_operations_fit_the_word(opcode: Opcode) -> None:
    assert data.Layout.cast(ARGUMENTS[opcode]).size <= EXTENSION_BIT
    taken = [
        bit for f in field_layout(opcode).values() for bit in range(f.offset, f.offset + f.width)
    ]
    assert len(set(taken)) == len(taken)
    assert max(taken) < INSTRUCTION_BITS - HEAD_BITS
    assert data.Layout.cast(Word).size == INSTRUCTION_BITS


def test_unknown_opcode_is_refused() -> None:
    for value in range(len(Opcode), 1 << OPCODE_BITS):
        for beside in (0, 7):
            with pytest.raises(EncodingError, match=f"^unknown opcode {value} "):
                Instruction.decode(value | beside << OPCODE_BITS)


@pytest.mark.parametrize("opcode", list(Opcode))
def test_stray_bits_are_refused(opcode: Opcode) -> None:
    word = Instruction.make(opcode).encode()
    used = HEAD_BITS + data.Layout.cast(ARGUMENTS[opcode]).size
    known = {
        HEAD_BITS + f.offset + n for f in field_layout(opcode).values() for n in range(f.width)
    }
    for bit in {used, HEAD_BITS + EXTENSION_BIT - 1, INSTRUCTION_BITS - 1} - known:
        with pytest.raises(EncodingError, match=f"^{opcode.name}: bits outside its fields"):
            Instruction.decode(word | 1 << bit)


def test_unknown_field_is_refused_by_name() -> None:
    with pytest.raises(EncodingError, match=r"^JUMP has no field 'there'; it has \['target'\]$"):
        Instruction.make(Opcode.JUMP, there=3)
    with pytest.raises(AttributeError, match=r"^JUMP has no field 'there'$"):
        _ = Instruction.make(Opcode.JUMP).there


def test_make_takes_enum_members() -> None:
    fill = Instruction.make(Opcode.FILL, space=Space.BANK1, value=-1)
    assert fill.fields == {"space": 3, "destination": 0, "count": 0, "value": -1}
    assert fill.space == 3


def test_encode_refuses_unknown_field() -> None:
    with pytest.raises(EncodingError, match=r"^no field 'x' in Jump; it has target$"):
        encode(ARGUMENTS[Opcode.JUMP], {"x": 1})


@pytest.mark.parametrize(
    ("value", "width", "signed", "fits"),
    [
        (0, 1, False, True),
        (2, 1, False, False),
        (-1, 8, False, False),
        (-128, 8, True, True),
        (-129, 8, True, False),
        (127, 8, True, True),
        (128, 8, True, False),
    ],
)
def test_check_field(value: int, width: int, signed: bool, fits: bool) -> None:
    if fits:
        check_field("f", value, width, signed)
    else:
        with pytest.raises(EncodingError, match=f"^field 'f': {value} does not fit, wanted "):
            check_field("f", value, width, signed)


WORDS = {
    "HALT code=7": (0x700, Opcode.HALT, {"code": 7}),
    "HALT code=7 beside=VECTOR": (0x740, Opcode.HALT, {"code": 7, "beside": Unit.VECTOR}),
    "LOOP": (0x1234 << 11 | 5 << 8 | 5, Opcode.LOOP, {"register": 5, "target": 0x1234}),
    "FILL": (
        0xFE << 42 | 3 << 26 | 2 << 10 | 1 << 8 | 16,
        Opcode.FILL,
        {"space": 1, "destination": 2, "count": 3, "value": -2},
    ),
}


@pytest.mark.parametrize("name", WORDS)
def test_encoding_does_not_change(name: str) -> None:
    word, opcode, fields = WORDS[name]
    assert Instruction.make(opcode, **fields).encode() == word


def test_what_is_no_member_is_refused_by_name() -> None:
    with pytest.raises(EncodingError) as caught:
        Instruction.make(Opcode.ADD, function=3).encode()
    assert str(caught.value) == "ADD: field 'function': 3 is no member of Function"


@pytest.mark.parametrize("beside", [-1, 8])
def test_beside_is_three_bits(beside: int) -> None:
    with pytest.raises(EncodingError, match=f"^ADD: beside is {beside}, wanted 0 to 7$"):
        Instruction.make(Opcode.ADD, beside=beside)


def test_every_opcode_has_its_unit() -> None:
    vector = ("INPUT", "CELL", "DRAIN", "ARGMAX", "ADD", "EMBED", "FILL", "COPY")
    by_unit = {"MATVEC": Unit.ARRAY, "TABLE": Unit.TABLE, **dict.fromkeys(vector, Unit.VECTOR)}
    assert {o: unit_of(o) for o in Opcode} == {o: by_unit.get(o.name, Unit.NONE) for o in Opcode}
