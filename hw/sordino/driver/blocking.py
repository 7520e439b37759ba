"""A host over a bus whose accesses return at once: the same protocol, run to its end."""

from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from sordino.driver.bus import Bus
from sordino.driver.host import AsyncHost
from sordino.driver.steps import at_once
from sordino.image.image import Image

__all__ = ["Host"]

P = ParamSpec("P")
T = TypeVar("T")


def blocking(
    method: Callable[Concatenate[AsyncHost, P], Coroutine[Any, Any, T]],
) -> "Callable[Concatenate[Host, P], T]":
    """A method of Host that runs a method of AsyncHost to its end.

    Its bus answers at once, so the coroutine never stops to wait for somebody else.
    """

    @wraps(method)
    def call(self: "Host", /, *args: P.args, **kwargs: P.kwargs) -> T:
        coroutine = method(self.protocol, *args, **kwargs)
        return at_once(coroutine, "a bus whose accesses return at once")

    return call


class Host:
    """A host of one machine, over a bus whose accesses return at once, such as a board.

    Example
    -------
    Any object that reads and writes words will do::

        class Board:
            def read(self, address): ...
            def write(self, address, value, strobe=15): ...

        host = Host(Board())
        host.reset()
        host.load(Image.load("model.sordino"))
        print(host.run(features).tokens, host.counters()["cycles"])

    Every method raises `Refused` where the machine refuses an access, with the register's name.
    `AsyncHost` says what the parameters mean.
    """

    def __init__(self, bus: Bus, *, patience: int | None = None) -> None:
        self.protocol = AsyncHost(bus, patience=patience)

    @property
    def bus(self) -> Bus:
        """The bus."""
        return self.protocol.bus

    @property
    def image(self) -> Image | None:
        """The image that this host has loaded."""
        return self.protocol.image

    read = blocking(AsyncHost.read)
    write = blocking(AsyncHost.write)
    write_many = blocking(AsyncHost.write_many)
    control = blocking(AsyncHost.control)
    identity = blocking(AsyncHost.identity)
    capacities = blocking(AsyncHost.capacities)
    status = blocking(AsyncHost.status)
    error = blocking(AsyncHost.error)
    counters = blocking(AsyncHost.counters)
    clear = blocking(AsyncHost.clear)
    abort = blocking(AsyncHost.abort)
    reset = blocking(AsyncHost.reset)
    reconnect = blocking(AsyncHost.reconnect)
    check = blocking(AsyncHost.check)
    load = blocking(AsyncHost.load)
    load_section = blocking(AsyncHost.load_section)
    load_segment = blocking(AsyncHost.load_segment)
    segments = blocking(AsyncHost.segments)
    read_memory = blocking(AsyncHost.read_memory)
    write_memory = blocking(AsyncHost.write_memory)
    start = blocking(AsyncHost.start)
    feed = blocking(AsyncHost.feed)
    request = blocking(AsyncHost.request)
    end_of_input = blocking(AsyncHost.end_of_input)
    tokens = blocking(AsyncHost.tokens)
    wait = blocking(AsyncHost.wait)
    run = blocking(AsyncHost.run)
