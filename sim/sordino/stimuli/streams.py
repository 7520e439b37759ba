"""One side of a stream in a testbench of Amaranth's simulator.

All functions begin and end just after a clock edge. A side that has raised `valid` holds it, and
the payload, until the transfer.
"""

from collections.abc import Callable, Iterable
from typing import Any

from sordino.stimuli.stalls import Stall, never

__all__ = ["get", "put", "receive", "send"]


async def put(ctx: Any, stream: Any, payload: Any, *, patience: int = 10_000) -> None:
    """Transfer one payload; TimeoutError after `patience` cycles without `ready`."""
    ctx.set(stream.payload, payload)
    ctx.set(stream.valid, 1)
    for _ in range(patience):
        _, _, ready = await ctx.tick().sample(stream.ready)
        if ready:
            ctx.set(stream.valid, 0)
            return
    raise TimeoutError(f"nothing took {payload!r} in {patience} cycles")


async def get(ctx: Any, stream: Any, *, patience: int = 10_000) -> Any:
    """The next payload; TimeoutError after `patience` cycles without `valid`."""
    ctx.set(stream.ready, 1)
    for _ in range(patience):
        _, _, valid, payload = await ctx.tick().sample(stream.valid, stream.payload)
        if valid:
            ctx.set(stream.ready, 0)
            return payload
    ctx.set(stream.ready, 0)
    raise TimeoutError(f"nothing came in {patience} cycles")


async def send(
    ctx: Any, stream: Any, payloads: Iterable[Any], stall: Stall = never, *, patience: int = 10_000
) -> None:
    """Transfer all payloads, waiting before each as `stall` says."""
    for payload in payloads:
        for _ in range(stall()):
            await ctx.tick()
        await put(ctx, stream, payload, patience=patience)


async def receive(ctx: Any, stream: Any, take: Callable[[Any], None], stall: Stall = never) -> None:
    """Hand every payload to `take`, waiting before each as `stall` says; never returns."""
    while True:
        for _ in range(stall()):
            await ctx.tick()
        ctx.set(stream.ready, 1)
        valid = False
        while not valid:
            _, _, valid, payload = await ctx.tick().sample(stream.valid, stream.payload)
        ctx.set(stream.ready, 0)
        take(payload)
