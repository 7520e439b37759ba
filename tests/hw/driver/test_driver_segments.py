"""A host loads segments: what it says of the machine when something is in the way."""

import asyncio
from collections.abc import Mapping

import pytest

from sordino.driver import AsyncHost, MachineError, Refused
from sordino.image.loading import load_sections
from sordino.image.segments.segment import segment_of, without_segment
from sordino.isa.registers import STATUS_ERROR, Error, Status
from tests.hw.driver.stand_in import AT
from tests.hw.image.test_segments import image

BASE, OTHER = image(), image(others=(5, 6))
BUSY, DONE = Status.BUSY | Status.LOADED, Status.DONE | Status.LOADED
FAILED = Status.FAILED | Error.LIMIT.value << STATUS_ERROR


class Script:
    """A machine that refuses the next writes of a register as it is told, with a status for each.

    After the last refusal it says that status for good.
    """

    def __init__(self, refusals: Mapping[str, list[int]]) -> None:
        self.refusals = {AT[name]: list(said) for name, said in refusals.items()}
        self.status = BUSY.value
        self.written: list[tuple[int, int]] = []

    def read(self, address: int) -> int:
        assert address == AT["STATUS"]
        return self.status

    def write(self, address: int, value: int) -> None:
        said = self.refusals.get(address)
        if said:
            self.status = int(said.pop(0))
            raise Refused(address, value)
        if address == AT["SEGMENT"] and self.status & Status.FAILED:
            raise Refused(address, value)
        self.written.append((address, value))


def loaded(script: Script, patience: int | None = None) -> AsyncHost:
    host = AsyncHost(script, patience=patience)
    host.image = BASE
    asyncio.run(host.load_segment(segment_of(OTHER, "first")))
    return host


def test_a_segment_that_is_used_until_the_program_ends() -> None:
    """The refusal came while the program ran; the status says that it has ended since."""
    script = Script({"SEGMENT": [BUSY, BUSY, DONE]})
    assert loaded(script).image != BASE
    assert script.written[0] == (AT["SEGMENT"], 2)


@pytest.mark.parametrize(
    ("refusals", "error", "words"),
    [
        ([BUSY] * 9, TimeoutError, "nothing new in 3 looks"),
        ([DONE, DONE], MachineError, "cannot load segment first: the machine has DONE"),
        ([FAILED], MachineError, "the machine has FAILED, code 0, error LIMIT; clear it"),
    ],
)
def test_what_cannot_be_opened_stays(
    refusals: list[int], error: type[Exception], words: str
) -> None:
    host = AsyncHost(Script({"SEGMENT": refusals}), patience=3)
    host.image = BASE
    with pytest.raises(error, match=words):
        asyncio.run(host.load_segment(segment_of(OTHER, "first")))
    assert host.image == BASE


@pytest.mark.parametrize(
    ("register", "status", "words"),
    [
        ("LOAD_CHECK", BUSY, "got another CRC; load it again"),
        ("LOAD_DATA", BUSY, "got LOAD_DATA refused; load it again"),
        ("LOAD_ADDRESS", FAILED, "got LOAD_ADDRESS refused; load it again"),
        ("LOAD_CHECK", FAILED, "got LOAD_CHECK refused; load it again"),
    ],
)
def test_what_is_not_loaded_is_closed(register: str, status: int, words: str) -> None:
    script = Script({register: [status]})
    host = AsyncHost(script)
    host.image = BASE
    with pytest.raises(MachineError, match=words) as raised:
        asyncio.run(host.load_segment(segment_of(OTHER, "first")))
    assert raised.value.status.failed == bool(status & Status.FAILED)
    closed = script.written[-1] == (AT["SEGMENT"], 0)
    assert closed != raised.value.status.failed, "CLEAR closes it after an error"
    assert host.image == without_segment(BASE, "first")


def test_a_section_that_is_exchanged_unchecks_all_segments() -> None:
    """The machine cannot tell whether they still belong to what it has got."""
    host = AsyncHost(Script({}))
    host.image = BASE
    asyncio.run(host.load_section(next(load_sections(BASE))))
    assert host.image == without_segment(without_segment(BASE, "first"), "second")


def test_a_machine_without_segments_is_not_asked_for_them() -> None:
    """It may be of a version that has no such register."""
    host = AsyncHost(Script({}))
    assert asyncio.run(host.segments()) == frozenset()
