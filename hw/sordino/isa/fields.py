"""What the fields of an instruction mean.

An operation is a class with a table of fields. A field is written `name: shape`, as in Amaranth's
`data.Struct`. Its value says what the field means to everybody but the circuit:

    destination: 16 = writes(ACTIVATION, "count")

This line says that the field is an address of activation memory, and that the instruction writes
`count` words from there on. These values say what instructions read and write. The verifier's
ranges, random programs, the reference page and the C header follow from them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from amaranth.lib import enum

from sordino.arch import Config
from sordino.isa.choices import SINCE
from sordino.isa.parameters import PARAMETER_BITS

__all__ = [
    "ACTIVATION",
    "ADDRESS",
    "ANY_SHIFT",
    "BANK0",
    "BANK1",
    "CHANNEL",
    "CHANNEL_BITS",
    "CHOICE",
    "COUNT",
    "FIRST_VERSION",
    "FLAG",
    "MATRIX",
    "MULTIPLIER",
    "NUMBER",
    "ONE",
    "REGISTER",
    "REGISTER_BITS",
    "REGISTER_HIGH",
    "REGISTER_ZERO",
    "RIGHT_SHIFT",
    "RUN_TABLE",
    "SEGMENT",
    "SEGMENTS",
    "SEGMENT_BITS",
    "SETTINGS",
    "STATE",
    "TABLE",
    "TOKEN_BITS",
    "VALUE_TABLE",
    "Choice",
    "Extent",
    "Field",
    "Kind",
    "Meaning",
    "Parameters",
    "Store",
    "Words",
    "accumulators",
    "by",
    "extent_of",
    "parameters",
    "reads",
    "since",
    "streaming",
    "updates",
    "writes",
]

REGISTER_BITS = 16
"""Width of a scalar register."""
REGISTER_HIGH = (1 << REGISTER_BITS) - 1
"""The highest value of a scalar register."""
REGISTER_ZERO = 1 << REGISTER_BITS - 1
"""What READ makes of a word of 0, so that unsigned numbers are in the order of signed ones."""
CHANNEL_BITS = 4
"""Width of the number of an input channel."""
SEGMENT_BITS = 3
"""Width of the number of a segment."""
SEGMENTS = 1 << SEGMENT_BITS
"""Segments of an image at most."""
TOKEN_BITS = REGISTER_BITS + 8
"""Width of a token with its channel above it."""
FIRST_VERSION = 2
"""The version of the instruction set that operations and fields came with, unless they say another
one."""


class Store(enum.Enum, shape=4):
    """What an instruction can read or write. The first four are `Space`'s, with its numbers."""

    ACTIVATION = 0
    STATE = 1
    BANK0 = 2
    BANK1 = 3
    REGISTER = 4
    PC = 5
    TOKEN = 6
    VALUE_TABLE = 7
    """Slots of the lanes' tables; a retire record does not hold them."""
    RUN_TABLE = 8
    """Slots of the groups' tables; a retire record does not hold them."""


SETTINGS: dict[Store, str] = {
    Store.ACTIVATION: "activation_words",
    Store.STATE: "state_words",
    Store.BANK0: "rows_per_lane",
    Store.BANK1: "rows_per_lane",
    Store.VALUE_TABLE: "value_slots",
    Store.RUN_TABLE: "run_slots",
}
"""The field of the configuration that says how many words, rows or slots a memory has."""

ACTIVATION, STATE, REGISTER = Store.ACTIVATION, Store.STATE, Store.REGISTER
BANK0, BANK1 = Store.BANK0, Store.BANK1
VALUE_TABLE, RUN_TABLE = Store.VALUE_TABLE, Store.RUN_TABLE


@dataclass(frozen=True)
class Extent:
    """A number of words that an instruction works on.

    text   how the reference page writes it
    count  the number, from the values of the instruction's fields and the configuration
    empty  whether the number may be 0: with some values of the fields, nothing is read
    """

    text: str
    count: Callable[[Mapping[str, int], Config], int]
    empty: bool = False


ONE = Extent("1", lambda fields, config: 1)


def extent_of(extent: str | Extent) -> Extent:
    """The extent itself, or that of the field of this name."""
    if isinstance(extent, Extent):
        return extent
    return Extent(extent, lambda fields, config: fields[extent])


@dataclass(frozen=True)
class Choice:
    """One of several things by the value of a field: `options[value]`."""

    field: str
    options: tuple[Any, ...]

    def of(self, fields: Mapping[str, int]) -> Any:
        """The option for these values of the fields."""
        return self.options[fields[self.field]]


def by(field: str, *options: Any) -> Choice:
    """The value of field `field` chooses: 0 the first option, 1 the second, and so on."""
    return Choice(field, options)


class Kind(enum.Enum):
    """What kind of number a field holds, if the field is not an address of a memory."""

    NUMBER = "a number"
    """Nothing but itself."""
    CHOICE = "one of an enumeration"
    FLAG = "0 or 1"
    COUNT = "at least 1"
    """Words or rows to work on."""
    ADDRESS = "an address of the program"
    CHANNEL = "a channel of the input"
    MATRIX = "an entry of the stream directory"
    TABLE = "a table of the image"
    SEGMENT = "a segment of the image"
    MULTIPLIER = "the multiplier of rq"
    """The multiplier of a requantisation, unsigned."""
    RIGHT_SHIFT = "the shift of rq, 1 to 63"
    """The shift of a requantisation; rounding needs at least 1."""
    ANY_SHIFT = "the shift of rq, 1 to 63; 0 where rq is not used"
    """The same where the operation has a form that does not requantise."""


@dataclass(frozen=True)
class Meaning:
    """What a field's value stands for."""

    kind: Kind = Kind.NUMBER
    streaming: bool = False
    """Whether only machines with `stream_bus` know the field. Such a field stands at the end of the
    word, and is 0 on other machines."""
    since: int = FIRST_VERSION
    """The version of the instruction set that the field came with. Where the field is 0, the
    instruction means what it meant before."""
    reads: bool = False
    writes: bool = False

    @property
    def text(self) -> str:
        """A few words for the reference page."""
        return "" if self.kind is Kind.NUMBER else self.kind.value


@dataclass(frozen=True)
class Words(Meaning):
    """Words of a memory, which the instruction reads or writes.

    store   the memory, or a `Choice` of several
    extent  how many words; in an accumulator bank a word is a row of all lanes
    base    the name of the field that holds the first word's number; None if it is this field
            itself, and "" if the first word is always word 0
    """

    store: Store | Choice = Store.ACTIVATION
    extent: Extent = ONE
    base: str | None = None

    @property
    def text(self) -> str:
        """The field's meaning as text, such as "writes `count` words of ACTIVATION"."""
        verb = {(1, 0): "reads", (0, 1): "writes"}.get(
            (self.reads, self.writes), "reads and writes"
        )
        if isinstance(self.store, Store):
            where = self.store.name
        else:
            names = dict.fromkeys(store.name for store in self.store.options)
            where = f"{' or '.join(names)} by `{self.store.field}`"
        if self.extent is ONE:
            return f"{verb} {where}"
        first = f" from `{self.base}` on" if self.base else ""
        return f"{verb} `{self.extent.text}` words of {where}{first}"


@dataclass(frozen=True)
class Parameters(Meaning):
    """Words of parameter memory, which the instruction reads.

    what    what the words hold
    bits    width of one element
    extent  how many elements
    row     names of two fields, a register and a stride; the words begin further on by the
            register's value times the stride; None if they begin at the field's own number
    """

    what: str = ""
    bits: int = 32
    extent: Extent = ONE
    row: tuple[str, str] | None = None

    @property
    def text(self) -> str:
        """The field's meaning as text, such as "reads `rows * lanes` biases of 32 bits"."""
        moved = f", `{self.row[0]}` times `{self.row[1]}` words further on" if self.row else ""
        return f"reads `{self.extent.text}` {self.what} of {self.bits} bits{moved}"

    def words(self, fields: Mapping[str, int], config: Config) -> int:
        """Words that the elements take, the last perhaps in part."""
        return -(-self.bits * self.extent.count(fields, config) // PARAMETER_BITS)


NUMBER, CHOICE, FLAG = Meaning(), Meaning(Kind.CHOICE), Meaning(Kind.FLAG)
COUNT = Meaning(Kind.COUNT)
ADDRESS, MATRIX, TABLE = Meaning(Kind.ADDRESS), Meaning(Kind.MATRIX), Meaning(Kind.TABLE)
CHANNEL, SEGMENT = Meaning(Kind.CHANNEL), Meaning(Kind.SEGMENT)
MULTIPLIER, RIGHT_SHIFT = Meaning(Kind.MULTIPLIER), Meaning(Kind.RIGHT_SHIFT)
ANY_SHIFT = Meaning(Kind.ANY_SHIFT)


def reads(store: Store | Choice, extent: str | Extent = ONE) -> Words:
    """The field is the number of the first of `extent` words, which the instruction reads."""
    return Words(store=store, extent=extent_of(extent), reads=True)


def writes(store: Store | Choice, extent: str | Extent = ONE) -> Words:
    """The field is the number of the first of `extent` words, which the instruction writes."""
    return Words(store=store, extent=extent_of(extent), writes=True)


def updates(store: Store | Choice, extent: str | Extent = ONE) -> Words:
    """The field is the number of the first of `extent` words, which are read and written."""
    return Words(store=store, extent=extent_of(extent), reads=True, writes=True)


def accumulators(rows: str | Extent, first: str = "") -> Words:
    """The field names an accumulator bank, of which `rows` rows are read and written.

    The rows begin at the number in the field called `first`, or at row 0 if there is no such
    field.
    """
    rows = extent_of(rows)
    return Words(store=by("bank", BANK0, BANK1), extent=rows, reads=True, writes=True, base=first)


def parameters(
    what: str, bits: int, extent: str | Extent, row: tuple[str, str] | None = None
) -> Parameters:
    """The field is the number of the parameter word at which `extent` elements begin.

    An element has `bits` bits. `what` names the elements on the reference page. `row` is as in
    `Parameters`.
    """
    return Parameters(what=what, bits=bits, extent=extent_of(extent), row=row)


def streaming(meaning: Meaning) -> Any:
    """The same meaning, for a field that only machines with `stream_bus` know."""
    return replace(meaning, streaming=True)


def since(version: int, meaning: Meaning) -> Any:
    """The same meaning, for a field that came with this version of the instruction set."""
    return replace(meaning, since=version)


@dataclass(frozen=True)
class Field:
    """A field of an operation.

    offset   number of its lowest bit, counted from the end of opcode and `overlaps`
    width    bits of the field
    signed   whether the field is in two's complement
    choices  the enumeration that the field's value is from; None if there is none
    """

    name: str
    meaning: Meaning
    offset: int
    width: int
    signed: bool
    choices: Any = None

    def since(self, value: int) -> int:
        """The version of the instruction set that has the field with this value, which is not 0."""
        if self.choices is None:
            return self.meaning.since
        chosen = SINCE.get(self.choices(value), FIRST_VERSION)
        return max(self.meaning.since, chosen)

    @property
    def range(self) -> tuple[int, int]:
        """The lowest and the highest value that fits."""
        if self.signed:
            return -(1 << (self.width - 1)), (1 << (self.width - 1)) - 1
        return 0, (1 << self.width) - 1
