"""Whether a program uses a segment only where the host cannot exchange it."""

from collections.abc import Iterable, Iterator, Sequence

from sordino.arch import Config
from sordino.image.checks.registers import highest_value
from sordino.image.image import Image
from sordino.isa.control import Input, Use
from sordino.isa.fields import SEGMENTS, Kind, Parameters, Store
from sordino.isa.hazards import Effect, Facts, claims, fixpoint
from sordino.isa.instruction import Instruction

__all__ = ["moving_row", "stray_uses", "touched_rooms"]

_KINDS = {Store.RUN_TABLE: "run slot", Store.VALUE_TABLE: "value slot"}


def moving_row(i: Instruction, name: str) -> tuple[str, str] | None:
    """The fields of the register and of the stride by which parameters move, where they do."""
    meaning = i.FIELDS[name].meaning
    return meaning.row if isinstance(meaning, Parameters) else None


def touched_rooms(i: Instruction, image: Image, address: int) -> frozenset[int]:
    """The segments of which the instruction at an address may read something, by number."""
    ranges = {
        "matrices": [(i.fields[name], 1) for name in i.meant(Kind.MATRIX)],
        "tables": [(i.fields[name], 1) for name in i.meant(Kind.TABLE)],
        "parameters": [_parameters(i, name, image, address) for name in i.meant(Parameters)],
    }
    return frozenset(
        room.number
        for room in image.rooms
        for kind, taken in ranges.items()
        for first, count in taken
        if first < sum(getattr(room, kind)) and getattr(room, kind)[0] < first + count
    )


def _parameters(i: Instruction, name: str, image: Image, address: int) -> tuple[int, int]:
    """The words of parameter memory that an instruction may read: first and number."""
    meaning, row = i.FIELDS[name].meaning, moving_row(i, name)
    assert isinstance(meaning, Parameters)
    beyond = 0
    if row:
        beyond = highest_value(image, i.fields[row[0]], address) * i.fields[row[1]]
    return i.fields[name], beyond + meaning.words(i.fields, image.config)


def stray_uses(
    program: Sequence[Instruction],
    entries: Iterable[int],
    touched: Sequence[frozenset[int]],
    config: Config,
) -> Iterator[tuple[int, str]]:
    """Addresses of instructions that may use a segment while it is not in use, and what is wrong.

    `touched` says for each instruction of which segments it reads something. A segment is in use
    from USE on, until the next INPUT. A decoder that reads a segment's streams takes slots that a
    TABLE has loaded since then, since what a slot held before may be of contents that are gone. For
    the same reason no other decoder takes a slot that a segment's table was loaded into before.
    """
    slots = {
        (store, slot): SEGMENTS + number
        for number, (store, slot) in enumerate(
            [(Store.RUN_TABLE, n) for n in range(config.run_slots)]
            + [(Store.VALUE_TABLE, n) for n in range(config.value_slots)]
        )
    }
    # A fact is that a segment may not be in use, that a slot may be of an earlier time, or, `later`
    # numbers behind that, that what the slot holds may be of a segment.
    later = len(slots)
    passing = frozenset(range(SEGMENTS + later))
    refused: dict[int, Facts] = {}
    for i in program:
        if isinstance(i, Use):
            refused[i.otherwise] = refused.get(i.otherwise, frozenset()) | {i.segment}
    own = [
        _effect(i, _loads(i, slots, config), passing, later, kept=bool(numbers))
        for i, numbers in zip(program, touched, strict=True)
    ]
    effects = [
        Effect(adds=refused.get(address, frozenset())).then(effect)
        for address, effect in enumerate(own)
    ]
    left = frozenset().union(*(effect.adds for effect in own))
    arriving = fixpoint(program, entries, passing | left, effects)
    for address, numbers in enumerate(touched):
        facts = arriving[address] | refused.get(address, frozenset())
        for number in sorted(numbers & facts):
            yield address, f"segment {number} may not be in use here; put a USE before it"
        for region in claims(program[address], config)[0]:
            slot = slots.get((region.store, region.base))
            if slot is not None and slot in facts and (numbers or slot + later in facts):
                what = "between USE and it" if numbers else "of the image's own before it"
                yield (
                    address,
                    f"{_KINDS[region.store]} {region.base} may hold a table of an earlier time; "
                    f"put a TABLE {what}",
                )


def _loads(i: Instruction, slots: dict[tuple[Store, int], int], config: Config) -> Facts:
    """The slots that an instruction loads a table into."""
    loaded = {slots.get((region.store, region.base)) for region in claims(i, config)[1]}
    return frozenset(number for number in loaded if number is not None)


def _effect(i: Instruction, loads: Facts, passing: Facts, later: int, *, kept: bool) -> Effect:
    """What an instruction does to the facts; it `loads` slots, with `kept` from a segment."""
    if isinstance(i, Input):
        return Effect(passing, passing)
    if isinstance(i, Use):
        return Effect(frozenset({i.segment}))
    held = frozenset(number + later for number in loads)
    return Effect(loads | held, held if kept else frozenset())
