"""A driver's bus in cocotb: the reset and interrupt lines of a machine, and its AXI4-Lite port.

This module needs the extra `cocotb`, and a simulator that has imported it.
"""

import logging
from collections.abc import Sequence
from typing import Any

from cocotb.triggers import First, RisingEdge, Timer
from cocotbext.axi import AxiLiteBus, AxiLiteMaster, AxiResp

from sordino.driver.bus import WHOLE_WORD, Refused

__all__ = ["CocotbAxiLite", "CocotbLines"]

_RESET_CYCLES = 4
_WORD_BYTES = 4


class CocotbLines:
    """The lines `clk`, `rst` and `irq` of a machine, which are no part of any bus.

    `wait_ns` is how long an interrupt is waited for, in nanoseconds of simulated time.
    """

    def __init__(self, dut: Any, *, wait_ns: int = 10**10) -> None:
        self.dut = dut
        self.wait_ns = wait_ns

    async def reset(self) -> None:
        """Hold the reset line for some cycles."""
        self.dut.rst.value = 1
        for _ in range(_RESET_CYCLES):
            await RisingEdge(self.dut.clk)
        self.dut.rst.value = 0
        await RisingEdge(self.dut.clk)

    async def interrupt(self) -> None:
        """Wait until the line is high, or raise TimeoutError; nothing of Python runs until then."""
        if not self.dut.irq.value:
            limit = Timer(self.wait_ns, "ns")
            if await First(RisingEdge(self.dut.irq), limit) is limit:
                raise TimeoutError(
                    f"wanted an interrupt, got none in {self.wait_ns:,} ns; the machine neither "
                    "stops nor asks for anything"
                )


class CocotbAxiLite(CocotbLines):
    """A bus for `sordino.driver.AsyncHost` over cocotbext-axi's manager at the port `s_axi`.

    Make it while the clock runs and the machine is in reset. `in_flight` is how many writes are on
    their way at the same time where a host writes many words.

    Example
    -------
    ::

        @cocotb.test()
        async def a_program_runs(dut):
            dut.rst.value = 1
            Clock(dut.clk, 10, unit="ns").start()
            await RisingEdge(dut.clk)
            host = AsyncHost(CocotbAxiLite(dut))
            await host.reset()
            await host.load(image)
            print((await host.run(features)).tokens)
    """

    def __init__(self, dut: Any, *, wait_ns: int = 10**10, in_flight: int = 64) -> None:
        super().__init__(dut, wait_ns=wait_ns)
        # It tells every access otherwise.
        logging.getLogger(f"cocotb.{dut._name}").setLevel(logging.WARNING)
        self.axi = AxiLiteMaster(AxiLiteBus.from_prefix(dut, "s_axi"), dut.clk, dut.rst)
        self.in_flight = in_flight

    async def read(self, address: int) -> int:
        """The word at `address`."""
        response = await self.axi.read(address, _WORD_BYTES)
        if response.resp is not AxiResp.OKAY:
            raise Refused(address)
        return int.from_bytes(response.data, "little")

    async def write(self, address: int, value: int, strobe: int = WHOLE_WORD) -> None:
        """Write the bytes of `value` in `strobe`, which are neighbours."""
        first = (strobe & -strobe).bit_length() - 1
        end = strobe.bit_length()
        if strobe != (1 << end) - (1 << first) or not strobe:
            raise ValueError(f"wanted a strobe of neighbouring bytes, got {strobe:#x}")
        contents = value.to_bytes(_WORD_BYTES, "little")[first:end]
        response = await self.axi.write(address + first, contents)
        if response.resp is not AxiResp.OKAY:
            raise Refused(address, value)

    async def write_many(self, address: int, values: Sequence[int]) -> None:
        """Write several words to one address, in order."""
        for at in range(0, len(values), self.in_flight):
            part = values[at : at + self.in_flight]
            events = [self.axi.init_write(address, v.to_bytes(_WORD_BYTES, "little")) for v in part]
            for event, value in zip(events, part, strict=True):
                await event.wait()
                if event.data.resp is not AxiResp.OKAY:
                    raise Refused(address, value)
