"""A host loads images: what is written, and what is refused before or after it."""

from dataclasses import replace

import pytest

from sordino.driver import Host, MachineError, Refused, Run
from sordino.errors import InputError
from sordino.image.image import ImageError
from sordino.image.loading import LoadSection, load_sections
from sordino.isa.registers import ISA_VERSION, MAP_VERSION, Control, Error, LoadTarget
from tests.hw.driver.stand_in import AT, CONFIG, FEATURES, IMAGE, TOKENS, Registers, Wrapped


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"ID": 7}, rf"^the image needs a machine with .* id {CONFIG.id:08x} \(it has 00000007\);"),
        ({"VERSION": MAP_VERSION << 16}, r"version \d of the instruction set, .* has version 0;"),
        ({"VERSION": ISA_VERSION | 9 << 16}, rf"map version {MAP_VERSION} \(it has 9\)"),
        ({"VERSION": 0, "ID": 0}, r"id .*, register map version "),
        ({"CAPACITIES": 8}, r"lanes = 4 \(it has 8\)"),
    ],
)
def test_nothing_is_written_of_an_image_for_another_machine(words, message):
    host = Host(Registers(**words))
    with pytest.raises(ImageError, match=message):
        host.load(IMAGE)
    assert host.image is None


def test_what_is_written_is_what_the_one_loader_says(board):
    bus = Wrapped(board)
    host = Host(bus)
    host.check(IMAGE)
    assert bus.written == []
    host.load(IMAGE)
    expected = []
    for section in load_sections(IMAGE):
        expected += [(AT["LOAD_TARGET"], section.target.value | section.unit << 16)]
        expected += [(AT["LOAD_ADDRESS"], 0)]
        expected += [(AT["LOAD_DATA"], word) for word in section]
        expected += [(AT["LOAD_CHECK"], section.crc)]
    assert bus.written == [(AT["CONTROL"], Control.CLEAR.value), *expected]


def test_many_words_at_a_time_where_the_bus_can(board):
    class Quick(Wrapped):
        def write_many(self, address, values):
            self.written.append((address, len(values)))
            for value in values:
                self.bus.write(address, value)

    bus = Quick(board)
    host = Host(bus)
    host.load(IMAGE)
    sizes = [len(section.words) // 4 for section in load_sections(IMAGE)]
    assert [n for address, n in bus.written if address == AT["LOAD_DATA"]] == sizes
    assert host.run(FEATURES.reshape(-1)[:40]) == Run(TOKENS[:40], 0, Error.NONE)


@pytest.mark.parametrize("word", [0, 5])
def test_a_word_that_arrives_wrong(board, word):
    class Noisy(Wrapped):
        def write(self, address, value):
            count = sum(a == AT["LOAD_DATA"] for a, _ in self.written)
            flip = address == AT["LOAD_DATA"] and count == word
            self.written.append((address, value))
            self.bus.write(address, value ^ flip << 31)

    host = Host(Noisy(board))
    with pytest.raises(MachineError, match=r"\d+ bytes of [A-Z]+, unit 0, .*got another CRC"):
        host.load(IMAGE)
    assert host.image is None
    host.load(IMAGE)
    assert host.run(b"\1\2\3\4") == Run([3, 6, 9, 12], 0, Error.NONE)


def test_no_mixture_of_two_images_starts(board):
    """An image whose loading fails half way leaves nothing that starts."""

    class Loose(Wrapped):
        broken = False

        def write(self, address, value):
            if self.broken and address == AT["LOAD_CHECK"]:
                raise OSError("cable")
            super().write(address, value)

    host = Host(Loose(board))
    host.load(IMAGE)
    host.bus.broken = True
    with pytest.raises(OSError, match="cable"):
        host.load(IMAGE)
    host.clear()
    assert not host.status().loaded
    assert host.image is None


def test_a_section_beside_what_is_loaded(host):
    """With its own address and its own check; one that is wrong gives everything up."""
    host.load(IMAGE)
    host.load_section(LoadSection(LoadTarget.PARAMETERS, 0, b"abcdefgh", address=4))
    assert host.read("LOAD_ADDRESS") == 6
    assert host.status().loaded
    with pytest.raises(Refused, match=r"^cannot write 0x64636261 to LOAD_DATA at 0x02c: "):
        host.load_section(LoadSection(LoadTarget.PARAMETERS, 0, b"abcd", address=1 << 10))


def test_a_machine_that_runs_is_neither_loaded_nor_started(host):
    host.load(IMAGE)
    host.start()
    with pytest.raises(MachineError, match="cannot load: the machine has a program that runs"):
        host.load(IMAGE)
    with pytest.raises(MachineError, match="cannot start: the machine has a program that runs"):
        host.start()
    assert host.image is IMAGE


def test_streamed_weights_need_a_page():
    host = Host(Registers())
    with pytest.raises(InputError, match="got 3 for 0 bytes"):
        host.load(IMAGE, external_page=3)
    with pytest.raises(InputError, match=r"got None for 1 bytes; put image\.external at a page"):
        host.load(replace(IMAGE, external=b"x"))


def test_an_entry_point_that_is_not_there(host):
    host.load(IMAGE)
    with pytest.raises(ImageError, match="nowhere"):
        host.start("nowhere")
