"""The RNN-T of MLPerf inference with all weights in external memory."""

import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from time import process_time

import numpy as np

from campaigns.figures import Figure
from sordino.arch import STREAM_BUSES
from sordino.cycles.bounds import Bounds, frame_bounds
from sordino.cycles.engine import Cycles
from sordino.cycles.path import decisions_of, follow
from sordino.cycles.stalls import layer_stalls
from sordino.cycles.trace import Profile, Timer, Trace
from sordino.cycles.traffic import bus_bytes
from sordino.engines.cosim import compare
from sordino.engines.memory_timing import MemoryTiming
from sordino.engines.native.rtl import Rtl
from sordino.golden.machine import Golden
from sordino.image.image import Image
from sordino.reference.markdown import table
from sordino.testing.images.streaming import streamed_image
from sordino.tools.bench.mlperf import (
    CHARACTERS_PER_SECOND,
    FRAME_SECONDS,
    UTTERANCE_FRAMES,
    mlperf_input,
)
from sordino.tools.estimate.capacity import trimmed
from sordino.tools.estimate.memories import bits_by_kind

__all__ = ["StreamedMlperf", "spoken_profile", "timed_run"]

_MEMORY = MemoryTiming(latency=32)
_BURST_BYTES, _LEAST_BURST, _OUTSTANDING = 64, 4, 64
_LARGER = 30
"""Times that the model should be larger than what is on the chip."""
_HEADER = (
    "machine",
    "bus, bits",
    "on the chip, bytes",
    "rings",
    "streams outside, bytes",
    "times",
    "bytes a second of speech",
    "cycles an utterance",
    "real-time factor",
    "limiter",
    "best frame, cycles",
    "worst",
    "exact machine, s",
)


def spoken_trace(image: Image) -> Trace:
    """The mean utterance with its characters spread evenly over the frames."""
    groups = -(-UTTERANCE_FRAMES // 2)
    until = np.floor(np.arange(groups + 1) * 2 * FRAME_SECONDS * CHARACTERS_PER_SECOND).astype(int)
    token = 1 + image.network.blank
    tokens = [[token] * count for count in np.diff(until).tolist()]
    return follow(image, UTTERANCE_FRAMES, decisions_of(image, tokens))


def spoken_profile(image: Image) -> Profile:
    """Its time."""
    return Timer(image, _MEMORY).time(spoken_trace(image))


def _run(contents: bytes) -> tuple[float, int]:
    image = Image.from_bytes(contents)
    begin = process_time()
    result = Cycles(image, memory=_MEMORY).run(mlperf_input(UTTERANCE_FRAMES))
    return process_time() - begin, result.counters["cycles"]


def timed_run(image: Image) -> tuple[float, int]:
    """Processor seconds of the exact machine with time on the utterance's frames, and cycles.

    In a process of its own, which has not decoded anything yet.
    """
    start = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=start) as pool:
        return pool.submit(_run, image.to_bytes()).result()


@dataclass(frozen=True)
class _Run:
    """One machine: `ran` and `silent` are of `timed_run`."""

    image: Image
    ran: float
    silent: int
    spoken: Profile
    bounds: Bounds
    read: int

    @classmethod
    def of(cls, image: Image) -> "_Run":
        timer, trace = Timer(image, _MEMORY), spoken_trace(image)
        bounds = frame_bounds(image, durations=timer.durations)
        assert bounds is not None
        read = bus_bytes(image, trace.addresses.tolist())
        return cls(image, *timed_run(image), timer.time(trace), bounds, read)

    @property
    def on_chip(self) -> int:
        return -(-sum(bits_by_kind(self.image.config).values()) // 8)

    @property
    def times(self) -> float:
        return len(self.image.external) / self.on_chip

    @property
    def real_time_factor(self) -> float:
        seconds = UTTERANCE_FRAMES * FRAME_SECONDS
        return self.spoken.counters()["cycles"] / self.image.config.clock_hz / seconds

    def row(self) -> tuple[str, ...]:
        """Of the table."""
        config = self.image.config
        rings = 2 * config.ring_words * config.streams
        worst = self.bounds.frame.worst
        assert worst is not None
        return (
            f"{config.lanes} lanes, {config.states} states",
            str(config.stream_bus),
            f"{self.on_chip:,}",
            f"{rings:,}",
            f"{len(self.image.external):,}",
            f"{self.times:.1f}",
            f"{self.read / UTTERANCE_FRAMES / FRAME_SECONDS:,.0f}",
            f"{self.spoken.counters()['cycles']:,}",
            f"{self.real_time_factor:.4f}",
            layer_stalls(self.spoken)[-1].limiter,
            f"{self.bounds.frame.best:,}",
            f"{worst:,}",
            f"{self.ran:.1f}",
        )


class StreamedMlperf:
    """The model on `large` and each bus, from the resident image, and on eight lanes."""

    def __init__(self, resident: Image, small: Image, run_seconds: float) -> None:
        self.resident, self.small, self.run_seconds = resident, small, run_seconds

    @cached_property
    def runs(self) -> list[_Run]:
        """One a machine, memories just as large as they need to be; eight lanes last."""
        return [_Run.of(trimmed(image)) for image in (*self._large(), self.small)]

    def _large(self) -> Iterator[Image]:
        for bus in STREAM_BUSES:
            burst = max(_LEAST_BURST, 8 * _BURST_BYTES // bus)
            yield streamed_image(
                self.resident, stream_bus=bus, stream_burst=burst, stream_outstanding=_OUTSTANDING
            )

    def figures(self, *, circuit: bool) -> list[Figure]:
        """What was to be shown."""
        small = self.runs[-1]
        slowest = max(run.ran for run in self.runs)
        found = [
            self._figure(
                "streamed: exact machine with time, the same frames, slowest machine below",
                f"{slowest:.1f} s",
                f"≤ {self.run_seconds:g} s",
                slowest <= self.run_seconds,
            ),
            self._figure(
                "streamed: coded weights over all memory on the chip, eight lanes",
                f"{small.times:.1f}; real-time factor {small.real_time_factor:.3f}",
                f"≥ {_LARGER}, < 1",
                small.times >= _LARGER and small.real_time_factor < 1,
            ),
        ]
        return [*found, self._circuit(small.image)] if circuit else found

    def _circuit(self, image: Image) -> Figure:
        """One frame of the encoder in every bit and cycle."""
        rtl = Rtl(image, memory=_MEMORY)
        outcome = compare(image, Golden(image), rtl, mlperf_input(2))
        model = Cycles(image, memory=_MEMORY)
        counters = model.run(mlperf_input(2)).counters
        timed = counters == outcome.results[1].counters
        timed &= np.array_equal(model.profile(), rtl.profile())
        return self._figure(
            "streamed: one frame on the circuit of eight lanes, every bit and cycle",
            f"{outcome.first_difference or 'identical'}; {outcome.words_compared:,} words of "
            f"{outcome.records_compared:,} instructions; "
            f"{'the same' if timed else '**other**'} cycles, {counters['cycles']:,}",
            "identical",
            outcome.identical and timed,
        )

    @staticmethod
    def _figure(figure: str, reached: str, target: str, met: bool) -> Figure:
        return Figure(
            figure=figure, best="", reached=reached, target=target, met=met, command="make mlperf"
        )

    def page(self) -> tuple[str, ...]:
        """The table of machines."""
        clock = self.small.config.clock_hz / 1e6
        return (
            "\nAll weights in external memory, bursts of 64 bytes or 4 beats, rings of 4 bursts, "
            f"memory of {_MEMORY.latency} cycles latency that fills the bus; memories on the chip "
            "as large as the model needs them, biases, tables, rings and all. Times: streams "
            "outside over all of that. A frame is one input vector of "
            f"{FRAME_SECONDS * 1e3:g} ms, of which every second one takes all layers; "
            f"{clock:g} MHz.\n",
            table(_HEADER, [run.row() for run in self.runs]),
        )
