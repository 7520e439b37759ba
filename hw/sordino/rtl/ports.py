"""Payloads and signatures that several blocks share."""

from amaranth.hdl import signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from sordino.isa.registers import LoadTarget
from sordino.isa.tans import EntryLayout

__all__ = [
    "RETIRES",
    "DrainSignature",
    "Event",
    "LoadSignature",
    "LoadWrite",
    "TableSignature",
    "TableWrite",
    "Trace",
]


class LoadWrite(data.Struct):
    """One word for a memory inside the machine.

    `address` counts 32-bit words of the target, or 16-bit words for POSITIONS and VALUES, of
    which only the low 16 bits of `data` are taken (the host's loader splits its words).
    """

    target: LoadTarget
    unit: 16
    address: 26
    data: 32


LoadSignature = stream.Signature(LoadWrite, always_ready=True)


class TableWrite(data.Struct):
    """One entry for the decoders: run table `slot` of all groups or value table `slot` of lanes."""

    runs: 1
    slot: 4
    state: 9
    entry: EntryLayout


TableSignature = stream.Signature(TableWrite, always_ready=True)


class Event(data.Struct):
    """Something happened to the instruction at address `pc`."""

    valid: 1
    pc: 16


class Trace(data.Struct):
    """What began and what was done in the cycle before.

    `retire` holds one event for each of RETIRES: an instruction is done, and everything it wrote
    is visible in this cycle. `next` is the address after an instruction of the sequencer's own or
    an INPUT that retires; only one of them does so in a cycle.
    """

    issue: Event
    retire: data.ArrayLayout(Event, 4)
    next: 16


RETIRES = ("own", "array", "vector", "table")
"""Who executed, in the order of `Trace.retire`; own: the sequencer."""


class DrainSignature(wiring.Signature):
    """The vector unit's view of the accumulator banks (`Out` at the vector unit).

    `accumulators` holds row `row` of `bank` one cycle after they were presented; a write with
    `write` stores `value` (sign extended) in row `write_row` of `write_bank` of every lane.
    """

    def __init__(self, *, lanes: int, rows: int, accumulator_bits: int) -> None:
        super().__init__(
            {
                "bank": Out(1),
                "row": Out(range(rows)),
                "accumulators": In(data.ArrayLayout(signed(accumulator_bits), lanes)),
                "write": Out(1),
                "write_bank": Out(1),
                "write_row": Out(range(rows)),
                "value": Out(signed(8)),
            }
        )
