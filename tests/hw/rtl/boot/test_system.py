"""A whole system around a flash: it boots, and streams weights from where it has booted."""

from dataclasses import replace

import numpy as np
import pytest

from sordino.driver import AsyncHost
from sordino.driver.boot import PAGE, boot_memory
from sordino.golden.machine import Golden
from sordino.rtl.boot.system import FlashSystem
from sordino.rtl.bridges.registry import make_bridge
from sordino.stimuli.axi import AxiLiteManager
from sordino.stimuli.bus import SimulatedBus
from sordino.stimuli.flash import SpiFlash
from sordino.stimuli.simulate import simulate
from sordino.testing.images.programs import random_features, random_program
from sordino.testing.images.streaming import SMALL, streamed_image

SIZE = 1 << 20
MACHINE = replace(SMALL, parameter_words=1024, program_words=192, matrices=8)


def an_image(seed):
    """A small random program that streams all its matrices, and its features."""
    rng = np.random.default_rng(seed)
    while True:
        image = streamed_image(random_program(rng, MACHINE, steps=1))
        features = random_features(rng, image, 1)
        expected = Golden(image).run(features)
        if image.external and expected.counters["useful"]:
            return image, features, expected


@pytest.mark.slow
@pytest.mark.parametrize("lines", [4])
def test_weights_come_from_the_flash(lines):
    image, features, expected = an_image(lines)
    contents = bytes(PAGE) + boot_memory(image, address=PAGE)
    system = FlashSystem(image.config, make_bridge("axi"), lines=lines, size=SIZE, address=PAGE)
    flash = SpiFlash(contents)

    async def serve(ctx):
        await flash.serve(ctx, system.spi)

    async def testbench(ctx):
        while not ctx.get(system.boot.done):
            await ctx.tick()
        assert ctx.get(system.boot.loaded)
        booted = len(flash.reads)
        host = AsyncHost(SimulatedBus(ctx, AxiLiteManager(system.s_axi)), patience=100_000)
        host.image = image
        run = await host.run(features)
        assert (run.tokens, run.error) == (expected.tokens, expected.error)
        assert (await host.counters())["useful"] == expected.counters["useful"]
        assert len(flash.reads) > booted

    simulate(system, testbench, timeout=200_000, background=(serve,))
