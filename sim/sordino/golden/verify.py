"""Static check of an image against its own configuration, before anything executes it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NoReturn

from sordino.arch import QUAD, STREAM_WORD_BITS
from sordino.isa.encoding import EncodingError
from sordino.isa.external import EXTERNAL_BITS, external_bytes, fits_rings
from sordino.isa.image import Image, ImageError
from sordino.isa.instructions import EXTENSIONS, Function, Instruction, Opcode, Space, unit_of
from sordino.isa.overlap import hazards
from sordino.isa.parameters import PARAMETER_BYTES, index_entries
from sordino.isa.replay import NOTHING, strays
from sordino.isa.tans import MAX_VALUE_EXTRA_BITS, Symbol, TableError, expand

__all__ = ["verify"]

_INT8 = (-128, 127)
_REGISTER_HIGH = 0xFFFF
_GO_ON = (Opcode.HALT, Opcode.JUMP, Opcode.RETURN)
"""After every other instruction the next address may be executed."""


def verify(image: Image) -> None:
    """Check that the image fits its configuration and that its program stays inside it.

    Whatever the features, a program that passes touches nothing outside the program, the memories,
    the parameter section, the tables and the directory, and every operation has at least one word
    to work on; and no two instructions that may be at work together touch the same thing. Not
    checked, because it depends on the path taken: nesting of calls, whether a
    TABLE comes before each MATVEC, and the streams themselves. Raises ImageError with the
    instruction's address, what was wanted, what was found and what to do.
    """
    _Verifier(image).verify()


@dataclass(frozen=True)
class _Short:
    """A setting that is too small: where that shows, how, and what it must be at least."""

    where: str
    how: str
    needed: int


class _Verifier:
    def __init__(self, image: Image) -> None:
        self.image, self.config, self.program = image, image.config, image.program
        self.address = 0
        self.short: dict[str, _Short] = {}

    def verify(self) -> None:
        self.check_sections()
        self.check_directory()
        self.check_tables()
        self.check_entries()
        for address, instruction in enumerate(self.program):
            self.address = address
            self.check_encoding(instruction)
            self.check_flow(instruction)
            self.check_operands(instruction)
        self.check_capacities()
        for address, instruction in enumerate(self.program):
            self.address = address
            if instruction.opcode is Opcode.EMBED:
                self.check_embedding(instruction)
        self.check_hazards()
        self.check_replays()

    # What the configuration is too small for.

    def fit(self, setting: str, needed: int, how: str, where: str = "") -> None:
        """Note a setting that must be at least `needed`, where it is not."""
        known = self.short.get(setting)
        if needed > max(getattr(self.config, setting), known.needed if known else 0):
            self.short[setting] = _Short(where, how, needed)

    def check_capacities(self) -> None:
        """ImageError that names all settings that are too small."""
        if not self.short:
            return
        found = [
            f"{short.where}does not fit: {setting}: {short.how}, the configuration has "
            f"{getattr(self.config, setting):,}"
            for setting, short in self.short.items()
        ]
        raised = [f"raise {setting} to {short.needed}" for setting, short in self.short.items()]
        raise ImageError(f"{', '.join(found)}; {', '.join(raised)}")

    # Sections against the configuration.

    def check_sections(self) -> None:
        image = self.image
        if not self.program:
            raise ImageError("the program has no instructions; it should at least HALT")
        if len(image.parameters) % PARAMETER_BYTES:
            raise ImageError("parameter section is not a whole number of 128-bit words")
        words = len(image.parameters) // PARAMETER_BYTES
        for setting, what, needed in (
            ("program_words", "instructions", len(self.program)),
            ("parameter_words", "words of parameters", words),
            ("tables", "decoder tables", len(image.tables)),
            ("matrices", "matrices", len(image.matrices)),
        ):
            self.fit(setting, needed, f"{what} need {needed:,}")

    def check_directory(self) -> None:
        config, image = self.config, self.image
        for number, entry in enumerate(image.matrices):
            sizes = (len(entry.places), len(entry.position_bits), len(entry.value_bits))
            if sizes != (config.groups, config.groups, config.lanes):
                raise ImageError(
                    f"matrix {number}: wanted places and bits of {config.groups} groups and bits "
                    f"of {config.lanes} lanes, got {sizes}; compile again"
                )
        resident = [entry for entry in image.matrices if not entry.streamed]
        positions = [entry.position_bits for entry in resident]
        values = [entry.value_bits for entry in resident]
        ring = config.ring_words
        for kind, unit, stored, lengths, setting in (
            ("position", "group", image.positions, positions, "group_words"),
            ("value", "lane", image.values, values, "lane_words"),
        ):
            units = config.groups if unit == "group" else config.lanes
            if len(stored) != units:
                raise ImageError(f"wanted {kind} streams of {units} {unit}s, got {len(stored)}")
            for number, memory in enumerate(stored):
                words = -(-sum(length[number] for length in lengths) // STREAM_WORD_BITS)
                needed = words + ring
                self.fit(setting, needed, f"{kind} streams of {unit} {number} need {needed:,}")
                if len(memory) != 2 * words:
                    self.check_capacities()
                    raise ImageError(
                        f"{unit} {number}: the directory counts {words} words of {kind} streams, "
                        f"there are {len(memory) / 2:g}; compile again"
                    )

        self.check_external()

    def check_external(self) -> None:
        config, image = self.config, self.image
        if any(entry.streamed for entry in image.matrices) and not config.stream_bus:
            raise ImageError(
                "a matrix is streamed and the machine has no bus to external memory; "
                "compile again for a machine with stream_bus"
            )
        wanted = external_bytes(image.matrices, config)
        if len(image.external) != wanted:
            raise ImageError(
                f"the directory counts {wanted} bytes of external memory, "
                f"there are {len(image.external)}; compile again"
            )
        if wanted > config.burst_bytes << EXTERNAL_BITS if config.stream_bus else wanted:
            raise ImageError(
                f"external memory has {wanted:,} bytes, bursts of {config.burst_bytes} bytes "
                f"reach {config.burst_bytes << EXTERNAL_BITS:,}; raise stream_burst"
            )

    def check_tables(self) -> None:
        """Tables must expand, and suit what TABLE instructions use them for."""
        for number, symbols in enumerate(self.image.tables):
            try:
                expand(symbols, self.config.state_bits)
            except TableError as error:
                raise ImageError(f"table {number}: {error}") from None

    def check_entries(self) -> None:
        """Entry points must be addresses of the program."""
        _ = self.image.entries

    # One instruction; `self.address` is its own.

    def where(self, i: Instruction) -> str:
        """What a message about an instruction begins with."""
        return f"instruction {self.address} ({i.opcode.name}): "

    def fail(self, i: Instruction, text: str) -> NoReturn:
        raise ImageError(self.where(i) + text)

    def check_encoding(self, i: Instruction) -> None:
        try:
            i.encode()
        except EncodingError as error:
            raise ImageError(f"instruction {self.address}: {error}") from None

    def check_flow(self, i: Instruction) -> None:
        last = len(self.program) - 1
        for name in ("target", "end"):
            if i.fields.get(name, 0) > last:
                self.fail(i, f"{name} is address {i.fields[name]}, wanted 0 to {last}")
        if self.address == last and i.opcode not in _GO_ON:
            self.fail(i, "the program ends after it, wanted HALT, JUMP or RETURN last")

    def check_operands(self, i: Instruction) -> None:
        for name in ("count", "rows", "columns", "units"):
            if name in i.fields and not i.fields[name]:
                self.fail(i, f"{name} is 0, wanted at least 1")
        if i.opcode in EXTENSIONS and not self.config.stream_bus:
            for name in ("first", "again"):
                if i.fields.get(name):
                    self.fail(i, f"{name} is {i.fields[name]}, which takes a machine that streams")
        for name, store, base, count in self.ranges(i):
            self.check_range(i, name, store, base, count)
        match i.opcode:
            case Opcode.TABLE:
                self.check_table(i)
            case Opcode.MATVEC:
                self.check_matvec(i)
            case Opcode.CELL | Opcode.DRAIN | Opcode.ADD:
                self.check_function(i)
            case Opcode.COPY:
                self.check_copy(i)
        for what, first, bits in self.parameters(i):
            self.check_parameters(i, what, first, -(-bits // (8 * PARAMETER_BYTES)))
        if i.opcode is Opcode.ARGMAX:
            highest = self.highest_index(i)
            if highest > _REGISTER_HIGH:
                self.fail(i, f"index {highest}, wanted at most {_REGISTER_HIGH}")

    def ranges(self, i: Instruction) -> Iterator[tuple[str, str, int, int]]:
        """Memory ranges: what it is, the parameter that bounds it, first word, words."""
        slots = i.fields.get("rows", 0) * self.config.lanes
        match i.opcode:
            case Opcode.INPUT | Opcode.EMBED:
                yield "destination", "activation_words", i.destination, i.count
            case Opcode.MATVEC:
                yield "source", "activation_words", i.source, i.columns
                yield "rows", "rows_per_lane", i.first, i.rows
            case Opcode.CELL:
                yield "state", "state_words", i.state, i.units
                yield "destination", "activation_words", i.destination, i.units
                yield "units", "rows_per_lane", i.first, -(-i.units // self.config.quads)
            case Opcode.DRAIN:
                store = "state_words" if i.wide else "activation_words"
                yield "destination", store, i.destination, slots
                yield "rows", "rows_per_lane", i.first, i.rows
            case Opcode.ARGMAX:
                yield "rows", "rows_per_lane", 0, i.rows
            case Opcode.ADD:
                yield "a", "state_words", i.a, i.count
                yield "b", "state_words", i.b, i.count
                yield "destination", "activation_words", i.destination, i.count
            case Opcode.FILL | Opcode.COPY:
                names = ("activation_words", "state_words", "rows_per_lane", "rows_per_lane")
                yield "destination", names[i.space], i.destination, i.count
                if i.opcode is Opcode.COPY:
                    yield "source", names[i.space], i.source, i.count

    def check_range(self, i: Instruction, name: str, store: str, base: int, count: int) -> None:
        taken = f"{name} takes words {base:,} to {base + count - 1:,}"
        self.fit(store, base + count, taken, self.where(i))

    def parameters(self, i: Instruction) -> Iterator[tuple[str, int, int]]:
        """Ranges of parameter memory known before the program runs: name, first word, bits."""
        slots = i.fields.get("rows", 0) * self.config.lanes
        match i.opcode:
            case Opcode.CELL:
                yield "biases", i.parameters, 32 * QUAD * i.units
            case Opcode.DRAIN:
                yield "biases", i.parameters, 32 * slots
            case Opcode.ARGMAX:
                yield "entries", i.parameters, 64 * slots

    def check_parameters(self, i: Instruction, what: str, first: int, words: int) -> None:
        available = len(self.image.parameters) // PARAMETER_BYTES
        if first + words > available:
            self.fail(
                i,
                f"{what} take parameter words {first:,} to {first + words - 1:,}, the parameter "
                f"section has {available:,}; compile again",
            )

    def check_table(self, i: Instruction) -> None:
        if i.source >= len(self.image.tables):
            self.fail(i, f"source is {i.source}, the image has {len(self.image.tables)} tables")
        symbols = self.image.tables[i.source]
        slots = "run_slots" if i.runs else "value_slots"
        self.fit(slots, i.slot + 1, f"slot is {i.slot}", self.where(i))
        if i.runs:
            self.check_run_symbols(i, symbols)
            return
        for symbol in symbols:
            top = symbol.base + symbol.span - 1
            if symbol.padding or symbol.base < _INT8[0] or top > _INT8[1]:
                kind = "a padding symbol" if symbol.padding else f"values {symbol.base} to {top}"
                self.fail(i, f"table {i.source} holds {kind}, wanted int8 values alone")
            if symbol.extra - symbol.mirrored > MAX_VALUE_EXTRA_BITS:
                self.fail(
                    i,
                    f"table {i.source} holds a symbol of {symbol.span} values, "
                    f"wanted {1 << MAX_VALUE_EXTRA_BITS} at most",
                )

    def check_run_symbols(self, i: Instruction, symbols: tuple[Symbol, ...]) -> None:
        for symbol in symbols:
            if symbol.base < 0:
                self.fail(i, f"table {i.source} holds run {symbol.base}, wanted none below 0")
            if symbol.mirrored:
                self.fail(i, f"table {i.source} holds a mirrored symbol, wanted runs")

    def check_matvec(self, i: Instruction) -> None:
        if i.matrix >= len(self.image.matrices):
            self.fail(
                i, f"matrix is {i.matrix}, the directory has {len(self.image.matrices)} entries"
            )
        loads = [j for j in self.program if j.opcode is Opcode.TABLE]
        for runs, kind, slot in ((1, "run", i.run_slot), (0, "value", i.slot)):
            if not any(j.runs == runs and j.slot == slot for j in loads):
                self.fail(i, f"no TABLE of the program loads {kind} slot {slot}")

    def check_copy(self, i: Instruction) -> None:
        if i.space not in (Space.ACTIVATION.value, Space.STATE.value):
            self.fail(i, f"space is {Space(i.space).name}, wanted ACTIVATION or STATE")
        if abs(i.source - i.destination) < i.count:
            self.fail(
                i,
                f"{i.count} words from {i.source} overlap those from {i.destination}, wanted "
                "ranges apart",
            )

    def check_function(self, i: Instruction) -> None:
        function = i.fields.get("function", 0)
        if i.fields.get("wide") and function != Function.NONE.value:
            self.fail(i, f"function is {Function(function).name}, a wide DRAIN wants NONE")
        unused = i.opcode is Opcode.ADD and function == Function.TANH.value
        if not unused and not i.shift:
            self.fail(i, "shift is 0, wanted 1 to 63")

    # What runs side by side.

    def check_hazards(self) -> None:
        entries = self.image.entries.values()
        for address, other, region in hazards(self.program, entries, self.config):
            self.address = address
            them, last = self.program[other], region.base + region.count - 1
            self.fail(
                self.program[address],
                f"{them.opcode.name} at {other} may still be at work on {region.store.name} "
                f"{region.base} to {last}; take {unit_of(them.opcode).name} out of beside",
            )

    # What the rings hold.

    def check_replays(self) -> None:
        entries = self.image.entries.values()
        matrices = self.image.matrices
        for address, i in enumerate(self.program):
            self.address = address
            if i.opcode is not Opcode.MATVEC or not i.again:
                continue
            if not matrices[i.matrix].streamed:
                self.fail(i, f"again of matrix {i.matrix}, which is not streamed")
            if not fits_rings(matrices[i.matrix], self.config):
                self.fail(
                    i,
                    f"again of matrix {i.matrix}, which does not fit: stream_ring; "
                    f"raise stream_ring or cut the matrix",
                )
        marks = [matrix.streamed for matrix in matrices]
        for address, found in strays(self.program, entries, marks):
            self.address, i = address, self.program[address]
            what = "nothing known" if found == NOTHING else f"matrix {found}"
            self.fail(i, f"again of matrix {i.matrix}, but the rings may hold {what}")

    # EMBED reads where a register points.

    def highest_index(self, i: Instruction) -> int:
        """What an ARGMAX may put into its register."""
        slots = i.rows * self.config.lanes
        entries = index_entries(self.image.parameters, i.parameters, slots)
        return max([0, *(index for _, index in entries)])

    def highest_value(self, register: int) -> int:
        """A bound on what `register` may hold at any time, from all that write it."""
        highest = 0
        for i in self.program:
            if i.fields.get("register") != register:
                continue
            if i.opcode is Opcode.SET:
                highest = max(highest, i.value)
            elif i.opcode is Opcode.ARGMAX:
                highest = max(highest, self.highest_index(i))
            elif i.opcode is Opcode.LOOP:
                highest = _REGISTER_HIGH  # 0 becomes that
        return highest

    def check_embedding(self, i: Instruction) -> None:
        highest = self.highest_value(i.register)
        what = f"row {highest} (the most that register {i.register} may hold)"
        words = -(-i.count // PARAMETER_BYTES)
        self.check_parameters(i, what, i.parameters + highest * i.stride, words)
