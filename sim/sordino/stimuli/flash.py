"""An SPI flash for Amaranth's simulator: what its pins do, and what a controller must not do."""

from typing import Any

__all__ = ["SpiFlash"]

_WAKE = 0xAB
_READS = {0x0B: 1, 0x6B: 4}
"""Opcodes of fast reads with the data lines that they answer on."""
_HEAD = 40
"""Clocks of opcode, address and dummy."""
_KEPT = 0b1100


class SpiFlash:
    """A flash with `contents` from byte 0 on and ones behind them; `serve` is the testbench.

    It follows the pins cycle by cycle as a chip in mode 0: it takes a line when the clock rises and
    changes lines when it falls. `quad` says that its bit QE is set; without it four lines are not
    understood. It asserts what a chip asks for: it is awake, it rests `rest` cycles between two
    commands, write protection and hold are high outside of data on four lines, and nobody drives a
    line that it drives. `reads` collects (opcode, address, bytes) of every read.
    """

    def __init__(self, contents: bytes, *, quad: bool = True, rest: int = 10) -> None:
        self.contents = contents
        self.quad = quad
        self.rest = rest
        self.reads: list[tuple[int, int, int]] = []

    def _byte(self, address: int) -> int:
        return self.contents[address] if address < len(self.contents) else 0xFF

    async def serve(self, ctx: Any, spi: Any) -> None:
        """Answer at the pins for ever; a coroutine for a testbench in the background."""
        awake, idle, clk = False, 1 << 20, 0
        bits, taken, lines, out = 0, 0, 0, 0
        address, opcode, place = 0, 0, 0
        ctx.set(spi.i, 0)
        while True:
            _, _, cs, now, o, oe = await ctx.tick().sample(spi.cs, spi.clk, spi.o, spi.oe)
            if not cs:
                assert not now, "the clock must rest while no chip is selected"
                if bits:
                    assert bits == 8 or bits >= _HEAD, "a command must not end in its middle"
                    awake = awake or (bits == 8 and taken == _WAKE)
                    if lines:
                        self.reads.append((opcode, address, place // 8))
                    bits, taken, opcode, lines, idle = 0, 0, 0, 0, 0
                    ctx.set(spi.i, 0)
                idle += 1
                clk = 0
                continue
            assert idle >= self.rest or bits, f"wanted {self.rest} cycles of rest, got {idle}"
            driven = 0 if not lines else (0b10 if lines == 1 else 0b1111)
            assert not driven & oe, "two sides drive one line"
            if lines != 4 and not (opcode == 0x6B and bits >= 32):
                assert oe & o & _KEPT == _KEPT, "hold must be high"
            if now and not clk:
                taken = (taken << 1 | o & 1) & (1 << _HEAD) - 1
                bits += 1
                if bits == 8:
                    opcode = taken
                    if opcode != _WAKE:
                        assert awake, "the chip sleeps"
                        assert opcode in _READS, f"wanted a read, got opcode {opcode:#x}"
                elif bits == 32:
                    address, place = taken & 0xFF_FFFF, 0
            if clk and not now and bits >= _HEAD and opcode in _READS:
                lines = _READS[opcode]
                byte = self._byte((address + place // 8) & 0xFF_FFFF)
                low = 8 - place % 8 - lines
                out = byte >> low & (1 << lines) - 1
                place += lines
                if lines == 4 and not self.quad:
                    out = 0
                ctx.set(spi.i, out << 1 if lines == 1 else out)
            clk = now
