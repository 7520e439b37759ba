"""A host over mapped registers; a file stands in for the device, through the same code."""

import os
import pty

import pytest

from sordino.driver import Host, Identity
from sordino.driver.mapped import MappedBus
from sordino.errors import InputError
from sordino.isa.registers import CAPACITIES, ISA_VERSION, MAP_VERSION, REGISTERS, capacities
from tests.hw.driver.stand_in import AT, CONFIG, Registers


@pytest.fixture
def device(tmp_path):
    """A page of registers that says which machine it is."""
    path = tmp_path / "uio0"
    page = bytearray(4096)
    for address, word in Registers().words.items():
        page[address : address + 4] = word.to_bytes(4, "little")
    path.write_bytes(page)
    return path


def test_registers_are_words_of_the_file(device):
    bus = MappedBus(device)
    host = Host(bus)
    assert host.identity() == Identity(CONFIG.id, ISA_VERSION, MAP_VERSION)
    assert host.capacities() == capacities(CONFIG)
    host.write("ENTRY", 0x1234_5678)
    host.write_many("LOAD_DATA", [1, 2, 3])
    host.write("FEATURE", 0x0403_0201, strobe=0b11)
    bus.close()
    page = device.read_bytes()
    assert page[AT["ENTRY"] :][:4] == bytes((0x78, 0x56, 0x34, 0x12))
    assert page[AT["LOAD_DATA"] :][:4] == bytes((3, 0, 0, 0))
    assert page[AT["FEATURE"] :][:4] == bytes((1, 2, 0, 0))
    assert len(CAPACITIES) == len(capacities(CONFIG))


def test_three_features_are_two_stores(device):
    """The register takes bytes one after the other; the last store is the third."""
    bus = MappedBus(device)
    bus.write(AT["FEATURE"], 0x0403_0201, 0b111)
    assert bus.read(AT["FEATURE"]) == 0x0203
    bus.write(AT["CHANNEL_FEATURE"] + 4, 0x0403_0201, 0b1)
    assert bus.read(AT["CHANNEL_FEATURE"] + 4) == 1
    bus.close()


@pytest.mark.parametrize(
    ("name", "strobe"), [("ENTRY", 0b1), ("ENTRY", 0b11), ("LOAD_DATA", 0b111), ("FEATURE", 0b10)]
)
def test_bytes_that_no_store_writes_are_refused(device, name, strobe):
    bus = MappedBus(device)
    with pytest.raises(InputError, match=rf"^wanted a whole word for {name}, got a strobe of 0x"):
        bus.write(AT[name], 5, strobe)
    assert bus.read(AT[name]) == 0
    bus.close()


@pytest.mark.parametrize("address", [1, 2, 4096, -4])
def test_addresses_outside_are_refused(device, address):
    bus = MappedBus(device)
    for access in (lambda: bus.read(address), lambda: bus.write(address, 1)):
        with pytest.raises(InputError, match="wanted an address of a word below 0x1000, got"):
            access()
    bus.close()


def test_files_that_cannot_be_mapped_are_refused(tmp_path):
    short = tmp_path / "short"
    short.write_bytes(bytes(100))
    for path in (short, tmp_path, tmp_path / "none"):
        with pytest.raises(InputError, match=rf"^cannot map {path}: .*; wanted a UIO device with"):
            MappedBus(path)


def test_a_file_has_no_interrupts_and_no_reset(device):
    bus = MappedBus(device)
    assert not hasattr(bus, "interrupt")
    assert not hasattr(bus, "reset")
    bus.close()
    board, host = pty.openpty()
    try:  # a character device that cannot be mapped
        with pytest.raises(InputError, match="cannot map"):
            MappedBus(os.ttyname(host))
    finally:
        os.close(board)
        os.close(host)


def test_the_map_is_one_page():
    assert max(r.offset + 4 * r.words for r in REGISTERS.values()) <= 4096
