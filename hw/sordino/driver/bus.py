"""What a host needs of a bus, and how a refused access is told."""

import inspect
from collections.abc import Awaitable
from typing import Any, Protocol

from sordino.isa.registers import REGISTER_MAP

__all__ = ["WHOLE_WORD", "Bus", "Refused", "register_name", "settled", "takes_strobes"]

WHOLE_WORD = 0xF
"""The strobe of all four bytes."""


class Bus(Protocol):
    """A way to a machine's registers: any object with these two methods.

    Both take byte addresses, from 0 on, and 32-bit values. They return when the access is done, or
    return what is awaited until then. They raise `Refused` where the machine answers with an error
    (SLVERR in AXI4-Lite, ERR in Wishbone).

    A bus may have more, which is used where it is there:

    write(address, value, strobe)
        Bit n of `strobe` says that byte n is written. Only the end of features whose number is not
        a multiple of 4 needs it.
    write_many(address, values)
        Several words to one address, in order. It returns when all of them are written, so that
        many can be on their way at the same time.
    interrupt()
        It returns when the interrupt line is high. Without it a host reads STATUS over and over.
    reset()
        It resets the machine. Without it a host stops the machine and gives up what was loaded.
    """

    def read(self, address: int, /) -> int | Awaitable[int]:
        """The word at `address`."""

    def write(self, address: int, value: int, /) -> Awaitable[None] | None:
        """Write the word at `address`."""


def register_name(address: int) -> str:
    """What is at a byte address of the map: a register's name, or that there is none."""
    for register in REGISTER_MAP:
        word, rest = divmod(address - register.offset, 4)
        if 0 <= word < register.words and not rest:
            return f"{register.name}[{word}]" if register.words > 1 else register.name
    return "no register"


class Refused(RuntimeError):
    """The machine refused an access, which changed nothing; the message names the register.

    A bus raises it with the byte address, and with the value where it was a write.

    Attributes
    ----------
    address
        The byte address.
    register
        The register's name, or `no register`.
    value
        What was to be written; None for a read.
    """

    def __init__(self, address: int, value: int | None = None) -> None:
        self.address = address
        self.value = value
        self.register = register_name(address)
        access = "read" if value is None else f"write {value:#x} to"
        super().__init__(
            f"cannot {access} {self.register} at {address:#05x}: the machine has refused it; "
            "docs/registers.md says when it does"
        )


async def settled(value: Any) -> Any:
    """`value`, awaited if it can be: what a bus of either kind returns."""
    return await value if inspect.isawaitable(value) else value


def takes_strobes(bus: Any) -> bool:
    """Whether `bus.write` takes a strobe as its third argument."""
    try:
        inspect.signature(bus.write).bind(0, 0, WHOLE_WORD)
    except TypeError:
        return False
    return True
