"""Streamed weights read once for a chunk of frames, bytes against latency.

Writes docs/results/row-reuse.md.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from campaigns.common import UTTERANCES, find_model, output_option, write_page
from sordino.arch import PRESETS, Config
from sordino.compiler.compile import CompileOptions, compile_model
from sordino.cycles.engine import Cycles
from sordino.cycles.traffic import bus_bytes, speech_traffic
from sordino.engines.memory_timing import BEAT, MemoryTiming
from sordino.engines.native.rtl import Rtl
from sordino.golden.machine import Golden
from sordino.image.image import Image
from sordino.isa.operations import Matvec
from sordino.model.load import load_model
from sordino.model.random_rnnt import random_model
from sordino.model.rnnt import RnntModel
from sordino.reference.markdown import table
from sordino.speech.transcript import features_of, frame_seconds
from sordino.testing.images.programs import random_features
from sordino.testing.images.replay import replay_image
from sordino.tools.bench.trained import SHIPPED

__all__ = ["main"]

_CHUNKS = (1, 2, 4, 8)
_RING_BITS = 4096
_FAST, _SLOW = MemoryTiming(), MemoryTiming(latency=64, rate=64)
_FRAMES = 8
_TIMINGS = (MemoryTiming(latency=5), MemoryTiming(latency=100, rate=17))
_SEEDS = range(100, 112)
_VELA = "626,288"
"""Bytes a step that Vela fetches for an LSTM-640 at 4 bits and 75 % zeros, for every step."""


def _machine(bus: int, ring_bits: int = _RING_BITS, **more: int) -> Config:
    """`small` with nothing but rings, and memories for eight frames."""
    burst = min(8, ring_bits // (2 * bus))
    words = ring_bits // 16
    settings: dict[str, Any] = {
        "rows_per_lane": 320,
        "activation_words": 16384,
        "state_words": 4096,
        "program_words": 2048,
        "matrices": 255,
        **more,
    }
    return replace(
        PRESETS["small"],
        stream_bus=bus,
        stream_burst=burst,
        stream_ring=ring_bits // (burst * bus),
        lane_words=words,
        group_words=words,
        **settings,
    )


def _image(model: RnntModel, config: Config, chunk: int, bits: int | None = None) -> Image:
    options = CompileOptions(weight_bits=bits, weights="streamed", chunk=chunk)
    return compile_model(model, config, options).image


def _cycles(image: Image, memory: MemoryTiming) -> float:
    """A frame's, over whole chunks of silence."""
    engine = Cycles(image, memory=memory)
    dim = image.network.input.count
    silence = np.zeros((_FRAMES, dim), np.int8)
    many, none = (engine.run(x).counters["cycles"] for x in (silence, silence[:0]))
    return (many - none) / _FRAMES


def _milliseconds(image: Image, cycles: float) -> float:
    return 1e3 * cycles / image.config.clock_hz


def _trained(model: RnntModel) -> Iterator[tuple[str, ...]]:
    for bus in (64, 128):
        first: tuple[float, float, float] | None = None
        for chunk in _CHUNKS:
            image = _image(model, _machine(bus), chunk)
            seconds, read = frame_seconds(image), speech_traffic(image).frame
            fast, slow = (_cycles(image, memory) for memory in (_FAST, _SLOW))
            first = first or (read, fast, slow)
            late = 1e3 * seconds * (chunk - 1) + _milliseconds(image, chunk * fast - first[1])
            slowly = 1e3 * seconds * (chunk - 1) + _milliseconds(image, chunk * slow - first[2])
            yield (
                str(bus),
                str(chunk),
                f"{read:,.0f}",
                f"{read / seconds:,.0f}",
                f"{1 - read / first[0]:.1%}",
                f"{fast:,.0f}",
                f"{slow:,.0f}",
                f"{late:,.1f}",
                f"{slowly:,.1f}",
            )


def _rings(model: RnntModel, chunk: int) -> Iterator[tuple[str, ...]]:
    for ring in (1024, 2048, 4096, 8192, 16384):
        config = _machine(64, ring)
        image = _image(model, config, chunk)
        pieces = sum(isinstance(i, Matvec) and bool(i.from_ring) for i in image.program)
        yield (
            f"{ring // 8:,}",
            f"{config.streams * ring // 8:,}",
            str(pieces // (chunk - 1)),
            str(len(image.program)),
            f"{speech_traffic(image).frame:,.0f}",
            f"{_cycles(image, _FAST):,.0f}",
            f"{_cycles(image, _SLOW):,.0f}",
        )


def _speech(model: RnntModel, recordings: Sequence[Path]) -> Iterator[tuple[str, ...]]:
    """Tokens of recordings."""
    wanted: list[list[int]] = []
    inputs: list[NDArray[np.int8]] = []
    for chunk in _CHUNKS:
        image = _image(model, _machine(64), chunk)
        golden = Golden(image)
        if not inputs:
            inputs = [features_of(image, path) for path in recordings]
        found = [golden.run(features).tokens for features in inputs]
        wanted = wanted or found
        yield (
            str(chunk),
            str(len(found)),
            f"{sum(map(len, inputs)):,}",
            f"{sum(map(len, found)):,}",
            str(sum(a != b for a, b in zip(found, wanted, strict=True))),
        )


def _lstm(chunks: Sequence[int]) -> Iterator[tuple[str, ...]]:
    """Bytes of one step of LSTM-640 with 640 inputs."""
    model = random_model(0, inputs=640, encoder=(640,), prediction=(8,), joint=16)
    for chunk in chunks:
        config = _machine(
            64, 16384, rows_per_lane=1024, activation_words=1 << 15, parameter_words=1 << 13
        )
        options = CompileOptions(weight_bits=4, sparsity=0.75, weights="streamed", chunk=chunk)
        image = compile_model(model, config, options).image
        zeros = np.zeros((chunk, model.inputs), np.int8)
        found = Golden(image).run(zeros, record=True)
        of = [r.pc for r in found.records or () if image.program[r.pc].layer.startswith("encoder.")]
        yield str(chunk), f"{bus_bytes(image, of) / chunk:,.0f}", _VELA


def _equality() -> Iterator[tuple[str, ...]]:
    """Random programs on the circuit, with `again`, on any rows."""
    for memory in (*_TIMINGS, MemoryTiming(latency=3, jitter=60, seed=9)):
        products = again = records = differences = 0
        for seed in _SEEDS:
            rng = np.random.default_rng([seed, 6])
            image = replay_image(rng)
            features = random_features(rng, image, 1)
            wanted = Golden(image).run(features, record=True).records or []
            rtl = Rtl(image, memory=memory)
            found = rtl.run(features, record=True)
            pairs = list(zip(found.records or (), wanted, strict=True))
            records += len(pairs)
            differences += sum(not np.array_equal(a.values, b.values) for a, b in pairs)
            done = [image.program[r.pc] for r in wanted]
            products += sum(isinstance(i, Matvec) for i in done)
            again += sum(isinstance(i, Matvec) and bool(i.from_ring) for i in done)
            read = bus_bytes(image, [r.pc for r in wanted])
            differences += 8 * rtl.beats != read
            if not memory.jitter:
                counters = Cycles(image, memory=memory).run(features).counters
                differences += sum(counters[name] != n for name, n in found.counters.items())
        yield (
            f"latency {memory.latency}, rate {memory.rate / BEAT:.2f}"
            + (", random waits" if memory.jitter else ""),
            f"{products:,}",
            f"{again:,}",
            f"{records:,}",
            str(differences),
        )


@click.command()
@output_option("row-reuse.md")
def main(output: Path) -> None:
    """Bytes, cycles and latency of chunks; tokens; equality with the circuit."""
    model = load_model(find_model(SHIPPED), None)
    recordings = sorted(UTTERANCES.glob("*.wav"))
    parts = [
        "The trained model on `small`, all weights streamed, rings of 512 bytes, 320 rows in an "
        "accumulator bank, which eight frames of 320 units need. A chunk of T "
        "frames: W of the encoder's layers and of its half of the joint come over the bus "
        "once for all of them, U, the prediction network and the output once each time, as "
        "before. Bytes and cycles are a frame's without a token (cycle model, over eight "
        "silent frames): *fast* memory answers after 32 cycles and gives a beat a cycle, "
        "*slow* after 64 and a beat every fourth. Latency is what the first frame of a chunk "
        "waits more than alone: for the other frames to be spoken, and for the whole chunk to "
        "be computed at 50 MHz. Where the bus limits, cycles fall with the bytes; where the "
        "lanes do (128 bits, fast), a chunk costs some, since within a layer no CELL is "
        "hidden.\n",
        table(
            ("bus", "T", "bytes a frame", "bytes a second of speech", "saved",
             "cycles a frame, fast", "slow", "ms later, fast", "slow"),
            _trained(model),
        ),
        "\nWhat the rings have to do with it, T = 4, 64 bits: a matrix is cut by columns into "
        "pieces that fit, and every piece costs each frame a MATVEC's start and the imbalance "
        "of its groups.\n",
        table(
            ("bytes of a ring", "of all rings", "pieces", "instructions", "bytes a frame",
             "cycles a frame, fast", "slow"),
            _rings(model, 4),
        ),
        "\nTokens of the exact machine for the recordings in `models/utterances`, against those "
        "of single frames; last chunks are cut short as speech is.\n",
        table(("T", "recordings", "frames", "tokens", "recordings that differ"),
              _speech(model, recordings)),
        "\nBytes of one step of an LSTM of 640 units with 640 inputs, 4 bits, 75 % zeros in "
        "groups of four, normal weights, against Vela's for an Ethos-U at the same bits and "
        "share of zeros, on weights of its own draw; it fetches all of them for every step "
        "(read from what it compiles, not measured on hardware).\n",
        table(("T", "bytes a step", "Vela"), _lstm((1, 2, 4, 8))),
        "\nRandom programs on the circuit: matrices that fit the rings, taken again up to three "
        "times, on any rows of both banks, between products of resident and of large streamed "
        "matrices. Differences are of contents against the exact machine, of beats against "
        "the count, and, where memory is exact, of all counters against the cycle model.\n",
        table(
            ("memory", "MATVECs", "of them again", "instructions compared", "differences"),
            _equality(),
        ),
    ]  # fmt: skip
    write_page(output, "Row reuse", parts)
