"""A host in cocotb: resets the machine, loads a program, runs it, reads counters. See `run.py`."""

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge

from sordino.driver import AsyncHost, Run
from sordino.image.image import Image
from sordino.isa.registers import Error
from sordino.stimuli.cocotb_bus import CocotbAxiLite


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def a_program_runs(dut):
    dut.rst.value = 1
    Clock(dut.clk, 10, unit="ns").start()
    await RisingEdge(dut.clk)
    host = AsyncHost(CocotbAxiLite(dut))  # until now nobody drove the bus
    await host.reset()

    image = Image.load(cocotb.plusargs["image"])
    assert (await host.identity()).config_id == image.config.id
    assert not (await host.status()).loaded, "only a checked program starts"
    await host.load(image)
    assert await host.run() == Run(tokens=[7], code=0, error=Error.NONE)
    counters = await host.counters()
    assert counters["instructions"] == 3
    dut._log.warning("three instructions in %d cycles", counters["cycles"])
