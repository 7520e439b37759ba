"""Streamed weights in the circuit: the same bits as resident ones, whatever the memory does."""

import numpy as np
import pytest

from sordino.arch import Config
from sordino.compiler.compile import CompileOptions, compile_model
from sordino.cycles.engine import Cycles
from sordino.cycles.stalls import layer_stalls
from sordino.cycles.traffic import bus_bytes
from sordino.engines.memory_timing import MemoryTiming
from sordino.engines.native.rtl import Rtl
from sordino.golden.machine import Golden
from sordino.image.external import external_streams
from sordino.image.image import Image
from sordino.isa.operations import Halt
from sordino.isa.registers import Error
from sordino.model.random_rnnt import random_model
from sordino.testing.images.builder import ProgramBuilder
from sordino.testing.images.coupling import coupled_image
from sordino.testing.images.streaming import ROOMY, STREAMING, assert_same_run, moved

NO_INPUT = np.zeros((0, 1), np.int8)
TIMINGS = (
    MemoryTiming(latency=2),
    MemoryTiming(latency=40, rate=60),
    MemoryTiming(latency=9, rate=201),
    MemoryTiming(latency=300, rate=7),
)


def random_images(seed: int) -> tuple[Image, Image]:
    """Four random matrices, all resident and all streamed, but that a small one may stay."""
    resident = coupled_image(np.random.default_rng([seed, 3]), ROOMY, 4)
    small = [max(m.position_bits) + max(m.value_bits) < 1500 for m in resident.matrices]
    stays = seed % 2 == 0 and True in small
    marks = [not (stays and number == small.index(True)) for number in range(4)]
    return resident, moved(resident, marks)


@pytest.mark.parametrize("seed", range(8))
def test_bits_and_cycles(seed: int) -> None:
    """Resident golden = streamed golden = circuit under jitter; cycles where memory is exact."""
    resident, streamed = random_images(seed)
    assert Image.from_bytes(streamed.to_bytes()).external == streamed.external
    wanted = Golden(resident).run(NO_INPUT, record=True)
    assert_same_run(Golden(streamed).run(NO_INPUT, record=True), wanted)
    rtl = Rtl(streamed, memory=MemoryTiming(latency=3, jitter=60, seed=seed))
    assert_same_run(rtl.run(NO_INPUT, record=True), wanted)
    for timing in TIMINGS:
        rtl.external(streamed.external, timing)
        before = rtl.beats
        found = rtl.run(NO_INPUT, record=True)
        assert_same_run(found, wanted)
        assert found.records is not None
        read = bus_bytes(streamed, [record.pc for record in found.records])
        assert 8 * (rtl.beats - before) == read
        model = Cycles(streamed, memory=timing)
        assert model.run(NO_INPUT).counters == found.counters
        np.testing.assert_array_equal(model.profile(), rtl.profile())


def one_matrix(slots: np.ndarray, config: Config = ROOMY) -> Image:
    builder = ProgramBuilder(config)
    number = builder.matrix(slots.astype(np.int8))
    builder.matvec(number, source=0)
    builder.add(Halt)
    return builder.image()


def test_one_long_stream_holds_everybody_up() -> None:
    """One lane's values take eight bits, its neighbour's one, and one group has all places."""
    rng = np.random.default_rng(5)
    slots = np.zeros((40, 4, 60), np.int64)
    slots[:, 0] = rng.integers(1, 128, (40, 60))
    slots[:, 1] = 1
    slots[::37, 2:, ::29] = 1
    image = moved(one_matrix(slots), [True])
    lengths = image.matrices[0].value_bits
    assert lengths[0] > 8 * lengths[1]
    assert lengths[0] > 1000 * max(lengths[2:])
    wanted = Golden(image).run(NO_INPUT, record=True)
    for timing in (MemoryTiming(latency=50, jitter=200), MemoryTiming(latency=600, rate=3)):
        assert_same_run(Rtl(image, memory=timing).run(NO_INPUT, record=True), wanted)
    slow = MemoryTiming(latency=40, rate=20)
    rtl, model = Rtl(image, memory=slow), Cycles(image, memory=slow)
    assert rtl.run(NO_INPUT).counters == model.run(NO_INPUT).counters
    whole = layer_stalls(model.last_profile)[-1]
    assert whole.limiter == "stream"
    lost = whole.wait_broadcast + whole.wait_fifo + whole.wait_stream + whole.imbalance
    groups = STREAMING.groups
    assert whole.matvec * groups == whole.places + whole.padding + lost + whole.overhead


@pytest.mark.parametrize("weights", ["streamed", "auto"])
def test_compiled_model(weights: str) -> None:
    """An RNN-T whose encoder does not fit: all or part of it streamed, the same records."""
    model = random_model(4, encoder=(40, 40), prediction=(16,), joint=24, zeros=0.5)
    images = [
        compile_model(model, config, CompileOptions(weight_bits=6, weights=mode)).image
        for config, mode in ((ROOMY, "resident"), (STREAMING, weights))
    ]
    streamed = [matrix.streamed for matrix in images[1].matrices]
    assert any(streamed)
    assert (weights == "auto") == (not all(streamed))
    features = np.random.default_rng(1).integers(-128, 128, (3, model.inputs)).astype(np.int8)
    wanted = Golden(images[0]).run(features, record=True)
    timing = MemoryTiming(latency=20, rate=100)
    rtl, cycles = Rtl(images[1], memory=timing), Cycles(images[1], memory=timing)
    found = rtl.run(features, record=True)
    assert_same_run(found, wanted)
    assert cycles.run(features).counters == found.counters


def streamed_dense() -> Image:
    slots = np.random.default_rng(2).integers(-9, 10, (20, 4, 40))
    return moved(one_matrix(slots), [True])


def test_damage_in_external_memory_is_found() -> None:
    """A flipped bit in any beat, or no memory at all: MEMORY, and the next run is right again."""
    image = streamed_dense()
    rtl, timing = Rtl(image), MemoryTiming(latency=10)
    wanted = Golden(image).run(NO_INPUT, record=True)
    for at in np.random.default_rng(3).integers(0, 8 * len(image.external), 12).tolist():
        damaged = bytearray(image.external)
        damaged[at // 8] ^= 1 << at % 8
        rtl.external(bytes(damaged), timing)
        found = rtl.run(NO_INPUT, cycle_limit=100_000)
        # What no decoder takes is not always read, nor checked: the stream is still cut short.
        assert found.error in (Error.MEMORY, Error.STREAM, Error.NONE)
        read = bytes(damaged) != image.external and _is_read(image, at)
        assert (found.error is Error.NONE) == (not read)
    rtl.external(image.external[: len(image.external) // 2], timing)
    assert rtl.run(NO_INPUT, cycle_limit=100_000).error is Error.MEMORY
    rtl.external(image.external, timing)
    assert_same_run(rtl.run(NO_INPUT, record=True), wanted)


def _is_read(image: Image, bit: int) -> bool:
    """Whether a bit of external memory lies in a beat that the machine reads."""
    config = image.config
    return any(
        0 <= bit - 8 * one.burst * config.burst_bytes < one.beats * config.stream_bus
        for streams in external_streams(image.matrices, config)
        for one in streams
    )


@pytest.mark.parametrize("limit", [560, 571, 600, 700])
def test_stopped_on_the_way(limit: int) -> None:
    """Bursts that were on their way when the machine stopped do not reach the next run."""
    image = streamed_dense()
    rtl = Rtl(image, memory=MemoryTiming(latency=90, rate=100))
    wanted = Golden(image).run(NO_INPUT, record=True)
    stopped = rtl.run(NO_INPUT, cycle_limit=limit)
    assert stopped.error is Error.LIMIT
    assert_same_run(rtl.run(NO_INPUT, record=True), wanted)
