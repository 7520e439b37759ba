"""Static check of an image against its own configuration, before anything executes it."""

from dataclasses import dataclass
from typing import NoReturn

from sordino.image.checks.networks import check_said
from sordino.image.checks.registers import highest_value
from sordino.image.checks.replays import UNKNOWN, stale_replays
from sordino.image.checks.room_checks import check_contents, check_rooms, room_words
from sordino.image.checks.uses import moving_row, stray_uses, touched_rooms
from sordino.image.external import EXTERNAL_BITS, external_bytes, fits_rings
from sordino.image.image import Image, ImageError
from sordino.image.rooms import stored_words
from sordino.image.tans import MAX_VALUE_EXTRA_BITS, Symbol, TableError, expand
from sordino.isa.encoding import EncodingError
from sordino.isa.fields import REGISTER_HIGH, SETTINGS, Kind, Parameters, Store, Words
from sordino.isa.hazards import claims, hazards
from sordino.isa.instruction import Control, Instruction
from sordino.isa.operations import Matvec
from sordino.isa.parameters import PARAMETER_BYTES

__all__ = ["verify"]

_INT8 = (-128, 127)
_TABLES = (Store.VALUE_TABLE, Store.RUN_TABLE)


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
            self.check_rows(instruction)
        self.check_hazards()
        self.check_replays()
        self.check_segments()
        check_said(self.image)

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
        check_rooms(image)
        ring = config.ring_words
        for kind, unit, stored, values, setting in (
            ("position", "group", image.positions, False, "group_words"),
            ("value", "lane", image.values, True, "lane_words"),
        ):
            room = room_words(image, values=values)
            units = config.groups if unit == "group" else config.lanes
            if len(stored) != units:
                raise ImageError(f"wanted {kind} streams of {units} {unit}s, got {len(stored)}")
            for number, memory in enumerate(stored):
                words = stored_words(image, values=values, unit=number)
                needed = max(words, room) + ring
                self.fit(setting, needed, f"{kind} streams of {unit} {number} need {needed:,}")
                if len(memory) != 2 * words:
                    self.check_capacities()
                    raise ImageError(
                        f"{unit} {number}: the directory counts {words} words of {kind} streams, "
                        f"there are {len(memory) / 2:g}; compile again"
                    )

        check_contents(image)
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
        return f"instruction {self.address} ({i.mnemonic}): "

    def fail(self, i: Instruction, text: str) -> NoReturn:
        raise ImageError(self.where(i) + text)

    def check_encoding(self, i: Instruction) -> None:
        if type(i) not in self.image.isa:
            self.fail(i, "wanted an operation of the image's instruction set, got another")
        try:
            i.encode()
        except EncodingError as error:
            raise ImageError(f"instruction {self.address}: {error}") from None

    def check_flow(self, i: Instruction) -> None:
        last = len(self.program) - 1
        for name in i.meant(Kind.ADDRESS):
            if i.fields[name] > last:
                self.fail(i, f"{name} is address {i.fields[name]}, wanted 0 to {last}")
        following = i.ways(Control(self.address, stack=(0,)))
        reached = [address for way in following for address in (way.pc, *way.stack)]
        if any(address > last for address in reached):
            self.fail(i, "the program ends after it, wanted HALT, JUMP or RETURN last")
        if any(address < 0 for address in reached):
            self.fail(i, f"goes on at address {min(reached)}, wanted 0 to {last}")

    def check_operands(self, i: Instruction) -> None:
        for name in i.meant(Kind.COUNT):
            if not i.fields[name]:
                self.fail(i, f"{name} is 0, wanted at least 1")
        for name in i.meant(Kind.RIGHT_SHIFT):
            if not i.fields[name]:
                self.fail(i, f"{name} is 0, wanted 1 to 63")
        for name, field in i.FIELDS.items():
            if field.meaning.streaming and i.fields[name] and not self.config.stream_bus:
                self.fail(i, f"{name} is {i.fields[name]}, which takes a machine that streams")
        if wrong := i.wrong():
            self.fail(i, wrong)
        for name in i.meant(Words):
            self.check_words(i, name)
        for name in i.meant(Parameters):
            if not moving_row(i, name):
                self.check_parameters(i, name, 0)
        for name in i.meant(Words):
            self.check_register(i, name)
        for name in i.meant(Kind.CHANNEL):
            channel = i.fields[name]
            self.fit("channels", channel + 1, f"{name} is {channel}", self.where(i))
        for name in i.meant(Kind.MATRIX):
            self.check_matrix(i, name)
        for name in i.meant(Kind.TABLE):
            self.check_table(i, name)

    def check_words(self, i: Instruction, name: str) -> None:
        """A range of a memory, or a slot of a table."""
        store, base, count = i.uses(name, self.config)
        words = i.FIELDS[name].meaning
        assert isinstance(words, Words)
        if not count and words.extent.empty:
            return
        if count < 1:
            self.fail(i, f"{name} takes no words, wanted at least 1")
        if store is Store.REGISTER:
            return
        if store in _TABLES:
            setting = SETTINGS[store]
            self.fit(setting, base + count, f"{name} is {base}", self.where(i))
            if not words.writes:
                self.check_loaded(i, store, base)
        else:
            what = "rows" if store in (Store.BANK0, Store.BANK1) else "words"
            taken = f"{name} takes {what} {base:,} to {base + count - 1:,}"
            self.fit(SETTINGS[store], base + count, taken, self.where(i))

    def check_register(self, i: Instruction, name: str) -> None:
        """What an instruction may write to a register must fit there."""
        if not i.FIELDS[name].meaning.writes or i.uses(name, self.config)[0] is not Store.REGISTER:
            return
        highest = i.most(self.image.parameters, self.config)
        if highest > REGISTER_HIGH:
            self.fail(i, f"index {highest}, wanted at most {REGISTER_HIGH}")

    def check_loaded(self, i: Instruction, store: Store, slot: int) -> None:
        """Some instruction of the program must load a slot that this one reads."""
        for j in self.program:
            for region in claims(j, self.config)[1]:
                if region.store is store and region.base == slot:
                    return
        kind = "run" if store is Store.RUN_TABLE else "value"
        self.fail(i, f"no TABLE of the program loads {kind} slot {slot}")

    def check_parameters(self, i: Instruction, name: str, row: int) -> None:
        """A range of parameter memory, `row` rows on."""
        meaning = i.FIELDS[name].meaning
        assert isinstance(meaning, Parameters)
        stride = i.fields[meaning.row[1]] if meaning.row else 0
        first, words = i.fields[name] + row * stride, meaning.words(i.fields, self.config)
        available = len(self.image.parameters) // PARAMETER_BYTES
        if first + words > available:
            what = meaning.what
            if meaning.row:
                register = i.fields[meaning.row[0]]
                what = f"row {row} (the most that register {register} may hold)"
            self.fail(
                i,
                f"{what} take parameter words {first:,} to {first + words - 1:,}, the parameter "
                f"section has {available:,}; compile again",
            )

    def check_matrix(self, i: Instruction, name: str) -> None:
        entries = len(self.image.matrices)
        if i.fields[name] >= entries:
            self.fail(i, f"{name} is {i.fields[name]}, the directory has {entries} entries")

    # Tables must suit the decoders that they are loaded into.

    def check_table(self, i: Instruction, name: str) -> None:
        number = i.fields[name]
        if number >= len(self.image.tables):
            self.fail(i, f"{name} is {number}, the image has {len(self.image.tables)} tables")
        symbols = self.image.tables[number]
        for region in claims(i, self.config)[1]:
            if region.store is Store.RUN_TABLE:
                self.check_run_symbols(i, number, symbols)
            elif region.store is Store.VALUE_TABLE:
                self.check_value_symbols(i, number, symbols)

    def check_value_symbols(self, i: Instruction, number: int, symbols: tuple[Symbol, ...]) -> None:
        for symbol in symbols:
            top = symbol.base + symbol.span - 1
            if symbol.padding or symbol.base < _INT8[0] or top > _INT8[1]:
                kind = "a padding symbol" if symbol.padding else f"values {symbol.base} to {top}"
                self.fail(i, f"table {number} holds {kind}, wanted int8 values alone")
            if symbol.extra - symbol.mirrored > MAX_VALUE_EXTRA_BITS:
                self.fail(
                    i,
                    f"table {number} holds a symbol of {symbol.span} values, "
                    f"wanted {1 << MAX_VALUE_EXTRA_BITS} at most",
                )

    def check_run_symbols(self, i: Instruction, number: int, symbols: tuple[Symbol, ...]) -> None:
        for symbol in symbols:
            if symbol.base < 0:
                self.fail(i, f"table {number} holds run {symbol.base}, wanted none below 0")
            if symbol.mirrored:
                self.fail(i, f"table {number} holds a mirrored symbol, wanted runs")

    # What runs side by side.

    def check_hazards(self) -> None:
        entries = self.image.entries.values()
        for address, other, region in hazards(self.program, entries, self.config):
            self.address = address
            them, last = self.program[other], region.base + region.count - 1
            self.fail(
                self.program[address],
                f"{them.mnemonic} at {other} may still be at work on {region.store.name} "
                f"{region.base} to {last}; take {them.unit.name} out of overlaps",
            )

    # What the rings hold.

    def check_replays(self) -> None:
        entries = self.image.entries.values()
        matrices = self.image.matrices
        for address, i in enumerate(self.program):
            self.address = address
            if not isinstance(i, Matvec) or not i.from_ring:
                continue
            if not matrices[i.matrix].streamed:
                self.fail(i, f"from_ring of matrix {i.matrix}, which is not streamed")
            if not fits_rings(matrices[i.matrix], self.config):
                self.fail(
                    i,
                    f"from_ring of matrix {i.matrix}, which does not fit: stream_ring; "
                    f"raise stream_ring or cut the matrix",
                )
        marks = [matrix.streamed for matrix in matrices]
        for address, found in stale_replays(self.program, entries, marks):
            self.address, i = address, self.program[address]
            what = "nothing known" if found == UNKNOWN else f"matrix {found}"
            self.fail(i, f"from_ring of matrix {i.matrix}, but the rings may hold {what}")

    # What a host may exchange while the program runs.

    def check_segments(self) -> None:
        """Segments are used behind a USE alone."""
        known = {room.number for room in self.image.rooms}
        for address, i in enumerate(self.program):
            self.address = address
            for name in i.meant(Kind.SEGMENT):
                if i.fields[name] not in known:
                    self.fail(i, f"{name} is {i.fields[name]}, the image has {sorted(known)}")
        if not known:
            return
        touched = [touched_rooms(i, self.image, at) for at, i in enumerate(self.program)]
        entries = self.image.entries.values()
        for address, what in stray_uses(self.program, entries, touched, self.config):
            self.address = address
            self.fail(self.program[address], what)

    # Rows of parameters that a register points to.

    def check_rows(self, i: Instruction) -> None:
        for name in i.meant(Parameters):
            if row := moving_row(i, name):
                highest = highest_value(self.image, i.fields[row[0]], self.address)
                self.check_parameters(i, name, highest)
