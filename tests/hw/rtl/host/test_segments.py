"""Segments alone: any order of what a host may do, equal to a model."""

import random
from collections import Counter

import pytest

from sordino.arch import PRESETS, Config
from sordino.isa.fields import SEGMENTS
from sordino.isa.registers import LoadTarget
from sordino.rtl.host.loader import load_words
from sordino.rtl.host.segments import Segments
from sordino.stimuli.simulate import simulate
from sordino.testing.images.streaming import STREAMING
from sordino.testing.twins.segments import SegmentsModel

STEPS = 1500


def random_event(rng: random.Random, model: SegmentsModel) -> tuple[str, int]:
    """What happens in a cycle, and its word."""
    event = rng.choice(["select"] * 6 + ["check"] * 5 + ["bound", "close", "nothing", "nothing"])
    if rng.random() < 0.02:
        event = "forget"
    if event == "check" and not model.chosen:
        event = "select"
    return event, rng.randrange(16)


def words(config: Config, target: LoadTarget) -> int:
    """Words of a target's memory."""
    if target is LoadTarget.EXTERNAL_DIRECTORY and not config.stream_bus:
        return 0
    return load_words(config, target)[1]


@pytest.mark.parametrize("config", [PRESETS["tiny"], STREAMING], ids=["tiny", "streaming"])
def test_events_in_any_order(config: Config) -> None:
    rng, seen = random.Random(config.name), Counter[str]()
    dut, model = Segments(config), SegmentsModel()
    events = {n: getattr(dut, n) for n in ("select", "check", "close", "forget", "bound")}

    async def testbench(ctx) -> None:
        for _ in range(STEPS):
            event, word = random_event(rng, model)
            in_use = rng.getrandbits(SEGMENTS) & rng.getrandbits(SEGMENTS) & model.bits
            target = rng.choice([t for t in LoadTarget if words(config, t)])
            size = words(config, target)
            first = model.first.get(target, 0)
            address = min(max(0, rng.choice([0, first - 1, first, size - 1])), size - 1)
            if event == "bound":
                word = rng.choice([0, 1, address, size - 1, size, 1 << 25, 0x3FF_FFFF])
            ctx.set(dut.in_use, in_use)
            ctx.set(dut.data, word)
            ctx.set(dut.target, target)
            ctx.set(dut.bound_target, target)
            ctx.set(dut.address, address)
            assert ctx.get(dut.refused) == model.refuses(word & 15, in_use)
            assert ctx.get(dut.fixed) == model.fixed(target, address), (target, address)
            seen[f"fixed {model.fixed(target, address)}"] += 1
            if event == "select" and model.refuses(word, in_use):
                seen["refused"] += 1
                event = "nothing"
            if event in events:
                ctx.set(events[event], 1)
            seen[event] += 1
            match event:
                case "select":
                    model.select(word)
                case "check":
                    model.check()
                case "close":
                    model.chosen = 0
                case "forget":
                    model.forget()
                case "bound":
                    model.first[target] = word
            await ctx.tick()
            for signal in events.values():
                ctx.set(signal, 0)
            assert ctx.get(dut.chosen) == model.chosen
            assert ctx.get(dut.open) == bool(model.chosen)
            assert ctx.get(dut.checked) == model.bits

    simulate(dut, testbench, timeout=STEPS + 10)
    wanted = {*events, "nothing", "refused", "fixed True", "fixed False"}
    assert wanted == set(seen)
    assert min(seen.values()) > 10


def test_at_power_up_segments_may_write_nothing() -> None:
    """The largest memory's last word neither."""
    config = PRESETS["tiny"]
    dut = Segments(config)

    async def testbench(ctx) -> None:
        for target in LoadTarget:
            ctx.set(dut.target, target)
            ctx.set(dut.address, max(0, words(config, target) - 1))
            assert ctx.get(dut.fixed)

    simulate(dut, testbench, timeout=20)
