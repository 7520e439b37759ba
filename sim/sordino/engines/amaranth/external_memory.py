"""External memory behind AXI4's read channels, for Amaranth's simulator."""

from collections import deque
from random import Random
from typing import Any

from sordino.engines.memory_timing import MemoryTiming, Throttle

__all__ = ["ExternalMemory"]


class ExternalMemory:
    """A memory that answers what a read manager asks; `serve` is the testbench.

    `contents` begin at byte `base`; what lies outside is answered with SLVERR. Every burst is
    checked: within 4 KiB, incrementing, of whole beats. `beats` counts what was read; `asked`
    collects (address, beats) of every burst.
    """

    def __init__(
        self, contents: bytes, *, base: int = 0, timing: MemoryTiming | None = None
    ) -> None:
        self.contents = contents
        self.base = base
        self.timing = timing or MemoryTiming()
        self.beats = 0
        self.asked: list[tuple[int, int]] = []

    async def serve(self, ctx: Any, axi: Any) -> None:
        """Answer read bursts for ever; a coroutine for a testbench in the background."""
        timing, random = self.timing, Random(self.timing.seed)
        throttle, size = Throttle(timing.rate), len(axi.rdata) // 8
        waiting: deque[tuple[int, int, bool]] = deque()  # due, address, last
        cycle = 0
        ctx.set(axi.arready, 1)
        while True:
            ready = throttle.grows() and not (timing.jitter and random.randrange(3) == 0)
            valid = bool(waiting) and waiting[0][0] <= cycle and ready
            if valid:
                _, address, last = waiting.popleft()
                throttle.spend()
                self.beats += 1
                at = address - self.base
                inside = at >= 0 and at + size <= len(self.contents)
                word = int.from_bytes(self.contents[at : at + size], "little") if inside else 0
                ctx.set(axi.rdata, word)
                ctx.set(axi.rlast, last)
                ctx.set(axi.rresp, 0 if inside else 2)
            ctx.set(axi.rvalid, valid)
            _, _, asks, address, length, kind, width, takes = await ctx.tick().sample(
                axi.arvalid, axi.araddr, axi.arlen, axi.arburst, axi.arsize, axi.rready
            )
            assert takes, "the manager must always take what it asked for"
            if asks:
                assert (kind, 1 << width) == (1, size), "wanted incrementing bursts of whole beats"
                end = address + size * (length + 1)
                assert address // 4096 == (end - 1) // 4096, "a burst leaves its 4 KiB"
                self.asked.append((address, length + 1))
                late = random.randint(0, timing.jitter)
                due = max(cycle + timing.latency + late, waiting[-1][0] if waiting else 0)
                for beat in range(length + 1):
                    waiting.append((due, address + size * beat, beat == length))
            cycle += 1
