"""What a register may hold where an instruction reads it."""

from sordino.image.image import Image
from sordino.isa.choices import Condition
from sordino.isa.fields import REGISTER_HIGH, Kind, Store
from sordino.isa.hazards import Region, writes
from sordino.isa.operations import Branch

__all__ = ["highest_value"]


def highest_value(image: Image, register: int, address: int) -> int:
    """A bound on what `register` may hold where the instruction at `address` begins.

    It is the highest value that anything writes there, or what a BRANCH right before lets pass.
    """
    written = Region(Store.REGISTER, register, 1)
    highest = max(
        (
            j.most(image.parameters, image.config)
            for j in image.program
            if written in writes(j, image.config)
        ),
        default=0,
    )
    return min(highest, _passed(image, register, address))


def _passed(image: Image, register: int, address: int) -> int:
    """The highest value with which a BRANCH right before, and no other way, leads to an address."""
    if not address or address in image.entries.values():
        return REGISTER_HIGH
    before = image.program[address - 1]
    if not isinstance(before, Branch) or before.register != register or not before.value:
        return REGISTER_HIGH
    if before.fields["condition"] != Condition.GE.value:
        return REGISTER_HIGH
    aims = (i.fields[name] for i in image.program for name in i.meant(Kind.ADDRESS))
    return REGISTER_HIGH if address in aims else int(before.value) - 1
