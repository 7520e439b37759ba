"""The machine as a function: an image and features in, tokens and records out, cycle by cycle."""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from amaranth.hdl import Cat, Fragment
from numpy.typing import NDArray

from sordino.engines.amaranth.external_memory import ExternalMemory
from sordino.engines.engine import (
    Features,
    Record,
    Requests,
    RunResult,
    by_channel,
    numbers_in_order,
)
from sordino.engines.memory_timing import MemoryTiming
from sordino.image.fit import check_fit
from sordino.image.image import Image
from sordino.image.loading import WORD_BYTES, load_sections
from sordino.image.rooms import checked_mask
from sordino.image.segments.segment import Segment, filled_sections, with_segment
from sordino.isa.fields import REGISTER_BITS, REGISTER_HIGH, Store
from sordino.isa.hazards import Region, writes
from sordino.isa.operations import Input
from sordino.isa.registers import COUNTERS, Error, LoadTarget, capacities
from sordino.rtl.machine import Machine
from sordino.rtl.shared.ports import PAGE_BITS, feature_sources
from sordino.stimuli.simulate import Testbench, simulate
from sordino.stimuli.stalls import Stall, never
from sordino.stimuli.streams import receive, send

__all__ = ["Simulated", "load_writes", "run_machine", "submodule"]

_STREAMS = (LoadTarget.POSITIONS, LoadTarget.VALUES)
_BASE_PAGE = 0x12345
"""Where external memory begins."""
_LOAD_LATENCY = 4
"""Cycles after the last word in which it is sure to have arrived."""


def submodule(design: Fragment, *path: str) -> Any:
    """What was elaborated at `path` below an elaborated design: a component or a memory."""
    for name in path:
        design = design.find_subfragment(name)
    return design.origins[0]


def load_writes(image: Image) -> Iterator[dict[str, Any]]:
    """Every payload of Machine's load port, in the loader's order, segments last."""
    for section in chain(load_sections(image), filled_sections(image)):
        width = 2 if section.target in _STREAMS else 4
        words = np.frombuffer(section.words, f"<u{width}")
        for address, word in enumerate(words.tolist()):
            yield {
                "target": section.target,
                "unit": section.unit,
                "address": section.address * (WORD_BYTES // width) + address,
                "data": word,
            }


class _Bench:
    """One run of one machine; its coroutines are the testbenches."""

    def __init__(
        self,
        image: Image,
        features: Features,
        entry: int,
        memory: MemoryTiming | None = None,
        requests: Requests = (),
    ) -> None:
        self.image = image
        self.external = ExternalMemory(image.external, base=_BASE_PAGE << PAGE_BITS, timing=memory)
        self.features = by_channel(features, image.config)
        self.requests = deque(numbers_in_order(requests))
        self.entry = entry
        self.machine = Machine(image.config)
        self.design = Fragment.get(self.machine, None)
        self.memories = {
            Store.ACTIVATION: [submodule(self.design, "activation", "memory").data],
            Store.STATE: [submodule(self.design, "state", "memory").data],
            Store.BANK0: self._bank(0),
            Store.BANK1: self._bank(1),
        }
        self.registers = submodule(self.design, "sequencer").registers
        self.regions = [writes(instruction, image.config) for instruction in image.program]
        self.tokens: list[int] = []
        self.vectors = 0
        """Input vectors that were read."""
        self.taken = 0
        """Features taken since the latest INPUT that retired."""
        self.issued = 0
        self.at_work: dict[int, int] = {}
        """Addresses of instructions that began and are not done: their numbers."""
        self.running = False

    def _bank(self, number: int) -> list[Any]:
        config = self.image.config
        return [
            submodule(
                self.design,
                "array",
                f"group{lane // config.group}",
                f"lane{lane % config.group}",
                f"bank{number}",
            ).data
            for lane in range(config.lanes)
        ]

    async def feed(self, ctx: Any, channel: int, stall: Stall) -> None:
        """Host side of a channel's features: all of them, then the end of input."""
        sources = feature_sources(self.machine.host, len(self.features))
        source, features = sources[channel], self.features[channel]
        while not self.running:
            await ctx.tick()
        await send(ctx, source.features, features.tolist(), stall, patience=1 << 62)
        ctx.set(source.end_of_input, 1)

    def ask(self, ctx: Any, *, taken: bool) -> None:
        """Host side of the requests, right after a clock edge."""
        if not self.requests:
            return
        if taken:
            self.requests.popleft()
        due = self.requests and self.requests[0][0] <= self.vectors
        ctx.set(self.machine.host.request, self.requests[0][1] if due else 0)

    async def load_and_start(self, ctx: Any, cycle_limit: int) -> None:
        host = self.machine.host
        ctx.set(host.load.valid, 1)
        for payload in load_writes(self.image):
            ctx.set(host.load.payload, payload)
            await ctx.tick()
        ctx.set(host.load.valid, 0)
        await ctx.tick().repeat(_LOAD_LATENCY)
        if self.image.config.stream_bus:
            ctx.set(host.stream_base, _BASE_PAGE)
        ctx.set(host.checked, checked_mask(self.image.rooms))
        ctx.set(host.run.entry, self.entry)
        ctx.set(host.run.limit, cycle_limit)
        ctx.set(host.run.start, 1)
        self.ask(ctx, taken=False)
        await ctx.tick()
        ctx.set(host.run.start, 0)
        self.running = True

    async def watch(self, ctx: Any, sink: Callable[[Record], None] | None) -> None:
        """Read what every instruction wrote, in its retire cycle, until the machine stops."""
        host = self.machine.host
        sources = feature_sources(host, len(self.features))
        taking = Cat(s.features.valid & s.features.ready for s in sources).any()
        asking = host.taken & (host.request != 0)
        made: dict[int, Record] = {}
        given = 0
        while True:
            trace = ctx.get(self.machine.trace)
            if trace.issue.valid:
                self.at_work[trace.issue.pc] = self.issued
                self.issued += 1
            for event in trace.retire:
                if event.valid:
                    number, ended = self.at_work.pop(event.pc), self._ended(event.pc)
                    if sink is not None:
                        values = self._written(ctx, event.pc, trace.next, ended)
                        made[number] = Record(number, event.pc, values)
            while sink is not None and given in made:
                sink(made.pop(given))
                given += 1
            if ctx.get(host.run.finished):
                return
            _, _, taken, asked = await ctx.tick().sample(taking, asking)
            self.taken += taken
            self.ask(ctx, taken=asked)

    def _ended(self, pc: int) -> bool:
        """Whether the instruction that has retired is an INPUT that took nothing."""
        if not isinstance(self.image.program[pc], Input):
            return False
        taken, self.taken = self.taken, 0
        self.vectors += bool(taken)
        return not taken

    def _written(self, ctx: Any, pc: int, following: int, ended: bool) -> NDArray[np.int64]:
        if ended:
            return np.array([following], np.int64)
        values: list[int] = []
        for region in self.regions[pc]:
            match region.store:
                case Store.PC:
                    values.append(following)
                case Store.TOKEN:
                    values.append(self.tokens[-1])
                case Store.REGISTER:
                    values.append(ctx.get(self.registers[region.base]))
                case _:
                    values += self._read(ctx, region)
        return np.array(values, np.int64)

    def _read(self, ctx: Any, region: Region) -> list[int]:
        rows = range(region.base, region.base + region.count)
        units = self.memories[region.store]
        return [ctx.get(unit[row]) for row in rows for unit in units]

    def result(self, ctx: Any, records: list[Record] | None) -> RunResult:
        """Everything that can be seen of a machine that stopped."""
        host = self.machine.host
        final = {}
        for store, units in self.memories.items():
            contents = np.array(self._read(ctx, Region(store, 0, units[0].depth)), np.int64)
            banks = store in (Store.BANK0, Store.BANK1)
            final[store] = contents.reshape(-1, len(units)) if banks else contents
        final[Store.REGISTER] = np.array(list(ctx.get(self.registers)), np.int64)
        counters = list(ctx.get(host.counters))
        return RunResult(
            tokens=[token & REGISTER_HIGH for token in self.tokens],
            error=Error(ctx.get(host.run.error)),
            code=ctx.get(host.run.code),
            counters={counter.name: counters[n] for n, counter in enumerate(COUNTERS)},
            records=records,
            final=final,
            channels=[token >> REGISTER_BITS for token in self.tokens],
        )


def run_machine(
    image: Image,
    features: Features,
    *,
    feature_stall: Stall = never,
    token_stall: Stall = never,
    cycle_limit: int = 0,
    record: bool | Callable[[Record], None] = False,
    entry: str = "main",
    requests: Requests = (),
    timeout: int = 100_000,
    vcd: str | Path | None = None,
    memory: MemoryTiming | None = None,
) -> RunResult:
    """Load `image` into a Machine at power-up, run `features` until it stops.

    The result is an `Engine`'s, timed counters among it. The host writes features and takes tokens
    with the waits that the stalls say. TimeoutError if loading and running take more than
    `timeout` cycles. `memory` times external memory. Amaranth's simulator does
    about a thousand cycles a second: for small images.
    """
    check_fit(image, capacities(image.config))
    bench = _Bench(image, features, image.entry(entry), memory, requests)
    kept: list[Record] = []
    sink = (record if callable(record) else kept.append) if record else None
    results: list[RunResult] = []

    async def take(ctx: Any) -> None:
        await receive(ctx, bench.machine.host.tokens, bench.tokens.append, token_stall)

    def feed(channel: int) -> Testbench:
        async def testbench(ctx: Any) -> None:
            await bench.feed(ctx, channel, feature_stall)

        return testbench

    async def serve(ctx: Any) -> None:
        await bench.external.serve(ctx, bench.machine.m_axi)

    async def run(ctx: Any) -> None:
        await bench.load_and_start(ctx, cycle_limit)
        await bench.watch(ctx, sink)
        # A unit that was aborted is at rest after one more cycle.
        await ctx.tick()
        found = bench.result(ctx, kept if record is True else None)
        results.append(replace(found, networks=image.host.token_channels(entry)))

    simulate(
        bench.design,
        run,
        timeout=timeout,
        background=(
            take,
            *(feed(channel) for channel in range(image.config.channels)),
            *((serve,) if image.config.stream_bus else ()),
        ),
        vcd=vcd,
    )
    return results[0]


class Simulated:
    """An image on the machine in Amaranth's simulator; an `Engine` but for its short memory.

    Every run begins at power-up, all memories zero. `feature_stall` and `token_stall` make the
    stall of each run.
    """

    name = "simulator"

    def __init__(
        self,
        image: Image,
        *,
        feature_stall: Callable[[], Stall] = lambda: never,
        token_stall: Callable[[], Stall] = lambda: never,
        timeout: int = 100_000,
        memory: MemoryTiming | None = None,
    ) -> None:
        self.image = image
        self._memory = memory
        self._feature_stall, self._token_stall = feature_stall, token_stall
        self._timeout = timeout

    def load_segment(self, segment: Segment) -> None:
        """Have other contents of one segment from power-up on, as `OpenEngine.load_segment`."""
        self.image = with_segment(self.image, segment)

    def run(
        self,
        features: Features,
        *,
        cycle_limit: int = 0,
        record: bool | Callable[[Record], None] = False,
        requests: Requests = (),
    ) -> RunResult:
        """Run the image as `run_machine` does."""
        return run_machine(
            self.image,
            features,
            feature_stall=self._feature_stall(),
            token_stall=self._token_stall(),
            cycle_limit=cycle_limit,
            record=record,
            requests=requests,
            timeout=self._timeout,
            memory=self._memory,
        )
