"""What waits between host and machine: features on the way in, tokens on the way out."""

from typing import Any

from amaranth.hdl import *
from amaranth.lib import fifo, stream, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["FeatureFifo", "Queue"]


class Queue(wiring.Component):
    """First in, first out queue of `depth` items in block memory.

    An item written to an empty queue is on `o` two cycles later; throughput is one item a cycle on
    both sides.

    Members
    -------
    i, o
        Items in and out.
    level
        Items between `i` and `o`.
    clear
        Empty the queue.
    """

    def __init__(self, *, shape: Any, depth: int) -> None:
        if depth < 1:
            raise ValueError(f"wanted queue depth to be at least 1, got {depth}")
        self.shape = shape
        self.depth = depth
        super().__init__(
            {
                "i": In(stream.Signature(shape)),
                "o": Out(stream.Signature(shape)),
                "level": Out(range(depth + 1)),
                "clear": In(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        queue = fifo.SyncFIFOBuffered(width=Shape.cast(self.shape).width, depth=self.depth)
        m.submodules.queue = ResetInserter(self.clear)(queue)
        m.d.comb += [
            queue.w_data.eq(self.i.payload),
            queue.w_en.eq(self.i.valid),
            self.i.ready.eq(queue.w_rdy),
            self.o.payload.eq(queue.r_data),
            self.o.valid.eq(queue.r_rdy),
            queue.r_en.eq(self.o.ready),
            self.level.eq(queue.level),
        ]
        return m


class FeatureFifo(wiring.Component):
    """Queue of `depth` int8 features, written one to four at a time.

    Members
    -------
    write, data, strobe
        Take the bytes of `data` whose `strobe` is set, lowest byte first. Only while `idle`, and
        with at least as much `room` as strobes.
    idle
        All features of the write before are in the queue, which takes one a cycle.
    room
        How many features more can be taken, from the cycle after a write on without those of it.
    empty
        No feature is left anywhere before `features`, since the cycle before at the latest.
    clear
        Empty the queue. Only while `idle`.
    features
        Features in order.
    """

    def __init__(self, *, depth: int) -> None:
        self.depth = depth
        super().__init__(
            {
                "write": In(1),
                "data": In(32),
                "strobe": In(4),
                "idle": Out(1),
                "room": Out(range(depth + 1)),
                "empty": Out(1),
                "clear": In(1),
                "features": Out(stream.Signature(signed(8))),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.queue = queue = Queue(shape=signed(8), depth=self.depth)
        wiring.connect(m, queue.o, wiring.flipped(self.features))

        bytes_held = Signal(32)
        # Whether any waits is a register too: much of the host hangs on it.
        waiting, some = Signal(4), Signal()
        left = (waiting & (waiting - 1))[:4]
        m.d.comb += [
            queue.clear.eq(self.clear),
            queue.i.valid.eq(some),
            self.idle.eq(~some),
            self.room.eq(self.depth - queue.level - sum(waiting)),
        ]
        # A register, since registers of the host hang on it; it never says so too early.
        fed = self.write & self.strobe.any()
        m.d.sync += self.empty.eq((self.idle & (queue.level == 0) & ~fed) | self.clear)
        for byte in reversed(range(4)):
            with m.If(waiting[byte]):
                m.d.comb += queue.i.payload.eq(bytes_held.word_select(byte, 8))
        with m.If(queue.i.valid & queue.i.ready):
            # Clears the lowest set bit.
            m.d.sync += [waiting.eq(left), some.eq(left.any())]
        with m.If(self.write):
            m.d.sync += [
                bytes_held.eq(self.data),
                waiting.eq(self.strobe),
                some.eq(self.strobe.any()),
            ]
        return m
