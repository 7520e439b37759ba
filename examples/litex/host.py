"""A host in cocotb at the serial line of a LiteX system: loads a program and runs it. See `run.py`.

On a board, `litex_server --uart --uart-port /dev/ttyUSB0` is at the line, and this is the bus:

    class RemoteBus:
        def __init__(self, client, base):
            self.client, self.base = client, base

        def read(self, address):
            return self.client.read(self.base + address)

        def write(self, address, value):
            self.client.write(self.base + address, value)

    client = litex.RemoteClient()
    client.open()
    host = sordino.driver.Host(RemoteBus(client, 0x3000_0000))
"""

import cocotb
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, FallingEdge, RisingEdge, with_timeout
from cocotb.utils import get_sim_time

from sordino.driver import AsyncHost, Refused, Run
from sordino.image.image import Image
from sordino.isa.registers import REGISTERS, Error

WRITE, READ, WRITE_ONE_PLACE = 1, 2, 3
MOST_WORDS = 255
PATIENCE_US = 150_000


class LitexLine:
    """A bus over the line of LiteX's UARTBone.

    A request is a command, how many words, an address and data, the highest byte first. UARTBone
    knows no refusal: an access that the machine refuses has no answer, and after 0.1 s UARTBone
    listens again.
    """

    def __init__(self, dut, base, cycles):
        self.dut, self.base, self.cycles = dut, base, cycles

    async def send(self, data):
        for byte in data:
            for bit in [0, *(byte >> n & 1 for n in range(8)), 1]:
                self.dut.serial_rx.value = bit
                await ClockCycles(self.dut.clock, self.cycles)

    async def receive(self):
        if self.dut.serial_tx.value:
            await FallingEdge(self.dut.serial_tx)
        await ClockCycles(self.dut.clock, self.cycles * 3 // 2)
        byte = 0
        for n in range(8):
            byte |= int(self.dut.serial_tx.value) << n
            await ClockCycles(self.dut.clock, self.cycles)
        return byte

    async def read(self, address):
        async def word():
            return int.from_bytes([await self.receive() for _ in range(4)], "big")

        answer = cocotb.start_soon(word())
        await self.send(bytes([READ, 1]) + ((self.base + address) // 4).to_bytes(4, "big"))
        try:
            return await with_timeout(answer, PATIENCE_US, "us")
        except TimeoutError:
            raise Refused(address) from None

    async def write(self, address, value):
        await self.write_many(address, [value])

    async def write_many(self, address, values):
        for first in range(0, len(values), MOST_WORDS):
            words = values[first : first + MOST_WORDS]
            head = bytes([WRITE_ONE_PLACE, len(words)])
            data = b"".join(word.to_bytes(4, "big") for word in words)
            await self.send(head + ((self.base + address) // 4).to_bytes(4, "big") + data)


@cocotb.test(timeout_time=2, timeout_unit="sec")
async def a_program_runs(dut):
    base, cycles, clock_ns = (int(cocotb.plusargs[name]) for name in ("base", "cycles", "clock"))
    dut.reset.value, dut.serial_rx.value = 1, 1
    Clock(dut.clock, clock_ns, unit="ns").start()
    await ClockCycles(dut.clock, 4)
    dut.reset.value = 0
    await RisingEdge(dut.clock)

    line = LitexLine(dut, base, cycles)
    host = AsyncHost(line)
    image = Image.load(cocotb.plusargs["image"])
    assert (await host.identity()).config_id == image.config.id
    await host.load(image)
    assert await host.run() == Run(tokens=[7], code=0, error=Error.NONE)
    dut._log.warning("a token at %d us", get_sim_time("us"))

    try:  # LiteX's words for a refusal: none
        await line.read(max(r.offset + 4 * r.words for r in REGISTERS.values()))
    except Refused as refused:
        dut._log.warning("%s", refused)
    else:
        raise AssertionError("wanted no answer where there is no register")
    assert (await host.status()).loaded
