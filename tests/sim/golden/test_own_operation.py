"""An operation that only this file declares is known to everybody who is given its set.

NEGATE is no operation of the machine. Nothing else knows it: the instruction set, its page and its
encodings are afterwards what they were.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from sordino.arch import Config
from sordino.cycles.engine import Cycles
from sordino.engines.amaranth.amaranth_sim import AmaranthSim
from sordino.golden.execution import SEMANTICS, Context
from sordino.golden.machine import Golden
from sordino.image.checks.verify import verify
from sordino.image.fit import check_fit
from sordino.image.image import Image, ImageError
from sordino.image.sizes import needed
from sordino.isa.encoding import EncodingError
from sordino.isa.fields import ACTIVATION, COUNT, FLAG, NUMBER, STATE, Store, by, reads, writes
from sordino.isa.hazards import Region, claims, conflict, hazards
from sordino.isa.hazards import writes as written
from sordino.isa.instruction import Control, Instruction, Unit
from sordino.isa.instruction_set import InstructionSet
from sordino.isa.operations import ISA, Embed, Halt, Matvec
from sordino.isa.pipelines import Pipeline
from sordino.isa.registers import capacities
from sordino.isa.text.assemble import AssemblyError, assemble
from sordino.isa.text.disassemble import disassemble
from sordino.isa.text.header import c_header
from sordino.reference.instructions import isa_page
from sordino.testing.images.builder import ProgramBuilder
from sordino.testing.images.programs import (
    overlapped,
    random_config,
    random_features,
    random_program,
)

CONFIG = random_config(np.random.default_rng(0))
PAGE, HEADER = isa_page(), c_header()
WORDS = {o.mnemonic: o(overlaps=5).encode() for o in ISA}


class Negate(Instruction, opcode=30, unit=Unit.VECTOR):
    """destination[k] = -source[k] for k < count, saturated to int8, or from STATE with `wide`."""

    source: 16 = reads(by("wide", ACTIVATION, STATE), "count")
    destination: 16 = writes(ACTIVATION, "count")
    count: 12 = COUNT
    wide: 1 = FLAG

    elements, pipeline = "count", Pipeline.MOVE


OWN = ISA.extended(Negate)


def negate(context: Context, i: Instruction) -> Callable[[], int]:
    memory = context.state.memory
    source = (memory.state if i.wide else memory.activation)[i.source : i.source + i.count]
    out = memory.activation[i.destination : i.destination + i.count]

    def execute() -> int:
        out[...] = np.clip(-source.astype(np.int64), -128, 127)
        return context.next

    return execute


OWN_SEMANTICS = {**SEMANTICS, Negate: negate}


def image(*code: Instruction, config: Config = CONFIG) -> Image:
    return replace(ProgramBuilder(config, OWN).image(), program=(*code, Halt()))


def test_the_verifier_knows_its_ranges() -> None:
    last = CONFIG.activation_words - 3
    verify(image(Negate(source=last, count=3)))
    for field in ("source", "destination"):
        with pytest.raises(
            ImageError, match=rf"^instruction 0 \(NEGATE\): .*: {field} takes words"
        ):
            verify(image(Negate(count=3, **{field: last + 1})))
    with pytest.raises(ImageError, match=r"does not fit: state_words: source takes words"):
        verify(image(Negate(source=CONFIG.state_words, count=1, wide=1)))
    with pytest.raises(ImageError, match=r"\(NEGATE\): count is 0, wanted at least 1"):
        verify(image(Negate()))


def test_an_image_of_another_set_is_refused() -> None:
    strange = replace(image(Negate(count=1)), isa=ISA)
    with pytest.raises(ImageError, match=r"wanted an operation of the image's instruction set"):
        verify(strange)
    with pytest.raises(ImageError, match=r"\(NEGATE\): wanted an operation with semantics"):
        Golden(image(Negate(count=1)))


def test_a_machine_of_another_set_refuses_it() -> None:
    """The circuit has the operations of ISA: an opcode of theirs is not enough."""

    class Copy(Instruction, opcode=17, unit=Unit.VECTOR):
        destination: 16 = writes(ACTIVATION, "count")
        count: 16 = COUNT

        elements, pipeline = "count", Pipeline.CONSTANT

    other = InstructionSet([Halt, Copy])
    for program in (image(Negate(count=1)), replace(image(Copy(count=1)), isa=other)):
        verify(program)
        for refusing in (
            lambda p: AmaranthSim(p).run(np.zeros((0, 1), np.int8)),
            lambda p: check_fit(p, capacities(p.config)),
        ):
            with pytest.raises(
                ImageError,
                match=r"^instruction 0 \((NEGATE|COPY)\): wanted an operation of",
            ):
                refusing(program)


class Back(Instruction, opcode=31):
    """Go back by `by` addresses."""

    by: 4 = NUMBER

    def ways(self, control: Control) -> tuple[Control, ...]:
        return (control.at(control.pc - self.by),)


def test_a_program_that_goes_back_beyond_its_begin_is_refused() -> None:
    own = OWN.extended(Back)
    verify(replace(image(Negate(count=1), Back(by=1)), isa=own))
    with pytest.raises(
        ImageError, match=r"^instruction 1 \(BACK\): goes on at address -1, wanted 0 to 2$"
    ):
        verify(replace(image(Negate(count=1), Back(by=2)), isa=own))


class Clear(Instruction, opcode=31, unit=Unit.VECTOR):
    """Clear `count` words, where nothing says that there is at least one."""

    destination: 16 = writes(STATE, "count")
    count: 16 = NUMBER

    elements, pipeline = "count", Pipeline.CONSTANT


def test_words_are_at_least_one() -> None:
    with pytest.raises(
        ImageError, match=r"\(CLEAR\): destination takes no words, wanted at least 1"
    ):
        verify(replace(image(Clear()), isa=OWN.extended(Clear)))


def test_effects_and_hazards_follow() -> None:
    i = Negate(source=7, destination=40, count=5)
    assert written(i, CONFIG) == (Region(Store.ACTIVATION, 40, 5),)
    assert claims(i, CONFIG)[0] == (Region(Store.ACTIVATION, 7, 5),)
    assert claims(i.replace(wide=1), CONFIG)[0] == (Region(Store.STATE, 7, 5),)
    product = Matvec(source=42, columns=9, rows=1)
    assert conflict(product, i, CONFIG) == Region(Store.ACTIVATION, 42, 3)
    program = [product, i.replace(overlaps=Unit.ARRAY), Halt()]
    assert [pair[:2] for pair in hazards(program, [0], CONFIG)] == [(1, 0)]
    found = random_program(np.random.default_rng(1), CONFIG)
    first = next(i for i in found.program if isinstance(i, Matvec))
    at = first.source
    racing = (first, Negate(destination=at, source=at, count=1, overlaps=Unit.ARRAY), Halt())
    wrong = replace(found, program=(*found.program[:-1], *racing), isa=OWN)
    with pytest.raises(ImageError, match=r"MATVEC at \d+ may still be at work on ACTIVATION"):
        verify(wrong)


def test_capacities_follow() -> None:
    assert needed(image(Negate(source=90, count=5, wide=1)))["state_words"] == 95


def test_text_and_words_come_back() -> None:
    i = Negate("a layer", source=7, destination=40, count=5, overlaps=Unit.TABLE)
    text = disassemble([i])
    wanted = "NEGATE source=7 destination=40 count=5 wide=0 overlaps=TABLE ; a layer"
    assert " ".join(text.split()[1:]) == wanted
    assert assemble(text, OWN)[0] == (i,)
    with pytest.raises(AssemblyError, match=r"wanted an operation, got 'NEGATE'"):
        assemble(text)
    assert OWN.decode(i.encode(), "a layer") == i
    with pytest.raises(EncodingError, match=r"^unknown opcode 30 "):
        ISA.decode(i.encode())
    program = image(i)
    assert Image.from_bytes(program.to_bytes(), OWN).program == program.program
    with pytest.raises(ImageError, match=r"^instruction 0: unknown opcode 30 .*; compile again$"):
        Image.from_bytes(program.to_bytes())


def test_the_page_shows_it() -> None:
    page = isa_page(OWN)
    assert page.startswith(PAGE[: PAGE.index("\n## Unit")])
    added = page[page.index("\n## 30 NEGATE") : page.index("\n## Unit")]
    assert str(Negate.__doc__) in added
    assert (
        "| 15:0 | `source` | unsigned | reads `count` words of ACTIVATION or STATE by `wide`"
        in added
    )


def test_the_c_header_has_it() -> None:
    header = c_header(OWN)
    opcode = f"    SORDINO_OP_NEGATE = 30, /* {Negate.__doc__} */\n"
    start = header.index("\n/* Fields of NEGATE */")
    fields = header[start : header.index("};\n", start) + 3]
    assert "    SORDINO_FIELD_NEGATE_COUNT = SORDINO_FIELD(40, 12, 0), /* at least 1 */\n" in fields
    assert "SORDINO_FIELD_NEGATE_WIDE = SORDINO_FIELD(52, 1, 0)" in fields
    assert header.count(opcode) == 1
    assert header.replace(opcode, "").replace(fields, "") == HEADER


@pytest.mark.parametrize("seed", range(6))
def test_random_programs_use_it_and_every_engine_runs_them(seed: int) -> None:
    rng = np.random.default_rng(seed)
    config = random_config(rng)
    found = random_program(rng, config, steps=12, isa=OWN)
    while not any(isinstance(i, Negate) for i in found.program):
        found = random_program(rng, config, steps=12, isa=OWN)
    found = overlapped(found, rng)
    features = random_features(rng, found, 3)
    results = [
        engine.run(features, record=True)
        for engine in (Golden(found, OWN_SEMANTICS), Cycles(found, semantics=OWN_SEMANTICS))
    ]
    records = [result.records or [] for result in results]
    assert [r.pc for r in records[0]] == [r.pc for r in records[1]]
    for a, b in zip(*records, strict=True):
        assert np.array_equal(a.values, b.values)
    executed = [found.program[record.pc] for record in records[0]]
    assert results[1].counters["vector"] >= sum(
        int(i.duration(config) or 0) for i in executed if isinstance(i, Negate)
    )


def test_golden_does_what_it_means() -> None:
    builder = ProgramBuilder(CONFIG, OWN)
    word, stride = builder.embedding(np.array([[-128, -1, 0, 1, 127]], np.int8))
    builder.add(Embed, parameters=word, stride=stride, count=5)
    builder.add(Negate, source=0, destination=1, count=5)
    builder.end()
    golden = Golden(builder.image(), OWN_SEMANTICS)
    golden.run(np.zeros((0, 1), np.int8))
    found: NDArray[np.int64] = golden.state.memory.activation[:6]
    assert found.tolist() == [-128, 127, 1, 0, -1, -127]


def test_nothing_else_has_changed() -> None:
    assert (isa_page(), c_header()) == (PAGE, HEADER)
    assert {o.mnemonic: o(overlaps=5).encode() for o in ISA} == WORDS
    assert "NEGATE" not in ISA.opcodes.__members__
