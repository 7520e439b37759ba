"""Payloads and signatures that several blocks share."""

from typing import Any

from amaranth.hdl import signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from sordino.arch import MAX_BURST_BYTES, RANGES, Config
from sordino.arith import ACTIVATION
from sordino.image.tans import EntryLayout
from sordino.isa.choices import Space
from sordino.isa.fields import CHANNEL_BITS, REGISTER_BITS, SEGMENTS, TOKEN_BITS
from sordino.isa.operations import ISA, Matvec, Table
from sordino.isa.registers import COUNTER_BITS, COUNTERS, Error, LoadTarget
from sordino.rtl.shared.axi import AxiReadSignature

__all__ = [
    "ADDRESS_BITS",
    "ARRAY_UNIT",
    "BASE_BITS",
    "CHANNEL_BITS",
    "PAGE_BITS",
    "PC_BITS",
    "REGISTER_BITS",
    "RETIRES",
    "TABLE_UNIT",
    "TOKEN_BITS",
    "VECTOR_UNIT",
    "WINDOW_BITS",
    "WINDOW_READ",
    "WINDOW_WRITE",
    "ArrayArguments",
    "BankWrite",
    "DrainSignature",
    "Event",
    "FeatureSignature",
    "HostSignature",
    "LoadSignature",
    "LoadWrite",
    "RunSignature",
    "TableSignature",
    "TableWrite",
    "Trace",
    "UnitSignature",
    "VectorArguments",
    "WindowSignature",
    "external_signature",
    "feature_sources",
    "memory_write",
    "written_lanes",
]

PC_BITS = 16
"""Width of an address in program memory."""
ADDRESS_BITS = 16
"""Width of an address in activation or state memory."""
WINDOW_BITS = 32
"""Width of any word that a host reads or writes through the window."""
WINDOW_READ = 2
WINDOW_WRITE = 3
BASE_BITS = 32
"""Width of the number of the page at which external memory begins."""
PAGE_BITS = MAX_BURST_BYTES.bit_length() - 1
"""External memory's base is a multiple of 2^12: no burst leaves its 4 KiB."""


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
    pc: PC_BITS


class Trace(data.Struct):
    """What began and what was done in the cycle before.

    `retire` holds one event for each of RETIRES: an instruction is done, and everything it wrote
    is visible in this cycle. `next` is the address after an instruction of the sequencer's own or
    an INPUT that retires; only one of them does so in a cycle.
    """

    issue: Event
    retire: data.ArrayLayout(Event, 4)
    next: PC_BITS


RETIRES = ("own", "array", "vector", "table")
"""Who executed, in the order of `Trace.retire`; own: the sequencer."""


class RunSignature(wiring.Signature):
    """How a program is started and stopped, and how it ended (`Out` at the host).

    Members
    -------
    start
        Begin at `entry`. One cycle high; ignored while `busy` or with an `error`.
    entry, limit
        First address; how many cycles the program has, 0 for any number. Read with `start`.
    abort
        Stop with LIMIT if `busy`. One cycle high.
    clear
        Forget the error, unless `busy`. One cycle high.
    busy, finished
        A program runs; one stopped since the latest `start`.
    error, code
        Why it stopped; the code of its HALT.
    pc
        Address of the instruction that begins next, is an INPUT at work, or stopped the machine.
    open
        The host may read and write the memories in this cycle: no unit does but an INPUT.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "start": Out(1),
                "entry": Out(PC_BITS),
                "limit": Out(COUNTER_BITS),
                "abort": Out(1),
                "clear": Out(1),
                "busy": In(1),
                "finished": In(1),
                "error": In(Error),
                "code": In(8),
                "pc": In(PC_BITS),
                "open": In(1),
            }
        )


class WindowSignature(wiring.Signature):
    """One word of activation or state memory, or of a lane's accumulators (`Out` at the host).

    Members
    -------
    space, lane, address
        Which word; the lane counts for a bank, whose rows are its addresses.
    data
        The word, sign extended, as it was WINDOW_READ cycles ago, if it was chosen then and ever
        since, and `open` was high.
    write, value
        Write it; only while `open` is high. It is there WINDOW_WRITE cycles later. What a value has
        above the word's bits is lost.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "space": Out(Space),
                "lane": Out(range(RANGES["lanes"][1])),
                "address": Out(ADDRESS_BITS),
                "data": In(signed(WINDOW_BITS)),
                "write": Out(1),
                "value": Out(signed(WINDOW_BITS)),
            }
        )


class FeatureSignature(wiring.Signature):
    """What the host gives to one channel (`Out` at the host).

    Members
    -------
    features, end_of_input
        Features in order; the input ends when `end_of_input` is high and no feature is valid.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "features": Out(stream.Signature(signed(ACTIVATION.bits))),
                "end_of_input": Out(1),
            }
        )


class HostSignature(wiring.Signature):
    """What host and machine say to each other (`Out` at the host).

    Members
    -------
    run
        Start and stop of programs. The host never raises `start` or `clear` while `busy`.
    load
        Words for the machine's memories; while `busy` only those of a segment that is not in use.
    window
        Words of its other memories, while `run.open`.
    features, end_of_input
        Features of channel 0 in order; its input ends when `end_of_input` is high and no feature is
        valid.
    channelN
        The same of channel N, from 1 on, in machines that have more than one (`feature_sources`).
    request, taken
        The host's request, 0 for none; it is taken in this cycle, and gone in the next.
    checked, in_use
        Segments that the program may begin to use, since the host has loaded and checked them;
        segments that it uses, from the cycle on in which its USE may begin. A segment in use stays
        checked.
    waiting
        An INPUT that would go on at a request waits for its first feature, and there is no request.
    tokens
        Emitted tokens, their channel above the value. One that waits is withdrawn when the machine
        stops with LIMIT.
    counters
        What happened since `start`, in the order of COUNTERS. They stand still from the cycle in
        which `finished` rises.
    stream_base, fetching
        The 4 KiB page at which external memory begins, in machines that stream; words come from
        there, so that none may come on `load` for POSITIONS or VALUES, nor be taken from the host
        in this cycle.
    """

    def __init__(self, *, streaming: bool = False, channels: int = 1) -> None:
        more = {f"channel{number}": Out(FeatureSignature()) for number in range(1, channels)}
        super().__init__(
            {
                "run": Out(RunSignature()),
                "load": Out(LoadSignature),
                "window": Out(WindowSignature()),
                "features": Out(stream.Signature(signed(ACTIVATION.bits))),
                "end_of_input": Out(1),
                **more,
                "request": Out(REGISTER_BITS),
                "taken": In(1),
                "checked": Out(SEGMENTS),
                "in_use": In(SEGMENTS),
                "waiting": In(1),
                "tokens": In(stream.Signature(TOKEN_BITS)),
                "counters": In(data.ArrayLayout(COUNTER_BITS, len(COUNTERS))),
                **({"stream_base": Out(BASE_BITS), "fetching": In(1)} if streaming else {}),
            }
        )


def feature_sources(host: Any, channels: int) -> list[Any]:
    """What has `features` and `end_of_input` of each channel, in an interface of HostSignature."""
    return [host, *(getattr(host, f"channel{number}") for number in range(1, channels))]


class UnitSignature(wiring.Signature):
    """How the sequencer has a unit execute an instruction (`Out` at the sequencer).

    `arguments` is the shape of what the unit is told, `more` are members that only it has.

    Members
    -------
    start
        Execute. One cycle high, at the earliest in the cycle of `done`.
    arguments
        What to execute. Those of array and table loader hold until `done`; the vector unit's are
        there with `start` only.
    abort
        Forget the instruction: `done` does not follow, and after this cycle nothing is written.
    done
        One cycle high, at the earliest one after `start`: a read in this cycle sees everything
        that the instruction wrote.
    error
        With `done`: it failed. The table loader's never does.
    corrupt
        The array's, with `error`: what came from external memory is not what was stored there.
    ended, result
        The vector unit's, with `done`: INPUT met the end of input, or a request, before its first
        feature; what ARGMAX found or READ read.
    request
        To the vector unit: INPUT is not to take its first feature, but to go on elsewhere.
    requested
        The vector unit's, with `ended`: it is because of `request`.
    waiting, begun
        The vector unit's: INPUT waits for a feature in this cycle; it has taken one before.
    """

    def __init__(self, arguments: Any, **more: wiring.Member) -> None:
        super().__init__(
            {
                "start": Out(1),
                "arguments": Out(arguments),
                "abort": Out(1),
                "done": In(1),
                "error": In(1),
                **more,
            }
        )


class ArrayArguments(data.Struct):
    """A MATVEC; `replay` are the fields that only machines know that stream."""

    matvec: Matvec.layout
    replay: Matvec.streaming


class VectorArguments(data.Struct):
    """An instruction of the vector unit, and the value of the register that it reads."""

    word: ISA.word
    operand: REGISTER_BITS


TABLE_UNIT = UnitSignature(Table.layout)
ARRAY_UNIT = UnitSignature(ArrayArguments, corrupt=In(1))
VECTOR_UNIT = UnitSignature(
    VectorArguments,
    request=Out(1),
    ended=In(1),
    requested=In(1),
    result=In(REGISTER_BITS),
    waiting=In(1),
    begun=In(1),
)


def memory_write(width: int) -> data.StructLayout:
    """A write of one word of `width` bits, if `valid`."""
    return data.StructLayout({"valid": 1, "address": ADDRESS_BITS, "data": signed(width)})


class BankWrite(data.StructLayout):
    """A write of `value` in row `row` of `bank`, in every lane whose bit of `lanes` is set."""

    def __init__(self, *, lanes: int, rows: int, accumulator_bits: int) -> None:
        super().__init__(
            {"lanes": lanes, "bank": 1, "row": range(rows), "value": signed(accumulator_bits)}
        )


def written_lanes(part: Any, whole: Any, first: int) -> list[Any]:
    """The assignments that make `part` the write of a `whole` one in its lanes from `first` on."""
    return [
        part.lanes.eq(whole.lanes[first : first + len(part.lanes)]),
        part.bank.eq(whole.bank),
        part.row.eq(whole.row),
        part.value.eq(whole.value),
    ]


class DrainSignature(wiring.Signature):
    """The vector unit's view of the accumulator banks (`Out` at the vector unit).

    Members
    -------
    bank, row
        What to read.
    accumulators
        Row `row` of `bank` in every lane, one cycle after they were presented.
    write
        A row of a bank to write, in some lanes or all.
    """

    def __init__(self, *, lanes: int, rows: int, accumulator_bits: int) -> None:
        super().__init__(
            {
                "bank": Out(1),
                "row": Out(range(rows)),
                "accumulators": In(data.ArrayLayout(signed(accumulator_bits), lanes)),
                "write": Out(BankWrite(lanes=lanes, rows=rows, accumulator_bits=accumulator_bits)),
            }
        )


def external_signature(config: Config) -> AxiReadSignature:
    """The bus to external memory, seen from the manager; `config` streams."""
    return AxiReadSignature(address_width=BASE_BITS + PAGE_BITS, data_width=config.stream_bus)
