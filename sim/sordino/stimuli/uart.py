"""A host at the other end of a serial line, for testbenches of Amaranth's simulator."""

from collections.abc import Sequence
from typing import Any

from sordino.frames.codec import Decoder, encode, pack, unpack
from sordino.frames.format import Answer, Command, Outcome, Request
from sordino.rtl.shared.register_bus import Response
from sordino.stimuli.stalls import Stall, never

__all__ = ["UartManager", "UartWire"]

_WHOLE = 0xF
_BITS = 10
"""Bits of a byte on the line, start and stop among them."""


class UartWire:
    """Bytes over `uart`, an interface of UartSignature as its machine sees it.

    A bit takes `divider` cycles. Between two bytes the line rests as many cycles as `stall` says.
    """

    def __init__(self, uart: Any, *, divider: int, stall: Stall = never) -> None:
        self.uart, self.divider, self.stall = uart, divider, stall
        self.received = bytearray()
        self._wait = self._left = self._byte = 0

    async def send(self, ctx: Any, sent: bytes) -> None:
        """Send bytes; what comes meanwhile is received."""
        for byte in sent:
            for _ in range(self.stall()):
                await self.tick(ctx)
            for level in (0, *(byte >> bit & 1 for bit in range(8)), 1):
                ctx.set(self.uart.rx, level)
                for _ in range(self.divider):
                    await self.tick(ctx)

    async def tick(self, ctx: Any) -> None:
        """Let a cycle pass, and receive."""
        _, _, level = await ctx.tick().sample(self.uart.tx)
        if not self._left:
            if not level:
                self._left, self._wait = _BITS - 1, self.divider + self.divider // 2 - 1
            return
        if self._wait:
            self._wait -= 1
            return
        self._wait, self._left = self.divider - 1, self._left - 1
        if self._left:
            self._byte = self._byte >> 1 | level << 7
        else:
            assert level, "a byte has no stop bit"
            self.received.append(self._byte)


class UartManager:
    """A manager of a UartBridge: one request, one answer.

    `uart` is the line as its machine sees it. More than `patience` cycles without an answer after a
    request raise TimeoutError.
    """

    def __init__(
        self, uart: Any, *, divider: int, stall: Stall = never, patience: int = 100_000
    ) -> None:
        self.wire = UartWire(uart, divider=divider, stall=stall)
        self.patience = patience
        self.events = 0
        self._decoder = Decoder()
        self._sequence: int | None = None

    async def write(self, ctx: Any, address: int, value: int, strobe: int = _WHOLE) -> Response:
        """Write the bytes of `value` in `strobe`; returns how it ended."""
        answer, _ = await self.request(ctx, Command.WRITE, [value], address=address, strobe=strobe)
        return _response(answer)

    async def read(self, ctx: Any, address: int) -> tuple[int, Response]:
        """Read one word; returns it and how the access ended."""
        answer, words = await self.request(ctx, Command.READ, [1], address=address)
        return (words or [0])[0], _response(answer)

    async def request(
        self, ctx: Any, command: Command, words: Sequence[int], **fields: Any
    ) -> tuple[Any, list[int]]:
        """Send a request; returns its answer's header, and the words behind it."""
        if self._sequence is None and command is not Command.SYNC:
            await self.request(ctx, Command.SYNC, [0])
        self._sequence = ((self._sequence or 0) + 1) % 256
        header = pack(Request, sequence=self._sequence, command=command, **fields)
        await self.wire.send(ctx, encode([header, *words]))
        for _ in range(self.patience):
            while self.wire.received:
                taken = bytes(self.wire.received)
                self.wire.received.clear()
                for first, *rest in self._decoder.push(taken):
                    answer = unpack(Answer, first)
                    if answer.outcome is not Outcome.EVENT:
                        return answer, rest
                    self.events += 1
            await self.wire.tick(ctx)
        raise TimeoutError(f"no answer to {command.name} in {self.patience} cycles")


def _response(answer: Any) -> Response:
    assert answer.outcome in (Outcome.DONE, Outcome.REFUSED), answer
    return Response.SLVERR if answer.outcome is Outcome.REFUSED else Response.OKAY
