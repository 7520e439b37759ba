"""What tests of hosts share: a machine, an image for it, and buses that stand between."""

from dataclasses import replace

import numpy as np

from sordino.arch import Config
from sordino.image.host import HostSection
from sordino.isa.operations import Halt, Set
from sordino.isa.registers import ISA_VERSION, MAP_VERSION, REGISTERS, capacities
from sordino.testing.images.by_hand import program_image

CONFIG = Config(
    lanes=4,
    group=4,
    x_fifo=8,
    lane_words=64,
    group_words=64,
    rows_per_lane=4,
    activation_words=16,
    state_words=16,
    parameter_words=4,
    program_words=16,
    tables=2,
    matrices=2,
    feature_fifo=8,
    token_fifo=4,
)
AT = {name: register.offset for name, register in REGISTERS.items()}
IMAGE = program_image((Set, {"register": 0, "value": 1}), (Halt, {"code": 9}), config=CONFIG)
"""The stand-in for the machine does not read it: it makes the token 3 f of each feature f."""
IMAGE = replace(IMAGE, host=HostSection(entries={"main": 0, "other": 2}))

FEATURES = np.arange(-20, 22, dtype=np.int8).reshape(6, 7)
TOKENS = [3 * int(feature) & 0xFFFF for feature in FEATURES.flat]


class Wrapped:
    """A bus with the two methods that every bus has, and a list of what was written."""

    def __init__(self, bus):
        self.bus = bus
        self.written = []

    def read(self, address):
        return self.bus.read(address)

    def write(self, address, value):
        self.written.append((address, value))
        self.bus.write(address, value)


class Registers:
    """A machine that only says what it is."""

    def __init__(self, **words):
        held = capacities(CONFIG)
        self.words = {
            AT["ID"]: CONFIG.id,
            AT["VERSION"]: ISA_VERSION | MAP_VERSION << 16,
            **{AT["CAPACITIES"] + 4 * n: value for n, value in enumerate(held.values())},
            **{AT[name]: word for name, word in words.items()},
        }

    def read(self, address):
        return self.words[address]

    def write(self, address, value):
        raise AssertionError("nothing is written")
