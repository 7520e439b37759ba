"""AXI4-Lite manager for testbenches of Amaranth's simulator."""

from collections.abc import Callable
from typing import Any

from sordino.rtl.shared.register_bus import Response

__all__ = ["AxiLiteManager"]

STROBES = 0xF
Stall = Callable[[], int]


def _never() -> int:
    return 0


class AxiLiteManager:
    """A manager of `axi`, an interface of AxiLiteSignature as its subordinate sees it.

    Before it raises AWVALID, WVALID, BREADY, ARVALID or RREADY it waits as many cycles as `stall`
    says, each of them on its own: address and data of a write come in any order, and a response
    may find its ready high or not. One write and one read may be in progress at a time, in one
    testbench each. More than `patience` cycles in an access raise TimeoutError.
    """

    def __init__(self, axi: Any, *, stall: Stall = _never, patience: int = 1000) -> None:
        self.axi = axi
        self.stall = stall
        self.patience = patience

    async def write(self, ctx: Any, address: int, value: int, strobe: int = STROBES) -> Response:
        """Write the bytes of `value` in `strobe`; returns BRESP. Begins and ends on a tick."""
        axi = self.axi
        ctx.set(axi.awaddr, address)
        ctx.set(axi.wdata, value)
        ctx.set(axi.wstrb, strobe)
        waits = [self.stall() for _ in range(3)]
        address_done = data_done = False
        for cycle in range(self.patience):
            ctx.set(axi.awvalid, not address_done and cycle >= waits[0])
            ctx.set(axi.wvalid, not data_done and cycle >= waits[1])
            ctx.set(axi.bready, cycle >= waits[2])
            _, _, aw, w, b, resp = await ctx.tick().sample(
                axi.awvalid & axi.awready,
                axi.wvalid & axi.wready,
                axi.bvalid & axi.bready,
                axi.bresp,
            )
            address_done |= bool(aw)
            data_done |= bool(w)
            if b:
                ctx.set(axi.bready, 0)
                return Response(resp)
        raise TimeoutError(f"no response to a write to {address:#x} in {self.patience} cycles")

    async def read(self, ctx: Any, address: int) -> tuple[int, Response]:
        """Read one word; returns RDATA and RRESP. Begins and ends on a tick."""
        axi = self.axi
        ctx.set(axi.araddr, address)
        waits = [self.stall() for _ in range(2)]
        done = False
        for cycle in range(self.patience):
            ctx.set(axi.arvalid, not done and cycle >= waits[0])
            ctx.set(axi.rready, cycle >= waits[1])
            _, _, ar, r, value, resp = await ctx.tick().sample(
                axi.arvalid & axi.arready, axi.rvalid & axi.rready, axi.rdata, axi.rresp
            )
            done |= bool(ar)
            if r:
                ctx.set(axi.rready, 0)
                return int(value), Response(resp)
        raise TimeoutError(f"no response to a read of {address:#x} in {self.patience} cycles")
