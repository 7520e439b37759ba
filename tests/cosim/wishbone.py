"""A small Wishbone manager for cocotb, as a driver's bus."""

import random

from cocotb.triggers import RisingEdge

from sordino.driver.bus import WHOLE_WORD, Refused
from sordino.stimuli.cocotb_bus import CocotbLines

PATIENCE = 1000
"""Cycles in which a device answers."""
PAUSE = 0.1
"""How often a cycle passes without a request."""


class CocotbWishbone(CocotbLines):
    """Classic cycles at the port `wb`; the bus rests at random between accesses."""

    def __init__(self, dut, **options):
        super().__init__(dut, **options)
        self.random = random.Random("wishbone")
        for name in ("cyc", "stb", "we", "adr", "sel", "dat_w"):
            self.signal(name).value = 0

    def signal(self, name):
        return getattr(self.dut, f"wb_{name}")

    async def access(self, address, value, select):
        while self.random.random() < PAUSE:
            await RisingEdge(self.dut.clk)
        for name, level in (
            ("adr", address),
            ("sel", select),
            ("we", value is not None),
            ("dat_w", value or 0),
            ("cyc", 1),
            ("stb", 1),
        ):
            self.signal(name).value = int(level)
        for _ in range(PATIENCE):
            await RisingEdge(self.dut.clk)
            ack, err = self.signal("ack").value, self.signal("err").value
            if ack or err:
                word = self.signal("dat_r").value if ack and value is None else 0
                self.signal("stb").value = self.signal("cyc").value = 0
                await RisingEdge(self.dut.clk)
                if err:
                    raise Refused(address, value)
                return int(word)
        raise TimeoutError(f"no answer at {address:#x} in {PATIENCE} cycles")

    async def read(self, address):
        return await self.access(address, None, WHOLE_WORD)

    async def write(self, address, value, strobe=WHOLE_WORD):
        await self.access(address, value, strobe)
