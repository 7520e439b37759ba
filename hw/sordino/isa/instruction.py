"""Instructions in general: how an operation is declared, and how its instructions become words.

An operation is a subclass of `Instruction`. The body of the class is the table of the operation's
fields, least significant first. An instruction is an instance of the class, with an integer for
each field:

    class Copy(Instruction, opcode=17, unit=Unit.VECTOR):
        space: Space = CHOICE
        source: 16 = reads(...)

    Copy("layer", space=Space.STATE, source=4, destination=100, count=40).encode()
"""

from collections.abc import Iterator, Mapping
from operator import index
from typing import Any, ClassVar, NamedTuple, NoReturn, Self

from amaranth.hdl import Shape
from amaranth.lib import data, enum

from sordino.arch import Config
from sordino.isa.declaration import (
    Declared,
    check_elements,
    check_fields,
    check_operation,
    table,
)
from sordino.isa.encoding import EncodingError, check_field, field_bits
from sordino.isa.fields import (
    FIRST_VERSION,
    REGISTER_HIGH,
    Choice,
    Extent,
    Field,
    Kind,
    Meaning,
    Store,
    Words,
    extent_of,
)
from sordino.isa.pipelines import Pipeline, vector_cycles

__all__ = [
    "ALL_UNITS",
    "HEAD_BITS",
    "INSTRUCTION_BITS",
    "OPCODE_BITS",
    "REGISTERS",
    "STACK_DEPTH",
    "STREAMING_BIT",
    "UNITS",
    "Control",
    "Instruction",
    "Unit",
]

INSTRUCTION_BITS = 128
OPCODE_BITS = 5
OVERLAPS_BITS = 3
HEAD_BITS = OPCODE_BITS + OVERLAPS_BITS
"""Bits before an operation's own."""
ARGUMENT_BITS = INSTRUCTION_BITS - HEAD_BITS
STREAMING_BITS = 12
STREAMING_BIT = ARGUMENT_BITS - STREAMING_BITS
"""First bit of the fields that only machines with `stream_bus` know."""
REGISTERS = 8
"""Scalar registers of the sequencer, unsigned and REGISTER_BITS wide."""
STACK_DEPTH = 4
"""Nested calls."""


class Unit(enum.Flag, shape=OVERLAPS_BITS):
    """The unit that executes an instruction, and a bit of `overlaps`; 0 is the sequencer itself."""

    NONE = 0
    ARRAY = 1
    VECTOR = 2
    TABLE = 4


UNITS = (Unit.ARRAY, Unit.VECTOR, Unit.TABLE)
ALL_UNITS = Unit.ARRAY | Unit.VECTOR | Unit.TABLE


class Control(NamedTuple):
    """The part of the sequencer's state that decides where a program goes on.

    pc         address of the instruction that comes next
    registers  values of the scalar registers; None where one is not known
    stack      addresses to return to, the latest last
    """

    pc: int
    registers: tuple[int | None, ...] = (None,) * REGISTERS
    stack: tuple[int, ...] = ()

    def at(self, pc: int) -> "Control":
        """The same at another address."""
        return self._replace(pc=pc)

    def next(self) -> "Control":
        """The same at the next address."""
        return self._replace(pc=self.pc + 1)

    def holding(self, register: int, value: int | None) -> "Control":
        """The same with a value in a register."""
        registers = list(self.registers)
        registers[register] = value
        return self._replace(registers=tuple(registers))


class Instruction(metaclass=Declared):
    """One instruction: the values of its operation's fields, as integers.

    fields    by name; targets may be labels (text) until a program is finished
    layer     layer of the network that the instruction belongs to, for listings and reports; it is
              not encoded
    overlaps  units that may still be at work when the instruction begins

    Fields that are left out are 0. Members of enumerations are accepted as values. EncodingError
    is raised for a field that the operation does not have.

    A class, which is an operation, has these attributes. `number` (as `opcode`), `since`, `unit`,
    `awaits` and `blocks` are arguments of the `class` statement:

    number     the opcode
    since      the version of the instruction set that the operation came with
    unit       the unit that executes the operation; Unit.NONE: the sequencer itself, at once
    awaits     units, besides the operation's own, that must be idle whatever `overlaps` says
    blocks     whether the operation takes input (it has `count` features, or goes on at `end`), so
               that nothing begins before it is done
    emits      whether the operation pushes a token
    mnemonic   the operation's name in listings
    plain      whether the program always goes on at the next address, with the same registers
    FIELDS     the fields by name
    layout     layout of the fields that every machine has, from the end of opcode and `overlaps`
    streaming  layout of the fields of streaming machines, from STREAMING_BIT on; None without any
    elements   how many elements go through the vector unit
    pipeline   the pipeline that they take, or a `Choice` of pipelines by a field
    """

    number: ClassVar[int]
    since: ClassVar[int] = FIRST_VERSION
    mnemonic: ClassVar[str] = ""
    unit: ClassVar[Unit] = Unit.NONE
    awaits: ClassVar[Unit] = Unit.NONE
    blocks: ClassVar[bool] = False
    emits: ClassVar[bool] = False
    plain: ClassVar[bool] = True
    FIELDS: ClassVar[dict[str, Field]] = {}
    layout: ClassVar[Any]
    streaming: ClassVar[Any] = None
    elements: ClassVar[str | Extent]
    pipeline: ClassVar[Any]

    BYTES: ClassVar[int] = INSTRUCTION_BITS // 8

    fields: dict[str, Any]
    layer: str
    overlaps: Unit

    def __init_subclass__(
        cls,
        *,
        opcode: int,
        since: int = FIRST_VERSION,
        unit: Unit = Unit.NONE,
        awaits: Unit = Unit.NONE,
        blocks: bool = False,
    ) -> None:
        if type(opcode) is not int:
            raise TypeError(f"{cls.__name__}: wanted an opcode, got {opcode!r}")
        check_field("opcode", opcode, OPCODE_BITS)
        _declare_fields(cls)
        cls.number, cls.since, cls.mnemonic = opcode, since, cls.__name__.upper()
        cls.unit, cls.awaits, cls.blocks = unit, awaits, blocks
        check_operation(cls, Unit)
        check_fields(cls, cls.FIELDS)
        cls.plain = cls.ways is Instruction.ways and not any(_registers(cls))
        if unit is Unit.VECTOR:
            check_elements(cls)
        if unit and unit is not Unit.VECTOR and cls.duration is Instruction.duration:
            raise TypeError(f"{cls.__name__}: wanted a method that says its duration")

    def __init__(self, layer: str = "", *, overlaps: int | Unit = Unit.NONE, **values: Any) -> None:
        if not self.mnemonic:
            raise TypeError("wanted an operation, got Instruction itself")
        for name in values:
            if name not in self.FIELDS:
                raise EncodingError(
                    f"{self.mnemonic} has no field {name!r}; it has {list(self.FIELDS)}"
                )
        try:
            units = index(overlaps.value if isinstance(overlaps, Unit) else overlaps)
            fields = {name: _plain(values.get(name, 0)) for name in self.FIELDS}
        except TypeError:
            raise EncodingError(
                f"{self.mnemonic}: wanted whole numbers in its fields and overlaps, got "
                f"{values}, {overlaps}"
            ) from None
        if not 0 <= units < 1 << OVERLAPS_BITS:
            raise EncodingError(f"{self.mnemonic}: overlaps is {units}, wanted 0 to 7")
        self.__dict__.update(fields=fields, layer=layer, overlaps=Unit(units))

    def __getattr__(self, name: str) -> int:
        try:
            value: int = self.__dict__["fields"][name]
            return value
        except KeyError:
            raise AttributeError(f"{self.mnemonic} has no field {name!r}") from None

    def __setattr__(self, name: str, value: Any) -> NoReturn:
        raise AttributeError(f"wanted replace({name}=...), which makes another {self.mnemonic}")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"{self.mnemonic} keeps its {name!r}")

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return (self.fields, self.layer, self.overlaps) == (
            other.fields,
            other.layer,
            other.overlaps,
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        values = "".join(f", {name}={value}" for name, value in self.fields.items() if value)
        more = f", overlaps={self.overlaps!r}" if self.overlaps else ""
        return f"{type(self).__name__}({self.layer!r}{values}{more})"

    def replace(
        self, layer: Any = None, *, overlaps: int | Unit | None = None, **values: Any
    ) -> Self:
        """The same instruction with other values of some fields."""
        units = self.overlaps if overlaps is None else overlaps
        layer = self.layer if layer is None else layer
        return type(self)(layer, overlaps=units, **{**self.fields, **values})

    def resolved(self, labels: Mapping[str, int]) -> Self:
        """The same instruction with addresses in place of labels.

        EncodingError is raised for a label that `labels` does not have.
        """
        named = {name: text for name, text in self.fields.items() if isinstance(text, str)}
        for text in named.values():
            if text not in labels:
                raise EncodingError(f"no label {text!r} in the program")
        return self.replace(**{name: labels[text] for name, text in named.items()})

    # What a word looks like.

    def encode(self) -> int:
        """The 128-bit word. EncodingError names a field whose value does not fit."""
        arguments = 0
        for name, field in self.FIELDS.items():
            try:
                arguments |= field_bits(field, self.fields[name]) << field.offset
            except EncodingError as error:
                raise EncodingError(f"{self.mnemonic}: {error}") from None
        return self.number | int(self.overlaps.value) << OPCODE_BITS | arguments << HEAD_BITS

    @classmethod
    def of_word(cls, word: int, layer: str = "") -> Self:
        """The instruction that a word with this operation's opcode encodes.

        EncodingError is raised if a bit outside of the fields is set.
        """
        raw, mask, values = word >> HEAD_BITS, 0, {}
        for name, field in cls.FIELDS.items():
            value = raw >> field.offset & ((1 << field.width) - 1)
            sign = field.signed and value >> (field.width - 1)
            values[name] = value - (sign << field.width)
            mask |= ((1 << field.width) - 1) << field.offset
        if raw & ~mask:
            raise EncodingError(f"{cls.mnemonic}: bits outside its fields are set: {word:#034x}")
        overlaps = word >> OPCODE_BITS & ((1 << OVERLAPS_BITS) - 1)
        return cls(layer, overlaps=overlaps, **values)

    @classmethod
    def meant(cls, kind: type[Meaning] | Kind) -> Iterator[str]:
        """Names of the fields with a meaning of this class, or of this kind."""
        for name, field in cls.FIELDS.items():
            if (
                field.meaning.kind is kind
                if isinstance(kind, Kind)
                else (isinstance(field.meaning, kind))
            ):
                yield name

    @property
    def version(self) -> int:
        """The least version of the instruction set that has the instruction.

        The operation came with it, each field that is not 0, and what the fields choose.
        """
        found = self.since
        for name, field in self.FIELDS.items():
            value = self.fields[name]
            if value:
                found = max(found, field.since(value))
        return found

    # What it does: an operation overrides what is not so.

    def ways(self, control: Control) -> tuple[Control, ...]:
        """Every state of the sequencer that may follow; none where the program ends or stops.

        Unless an operation overrides this, the program goes on at the next address, and the value
        of a register that it writes is not known. If the values of all registers are known, there
        is at most one way; only INPUT and USE have more, since they depend on the host.
        """
        following = control.next()
        for name in _registers(type(self)):
            following = following.holding(self.fields[name], None)
        return (following,)

    def wrong(self) -> str:
        """Say why no machine can execute these values of the fields; "" if machines can."""
        return ""

    def duration(self, config: Config) -> int | None:
        """Cycles from the unit's start until it is done; None if weights and memory decide."""
        if self.unit is not Unit.VECTOR:
            return 0
        return vector_cycles(self.element_count(config), self.through(), config)

    def most(self, parameters: bytes, config: Config) -> int:
        """The highest value that the instruction may leave in the register that it writes."""
        return REGISTER_HIGH

    def uses(self, name: str, config: Config) -> tuple[Any, int, int]:
        """Memory, first word and number of words that field `name`, a `Words`, stands for."""
        words = self.FIELDS[name].meaning
        assert isinstance(words, Words), name
        store = words.store
        if isinstance(store, Choice):
            store = store.of(self.fields)
        base = name if words.base is None else words.base
        first = self.fields[base] if base else 0
        return store, first, words.extent.count(self.fields, config)

    def element_count(self, config: Config) -> int:
        """The number of elements that go through the vector unit."""
        return extent_of(self.elements).count(self.fields, config)

    def through(self) -> Pipeline:
        """The pipeline of the vector unit that its elements take."""
        pipeline = self.pipeline
        chosen: Pipeline = pipeline.of(self.fields) if isinstance(pipeline, Choice) else pipeline
        return chosen


def _registers(operation: type[Instruction]) -> Iterator[str]:
    """The fields that name a register which the operation writes."""
    for name, field in operation.FIELDS.items():
        words = field.meaning
        if isinstance(words, Words) and words.writes and words.store is Store.REGISTER:
            yield name


def _plain(value: Any) -> Any:
    """A field's value as an integer; a label stays text."""
    return value if isinstance(value, str) else index(getattr(value, "value", value))


def _declare_fields(cls: type[Instruction]) -> None:
    """Make FIELDS and the layouts of an operation from the table in its body."""
    declared = table(cls)
    shapes = {name: shape for name, (shape, _) in declared.items()}
    meanings = {name: meaning for name, (_, meaning) in declared.items()}
    for name in set(shapes) & set(cls.__dict__):
        delattr(cls, name)
    own = {name: shape for name, shape in shapes.items() if not meanings[name].streaming}
    more = {name: shape for name, shape in shapes.items() if meanings[name].streaming}
    cls.layout = data.StructLayout(own)
    cls.streaming = data.StructLayout(more) if more else None
    last = cls.streaming.size if more else 0
    if cls.layout.size > (STREAMING_BIT if more else ARGUMENT_BITS) or last > STREAMING_BITS:
        raise TypeError(f"{cls.__name__}: its fields do not fit in a word")
    cls.FIELDS = {}
    for layout, first in ((cls.layout, 0), (cls.streaming, STREAMING_BIT)):
        for name, field in layout or ():
            shape = Shape.cast(field.shape)
            kind = field.shape if isinstance(field.shape, enum.EnumMeta) else None
            cls.FIELDS[name] = Field(
                name, meanings[name], first + field.offset, shape.width, shape.signed, kind
            )
