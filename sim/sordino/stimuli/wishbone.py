"""Wishbone manager for testbenches of Amaranth's simulator."""

from typing import Any

from sordino.rtl.shared.register_bus import Response
from sordino.stimuli.stalls import Stall, never

__all__ = ["WishboneManager"]

_WHOLE = 0xF


class WishboneManager:
    """A manager of `wb`, an interface of WishboneSignature as its device sees it.

    Before each access it waits as many cycles as `stall` says, with CYC high or low in turn.
    Accesses of several testbenches are made in the order asked for. More than `patience` cycles in
    an access raise TimeoutError.
    """

    def __init__(self, wb: Any, *, stall: Stall = never, patience: int = 1000) -> None:
        self.wb = wb
        self.stall = stall
        self.patience = patience
        self._queue: list[object] = []
        self._keeps_cycle = False

    async def write(self, ctx: Any, address: int, value: int, strobe: int = _WHOLE) -> Response:
        """Write the bytes of `value` in `strobe`; returns how it ended. Ends on a tick."""
        _, response = await self._access(ctx, address, strobe, value)
        return response

    async def read(self, ctx: Any, address: int) -> tuple[int, Response]:
        """Read one word; returns it and how the access ended. Ends on a tick."""
        return await self._access(ctx, address, _WHOLE)

    async def _access(
        self, ctx: Any, address: int, select: int, value: int | None = None
    ) -> tuple[int, Response]:
        wb = self.wb
        turn = object()
        self._queue.append(turn)
        while self._queue[0] is not turn:
            await ctx.tick()
        self._keeps_cycle = not self._keeps_cycle
        ctx.set(wb.cyc, self._keeps_cycle)
        for _ in range(self.stall()):
            await ctx.tick()
        ctx.set(wb.adr, address)
        ctx.set(wb.sel, select)
        ctx.set(wb.we, value is not None)
        ctx.set(wb.dat_w, value or 0)
        ctx.set(wb.cyc, 1)
        ctx.set(wb.stb, 1)
        for _ in range(self.patience):
            _, _, ack, err, word = await ctx.tick().sample(wb.ack, wb.err, wb.dat_r)
            if ack or err:
                ctx.set(wb.stb, 0)
                ctx.set(wb.cyc, 0)
                self._queue.remove(turn)
                return int(word), Response.SLVERR if err else Response.OKAY
        access = "a read of" if value is None else "a write to"
        raise TimeoutError(f"no answer to {access} {address:#x} in {self.patience} cycles")
