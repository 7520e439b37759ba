"""What of a program as a whole the exact machine refuses, and in which words."""

import re
from dataclasses import replace

import numpy as np
import pytest

from sordino.image.checks.verify import verify
from sordino.image.host import HostSection
from sordino.image.image import Image, ImageError
from sordino.isa.choices import Condition
from sordino.isa.instruction import Instruction, Unit
from sordino.isa.operations import (
    Argmax,
    Branch,
    Call,
    Count,
    Drain,
    Embed,
    Emit,
    Jump,
    Loop,
    Matvec,
    Set,
)
from tests.hw.image.faulty import image, make, refused


@pytest.mark.parametrize("operation", [Set, Call, Loop, Branch])
def test_the_program_must_not_run_out(operation: type[Instruction]) -> None:
    wrong = replace(image(), program=(operation(),))
    assert refused(wrong) == (
        f"instruction 0 ({operation.mnemonic}): the program ends after it, wanted HALT, "
        "JUMP or RETURN last"
    )


def test_embedding_rows_follow_the_registers() -> None:
    embed = make(Embed, register=3, parameters=2, stride=2, count=20)

    def with_value(value: int) -> Image:
        return image(Set(register=3, value=value), embed)

    verify(with_value(2))
    assert refused(with_value(3)) == (
        "instruction 3 (EMBED): row 3 (the most that register 3 may hold) take parameter words 8 "
        "to 9, the parameter section has 8; compile again"
    )
    loop = Loop(register=3, target=0)
    assert "row 65535 (the most" in refused(image(embed, loop))
    verify(image(embed, Loop(register=4, target=0)))


def test_a_branch_right_before_bounds_the_row() -> None:
    """What it lets pass is below its value, where nothing else leads to the EMBED."""
    embed = make(Embed, register=3, parameters=2, stride=2, count=20)
    count = Count(register=3, step=1)

    def below(value: int, **fields: object) -> Branch:
        return Branch(**{"register": 3, "condition": Condition.GE, "value": value, **fields})

    verify(image(count, below(3), embed))
    assert "row 3 (the most" in refused(image(count, below(4), embed))
    for other in (
        below(3, condition=Condition.LT),
        below(3, condition=Condition.NE),
        below(3, register=4),
        below(0),
    ):
        assert "row 65535 (the most" in refused(image(count, other, embed))
    assert "row 65535 (the most" in refused(image(count, below(3), count, embed))
    made, at = image(Jump(target=3), below(3), embed, count), 4
    verify(made)
    aimed = (*made.program[:2], Jump(target=at), *made.program[3:])
    assert "row 65535 (the most" in refused(replace(made, program=aimed))
    entry = made.host.changed(entries={"main": 0, "other": at})
    assert "row 65535 (the most" in refused(replace(made, host=entry))


def test_embedding_rows_follow_argmax() -> None:
    def with_index(index: int) -> Image:
        indices = np.stack([np.zeros(4), [-1, 0, index, 1]], axis=1).astype("<i4").tobytes()
        argmax = make(Argmax, rows=1, register=5)
        embed = make(Embed, register=5, stride=1)
        return image(argmax, embed, parameters=indices)

    verify(with_index(1))
    assert "row 2 (the most that register 5 may hold)" in refused(with_index(2))
    assert refused(with_index(65536)) == (
        "instruction 2 (ARGMAX): index 65536, wanted at most 65535"
    )


def test_the_range_comes_before_what_is_in_it() -> None:
    """Parameters that are not all there are the fault, not the indices in the rest of them."""
    indices = np.full((16, 2), 70000, "<i4").tobytes()
    assert refused(image(make(Argmax, rows=3, parameters=6), parameters=indices)) == (
        "instruction 2 (ARGMAX): entries take parameter words 6 to 11, the parameter section has "
        "8; compile again"
    )
    embed = make(Embed, register=3, parameters=100, stride=2)
    assert refused(image(Set(register=3, value=7), embed)).startswith(
        "instruction 3 (EMBED): row 7 (the most that register 3 may hold) take parameter words 114"
    )
    assert "does not fit: activation_words" in refused(image(embed.replace(count=900)))


def test_embedding_of_a_branch_register_is_no_write() -> None:
    branch = Branch(register=3, value=60000, target=0)
    verify(image(make(Embed, register=3, stride=2), branch))


def test_hazards_are_refused() -> None:
    """An instruction at work must not be disturbed on any path; where one waits it is not."""
    matvec = make(Matvec, bank=1)
    drain = make(Drain, bank=1)
    verify(image(matvec, drain))
    racing = Drain(overlaps=Unit.ARRAY, **drain.fields)
    message = (
        "instruction 3 (DRAIN): MATVEC at 2 may still be at work on BANK1 0 to 2; take ARRAY out "
        "of overlaps"
    )
    with pytest.raises(ImageError, match=f"^{re.escape(message)}$"):
        verify(image(matvec, racing))
    verify(image(matvec, Set(overlaps=Unit.TABLE), racing))
    # Around a loop, from a subroutine, on one way of a branch.
    loop = make(Loop, target=2).fields
    with pytest.raises(ImageError, match=r"^instruction 2 \(DRAIN\): MATVEC at 3 may"):
        verify(image(racing, matvec, Loop(overlaps=7, **loop)))
    verify(image(racing, matvec, make(Loop, target=2)))
    branch = Branch(target=4)
    with pytest.raises(ImageError, match=r"^instruction 4 \(DRAIN\): MATVEC at 3 may"):
        verify(image(branch, matvec, racing))


def test_entry_points_are_addresses() -> None:
    wrong = replace(image(make(Emit)), host=HostSection(entries={"joint": 4}))
    assert refused(wrong) == "entry point 'joint' is address 4, wanted 0 to 3"
