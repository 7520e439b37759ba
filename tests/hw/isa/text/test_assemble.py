"""Assembler and disassembler are each other's inverse."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sordino.arch import PRESETS
from sordino.compiler.compile import compile_model
from sordino.image.listing import listing
from sordino.isa.choices import Condition, Space
from sordino.isa.instruction import Instruction, Unit
from sordino.isa.operations import ISA, Branch, Fill, Halt, Jump, Loop, Set
from sordino.isa.text.assemble import AssemblyError, assemble
from sordino.isa.text.disassemble import disassemble
from sordino.model.random_rnnt import random_model


@st.composite
def instructions(draw: st.DrawFn) -> Instruction:
    operation = draw(st.sampled_from(ISA.operations))
    values = {
        name: draw(
            st.sampled_from([member.value for member in field.choices])
            if field.choices
            else st.integers(*field.range)
        )
        for name, field in operation.FIELDS.items()
    }
    layer = draw(st.sampled_from(["", "encoder.0.weight_ih", "a layer"]))
    return operation(layer, overlaps=draw(st.integers(0, 7)), **values)


@given(st.lists(instructions(), max_size=12))
@settings(max_examples=150, deadline=None)
def test_any_program_comes_back(program: list[Instruction]) -> None:
    again, _ = assemble(disassemble(program))
    assert list(again) == program
    assert [i.encode() for i in again] == [i.encode() for i in program]


def test_a_compiled_program_comes_back_from_its_listing() -> None:
    image = compile_model(random_model(0), PRESETS["tiny"]).image
    text = listing(image)
    program, labels = assemble(text)
    assert program == image.program
    assert labels == image.host.addresses
    assert {"main:", "frame:", "symbol:", "predict:", "stop:"} <= set(text.split())
    assert "target=predict" in text


def test_a_program_written_by_hand() -> None:
    program, labels = assemble(
        """
        # count down
            SET register=3 value=0x10   ; counter
        again:
        1   LOOP register=3 target=again
            branch register=3 condition=ne value=0 target=0
            FILL space=BANK1 count=2 value=-1
            HALT
        """
    )
    assert labels == {"again": 1}
    assert program == (
        Set("counter", register=3, value=16),
        Loop(register=3, target=1),
        Branch(register=3, condition=Condition.NE),
        Fill(space=Space.BANK1, count=2, value=-1),
        Halt(),
    )


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("NOP", "line 1: wanted an operation, got 'NOP'"),
        ("SET register=8", "line 1: SET: field 'register': 8 does not fit"),
        ("SET colour=8", "line 1: SET has no field 'colour'"),
        ("SET register", "line 1: wanted each field once"),
        ("SET value=1 value=2", "line 1: wanted each field once"),
        ("SET value=one", "line 1: wanted a number for SET value, got 'one'"),
        ("SET value=08x", "line 1: wanted a number for SET value"),
        ("FILL space=DISK", "line 1: wanted a number for FILL space, got 'DISK'"),
        ("JUMP target=nowhere", "no label 'nowhere'"),
        ("x:\nx:", "line 2: label 'x' stands twice"),
        ("3 HALT", "line 1: address 3, this is instruction 0"),
        ("; only a layer", "line 1: wanted an operation, got 'nothing'"),
    ],
)
def test_mistakes_are_named(line: str, wanted: str) -> None:
    with pytest.raises(AssemblyError) as caught:
        assemble(line)
    assert wanted in str(caught.value)


def test_labels_may_share_an_address_and_stand_at_any() -> None:
    rng = np.random.default_rng(0)
    program = [Jump(target=int(t)) for t in rng.integers(0, 6, 6)]
    labels = {"a": 2, "b": 2, "c": 5}
    again, found = assemble(disassemble(program, labels))
    assert list(again) == program
    assert labels.items() <= dict(found).items()


def test_units_by_name() -> None:
    (first, second, third), _ = assemble(
        "ADD count=1 overlaps=ARRAY+table\nTABLE overlaps=0\nSET overlaps=7\n"
    )
    assert first.overlaps == Unit.ARRAY | Unit.TABLE
    assert second.overlaps is Unit.NONE
    assert third.overlaps == Unit.ARRAY | Unit.VECTOR | Unit.TABLE
    assert "overlaps=ARRAY+VECTOR+TABLE" in disassemble([third])
    assert "overlaps" not in disassemble([second])
    for wrong in ("ADD overlaps=ARRAY+THIS", "ADD overlaps=", "ADD overlaps=8"):
        with pytest.raises(AssemblyError, match=r"^line 1: "):
            assemble(wrong)


@pytest.mark.parametrize("odd", [*"\x0b\x0c\x1c\u0085\u2028\u2029"])
def test_line_feeds_alone_end_lines(odd: str) -> None:
    text = f"\ufeffSET value=1 ; a{odd}b\r\n\r\n# c{odd}d\r\n1 HALT\r\n"
    (first, second), _ = assemble(text)
    assert (first.layer, type(second)) == (f"a{odd}b", Halt)


@pytest.mark.parametrize("line", ["9" * 5000 + " HALT", "SET value=" + "9" * 5000, "٣ HALT"])
def test_numbers_that_are_none(line: str) -> None:
    with pytest.raises(AssemblyError, match=r"^line 1: wanted"):
        assemble(line)
