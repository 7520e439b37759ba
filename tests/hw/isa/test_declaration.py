"""Declarations of operations that are none are refused where they stand, in one sentence."""

import copy
import pickle
from types import MappingProxyType
from typing import Any

import pytest
from amaranth.hdl import signed

from sordino.isa.choices import Function
from sordino.isa.encoding import EncodingError
from sordino.isa.fields import (
    ACTIVATION,
    ADDRESS,
    CHOICE,
    COUNT,
    FLAG,
    NUMBER,
    REGISTER,
    RIGHT_SHIFT,
    STATE,
    VALUE_TABLE,
    Extent,
    Store,
    accumulators,
    by,
    parameters,
    reads,
    streaming,
    writes,
)
from sordino.isa.instruction import Instruction, Unit
from sordino.isa.instruction_set import InstructionSet
from sordino.isa.operations import ISA, Copy, Halt
from sordino.isa.pipelines import Pipeline

VECTOR = MappingProxyType({"unit": Unit.VECTOR})


def declare(
    shapes: dict[str, Any],
    body: dict[str, Any],
    *,
    name: str = "Own",
    bases: tuple[type, ...] = (Instruction,),
    **options: Any,
) -> Any:
    """An operation with `count`, from the text of a class statement in pieces."""
    pieces = {"elements": "count", "pipeline": Pipeline.MOVE, "count": COUNT, **body}
    pieces["__annotations__"] = {"count": 12, **shapes}
    settings = {"opcode": 30, **VECTOR, **options}
    return type(Instruction)(name, bases, pieces, **settings)


ROW = parameters("values", 8, "count", row=("register", "stride"))


@pytest.mark.parametrize(
    ("shapes", "body", "message"),
    [
        ({"source": 16}, {"source": reads(ACTIVATION, "cont")}, "number of words.*got 'cont'"),
        ({"source": 16}, {"source": reads(ACTIVATION, "source")}, "wanted a COUNT .*'source'"),
        (
            {"source": 16},
            {"source": reads(STATE, Extent("rows", lambda fields, _: fields["rows"]))},
            "number of words of field 'source', got 'rows'",
        ),
        (
            {"source": 16},
            {"source": reads(STATE, Extent("half", lambda fields, _: 0.5))},  # type: ignore
            "wanted a whole number of words",
        ),
        (
            {"source": 16},
            {"source": reads(by("wide", ACTIVATION, STATE), "count")},
            "wanted an unsigned field that chooses the memory of field 'source', got 'wide'",
        ),
        (
            {"source": 16, "wide": 2},
            {"source": reads(by("wide", ACTIVATION, STATE), "count"), "wide": NUMBER},
            "wanted 4 options for the memory of field 'source'.*got 2",
        ),
        (
            {"source": 16, "wide": 1},
            {"source": reads(by("wide", ACTIVATION, "STATE"), "count"), "wide": FLAG},
            "wanted a memory, table or register.*got 'STATE'",
        ),
        ({"pc": 16}, {"pc": writes(Store.PC)}, "wanted a memory, table or register"),
        ({"token": 3}, {"token": writes(Store.TOKEN)}, "wanted a memory, table or register"),
        ({"register": 4}, {"register": writes(REGISTER)}, "wanted 3 bits .*REGISTER alone"),
        ({"register": 3}, {"register": writes(REGISTER, "count")}, "wanted one register"),
        ({"slot": 4}, {"slot": reads(VALUE_TABLE, "count")}, "wanted one register or table"),
        (
            {"register": 3, "wide": 1},
            {"register": writes(by("wide", REGISTER, STATE)), "wide": FLAG},
            "REGISTER alone",
        ),
        ({"acc": 1}, {"acc": accumulators("count")}, "chooses the memory .* got 'bank'"),
        (
            {"bank": 1},
            {"bank": accumulators("count", first="first_row")},
            "first word of field 'bank', got 'first_row'",
        ),
        ({"bank": 2}, {"bank": accumulators("count")}, "wanted 4 options"),
        ({"p": 24}, {"p": ROW}, "a register that is read .*'register'"),
        (
            {"p": 24, "register": 3},
            {"p": ROW, "register": reads(REGISTER)},
            "an unsigned stride .*'stride'",
        ),
        (
            {"p": 24, "register": 3, "stride": 4},
            {"p": ROW, "register": NUMBER, "stride": NUMBER},
            "a register that is read",
        ),
        ({"p": 24}, {"p": parameters("values", 8, "rows")}, "number of words .*'rows'"),
        ({"a": signed(16)}, {"a": reads(STATE, "count")}, "an unsigned shape for field 'a'"),
        ({"a": signed(16)}, {"a": ADDRESS}, "an unsigned shape for field 'a'"),
        ({"a": signed(9)}, {"a": COUNT}, "an unsigned shape for field 'a'"),
        ({"a": 2}, {"a": FLAG}, "wanted 1 bits at most for field 'a', got 2"),
        ({"a": 7}, {"a": RIGHT_SHIFT}, "wanted 6 bits at most for field 'a', got 7"),
        ({"a": 2}, {"a": CHOICE}, "wanted CHOICE for field 'a' if it is an enumeration"),
        ({"a": Function}, {"a": NUMBER}, "wanted CHOICE for field 'a'"),
        ({"a": 0}, {"a": NUMBER}, "wanted at least one bit for field 'a'"),
        ({"a": -1}, {"a": NUMBER}, "wanted the bits of field 'a' or a shape, got -1"),
        ({"a": int}, {"a": NUMBER}, "wanted the bits of field 'a'"),
        ({"a": "sixteen"}, {"a": NUMBER}, "wanted shapes of fields, got name 'sixteen'"),
        ({"a": 13}, {"a": streaming(NUMBER)}, "do not fit in a word"),
        ({}, {"a": NUMBER}, "wanted a shape for field 'a'"),
        ({}, {"elements": "rows"}, "number of words that it takes, got 'rows'"),
        ({}, {"elements": 3}, "wanted a field's name or an Extent, got 3"),
        ({}, {"pipeline": "MOVE"}, "wanted a Pipeline, got 'MOVE'"),
        (
            {"function": Function},
            {"pipeline": by("function", Pipeline.MOVE, Pipeline.VALUE)},
            "wanted 4 options for its pipeline",
        ),
        ({}, {"emits": "yes"}, "wanted emits to be True or False"),
        ({}, {"wrong": ""}, "wanted a method wrong"),
        ({}, {"ways": ()}, "wanted a method ways"),
    ],
)
def test_a_field_that_says_nothing_sensible_is_refused(
    shapes: dict[str, Any], body: dict[str, Any], message: str
) -> None:
    with pytest.raises(TypeError, match=f"^Own: .*{message}"):
        declare(shapes, body)


@pytest.mark.parametrize(
    "name",
    [
        *("fields", "layer", "overlaps", "number", "mnemonic", "plain", "uses", "ways", "wrong"),
        *("encode", "replace", "streaming", "layout", "through", "self", "operation", "_hidden"),
    ],
)
def test_a_field_cannot_have_the_name_of_something_that_instructions_have(name: str) -> None:
    with pytest.raises(TypeError, match=f"^Own: wanted another name for field '{name}'"):
        declare({name: 3}, {name: NUMBER})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"opcode": "30"}, "wanted an opcode, got '30'"),
        ({"opcode": 1.5}, "wanted an opcode, got 1.5"),
        ({"opcode": True}, "wanted an opcode, got True"),
        ({"unit": 2}, "wanted one Unit, got 2"),
        ({"unit": Unit.VECTOR | Unit.TABLE}, "wanted one Unit"),
        ({"awaits": "ARRAY"}, "wanted awaits of Units, got 'ARRAY'"),
        ({"unit": Unit.NONE, "blocks": True}, "wanted blocks of a unit's operation alone"),
        ({"blocks": True}, "wanted fields count and end of an operation that blocks"),
        ({"name": "Raw"}, "wanted the name of a class that is public"),
        ({"name": "A B"}, "wanted the name of a class that is public"),
        ({"name": "_Own"}, "wanted the name of a class that is public"),
        ({"bases": (Copy,)}, "wanted a subclass of Instruction itself, got one of Copy"),
    ],
)
def test_an_operation_that_nobody_could_execute_is_refused(
    options: dict[str, Any], message: str
) -> None:
    with pytest.raises(TypeError, match=message):
        declare({}, {}, **options)


@pytest.mark.parametrize("opcode", [-1, 32])
def test_an_opcode_fits_its_bits(opcode: int) -> None:
    with pytest.raises(EncodingError, match=rf"^field 'opcode': {opcode} does not fit"):
        declare({}, {}, opcode=opcode)


def test_fields_stand_in_one_body_and_once() -> None:
    class Shared:
        a: 3 = NUMBER

    with pytest.raises(TypeError, match=r"^Own: .*fields of Shared besides"):
        declare({}, {}, bases=(Shared, Instruction))
    with pytest.raises(TypeError, match=r"^wanted every name once in an operation, got 'a'"):

        class Twice(Instruction, opcode=30):
            a: 3 = NUMBER
            a: 5 = NUMBER  # type: ignore[no-redef]


def test_a_mixin_of_methods_is_welcome() -> None:
    class Never:
        def wrong(self) -> str:
            return "never"

    assert declare({}, {}, bases=(Never, Instruction))().wrong() == "never"


@pytest.mark.parametrize("given", [Instruction, Halt(), "HALT", object])
def test_a_set_is_of_operations(given: Any) -> None:
    with pytest.raises(TypeError, match=r"^wanted operations, got "):
        InstructionSet([given])


def test_a_set_names_only_those_that_stand_twice() -> None:
    with pytest.raises(ValueError, match=r"once, got COPY 17, COPY 17$"):
        ISA.extended(Copy)


def test_sets_are_equal_by_their_operations_and_can_be_copied() -> None:
    for other in (pickle.loads(pickle.dumps(ISA)), copy.deepcopy(ISA), InstructionSet(list(ISA))):
        assert other == ISA
        assert hash(other) == hash(ISA)
        assert other.word.size == ISA.word.size
    assert InstructionSet([Halt]) != ISA


def test_instructions_are_values() -> None:
    i = Copy("layer", source=4, count=3, overlaps=Unit.ARRAY)
    for other in (copy.copy(i), copy.deepcopy(i), pickle.loads(pickle.dumps(i))):
        assert other == i
    with pytest.raises(AttributeError, match=r"^wanted replace\(source=\.\.\.\)"):
        i.source = 5  # type: ignore[misc]
    with pytest.raises(AttributeError, match=r"^COPY keeps its 'layer'$"):
        del i.layer
    assert i.replace("other", count=4) == Copy("other", source=4, count=4, overlaps=Unit.ARRAY)


@pytest.mark.parametrize("value", [1.5, None, b"4"])
def test_fields_are_whole_numbers(value: Any) -> None:
    for given in ({"source": value}, {"overlaps": value}):
        with pytest.raises(EncodingError, match=r"^COPY: wanted whole numbers"):
            Copy(**given)


def test_instruction_is_no_operation() -> None:
    with pytest.raises(TypeError, match=r"^wanted an operation, got Instruction itself$"):
        Instruction()
