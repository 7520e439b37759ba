"""An image states the least version of the instruction set that has all of its program."""

import struct
from dataclasses import replace
from pathlib import Path
from zlib import crc32

import pytest

from sordino.arch import PRESETS
from sordino.image.fit import check_fit
from sordino.image.image import FORMAT, Image, ImageError
from sordino.isa.choices import SINCE
from sordino.isa.fields import FIRST_VERSION, NUMBER, since
from sordino.isa.instruction import Instruction
from sordino.isa.operations import ISA, Halt, Set
from sordino.isa.registers import ISA_VERSION, capacities
from sordino.testing.images.builder import ProgramBuilder

VERSION_AT = 28
MODELS = sorted((Path(__file__).parents[3] / "models").glob("*.sordino"))


class Later(Instruction, opcode=30, since=ISA_VERSION + 1):
    """An operation of a version to come."""

    value: 16 = NUMBER
    more: 4 = since(ISA_VERSION + 2, NUMBER)


LATER = ISA.extended(Later)


def image_of(*program: Instruction) -> Image:
    halted = ProgramBuilder(PRESETS["small"], LATER)
    halted.end()
    return replace(halted.image(), program=(*program, Halt()))


def stated(contents: bytes) -> int:
    return int(struct.unpack_from("<H", contents, VERSION_AT)[0])


def with_version(contents: bytes, version: int) -> bytes:
    """The same file with another version in its header."""
    changed = bytearray(contents)
    struct.pack_into("<H", changed, VERSION_AT, version)
    count = struct.unpack_from("<I", contents, 16)[0]
    struct.pack_into("<I", changed, 24, 0)
    struct.pack_into("<I", changed, 24, crc32(changed[: 64 + 32 * count]))
    return bytes(changed)


def test_every_version_up_to_the_machines_and_none_beyond() -> None:
    """The register VERSION rises with what comes, and only with that."""
    assert ISA.version <= ISA_VERSION
    assert all(FIRST_VERSION < version <= ISA_VERSION for version in SINCE.values())


def test_an_instruction_needs_what_its_operation_and_its_fields_came_with() -> None:
    assert Set(value=9).version == FIRST_VERSION
    assert Later(value=9).version == ISA_VERSION + 1
    assert Later(more=1).version == ISA_VERSION + 2
    assert LATER.version == ISA_VERSION + 2


def test_the_least_version_is_stated_and_read_again() -> None:
    for program, version in (
        ((), FIRST_VERSION),
        ((Later(),), ISA_VERSION + 1),
        ((Later(more=3), Later()), ISA_VERSION + 2),
    ):
        image = image_of(*program)
        assert image.version == version
        contents = image.to_bytes()
        assert stated(contents) == (0 if version == FIRST_VERSION else version)
        assert contents[10] == (0 if version == FIRST_VERSION else FORMAT[1])
        assert Image.from_bytes(contents, LATER) == image


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_shipped_images_need_the_first_version(path: Path) -> None:
    assert Image.load(path).version == FIRST_VERSION
    assert stated(path.read_bytes()) == 0


def test_a_machine_with_less_refuses() -> None:
    image = image_of(Later())
    machine = capacities(image.config)
    with pytest.raises(ImageError) as error:
        check_fit(replace(image, program=(Set(), Halt())), machine, FIRST_VERSION - 1)
    assert str(error.value) == (
        f"the image needs version {FIRST_VERSION} of the instruction set, the machine has version "
        f"{FIRST_VERSION - 1}; compile the model for the machine, or take a later one"
    )
    with pytest.raises(ImageError, match=f"needs version {ISA_VERSION + 1} "):
        check_fit(image, machine)
    check_fit(replace(image, program=(Set(), Halt())), machine, FIRST_VERSION)


def test_a_version_beyond_the_readers_is_refused_before_its_program_is_read() -> None:
    contents = image_of(Later()).to_bytes()
    wanted = (
        f"the program needs version {ISA_VERSION + 1} of the instruction set, this one is version "
        f"{ISA.version}; take a later version of Sordino, or compile the model again"
    )
    with pytest.raises(ImageError) as error:
        Image.from_bytes(contents)
    assert str(error.value) == wanted


@pytest.mark.parametrize("wrong", [FIRST_VERSION, FIRST_VERSION - 1, ISA_VERSION + 2])
@pytest.mark.parametrize("program", [(), (Later(),)], ids=["first", "later"])
def test_a_header_that_states_another_version_is_refused(
    program: tuple[Instruction, ...], wrong: int
) -> None:
    contents = with_version(image_of(*program).to_bytes(), wrong)
    with pytest.raises(ImageError, match=f"^header states version {wrong} of the instruction set"):
        Image.from_bytes(contents, LATER)


@pytest.mark.parametrize("version", [1, 0, -3, 1 << 16, 3.0, True, None])
def test_versions_that_are_none_are_refused_where_they_are_written(version: object) -> None:
    with pytest.raises(TypeError, match="wanted 2 to 65535 for the version that it came with"):
        type("Early", (Instruction,), {}, opcode=30, since=version)
    with pytest.raises(TypeError, match="wanted 2 to 65535 for the version of field 'value'"):

        class Early(Instruction, opcode=30):
            value: 4 = since(version, NUMBER)  # type: ignore[arg-type]
