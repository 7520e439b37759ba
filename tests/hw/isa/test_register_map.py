"""The register map hangs together."""

import math

from sordino.isa.registers import (
    ADDRESS_BITS,
    COUNTER_BITS,
    COUNTERS,
    REGISTER_MAP,
    REGISTERS,
    STATUS_CODE,
    STATUS_ERROR,
    Control,
    Error,
    Interrupt,
    LoadTarget,
    Status,
)


def test_offsets_are_aligned_ascending_and_apart() -> None:
    offsets = [register.offset for register in REGISTER_MAP]
    assert offsets == sorted(set(offsets))
    assert all(offset % 4 == 0 for offset in offsets)
    assert REGISTER_MAP[-1].name == "COUNTERS", "nothing may follow the counters"
    end = REGISTERS["COUNTERS"].offset + 8 * len(COUNTERS)
    assert math.ceil(math.log2(end)) == ADDRESS_BITS


def test_access_and_masks() -> None:
    for register in REGISTER_MAP:
        assert register.access in ("ro", "wo", "rw", "w1c")
        assert 0 < register.mask < 1 << 32
        assert register.text == register.text.strip() != ""
    assert set(REGISTERS) == {register.name for register in REGISTER_MAP}
    assert len(REGISTERS) == len(REGISTER_MAP)


def _all(flags: type[Control] | type[Status] | type[Interrupt]) -> int:
    return sum(member.value for member in flags)


def test_masks_cover_the_bits() -> None:
    assert REGISTERS["CONTROL"].mask == _all(Control)
    assert REGISTERS["INTERRUPT_ENABLE"].mask == REGISTERS["INTERRUPT_STATUS"].mask
    assert REGISTERS["INTERRUPT_STATUS"].mask == _all(Interrupt)
    assert REGISTERS["STATUS"].mask == _all(Status) | 0xFF << STATUS_CODE | 0xFF << STATUS_ERROR
    assert REGISTERS["LIMIT_HIGH"].mask == (1 << (COUNTER_BITS - 32)) - 1
    assert REGISTERS["LOAD_TARGET"].mask & 0xFFFF == 7
    assert max(target.value for target in LoadTarget) <= 7


def test_flags_are_single_bits() -> None:
    for flags in (Control, Status, Interrupt):
        values = [member.value for member in flags]
        assert all(value & (value - 1) == 0 for value in values)
        assert len(set(values)) == len(values)


def test_numbers_that_hosts_know() -> None:
    """Drivers in the field depend on them."""
    assert {e.name: e.value for e in Error} == {
        "NONE": 0,
        "ILLEGAL": 1,
        "STACK": 2,
        "STREAM": 3,
        "LIMIT": 4,
        "INPUT": 5,
        "LOAD": 6,
        "MEMORY": 7,
    }
    assert [c.name for c in COUNTERS if not c.timed] == [
        *("instructions", "frames", "tokens", "places", "padding", "useful", "gated")
    ]
    assert COUNTERS[0].name == "cycles"
    assert len({c.name for c in COUNTERS}) == len(COUNTERS)
