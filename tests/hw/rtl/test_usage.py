"""A host that opens segments while a program begins to use them: never one that is in use."""

import random
from collections import Counter

import pytest
from amaranth.hdl import Module, Signal

from sordino.arch import PRESETS
from sordino.isa.fields import SEGMENTS
from sordino.rtl.host.segments import Segments
from sordino.rtl.usage import Usage
from sordino.stimuli.simulate import simulate

STEPS = 3000


@pytest.mark.parametrize("seed", range(3))
def test_an_open_segment_is_not_in_use(seed: int) -> None:
    """A USE that may begin and a write to SEGMENT come in the same cycle as often as not."""
    rng, seen = random.Random(seed), Counter[str]()
    m = Module()
    m.submodules.segments = segments = Segments(PRESETS["tiny"])
    m.submodules.usage = usage = Usage()
    about = Signal(SEGMENTS)
    m.d.comb += segments.in_use.eq(usage.in_use | (about & segments.checked))

    async def testbench(ctx) -> None:
        for _ in range(STEPS):
            number = rng.randrange(SEGMENTS)
            opens = rng.random() < 0.3
            ctx.set(segments.data, number + 1)
            ctx.set(segments.check, not opens and bool(ctx.get(segments.open)))
            begins = number if rng.random() < 0.5 else rng.randrange(SEGMENTS)
            may = rng.random() < 0.5
            ctx.set(about, (1 << begins) * may)
            used = ctx.get(segments.checked) & (1 << begins) * (may and rng.random() < 0.6)
            refused = opens and ctx.get(segments.refused)
            ctx.set(segments.select, opens and not refused)
            ctx.set(usage.used, used)
            ctx.set(usage.input, not used and rng.random() < 0.2)
            ctx.set(usage.reading, rng.random() < 0.5)
            seen["used"] += bool(used)
            seen["opened"] += opens and not refused
            seen["refused"] += refused
            seen["about to be used"] += refused and number == begins and not used
            await ctx.tick()
            in_use = ctx.get(usage.in_use)
            assert in_use & ~ctx.get(segments.checked) == 0, "what is in use stays checked"
            assert ctx.get(segments.chosen) == 0 or not in_use >> ctx.get(segments.chosen) - 1 & 1

    simulate(m, testbench, timeout=STEPS + 10)
    assert min(seen.values()) > 20, seen
    assert len(seen) == 4
