"""Register bus: what every bridge makes of its own bus, one register access at a time."""

from amaranth.lib import enum, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["DATA_BITS", "STROBES", "RegisterBusSignature", "Response"]

DATA_BITS = 32
STROBES = DATA_BITS // 8


class Response(enum.Enum, shape=2):
    """How an access ended, in the encoding of AXI's BRESP and RRESP."""

    OKAY = 0
    SLVERR = 2


class RegisterBusSignature(wiring.Signature):
    """One register write and one register read at a time (`Out` at the bridge).

    Addresses count 32-bit words.

    Members
    -------
    write_valid, write_address, write_data, write_strobe
        A write is offered, and held until it is done.
    write_ready, write_refused
        The write is done in this cycle: it happens, or is refused.
    read_valid, read_address
        A read is asked for, and held until it is done.
    read_ready, read_data, read_refused
        The read is done in this cycle, with this answer.
    """

    def __init__(self, *, address_width: int) -> None:
        self.address_width = address_width
        super().__init__(
            {
                "write_valid": Out(1),
                "write_ready": In(1),
                "write_refused": In(1),
                "write_address": Out(address_width),
                "write_data": Out(DATA_BITS),
                "write_strobe": Out(STROBES),
                "read_valid": Out(1),
                "read_ready": In(1),
                "read_address": Out(address_width),
                "read_data": In(DATA_BITS),
                "read_refused": In(1),
            }
        )
