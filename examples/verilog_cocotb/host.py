"""A host in cocotb: reads the ID, loads a program, starts it, reads counters. See `run.py`."""

from zlib import crc32

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import RisingEdge
from cocotbext.axi import AxiLiteBus, AxiLiteMaster, AxiResp

from sordino.isa.instruction import Instruction
from sordino.isa.operations import Emit, Halt, Set
from sordino.isa.registers import CAPACITIES, COUNTERS, REGISTERS, Control, LoadTarget, Status


class Host:
    """Registers by name."""

    def __init__(self, dut):
        self.axi = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axi"), dut.clk, dut.rst)

    async def read(self, name, plus=0):
        response = await self.axi.read(REGISTERS[name].offset + plus, 4)
        assert response.resp is AxiResp.OKAY, f"{name} cannot be read"
        return int.from_bytes(response.data, "little")

    async def write(self, name, value):
        """What is refused changes nothing, and is answered with SLVERR."""
        response = await self.axi.write(REGISTERS[name].offset, int(value).to_bytes(4, "little"))
        assert response.resp is AxiResp.OKAY, f"writing {value:#x} to {name} is refused"

    async def counter(self, name):
        number = [counter.name for counter in COUNTERS].index(name)
        low = await self.read("COUNTERS", 8 * number)
        return low | await self.read("COUNTERS", 8 * number + 4) << 32

    async def capacity(self, name):
        return await self.read("CAPACITIES", 4 * CAPACITIES.index(name))


@cocotb.test(timeout_time=1, timeout_unit="ms")
async def a_program_runs(dut):
    dut.rst.value = 1
    Clock(dut.clk, 10, unit="ns").start()
    await RisingEdge(dut.clk)
    host = Host(dut)  # until now nobody drove the bus
    for _ in range(4):
        await RisingEdge(dut.clk)
    dut.rst.value = 0

    assert await host.read("ID") == int(cocotb.plusargs["id"])
    assert await host.counter("instructions") == 0

    program = [
        Set(register=0, value=7),
        Emit(register=0),
        Halt(),
    ]
    assert await host.capacity("program_words") >= len(program)
    words = b"".join(i.encode().to_bytes(Instruction.BYTES, "little") for i in program)
    await host.write("LOAD_TARGET", LoadTarget.PROGRAM.value)
    await host.write("LOAD_ADDRESS", 0)
    for at in range(0, len(words), 4):
        await host.write("LOAD_DATA", int.from_bytes(words[at : at + 4], "little"))
    await host.write("LOAD_CHECK", crc32(words))
    assert await host.read("STATUS") & Status.LOADED, "only a checked program starts"

    await host.write("CONTROL", Control.START.value)
    while (status := await host.read("STATUS")) & Status.BUSY:
        pass
    assert status & Status.DONE
    assert not status & Status.FAILED
    assert await host.counter("instructions") == 3
    assert await host.read("TOKEN") == 7
    dut._log.warning("three instructions in %d cycles", await host.counter("cycles"))
