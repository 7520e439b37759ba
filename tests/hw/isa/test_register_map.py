"""The register map hangs together."""

from dataclasses import fields
from itertools import pairwise

from sordino.arch import PRESETS, Config
from sordino.isa.registers import (
    ADDRESS_BITS,
    CAPACITIES,
    COUNTER_BITS,
    COUNTERS,
    MAP_VERSION,
    RANGES,
    REGISTER_MAP,
    REGISTERS,
    STATUS_CODE,
    STATUS_ERROR,
    Control,
    Error,
    Interrupt,
    LoadTarget,
    Status,
    capacities,
)
from sordino.testing.images.streaming import STREAMING


def test_offsets_are_aligned_ascending_and_apart() -> None:
    assert all(register.offset % 4 == 0 for register in REGISTER_MAP)
    for register, following in pairwise(REGISTER_MAP):
        assert register.offset + 4 * register.words <= following.offset


def test_ranges_are_the_whole_map() -> None:
    at = 0
    for part in RANGES:
        assert part.first == at
        assert part.size > 0
        assert part.size % 4 == 0
        at += part.size
    assert at == 1 << ADDRESS_BITS
    kept = {part.name for part in RANGES if part.text.startswith("reserved")}
    assert kept == {"SPARE"}
    for part in RANGES:
        inside = [
            register.name
            for register in REGISTER_MAP
            if part.first <= register.offset < part.first + part.size
        ]
        assert bool(inside) == (part.name not in kept)
    for name in ("COUNTERS", "CAPACITIES"):
        (part,) = (part for part in RANGES if part.name == name)
        assert part.first == REGISTERS[name].offset
        assert 4 * REGISTERS[name].words <= part.size


def test_every_number_of_a_configuration_is_a_capacity() -> None:
    """A new field of Config belongs into the map, if images depend on it.

    `clock_hz` is stated, for printing only. `vector_gates` says how long things take.
    """
    numbers = {field.name for field in fields(Config)} - {"name", "clock_hz", "vector_gates"}
    assert set(CAPACITIES) == numbers
    assert len(set(CAPACITIES)) == len(CAPACITIES)
    for config in (*PRESETS.values(), STREAMING):
        held = capacities(config)
        assert list(held) == list(CAPACITIES)
        assert all(0 <= value < 1 << 32 for value in held.values())
        said = {"channels": 1, **config.as_dict()}
        assert held == {name: said.get(name, 0) for name in CAPACITIES}


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
    """Drivers in the field depend on them; another MAP_VERSION where they change."""
    assert MAP_VERSION == 1
    assert {name: f"{register.offset:03x}" for name, register in REGISTERS.items()} == {
        "ID": "000",
        "VERSION": "004",
        "CONTROL": "008",
        "STATUS": "00c",
        "ENTRY": "010",
        "LIMIT_LOW": "014",
        "LIMIT_HIGH": "018",
        "INTERRUPT_ENABLE": "01c",
        "INTERRUPT_STATUS": "020",
        "LOAD_TARGET": "024",
        "LOAD_ADDRESS": "028",
        "LOAD_DATA": "02c",
        "LOAD_CHECK": "030",
        "FEATURE": "034",
        "FEATURE_ROOM": "038",
        "TOKEN": "03c",
        "TOKEN_LEVEL": "040",
        "PC": "044",
        "STREAM_BASE": "048",
        "COUNTERS": "100",
        "CAPACITIES": "200",
        "WINDOW_MEMORY": "300",
        "WINDOW_ADDRESS": "304",
        "WINDOW_DATA": "308",
        "REQUEST": "380",
        "CHANNEL_FEATURE": "400",
        "CHANNEL_ROOM": "440",
        "CHANNEL_END": "480",
        "SEGMENT": "600",
        "SEGMENT_CHECKED": "604",
        "SEGMENT_FIRST": "620",
    }
    assert CAPACITIES[:22] == (
        "lanes",
        "group",
        "state_bits",
        "x_fifo",
        "value_slots",
        "run_slots",
        "lane_words",
        "group_words",
        "rows_per_lane",
        "accumulator_bits",
        "activation_words",
        "state_words",
        "parameter_words",
        "program_words",
        "tables",
        "matrices",
        "feature_fifo",
        "token_fifo",
        "stream_bus",
        "stream_burst",
        "stream_outstanding",
        "stream_ring",
    )
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
        "instructions",
        "frames",
        "tokens",
        "places",
        "padding",
        "useful",
        "gated",
    ]
    assert COUNTERS[0].name == "cycles"
    assert len({c.name for c in COUNTERS}) == len(COUNTERS)
