"""A driver's bus in a testbench of Amaranth's simulator, over a manager of any protocol."""

from typing import Any, Protocol

from sordino.driver.bus import WHOLE_WORD, Refused
from sordino.rtl.shared.register_bus import Response

__all__ = ["InterruptedBus", "Manager", "SimulatedBus"]


class Manager(Protocol):
    """What makes accesses of a bus's protocol, each with the response that ended it."""

    async def write(self, ctx: Any, address: int, value: int, strobe: int = ...) -> Response:
        """Write the bytes of `value` in `strobe` to a byte address."""

    async def read(self, ctx: Any, address: int) -> tuple[int, Response]:
        """Read the word at a byte address."""


class SimulatedBus:
    """A bus for `sordino.driver.AsyncHost` in the testbench that has the context `ctx`.

    It has no interrupt line, so that hosts poll.
    """

    def __init__(self, ctx: Any, manager: Manager) -> None:
        self.ctx = ctx
        self.manager = manager

    async def read(self, address: int) -> int:
        """The word at `address`."""
        value, response = await self.manager.read(self.ctx, address)
        if response is not Response.OKAY:
            raise Refused(address)
        return value

    async def write(self, address: int, value: int, strobe: int = WHOLE_WORD) -> None:
        """Write the bytes of `value` in `strobe`."""
        response = await self.manager.write(self.ctx, address, value, strobe)
        if response is not Response.OKAY:
            raise Refused(address, value)


class InterruptedBus(SimulatedBus):
    """A SimulatedBus with an interrupt line, for which it waits `patience` cycles at most."""

    def __init__(self, ctx: Any, manager: Manager, line: Any, *, patience: int = 100_000) -> None:
        super().__init__(ctx, manager)
        self.line = line
        self.patience = patience

    async def interrupt(self) -> None:
        """Wait until the line is high; TimeoutError after `patience` cycles."""
        for _ in range(self.patience):
            if self.ctx.get(self.line):
                return
            await self.ctx.tick()
        raise TimeoutError(f"no interrupt in {self.patience} cycles")
