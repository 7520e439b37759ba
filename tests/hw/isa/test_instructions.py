"""Every field of every operation goes through the 128-bit word and back."""

import random

import pytest
from amaranth.lib import enum

from sordino.isa.choices import Function, Space
from sordino.isa.encoding import EncodingError, check_field
from sordino.isa.fields import NUMBER, Field
from sordino.isa.instruction import (
    HEAD_BITS,
    INSTRUCTION_BITS,
    OPCODE_BITS,
    STREAMING_BIT,
    Instruction,
    Unit,
)
from sordino.isa.operations import ISA, Add, Drain, Fill, Gru, Halt, Jump, Loop

Operation = type[Instruction]
every_operation = pytest.mark.parametrize("operation", ISA.operations, ids=lambda o: o.mnemonic)
FIELDS = [(operation, field) for operation in ISA for field in operation.FIELDS.values()]
every_field = pytest.mark.parametrize(
    ("operation", "field"), FIELDS, ids=[f"{o.mnemonic}-{field.name}" for o, field in FIELDS]
)


def round_trip(instruction: Instruction) -> None:
    word = instruction.encode()
    assert 0 <= word < 1 << INSTRUCTION_BITS
    assert word & ((1 << OPCODE_BITS) - 1) == instruction.number
    assert ISA.decode(word, instruction.layer) == instruction
    seen = ISA.word.from_bits(word)
    assert seen.opcode == ISA.opcodes[instruction.mnemonic]
    assert seen.overlaps == instruction.overlaps
    own = seen.arguments[instruction.mnemonic.lower()]
    streaming = instruction.streaming
    if streaming is not None:
        more = seen.arguments.raw >> STREAMING_BIT
        last = streaming.from_bits(more & (1 << streaming.size) - 1)
    for name, value in instruction.fields.items():
        part = last if instruction.FIELDS[name].meaning.streaming else own
        assert getattr(part[name], "value", part[name]) == value, name


def extremes(field: Field) -> tuple[int, int]:
    """Limits of a field; an enumeration may have fewer members than its width has values."""
    return (0, max(m.value for m in field.choices)) if field.choices else field.range


@every_operation
def test_round_trip_of_all_fields(operation: Operation) -> None:
    rng = random.Random(operation.number)
    fields = operation.FIELDS.values()
    round_trip(operation())
    for pick in (0, 1):
        round_trip(operation(**{field.name: extremes(field)[pick] for field in fields}))
    for _ in range(20):
        values = {field.name: rng.randint(*extremes(field)) for field in fields}
        overlaps = rng.randrange(8)
        made = operation(f"layer {operation.number}", overlaps=overlaps, **values)
        assert made.overlaps is Unit(overlaps)
        round_trip(made)


@every_field
def test_extremes_of_one_field_touch_no_other(operation: Operation, field: Field) -> None:
    for value in extremes(field):
        decoded = ISA.decode(operation(**{field.name: value}).encode())
        assert decoded.fields == {n: value if n == field.name else 0 for n in operation.FIELDS}


@every_field
def test_what_does_not_fit_is_refused_by_name(operation: Operation, field: Field) -> None:
    low, high = field.range
    for value in (low - 1, high + 1, high + (1 << 70)):
        with pytest.raises(EncodingError) as caught:
            operation(**{field.name: value}).encode()
        assert str(caught.value) == (
            f"{operation.mnemonic}: field {field.name!r}: {value} does not fit, "
            f"wanted {low} to {high}"
        )


@every_operation
def test_operations_fit_the_word(operation: Operation) -> None:
    assert operation.layout.size <= STREAMING_BIT
    taken = [bit for f in operation.FIELDS.values() for bit in range(f.offset, f.offset + f.width)]
    assert len(set(taken)) == len(taken)
    assert max(taken) < INSTRUCTION_BITS - HEAD_BITS
    assert ISA.word.size == INSTRUCTION_BITS


def test_unknown_opcode_is_refused() -> None:
    for value in range(max(o.number for o in ISA) + 1, 1 << OPCODE_BITS):
        for overlaps in (0, 7):
            with pytest.raises(EncodingError, match=f"^unknown opcode {value} "):
                ISA.decode(value | overlaps << OPCODE_BITS)


@every_operation
def test_stray_bits_are_refused(operation: Operation) -> None:
    word = operation().encode()
    used = HEAD_BITS + operation.layout.size
    known = {HEAD_BITS + f.offset + n for f in operation.FIELDS.values() for n in range(f.width)}
    for bit in {used, HEAD_BITS + STREAMING_BIT - 1, INSTRUCTION_BITS - 1} - known:
        with pytest.raises(EncodingError, match=f"^{operation.mnemonic}: bits outside its fields"):
            ISA.decode(word | 1 << bit)


# Declarations.


def test_a_field_without_a_meaning_is_refused() -> None:
    with pytest.raises(TypeError, match=r"^Bare: wanted a meaning for field 'a', got None; "):

        class Bare(Instruction, opcode=31):
            a: 3


def test_an_instruction_of_the_vector_unit_says_how_long_it_takes() -> None:
    with pytest.raises(TypeError, match=r"^Slow: wanted elements and a pipeline"):

        class Slow(Instruction, opcode=31, unit=Unit.VECTOR):
            a: 3 = NUMBER


def test_an_instruction_of_another_unit_says_how_long_it_takes() -> None:
    with pytest.raises(TypeError, match=r"^Slow: wanted a method that says its duration"):

        class Slow(Instruction, opcode=31, unit=Unit.ARRAY):
            a: 3 = NUMBER


def test_fields_that_do_not_fit_the_word_are_refused() -> None:
    with pytest.raises(TypeError, match=r"^Wide: its fields do not fit in a word$"):

        class Wide(Instruction, opcode=31):
            a: 121 = NUMBER


def test_an_opcode_and_a_mnemonic_stand_once() -> None:
    class Copy(Instruction, opcode=31):
        a: 3 = NUMBER

    class Other(Instruction, opcode=17):
        a: 3 = NUMBER

    for operation in (Copy, Other):
        with pytest.raises(ValueError, match=r"^wanted every opcode and every mnemonic once"):
            ISA.extended(operation)


def test_unknown_field_is_refused_by_name() -> None:
    with pytest.raises(EncodingError, match=r"^JUMP has no field 'there'; it has \['target'\]$"):
        Jump(there=3)
    with pytest.raises(AttributeError, match=r"^JUMP has no field 'there'$"):
        _ = Jump().there


def test_make_takes_enum_members() -> None:
    fill = Fill(space=Space.BANK1, value=-1)
    assert fill.fields == {"space": 3, "destination": 0, "count": 0, "value": -1}
    assert fill.space == 3


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
    "HALT code=7": (0x700, Halt, {"code": 7}),
    "HALT code=7 overlaps=VECTOR": (0x740, Halt, {"code": 7, "overlaps": Unit.VECTOR}),
    "LOOP": (0x1234 << 11 | 5 << 8 | 5, Loop, {"register": 5, "target": 0x1234}),
    "FILL": (
        0xFE << 42 | 3 << 26 | 2 << 10 | 1 << 8 | 16,
        Fill,
        {"space": 1, "destination": 2, "count": 3, "value": -2},
    ),
    "ADD": (
        9 << 90 | 0x8001 << 74 | 2 << 72 | 5 << 56 | 4 << 40 | 3 << 24 | 1 << 8 | 14,
        Add,
        {"a": 1, "b": 3, "destination": 4, "count": 5, "function": 2, "multiplier": 0x8001}
        | {"shift": 9},
    ),
    "GRU": (
        9 << 97 | 5 << 81 | 7 << 65 | 6 << 49 | 4 << 25 | 2 << 9 | 1 << 8 | 19,
        Gru,
        {"bank": 1, "units": 2, "parameters": 4, "state": 6, "destination": 7, "multiplier": 5}
        | {"shift": 9},
    ),
}


VERSIONS = {
    "an old sum": (2, Add(a=1, b=2, count=3, function=Function.TANH)),
    "an old DRAIN": (2, Drain(wide=1, first_row=3)),
    "a sigmoid": (3, Drain(function=Function.SIGMOID)),
    "the sigmoid of a sum": (3, Add(function=Function.SIGMOID)),
    "a wide sum": (3, Add(wide=1)),
    "a word alone": (3, Add(alone=1)),
    "a sum with an activation": (3, Add(from_activation=1)),
    "a GRU": (3, Gru()),
}


@pytest.mark.parametrize("name", VERSIONS)
def test_the_least_version_that_has_an_instruction(name: str) -> None:
    version, instruction = VERSIONS[name]
    assert instruction.version == version


@pytest.mark.parametrize("name", WORDS)
def test_encoding_does_not_change(name: str) -> None:
    word, operation, fields = WORDS[name]
    assert operation(**fields).encode() == word


def test_what_is_no_member_is_refused_by_name() -> None:
    class Three(enum.Enum, shape=2):
        ONE = 1
        TWO = 2
        THREE = 3

    class Own(Instruction, opcode=31):
        choice: Three

    assert Own(choice=3).encode() == 3 << HEAD_BITS | 31
    with pytest.raises(EncodingError) as caught:
        Own(choice=0).encode()
    assert str(caught.value) == "OWN: field 'choice': 0 is no member of Three"


@pytest.mark.parametrize("overlaps", [-1, 8])
def test_overlaps_is_three_bits(overlaps: int) -> None:
    with pytest.raises(EncodingError, match=f"^ADD: overlaps is {overlaps}, wanted 0 to 7$"):
        Add(overlaps=overlaps)


def test_every_operation_has_its_unit() -> None:
    elements = ("ADD", "MULTIPLY", "EMBED", "FILL", "COPY")
    vector = ("INPUT", "READ", "WRITE", "CELL", "GRU", "DRAIN", "ARGMAX", *elements)
    by_unit = {"MATVEC": Unit.ARRAY, "TABLE": Unit.TABLE, **dict.fromkeys(vector, Unit.VECTOR)}
    assert {o: o.unit for o in ISA} == {o: by_unit.get(o.mnemonic, Unit.NONE) for o in ISA}
