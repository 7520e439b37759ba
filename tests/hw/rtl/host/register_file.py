"""A model of the register file before a stand-in for the machine."""

import struct
from collections import deque
from zlib import crc32

from sordino.arch import Config
from sordino.image.memories import memory_shape
from sordino.isa.choices import Space
from sordino.isa.commands import ANSWERS, OPENED, Answer, State
from sordino.isa.fields import Store
from sordino.isa.registers import (
    CAPACITIES,
    COUNTERS,
    ISA_VERSION,
    MAP_VERSION,
    NO_TOKEN,
    REGISTER_MAP,
    REGISTERS,
    Control,
    Error,
    Interrupt,
    LoadTarget,
    Status,
)
from sordino.rtl.host.loader import load_words
from sordino.rtl.shared.register_bus import Response
from sordino.stimuli.fake_machine import counter_value, window_word
from sordino.testing.twins.segments import SegmentsModel

CONFIG = Config(
    lanes=8,
    group=4,
    x_fifo=16,
    state_bits=5,
    lane_words=102,
    group_words=36,
    rows_per_lane=8,
    parameter_words=12,
    program_words=16,
    tables=3,
    matrices=5,
    feature_fifo=8,
    token_fifo=4,
)
AT = {name: register.offset for name, register in REGISTERS.items()}
OKAY, SLVERR = Response.OKAY, Response.SLVERR


def signed(word):
    return word - (word >> 31 << 32)


class Model:
    """The register file and the stand-in, after everything has settled."""

    def __init__(self):
        self.kept = dict.fromkeys(
            (
                "ENTRY",
                "LIMIT_LOW",
                "LIMIT_HIGH",
                "INTERRUPT_ENABLE",
                "LOAD_TARGET",
                "LOAD_ADDRESS",
                "REQUEST",
                "WINDOW_MEMORY",
                "WINDOW_ADDRESS",
            ),
            0,
        )
        self.words = b""
        self.unchecked = self.program = self.loaded = self.load_failed = False
        self.ended = self.busy = self.finished = False
        self.error = Error.NONE
        self.seen = Interrupt.FEATURES.value
        self.high = self.code = self.pc = 0
        self.segments, self.segment_words, self.in_use = SegmentsModel(), 0, 0
        self.features, self.tokens, self.loads = deque(), deque(), []

    @property
    def failure(self):
        if self.error is not Error.NONE:
            return self.error
        return Error.LOAD if self.load_failed else Error.NONE

    @property
    def state(self):
        if self.busy:
            return State.BUSY
        if self.failure is not Error.NONE:
            return State.FAILED
        if self.unchecked:
            return State.LOADING
        if not self.loaded:
            return State.EMPTY
        return State.DONE if self.finished else State.READY

    @property
    def interrupt(self):
        return bool(self.seen & self.kept["INTERRUPT_ENABLE"])

    def settle(self):
        if self.busy and self.kept["LIMIT_LOW"] == 1 and not self.kept["LIMIT_HIGH"]:
            self.error = Error.ILLEGAL
            self.stop()
        while self.busy and self.features and len(self.tokens) < CONFIG.token_fifo:
            feature = self.features.popleft()
            self.in_use = feature & self.segments.bits
            self.tokens.append(3 * feature & 0xFFFF)
            self.seen |= Interrupt.TOKEN.value
        if self.busy and self.ended and not self.features:
            self.code = self.pc & 0xFF
            self.stop()
        if len(self.features) <= CONFIG.feature_fifo // 2:
            self.seen |= Interrupt.FEATURES.value

    def stop(self):
        self.busy, self.finished, self.in_use = False, True, 0
        self.seen |= Interrupt.STOPPED.value

    def read(self, address):
        if address % 4:
            return 0, SLVERR
        offset = address
        if 0 <= (number := (offset - AT["CAPACITIES"]) // 4) < len(CAPACITIES):
            name = CAPACITIES[number]
            streams = name.startswith("stream_")
            return 0 if streams else getattr(CONFIG, name), OKAY
        number, high = divmod(offset - AT["COUNTERS"], 8)
        if 0 <= number < len(COUNTERS):
            if high:
                return self.high, OKAY
            self.high = counter_value(number) >> 32
            return counter_value(number) & 0xFFFF_FFFF, OKAY
        if offset == AT["WINDOW_DATA"]:
            return self.look()
        for register in REGISTER_MAP:
            readable = register.access != "wo" and register.present(CONFIG)
            if register.offset == offset and readable:
                return self.value(register.name), OKAY
        return 0, SLVERR

    def value(self, name):
        match name:
            case "ID":
                return CONFIG.id
            case "VERSION":
                return ISA_VERSION | MAP_VERSION << 16
            case "STATUS":
                flags = (
                    (Status.BUSY, self.busy),
                    (Status.DONE, self.finished),
                    (Status.FAILED, self.failure is not Error.NONE),
                    (Status.TOKEN, bool(self.tokens)),
                    (Status.LOADED, self.loaded and not self.unchecked),
                )
                bits = sum(flag.value for flag, on in flags if on)
                return bits | self.code << 8 | self.failure.value << 16
            case "INTERRUPT_STATUS":
                return self.seen
            case "FEATURE_ROOM":
                return CONFIG.feature_fifo - len(self.features)
            case "TOKEN":
                return self.tokens.popleft() if self.tokens else NO_TOKEN
            case "TOKEN_LEVEL":
                return len(self.tokens)
            case "PC":
                return self.pc
            case "SEGMENT":
                return self.segments.chosen
            case "SEGMENT_CHECKED":
                return self.segments.bits
        return self.kept[name]

    def place(self):
        """Where the window is: the memory's shape, and the place."""
        space, lane = Space(self.kept["WINDOW_MEMORY"] & 3), self.kept["WINDOW_MEMORY"] >> 16
        shape = memory_shape(CONFIG, Store[space.name])
        return shape, (space, lane, self.kept["WINDOW_ADDRESS"])

    def look(self):
        shape, place = self.place()
        if self.busy or place[-1] >= shape.words:
            return 0, SLVERR
        self.kept["WINDOW_ADDRESS"] += 1
        return window_word(*place) & 0xFFFF_FFFF, OKAY

    def write(self, address, word, strobe):
        registers = [r for r in REGISTER_MAP if r.present(CONFIG) and r.access != "ro"]
        offsets = range(address, address - 4 * len(LoadTarget), -4)
        found = [r for r in registers if r.offset in offsets[: r.words]]
        if not found:
            return SLVERR
        name, mask = found[0].name, found[0].mask
        lanes = sum(0xFF << 8 * byte for byte in range(4) if strobe >> byte & 1)
        number = (address - found[0].offset) // 4
        if self.refuses(name, word & lanes, strobe, number):
            return SLVERR
        if found[0].access != "w1c" and word & lanes & ~mask:
            return SLVERR
        if not strobe:
            return OKAY
        if self.segments.chosen and name in OPENED:
            self.load_segment(name, word)
        elif name == "SEGMENT":
            self.segments.select(word)
            self.words, self.segment_words = struct.pack("<I", word), 0
        elif name == "SEGMENT_FIRST":
            self.segments.first[LoadTarget(number)] = word
        elif name in self.kept:
            if name == "LOAD_ADDRESS":
                self.load_failed |= self.unchecked
                self.give_up()
            self.kept[name] = (word & lanes | self.kept[name] & ~lanes) & mask
        elif name == "INTERRUPT_STATUS":
            self.seen &= ~(word & lanes)
        elif name == "CONTROL":
            self.control(word & lanes & mask)
        elif name == "LOAD_DATA":
            self.load(word)
        elif name == "WINDOW_DATA":
            self.loads.append((*self.place()[1], signed(word)))
            self.kept["WINDOW_ADDRESS"] += 1
        elif name == "LOAD_CHECK":
            self.unchecked, same = False, crc32(self.words) == word
            self.loaded = same and (self.loaded or self.program)
            self.segments.forget()
            self.load_failed |= not same
        elif name == "FEATURE":
            for byte in range(4):
                if strobe >> byte & 1:
                    self.features.append(struct.pack("<I", word)[byte])
                    self.features[-1] -= (self.features[-1] & 0x80) << 1
        return OKAY

    def give_up(self):
        """What was not checked counts no longer, and what it may have written over either."""
        self.loaded &= not self.unchecked
        self.unchecked, self.program, self.words = False, False, b""
        if not self.loaded:
            self.segments.forget()

    def load_segment(self, name, word):
        """What the load window takes while a segment is open."""
        if name == "LOAD_CHECK":
            self.segments.check()
            return
        self.words += struct.pack("<I", word)
        if name == "LOAD_DATA":
            self.segment_words += 1
            self.move(word)
        else:
            self.kept[name] = word

    def refuses(self, name, word, strobe, number):
        partial = strobe not in (0, 15)
        opened = self.segments.chosen and name in OPENED
        if name == "CONTROL":
            asked = [flag for flag in Control if word & flag]
            return (
                any(ANSWERS[flag.name][self.state] is Answer.REFUSED for flag in asked)
                or (Control.CLEAR in asked and len(asked) > 1)
                or {Control.START, Control.ABORT} <= set(asked)
            )
        if (OPENED if opened else ANSWERS)[name][self.state] is Answer.REFUSED:
            return True
        if name == "SEGMENT":
            return partial or self.segments.refuses(word, self.in_use)
        if name == "SEGMENT_FIRST":
            return partial or LoadTarget(number) is LoadTarget.PROGRAM
        if opened and name == "LOAD_CHECK":
            wrong = strobe == 15 and word != crc32(self.words)
            return partial or wrong or not self.segment_words
        if name == "ENTRY":
            kept = sum(0xFF << 8 * byte for byte in range(2) if not strobe >> byte & 1)
            return (word | self.kept[name] & kept) & 0xFFFF >= CONFIG.program_words
        if name == "WINDOW_MEMORY":
            return partial or word >> 16 >= memory_shape(CONFIG, Store(word & 3)).lanes
        if name == "WINDOW_ADDRESS":
            return partial
        if name == "REQUEST":
            return partial or bool(word & 0xFFFF and self.kept[name])
        if name == "WINDOW_DATA":
            shape, (_, _, at) = self.place()
            fits = shape.lowest <= signed(word) <= shape.highest
            return partial or at >= shape.words or not fits
        if name == "LOAD_DATA":
            target, unit = self.kept["LOAD_TARGET"] & 7, self.kept["LOAD_TARGET"] >> 16
            units, words = load_words(CONFIG, LoadTarget(target)) if target < 7 else (0, 0)
            outside = unit >= units or self.kept["LOAD_ADDRESS"] >= words
            fixed = opened and self.segments.fixed(LoadTarget(target), self.kept["LOAD_ADDRESS"])
            return partial or outside or bool(fixed)
        if name == "FEATURE":
            room = CONFIG.feature_fifo - len(self.features)
            return self.ended or strobe.bit_count() > room
        if name in ("LOAD_TARGET", "LOAD_ADDRESS"):
            return bool(opened) and partial
        return name == "LOAD_CHECK" and partial

    def control(self, bits):
        if bits & Control.CLEAR:
            self.give_up()
            self.segments.chosen = 0
            self.load_failed = self.ended = False
            self.kept["REQUEST"] = 0
            self.error = Error.NONE
            self.features.clear()
            self.tokens.clear()
        if bits & Control.END_OF_INPUT:
            self.ended = True
        if bits & Control.ABORT and self.busy:
            self.error = Error.LIMIT
            self.stop()
        if bits & Control.START:
            if self.unchecked or not self.loaded or self.failure is not Error.NONE:
                self.load_failed |= self.unchecked or not self.loaded
                self.seen |= Interrupt.STOPPED.value
            else:
                self.busy, self.finished, self.pc = True, False, self.kept["ENTRY"]

    def load(self, word):
        self.move(word)
        self.words += struct.pack("<I", word)
        self.unchecked = True
        self.segments.forget()
        self.program |= LoadTarget(self.kept["LOAD_TARGET"] & 7) is LoadTarget.PROGRAM

    def move(self, word):
        """A word goes into the machine's memory."""
        target, unit = self.kept["LOAD_TARGET"] & 7, self.kept["LOAD_TARGET"] >> 16
        address = self.kept["LOAD_ADDRESS"]
        if LoadTarget(target) in (LoadTarget.POSITIONS, LoadTarget.VALUES):
            for half in range(2):
                data = word >> 16 * half & 0xFFFF
                self.loads.append((target, unit, 2 * address + half, data))
        else:
            self.loads.append((target, unit, address, word))
        self.kept["LOAD_ADDRESS"] += 1
