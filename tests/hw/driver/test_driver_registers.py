"""A host takes features and names registers; what the machine refuses is said."""

import numpy as np
import pytest

from sordino.driver import Host, Refused
from sordino.errors import InputError
from sordino.isa.registers import ISA_VERSION, MAP_VERSION, REGISTERS, capacities
from tests.hw.driver.stand_in import AT, CONFIG, FEATURES, IMAGE, TOKENS, Registers, Wrapped


@pytest.mark.parametrize(
    ("features", "got"),
    [
        (np.zeros(4), "an array whose elements are 'd'"),
        (np.zeros(4, np.uint8), "an array whose elements are 'B'"),
        (np.zeros(4, np.int16), "an array whose elements are 'h'"),
        ([1, 2], "list"),
        ("abc", "str"),
    ],
)
def test_features_that_are_no_int8_are_refused(host, features, got):
    with pytest.raises(InputError, match=rf"^wanted features .*, got {got}; quantise them first$"):
        host.feed(features)
    assert host.read("FEATURE_ROOM") == CONFIG.feature_fifo


def test_features_are_in_the_order_of_their_elements(host):
    host.load(IMAGE)
    turned = FEATURES[:2, :3].T
    expected = [3 * int(value) & 0xFFFF for value in turned.flat]
    for same in (turned, turned.tobytes(), bytearray(turned.tobytes())):
        assert host.run(same).tokens == expected
    assert host.feed(b"") == 0


def test_as_many_features_as_fit(host):
    assert host.feed(FEATURES) == CONFIG.feature_fifo
    assert host.feed(FEATURES) == 0


def test_a_bus_without_strobes_takes_features_in_fours(board):
    host = Host(Wrapped(board))
    host.load(IMAGE)
    assert host.run(FEATURES.reshape(-1)[:40]).tokens == TOKENS[:40]
    with pytest.raises(InputError, match="got a bus that writes whole words; give its write"):
        host.run(b"\1\2\3\4\5")


@pytest.mark.parametrize(
    ("address", "name"),
    [
        (AT["CONTROL"], "CONTROL"),
        (AT["COUNTERS"], r"COUNTERS\[0\]"),
        (AT["COUNTERS"] + 12, r"COUNTERS\[3\]"),
        (AT["CONTROL"] + 1, "no register"),
        (0xFFC, "no register"),
    ],
)
def test_a_refusal_names_the_register(address, name):
    with pytest.raises(Refused, match=rf"^cannot read {name} at 0x[0-9a-f]{{3}}: the machine has "):
        raise Refused(address)
    error = Refused(address, 0x12)
    assert str(error).startswith("cannot write 0x12 to ")
    assert (error.address, error.value) == (address, 0x12)


def test_what_the_machine_refuses_is_raised(host):
    for name, register in REGISTERS.items():
        if register.access == "wo":
            with pytest.raises(Refused) as read:
                host.read(name)
            called = name if register.words == 1 else f"{name}[0]"
            assert (read.value.register, read.value.value) == (called, None)
        if register.access == "ro" and register.words == 1:
            with pytest.raises(Refused) as written:
                host.write(name, 3)
            assert (written.value.register, written.value.value) == (name, 3)
    assert not host.status().failed


def test_names_and_words_that_the_map_has_not():
    host = Host(Registers())
    with pytest.raises(InputError, match="wanted a register of the map, got 'FOO'; its registers "):
        host.read("FOO")
    with pytest.raises(InputError, match=r"wanted a word of ID from 0 to 0, got 1"):
        host.read("ID", 1)
    with pytest.raises(InputError, match=r"wanted a word of COUNTERS from 0 to .*, got -1"):
        host.read("COUNTERS", -1)


def test_identity_and_capacities(host):
    identity = host.identity()
    assert identity.config_id == CONFIG.id
    assert (identity.isa_version, identity.map_version) == (ISA_VERSION, MAP_VERSION)
    assert host.capacities() == capacities(CONFIG)
