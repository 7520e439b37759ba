"""Registers by name, over any bus: what a machine is, how it stands, what it is told."""

from collections.abc import Sequence
from typing import Any

from sordino.driver.bus import WHOLE_WORD, Bus, settled, takes_strobes
from sordino.driver.status import Identity, MachineStatus
from sordino.errors import InputError
from sordino.image.loading import WORD_BYTES
from sordino.isa.registers import CAPACITIES, COUNTERS, REGISTERS, Control, Error

__all__ = ["Registers"]


class Registers:
    """The registers of one machine, over a bus whose accesses may be awaited."""

    def __init__(self, bus: Bus) -> None:
        self.bus = bus
        self._extra: Any = bus
        """The bus again: for methods that only some buses have."""

    async def read(self, name: str, word: int = 0) -> int:
        """The value of a register, or of word `word` of one that has several."""
        value = await settled(self.bus.read(_address(name, word)))
        return int(value)

    async def write(
        self, name: str, value: int, *, strobe: int = WHOLE_WORD, word: int = 0
    ) -> None:
        """Write a register, or word `word` of several; bit n of `strobe` says to write byte n."""
        address = _address(name, word)
        if strobe == WHOLE_WORD:
            await settled(self.bus.write(address, int(value)))
            return
        if not takes_strobes(self.bus):
            raise InputError(
                f"wanted to write some bytes of {name}, got a bus that writes whole words; give "
                "its write() a third argument, strobe, or feed features in fours"
            )
        await settled(self._extra.write(address, int(value), strobe))

    async def write_many(self, name: str, values: Sequence[int], *, word: int = 0) -> None:
        """Write words to one register, one after the other."""
        if hasattr(self.bus, "write_many"):
            await settled(self._extra.write_many(_address(name, word), values))
            return
        for value in values:
            await self.write(name, value, word=word)

    async def control(self, *commands: Control) -> None:
        """Write bits of CONTROL at the same time."""
        await self.write("CONTROL", sum(command.value for command in commands))

    async def identity(self) -> Identity:
        """The machine's configuration id and the versions it speaks."""
        return Identity.from_words(await self.read("ID"), await self.read("VERSION"))

    async def capacities(self) -> dict[str, int]:
        """How large the machine is, by the names of CAPACITIES."""
        return {name: await self.read("CAPACITIES", n) for n, name in enumerate(CAPACITIES)}

    async def status(self) -> MachineStatus:
        """Register STATUS as flags, code and error."""
        return MachineStatus.from_word(await self.read("STATUS"))

    async def error(self) -> Error:
        """The error that is sticky, or NONE."""
        return (await self.status()).error

    async def counters(self) -> dict[str, int]:
        """Every counter of the last run, or of the one in progress, by name."""
        values = {}
        for number, counter in enumerate(COUNTERS):
            low = await self.read("COUNTERS", 2 * number)
            values[counter.name] = low | await self.read("COUNTERS", 2 * number + 1) << 32
        return values

    async def clear(self) -> None:
        """Forget errors, what waits in the FIFOs, and END_OF_INPUT; what was loaded stays."""
        await self.control(Control.CLEAR)

    async def abort(self) -> None:
        """Stop the program that runs, if one does; its error is LIMIT until `clear`."""
        await self.control(Control.ABORT)


def _address(name: str, word: int = 0) -> int:
    """The byte address of word `word` of a register; InputError for what the map has not."""
    register = REGISTERS.get(name)
    if register is None:
        raise InputError(
            f"wanted a register of the map, got {name!r}; its registers are {', '.join(REGISTERS)}"
        )
    if not 0 <= word < register.words:
        raise InputError(
            f"wanted a word of {name} from 0 to {register.words - 1}, got {word}; see "
            "docs/registers.md"
        )
    return register.offset + WORD_BYTES * word
