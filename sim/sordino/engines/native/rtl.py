"""The rtl engine: the circuit itself, compiled to native code."""

import ctypes
import os
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sordino.arch import Config
from sordino.engines.engine import (
    Features,
    Record,
    Requests,
    RunResult,
    by_channel,
    checked_values,
    expect_yield_points,
    in_order,
)
from sordino.engines.errors import ToolError
from sordino.engines.memory_timing import MemoryTiming
from sordino.engines.native.compiled import cache_directory, load
from sordino.engines.native.library import declared, load_writes
from sordino.engines.native.session import RtlSession
from sordino.image.fit import check_fit
from sordino.image.image import Image
from sordino.image.loading import LoadSection, load_sections
from sordino.image.memories import check_words
from sordino.image.rooms import checked_mask
from sordino.image.segments.segment import (
    Segment,
    filled_sections,
    room,
    segment_sections,
    with_segment,
)
from sordino.isa.fields import REGISTER_BITS, REGISTER_HIGH, Store
from sordino.isa.hazards import Region, writes
from sordino.isa.instruction import Unit
from sordino.isa.operations import Input
from sordino.isa.registers import COUNTER_BITS, COUNTERS, Error, LoadTarget, capacities
from sordino.rtl.shared.ports import RETIRES, WINDOW_READ, WINDOW_WRITE, LoadWrite

__all__ = ["Rtl"]

_VALUES_A_CALL = 1 << 20
_BASE_PAGE = 0x12345
"""Where external memory begins."""
_WHO = {Unit.NONE: "own", Unit.ARRAY: "array", Unit.VECTOR: "vector", Unit.TABLE: "table"}


def _memory_names(config: Config) -> Iterator[tuple[Store, str]]:
    yield Store.REGISTER, "sequencer registers"
    yield Store.ACTIVATION, "activation memory"
    yield Store.STATE, "state memory"
    for lane in range(config.lanes):
        path = f"array group{lane // config.group} lane{lane % config.group}"
        yield Store.BANK0, f"{path} bank0"
        yield Store.BANK1, f"{path} bank1"


def _clear() -> str:
    return f"delete the cache {cache_directory()}"


class Rtl:
    """The machine in RTL under CXXRTL, loaded with one image; an `OpenEngine`.

    Runs follow one another on the same loaded machine, as on a chip: START resets registers and
    counters, programs clear their own state. Raises ImageError where the image does not fit the
    machine that it names. `vcd` names a waveform file to write; `memory` times
    external memory, for machines that stream.
    """

    name = "rtl"
    simulator = "cxxrtl"

    def __init__(
        self,
        image: Image,
        *,
        vcd: str | Path | None = None,
        memory: MemoryTiming | None = None,
    ) -> None:
        check_fit(image, capacities(image.config))
        self.image, self.starts = image, 0
        self._library = declared(load(image.config, debug=vcd is not None))
        self._handle = ctypes.c_void_p(self._library.sordino_create())
        self._library.sordino_channels(self._handle, image.config.channels)
        missing = self._library.sordino_missing(self._handle).decode()
        if missing:
            raise ToolError(f"the compiled machine has no signal {missing!r}; {_clear()}")
        self._depth: dict[Store, tuple[int, int]] = {}
        for store, name in _memory_names(image.config):
            depth = self._library.sordino_bind(self._handle, store.value, name.encode())
            if not depth:
                raise ToolError(f"the compiled machine has no memory {name!r}; {_clear()}")
            units = self._depth.get(store, (0, 0))[1] + 1
            self._depth[store] = (8 if store is Store.REGISTER else depth, units)
        if vcd is not None and not self._library.sordino_open_vcd(self._handle, str(vcd).encode()):
            raise ToolError(f"cannot write waveform {vcd}")
        self._asked: list[tuple[NDArray[np.uint64], Image]] = []
        self._networks: dict[str, int] = {}
        self._load(chain(load_sections(image), filled_sections(image)))
        self._library.sordino_checked(self._handle, checked_mask(image.rooms))
        self._describe_program()
        if image.config.stream_bus:
            self.external(image.external, memory or MemoryTiming())

    def external(self, contents: bytes, timing: MemoryTiming) -> None:
        """What external memory holds and when it answers, from now on."""
        self._external = contents  # read while it runs
        found = self._library.sordino_external(
            self._handle,
            contents,
            len(contents),
            _BASE_PAGE,
            timing.latency,
            timing.rate,
            timing.jitter,
            timing.seed,
        )
        if not found:
            raise ToolError(f"the compiled machine has no bus to external memory; {_clear()}")

    @property
    def beats(self) -> int:
        """Beats that came from external memory so far."""
        return int(self._library.sordino_beats(self._handle))

    def __del__(self) -> None:
        if getattr(self, "_handle", None):
            self._library.sordino_destroy(self._handle)

    def _describe_program(self) -> None:
        program = self.image.program
        inputs, executes = np.zeros((len(program), 3), np.uint32), np.zeros(len(program), np.uint8)
        written: list[Region] = []
        ends = np.zeros(len(program), dtype=np.uint32)
        for at, instruction in enumerate(program):
            if isinstance(instruction, Input):
                inputs[at] = instruction.count, instruction.channel, bool(instruction.request)
            executes[at] = RETIRES.index(_WHO[instruction.unit])
            written += writes(instruction, self.image.config)
            ends[at] = len(written)
        regions = np.array([(r.store.value, r.base, r.count) for r in written], dtype=np.uint32)
        self._library.sordino_program(
            self._handle,
            regions.ctypes.data,
            ends.ctypes.data,
            inputs.ctypes.data,
            executes.ctypes.data,
            len(program),
        )

    def _load(self, sections: Iterable[LoadSection]) -> None:
        for words in load_writes(sections):
            block = np.ascontiguousarray(words)
            self._library.sordino_load(self._handle, block.ctypes.data, len(block))

    def load_segment(self, segment: Segment) -> None:
        """Load other contents of one segment, as `OpenEngine.load_segment`."""
        self.image = with_segment(self.image, segment)
        self._load(segment_sections(self.image, segment.name))
        self._library.sordino_checked(self._handle, checked_mask(self.image.rooms))
        self.starts += 1

    def _requests(self, requests: Requests) -> list[tuple[NDArray[np.uint64], Image]]:
        """Hand over what the host asks for in a run.

        Returns for each request the words that must stay until the run's end, and the image that
        the machine holds after it.
        """
        kept, image = [], self.image
        self._library.sordino_forget_requests(self._handle)
        for after, asked in requests:
            number, words = asked, np.zeros((0, 2), np.uint64)
            if isinstance(asked, Segment):
                image = with_segment(image, asked)
                number = room(image, asked.name).number
                sections = segment_sections(image, asked.name)
                words = np.ascontiguousarray(np.concatenate(list(load_writes(sections))))
            self._library.sordino_request(
                self._handle, after, number, words.ctypes.data if len(words) else None, len(words)
            )
            kept.append((words, image))
        return kept

    def poke(self, target: LoadTarget, unit: int, address: int, word: int) -> None:
        """Write one LoadWrite word, for fault injection after loading."""
        layout: Any = LoadWrite
        payload = int(
            layout.const(
                {"target": target, "unit": unit, "address": address, "data": word}
            ).as_bits()
        )
        block = np.array([[payload & (1 << 64) - 1, payload >> 64]], dtype=np.uint64)
        self._library.sordino_load(self._handle, block.ctypes.data, 1)

    def run(
        self,
        features: Features,
        *,
        cycle_limit: int = 0,
        record: bool | Callable[[Record], None] = False,
        entry: str = "main",
        requests: Requests = (),
        on_cycles: Callable[[int], None] | None = None,
        feature_gap: int = 0,
        token_gap: int = 0,
        seed: int = 1,
    ) -> RunResult:
        """Run features until the machine stops.

        `cycle_limit` 0 means none; `on_cycles` is called with the cycles simulated so far now
        and then; gaps (n in 256) stall the streams of features and tokens at random.
        """
        streams = by_channel(features, self.image.config)
        gaps = feature_gap, token_gap, seed
        self._start(cycle_limit, bool(record), entry, requests, gaps)
        run = RtlSession(self, record, on_cycles)
        run.offer(streams)
        return run.finish()

    def session(
        self,
        *,
        cycle_limit: int = 0,
        record: bool | Callable[[Record], None] = False,
        entry: str = "main",
        requests: Requests = (),
    ) -> "RtlSession":
        """Begin a run that is fed bit by bit, as `StreamingEngine.session`.

        Until it is finished memories cannot be read or written.
        """
        self._start(cycle_limit, bool(record), entry, requests, (0, 0, 1))
        return RtlSession(self, record, None)

    def _start(
        self,
        cycle_limit: int,
        record: bool,
        entry: str,
        requests: Requests,
        gaps: tuple[int, int, int],
    ) -> None:
        library, handle = self._library, self._handle
        address = self.image.entry(entry)
        self._networks = self.image.host.token_channels(entry)
        expect_yield_points(self.image, requests)
        self._asked = self._requests(in_order(requests))
        for channel in range(self.image.config.channels):
            library.sordino_features(handle, channel, None, 0)
        library.sordino_follow(handle, 1)
        library.sordino_start(handle, address, cycle_limit, int(record), *gaps)
        self.starts += 1

    # What a session needs

    def advance(self, cycles: int) -> int:
        """Simulate until the machine stops (1), lacks features (2), or so many cycles passed (0).

        A 0 may also say that there are many records to take.
        """
        how = int(self._library.sordino_run(self._handle, cycles, _VALUES_A_CALL))
        done = len(self._asked) - int(self._library.sordino_requests_left(self._handle))
        if done:
            self.image = self._asked[done - 1][1]
        return how

    def offer(self, channel: int, features: NDArray[np.int8]) -> None:
        """Features (n,) of a channel in place of those that it has left; the caller keeps them."""
        self._library.sordino_features(self._handle, channel, features.ctypes.data, len(features))

    def left(self, channel: int) -> int:
        """Features of a channel that are not taken yet."""
        return int(self._library.sordino_left(self._handle, channel))

    def end_of_input(self) -> None:
        """Say that no features follow on any channel."""
        self._library.sordino_follow(self._handle, 0)

    def tokens(self, first: int = 0) -> list[tuple[int, int]]:
        """The run's tokens so far from number `first` on, each with its channel."""
        tokens = ctypes.c_void_p()
        count = self._library.sordino_tokens(self._handle, ctypes.byref(tokens))
        cast = ctypes.cast(tokens, ctypes.POINTER(ctypes.c_uint32))
        return [(cast[k] & REGISTER_HIGH, cast[k] >> REGISTER_BITS) for k in range(first, count)]

    def take_records(self, index: int) -> Iterator[Record]:
        """The records since the last call, numbered from `index` on."""
        pc, end, values = ctypes.c_void_p(), ctypes.c_void_p(), ctypes.c_void_p()
        count = self._library.sordino_records(
            self._handle, ctypes.byref(pc), ctypes.byref(end), ctypes.byref(values)
        )
        if not count:
            return
        pcs = np.ctypeslib.as_array(ctypes.cast(pc, ctypes.POINTER(ctypes.c_uint32)), (count,))
        ends = np.ctypeslib.as_array(ctypes.cast(end, ctypes.POINTER(ctypes.c_uint64)), (count,))
        total = int(ends[-1])
        words = np.zeros(0, dtype=np.int64)
        if total:
            words = np.ctypeslib.as_array(
                ctypes.cast(values, ctypes.POINTER(ctypes.c_int32)), (total,)
            ).astype(np.int64)
        begin = 0
        for number, (at, stop) in enumerate(zip(pcs.tolist(), ends.tolist(), strict=True)):
            yield Record(index=index + number, pc=at, values=words[begin:stop])
            begin = stop
        self._library.sordino_forget_records(self._handle)

    def _counters(self) -> dict[str, int]:
        chunks = self._library.sordino_counters(self._handle)
        total = sum(chunks[k] << (32 * k) for k in range(-(-len(COUNTERS) * COUNTER_BITS // 32)))
        mask = (1 << COUNTER_BITS) - 1
        return {c.name: total >> COUNTER_BITS * k & mask for k, c in enumerate(COUNTERS)}

    def profile(self) -> NDArray[np.int64]:
        """How often each program address retired in the last run, and its cycles; (n, 2).

        Each cycle of the run is one instruction's: the MATVEC's at work, else that of the vector
        unit, of the table loader, or that which begins next. What is hidden behind a MATVEC has
        no cycles.
        """
        pointer = self._library.sordino_profile(self._handle)
        shape = (len(self.image.program), 2)
        return np.ctypeslib.as_array(pointer, shape).astype(np.int64)

    def result(self, records: list[Record] | None) -> RunResult:
        """How the run ended, once the machine has stopped."""
        if number := self._library.sordino_flush_vcd(self._handle):
            raise ToolError(f"cannot write the waveform: {os.strerror(number)}")
        tokens, status = self.tokens(), self._library.sordino_status(self._handle)
        return RunResult(
            tokens=[token for token, _ in tokens],
            error=Error(status & 0xFF),
            code=status >> 8 & 0xFF,
            counters=self._counters(),
            records=records,
            final={store: self.dump(store) for store in self._depth},
            channels=[channel for _, channel in tokens],
            networks=self._networks,
        )

    def dump(self, store: Store) -> NDArray[np.int64]:
        """A store's contents; banks as (rows, lanes)."""
        depth, units = self._depth[store]
        out = np.zeros(depth * units, dtype=np.int32)
        self._library.sordino_dump(self._handle, store.value, out.ctypes.data)
        banks = store in (Store.BANK0, Store.BANK1)
        return out.astype(np.int64).reshape((depth, units) if banks else (-1,))

    def read(self, store: Store, first: int, count: int) -> NDArray[np.int64]:
        """Words or rows of a memory through the circuit's window, as `OpenEngine.read`."""
        shape = check_words(self.image.config, store, first, count)
        words = np.zeros((shape.lanes, count), np.int32)
        for lane, found in enumerate(words):
            self._expect_rest(
                self._library.sordino_window_read(
                    self._handle, store.value, lane, first, count, WINDOW_READ, found.ctypes.data
                )
            )
        banks = store in (Store.BANK0, Store.BANK1)
        return words.T.astype(np.int64) if banks else words[0].astype(np.int64)

    def write(self, store: Store, first: int, values: NDArray[np.int64]) -> None:
        """Write words or rows through the circuit's window, as `OpenEngine.write`."""
        words = checked_values(self.image, store, first, values)
        lanes = np.ascontiguousarray(np.atleast_2d(words.T), np.int32)
        for lane, given in enumerate(lanes):
            self._expect_rest(
                self._library.sordino_window_write(
                    self._handle, store.value, lane, first, len(words), WINDOW_WRITE,
                    given.ctypes.data,
                )
            )  # fmt: skip

    def _expect_rest(self, found: int) -> None:
        if not found:
            raise RuntimeError("wanted a machine at rest, got one whose run was broken off")
