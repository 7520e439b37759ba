"""How close streamed layers come to lanes and bus, and equality with the circuit.

Writes docs/results/streaming.md.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from campaigns.common import find_model, output_option, write_page
from sordino.arch import PRESETS, STREAM_BUSES
from sordino.compiler.compile import CompileOptions, compile_model
from sordino.cycles.durations import Durations
from sordino.cycles.engine import Cycles
from sordino.cycles.matvec import MatvecCycles
from sordino.cycles.stalls import layer_stalls
from sordino.cycles.traffic import speech_traffic
from sordino.engines.amaranth.machine import run_machine
from sordino.engines.memory_timing import BEAT, MemoryTiming
from sordino.golden.machine import Golden
from sordino.image.external import external_bytes
from sordino.image.image import Image
from sordino.isa.operations import Matvec, Table
from sordino.model.load import load_model
from sordino.reference.markdown import table
from sordino.speech.transcript import frame_seconds
from sordino.testing.images.coupling import coupled_image
from sordino.testing.images.streaming import SMALL, streamed_image
from sordino.tools.bench.matvec_bench import matvec_image
from sordino.tools.bench.trained import SHIPPED

__all__ = ["main"]

_NO_INPUT = np.zeros((0, 1), np.int8)
_SHAPES = ((1024, 1024, 16), (4096, 2048, 64))
_BUSES = (
    (64, MemoryTiming(latency=32)),
    (64, MemoryTiming(latency=200)),
    (128, MemoryTiming(latency=32)),
    (128, MemoryTiming(latency=64, rate=128)),
    (256, MemoryTiming(latency=64)),
    (256, MemoryTiming(latency=64, rate=64)),
    (512, MemoryTiming(latency=64)),
    (512, MemoryTiming(latency=200, rate=100)),
)
_TIMINGS = (
    MemoryTiming(latency=5),
    MemoryTiming(latency=100, rate=17),
    MemoryTiming(latency=3, jitter=60, seed=9),
)
_SEEDS = (2, 7)


def _matrix(rows: int, columns: int) -> NDArray[np.int8]:
    """Five bits, Laplacian, four of five groups of four rows zero."""
    rng = np.random.default_rng(0)
    weights = np.clip(np.round(rng.laplace(0, 3, (rows, columns))), -15, 15)
    kept = np.repeat(rng.random((rows // 4, columns)) < 0.2, 4, axis=0)
    return np.where(kept, np.where(weights == 0, 1, weights), 0).astype(np.int8)


@dataclass(frozen=True)
class _Layer:
    image: Image

    def time(self, memory: MemoryTiming | None = None) -> MatvecCycles:
        """Of its one MATVEC."""
        durations = Durations(self.image, memory)
        program = self.image.program
        tables = {bool(i.runs): i.source for i in program if isinstance(i, Table)}
        address = next(n for n, i in enumerate(program) if isinstance(i, Matvec))
        both = (tables[True], tables[False])
        return durations.matvec(address, both if self.image.config.stream_bus else both[0])


def _rates() -> Iterator[tuple[str, ...]]:
    for rows, columns, lanes in _SHAPES:
        resident = matvec_image(_matrix(rows, columns), lanes, 4)
        alone = _Layer(resident).time()
        for bus, memory in _BUSES:
            image = streamed_image(resident, stream_bus=bus, stream_outstanding=64)
            found = _Layer(image).time(memory)
            lane_bound = int(found.walked.max())
            bus_bound = found.beats * BEAT // memory.rate
            share = max(lane_bound, bus_bound) / found.cycles
            yield (
                f"{rows}×{columns}, {lanes} lanes",
                str(bus),
                f"{memory.latency}",
                f"{memory.rate / BEAT:.2f}",
                f"{lane_bound:,}",
                f"{bus_bound:,}",
                f"{alone.cycles:,}",
                f"{found.cycles:,}",
                f"{share:.1%}",
                "stream" if bus_bound > lane_bound else "lanes",
            )


def _equality(buses: tuple[int, ...]) -> Iterator[tuple[str, ...]]:
    """Random matrices in Amaranth's simulator: for each width records, and counters with times."""
    for bus in buses:
        matvecs = instructions = differences = 0
        for seed in _SEEDS:
            image = coupled_image(np.random.default_rng(seed), SMALL, 3)
            streamed = streamed_image(image, stream_bus=bus, stream_ring=2, stream_outstanding=4)
            wanted = Golden(image).run(_NO_INPUT, record=True)
            assert wanted.records is not None
            for memory in _TIMINGS:
                found = run_machine(streamed, _NO_INPUT, memory=memory, record=True)
                assert found.records is not None
                pairs = list(zip(found.records, wanted.records, strict=True))
                instructions += len(pairs)
                differences += sum(not np.array_equal(a.values, b.values) for a, b in pairs)
                if memory.jitter:
                    continue
                counters = Cycles(streamed, memory=memory).run(_NO_INPUT).counters
                matvecs += len(image.matrices)
                differences += sum(counters[name] != n for name, n in found.counters.items())
        yield str(bus), f"{matvecs:,}", f"{instructions:,}", str(differences)


def _speech(model: Path) -> Iterator[tuple[str, ...]]:
    """The trained model, all streamed, on rings alone; frames by the cycle model."""
    loaded = load_model(model, None)
    for name, bus in (("tiny", 64), ("small", 64), ("small", 128)):
        ring = 4 * 4 * bus // 16
        config = replace(
            PRESETS[name], stream_bus=bus, stream_burst=4, lane_words=ring, group_words=ring
        )
        times = []
        options = CompileOptions(weights="streamed")
        images = [
            compile_model(loaded, machine, wanted).image
            for machine, wanted in (
                (PRESETS[name], CompileOptions()),
                (config, options),
            )
        ]
        features = np.zeros((8, loaded.inputs), np.int8)
        for image in images:
            engine = Cycles(image)
            times.append(engine.run(features).counters["cycles"])
        traffic = speech_traffic(images[1])
        limiter = layer_stalls(engine.last_profile)[-1].limiter
        onchip = config.streams * 2 * config.ring_words
        outside = external_bytes(images[1].matrices, config)
        yield (
            f"{name}, {bus} bits",
            f"{outside:,}",
            f"{outside / onchip:,.0f}",
            f"{traffic.frame:,.0f}",
            f"{traffic.frame / frame_seconds(images[1]):,.0f}",
            f"{times[0] / 8:,.0f}",
            f"{times[1] / 8:,.0f}",
            limiter,
        )


@click.command()
@output_option("streaming.md")
@click.option(
    "--bus",
    "buses",
    type=click.Choice([str(bus) for bus in STREAM_BUSES]),
    multiple=True,
    default=[str(bus) for bus in STREAM_BUSES],
    help="Widths to compare with the circuit, in Amaranth's simulator.",
)
def main(output: Path, buses: tuple[str, ...]) -> None:
    """Rates on large layers, equality with the circuit, the trained model."""
    parts = [
        "One MATVEC of 5 bits and 80 % zeros in groups of four, streamed with bursts of 4 beats, "
        "rings of 4 bursts and at most 64 bursts on their way (times 4 beats more than latency "
        "times rate, or the bus would stand still); latency in cycles, rate in beats a cycle. "
        "Lanes: places of the busiest group; bus: beats over rate. Share: the larger of both over "
        "the cycles taken, the start of the fetch included.\n",
        table(
            ("layer", "bus", "latency", "rate", "lanes", "bus", "resident", "streamed", "share",
             "limiter"),
            _rates(),
        ),
        "\nRandom matrices on the circuit, all streamed, rings of two bursts of 4 beats, two exact "
        "memories and one with random waits: instructions whose contents differ from the exact "
        "machine's on resident weights, and counters, cycles among them, that differ from the "
        "model's.\n",
        table(
            ("bus", "MATVECs timed", "instructions compared", "differences"),
            _equality(tuple(map(int, buses))),
        ),
        "\nThe trained model with nothing but rings in the machine, memory of 32 cycles latency; "
        "cycles a frame of 40 ms over eight silent frames.\n",
        table(
            ("machine", "external bytes", "times the rings", "bytes a frame", "bytes a second",
             "resident cycles a frame", "streamed", "limiter"),
            _speech(find_model(SHIPPED)),
        ),
    ]  # fmt: skip
    write_page(output, "Streamed weights", parts)
