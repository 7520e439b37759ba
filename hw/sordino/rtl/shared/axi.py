"""AXI4 read channels, over which external memory is read."""

from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["AxiReadSignature"]


class AxiReadSignature(wiring.Signature):
    """The two read channels of AXI4, in AMBA's names (`Out` at the manager), without ids.

    What is read comes back in the order asked for.
    """

    def __init__(self, *, address_width: int, data_width: int) -> None:
        self.address_width = address_width
        self.data_width = data_width
        super().__init__(
            {
                "araddr": Out(address_width),
                "arlen": Out(8),
                "arsize": Out(3),
                "arburst": Out(2),
                "arprot": Out(3),
                "arvalid": Out(1),
                "arready": In(1),
                "rdata": In(data_width),
                "rresp": In(2),
                "rlast": In(1),
                "rvalid": In(1),
                "rready": Out(1),
            }
        )
