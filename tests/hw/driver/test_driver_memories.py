"""A host reads and writes memories, word by word."""

import pytest

from sordino.driver import Refused
from sordino.errors import InputError
from sordino.image.memories import MEMORIES, memory_shape
from sordino.isa.choices import Space
from sordino.isa.fields import Store
from sordino.stimuli.fake_machine import window_word
from tests.hw.driver.stand_in import CONFIG, IMAGE

WORDS = {
    store: [window_word(Space(store.value), 0, at) for at in range(3, 12)] for store in MEMORIES
}


@pytest.mark.parametrize("store", MEMORIES, ids=lambda store: store.name)
def test_memories_are_read_and_written(host, store):
    """The stand-in's words are always the same; what it is written is told by the refusals."""
    words = memory_shape(CONFIG, store).words
    count = min(9, words - 3)
    assert host.read_memory(store, 3, count) == WORDS[store][:count]
    assert host.read("WINDOW_ADDRESS") == 3 + count
    shape = memory_shape(CONFIG, store)
    host.write_memory(store, 1, [shape.lowest, -1, shape.highest])
    assert host.read("WINDOW_ADDRESS") == 4
    assert host.read_memory(store, words, 0) == []
    for value in (shape.lowest - 1, shape.highest + 1):
        wide = shape.bits == 32
        with pytest.raises(InputError if wide else Refused, match="32 bits" if wide else "DATA"):
            host.write_memory(store, 0, [0, value, 0])
        assert host.read("WINDOW_ADDRESS") == (4 if wide else 1)
    with pytest.raises(Refused, match="WINDOW_DATA"):
        host.read_memory(store, words - 1, 2)
    with pytest.raises(Refused, match="WINDOW_DATA"):
        host.write_memory(store, words, [0])


def test_lanes_of_a_bank(host):
    for lane in range(CONFIG.lanes):
        word = window_word(Space.BANK1, lane, 2)
        assert host.read_memory(Store.BANK1, 2, 1, lane=lane) == [word]
    with pytest.raises(Refused, match="WINDOW_MEMORY"):
        host.read_memory(Store.BANK1, 2, 1, lane=CONFIG.lanes)
    with pytest.raises(Refused, match="WINDOW_MEMORY"):
        host.write_memory(Store.STATE, 2, [0], lane=1)


def test_memories_that_no_machine_has(host):
    before = host.read("WINDOW_MEMORY"), host.read("WINDOW_ADDRESS")
    for call, said in (
        (lambda: host.read_memory(Store.REGISTER, 0, 1), "wanted one of the memories ACTIVATION"),
        (lambda: host.write_memory(Store.PC, 0, [1]), "got PC; choose one of them"),
        (lambda: host.read_memory(Store.STATE, -1, 1), "got word -1 of lane 0"),
        (lambda: host.read_memory(Store.STATE, 1 << 17, 1), "got word 131072 of lane 0"),
        (lambda: host.read_memory(Store.BANK0, 0, 1, lane=-1), "got word 0 of lane -1"),
        (lambda: host.read_memory(Store.BANK0, 0, 1, lane=1 << 16), "of lane 65536"),
    ):
        with pytest.raises(InputError) as refused:
            call()
        assert said in str(refused.value)
    assert (host.read("WINDOW_MEMORY"), host.read("WINDOW_ADDRESS")) == before


def test_a_run_is_not_looked_into(host):
    host.load(IMAGE)
    host.start()
    with pytest.raises(Refused, match="WINDOW_DATA"):
        host.read_memory(Store.STATE, 0, 1)
    with pytest.raises(Refused, match="WINDOW_DATA"):
        host.write_memory(Store.STATE, 0, [1])
    host.abort()
    assert host.wait().failed
    assert host.read_memory(Store.STATE, 3, 1) == WORDS[Store.STATE][:1]
