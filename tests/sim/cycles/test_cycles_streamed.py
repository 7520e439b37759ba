"""The time of streamed MATVECs from event to event is that of going cycle by cycle."""

from dataclasses import replace

import numpy as np
import pytest

from sordino.arch import Config
from sordino.cycles.matvec import MatvecCycles
from sordino.cycles.streamed import streamed_cycles
from sordino.cycles.tables import after, decoding, empty
from sordino.engines.memory_timing import MemoryTiming
from sordino.golden.codec import GroupStreams, decode_streams
from sordino.image.image import Image
from sordino.isa.operations import Halt
from sordino.testing.images.builder import ProgramBuilder
from sordino.testing.images.coupling import coupled_image
from sordino.testing.images.streaming import SMALL, streamed_image
from sordino.testing.twins.stepped import stepped_cycles

RATES = (256, 256, 201, 128, 64, 60, 20, 7, 3)


def sparse_image(rng: np.random.Generator, config: Config) -> Image:
    """Groups that go seven columns a move, which the broadcast cannot follow."""
    builder = ProgramBuilder(config)
    slots = (rng.random((1, config.lanes, 400)) < 0.01).astype(np.int8)
    builder.matvec(builder.matrix(slots), source=0)
    builder.add(Halt)
    return builder.image()


def drawn_image(rng: np.random.Generator) -> Image:
    """Random matrices on a random streaming machine, undamaged or with some flipped bits."""
    config = replace(
        SMALL,
        group=int(rng.choice([1, 2, 4])),
        lanes=4 * int(rng.choice([1, 2, 4])),
        x_fifo=int(rng.choice([8, 16, 32])),
    )
    image = streamed_image(
        coupled_image(rng, config, 2) if rng.random() < 0.8 else sparse_image(rng, config),
        stream_bus=int(rng.choice([64, 128, 256, 512])),
        stream_ring=int(rng.choice([2, 4, 8])),
        stream_burst=int(rng.choice([4, 8])),
        stream_outstanding=int(rng.choice([1, 2, 4, 16, 64])),
    )
    external = np.frombuffer(image.external, np.uint8).copy()
    for at in rng.random(int(rng.choice([0, 0, 1, 90])) if len(external) else 0):
        external[int(at * len(external))] ^= 1 << int(rng.integers(8))
    return replace(image, external=external.tobytes())


def drawn_memory(rng: np.random.Generator) -> MemoryTiming:
    rate = int(rng.choice(RATES))
    least = -(-512 // rate)
    return MemoryTiming(latency=int(rng.integers(least, least + rng.choice([3, 400]))), rate=rate)


def matvecs(image: Image) -> list[tuple[GroupStreams, ...]]:
    """The streams of each MATVEC of a program without branches."""
    tables, found = empty(image.config), []
    for i in image.program:
        decoded = decoding(i, tables)
        if decoded is not None:
            assert isinstance(decoded, tuple)
            runs, values = (image.tables[number] for number in decoded)
            found.append(
                decode_streams(
                    image, i.matrix, rows=i.rows, columns=i.columns, runs=runs, values=values
                )
            )
        tables = after(i, tables)
    return found


def assert_same(found: MatvecCycles, wanted: MatvecCycles) -> None:
    for name in MatvecCycles.__dataclass_fields__:
        np.testing.assert_array_equal(getattr(found, name), getattr(wanted, name), name)


@pytest.mark.parametrize("again", [False, True])
@pytest.mark.parametrize("seed", range(40))
def test_same_as_cycle_by_cycle(seed: int, again: bool) -> None:
    """Every figure, whatever holds whom up, with damaged streams too."""
    rng = np.random.default_rng([seed, 77])
    image = drawn_image(rng)
    for streams in matvecs(image):
        memory = drawn_memory(rng)
        found = streamed_cycles(streams, config=image.config, memory=memory, again=again)
        if found.cycles < 8000:
            wanted = stepped_cycles(streams, config=image.config, memory=memory, again=again)
            assert_same(found, wanted)


def test_the_cases_differ() -> None:
    """Among them are waits of each kind, and layers that the bus limits and that it does not."""
    waits = ("wait_x", "wait_broadcast", "wait_stream")
    kinds = set[str]()
    for seed in range(40):
        rng = np.random.default_rng([seed, 77])
        image = drawn_image(rng)
        for streams in matvecs(image):
            found = streamed_cycles(streams, config=image.config, memory=drawn_memory(rng))
            kinds |= {name for name in waits if getattr(found, name)}
            kinds |= {"bus" if found.stream else "lanes"}
            kinds |= {"outside" for group in streams if group.walk.outside}
    assert kinds == {*waits, "bus", "lanes", "outside"}
