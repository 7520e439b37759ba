# amaranth: UnusedElaboratable=no
"""Feature FIFO and queue: order, room and level at every depth, under stalls."""

import random

import pytest

from sordino.rtl.host.fifos import FeatureFifo, Queue
from sordino.stimuli.simulate import simulate


def stalls(kind):
    generator = random.Random(kind)
    if kind == "none":
        return lambda: False
    return lambda: generator.random() < {"some": 0.3, "many": 0.8}[kind]


@pytest.mark.parametrize("reads", ["none", "some", "many"])
@pytest.mark.parametrize("writes", ["none", "many"])
@pytest.mark.parametrize("depth", [1, 2, 4, 16])
def test_features_keep_their_order(depth, writes, reads):
    generator = random.Random(depth)
    fifo = FeatureFifo(depth=depth)
    features = [generator.randrange(-128, 128) for _ in range(120)]
    got = []

    async def writer(ctx):
        stall = stalls(writes)
        rest = list(features)
        while rest:
            room, idle = ctx.get(fifo.room), ctx.get(fifo.idle)
            assert room == depth - (len(features) - len(rest) - len(got))
            lanes = sorted(generator.sample(range(4), generator.randrange(1, 5)))[: len(rest)]
            lanes = lanes[:room]
            write = bool(lanes) and idle and not stall()
            if write:
                ctx.set(fifo.strobe, sum(1 << lane for lane in lanes))
                word = sum((f & 0xFF) << 8 * lane for f, lane in zip(rest, lanes, strict=False))
                ctx.set(fifo.data, word)
                del rest[: len(lanes)]
            ctx.set(fifo.write, write)
            await ctx.tick()
            if write:
                assert not ctx.get(fifo.empty)
        ctx.set(fifo.write, 0)

    async def reader(ctx):
        stall = stalls(reads)
        while len(got) < len(features):
            ready = not stall()
            ctx.set(fifo.features.ready, ready)
            _, _, valid, payload = await ctx.tick().sample(
                fifo.features.valid, fifo.features.payload
            )
            if valid and ready:
                got.append(payload)
        ctx.set(fifo.features.ready, 0)
        await ctx.tick()
        assert ctx.get(fifo.empty)
        assert ctx.get(fifo.room) == depth

    # The reader first: `got` is what has left when the writer looks.
    simulate(fifo, reader, writer, timeout=20_000)
    assert got == features


@pytest.mark.parametrize("depth", [1, 2, 8])
def test_clear_forgets_everything(depth):
    fifo = FeatureFifo(depth=depth)

    async def testbench(ctx):
        ctx.set(fifo.data, 0x0201_0201)
        ctx.set(fifo.strobe, (1 << min(depth, 4)) - 1)
        ctx.set(fifo.write, 1)
        await ctx.tick()
        ctx.set(fifo.write, 0)
        for _ in range(8):
            await ctx.tick()
        assert ctx.get(fifo.room) == depth - min(depth, 4)
        ctx.set(fifo.clear, 1)
        await ctx.tick()
        ctx.set(fifo.clear, 0)
        for _ in range(8):
            assert ctx.get(fifo.empty)
            assert not ctx.get(fifo.features.valid)
            assert ctx.get(fifo.room) == depth
            await ctx.tick()

    simulate(fifo, testbench, timeout=20)


@pytest.mark.parametrize("depth", [1, 2, 8])
def test_a_queue_takes_exactly_its_depth(depth):
    queue = Queue(shape=16, depth=depth)

    async def testbench(ctx):
        taken = 0
        ctx.set(queue.i.valid, 1)
        for _ in range(3 * depth + 6):
            ctx.set(queue.i.payload, taken)
            _, _, ready = await ctx.tick().sample(queue.i.ready)
            taken += ready
        assert taken == ctx.get(queue.level) == depth
        ctx.set(queue.i.valid, 0)
        ctx.set(queue.o.ready, 1)
        got = []
        for _ in range(2 * depth + 4):
            _, _, valid, payload = await ctx.tick().sample(queue.o.valid, queue.o.payload)
            if valid:
                got.append(payload)
        assert got == list(range(depth))

    simulate(queue, testbench, timeout=5 * depth + 12)


def test_depth_is_checked():
    with pytest.raises(ValueError, match=r"^wanted queue depth to be at least 1, got 0$"):
        Queue(shape=8, depth=0)
