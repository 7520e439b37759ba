"""A host: all that it does with a machine's registers, over any bus."""

from collections.abc import Sequence
from typing import Any

from sordino.driver.bus import Bus, settled
from sordino.driver.loading import Loading, Looks
from sordino.driver.status import ADVICE, MachineError, MachineStatus, Run
from sordino.errors import InputError
from sordino.image.loading import WORD_BYTES
from sordino.image.memories import MEMORIES
from sordino.isa.fields import Store
from sordino.isa.registers import CAPACITIES, NO_TOKEN, REGISTERS, Control, Interrupt

__all__ = ["AsyncHost"]

_EVERY_INTERRUPT = sum(interrupt.value for interrupt in Interrupt)
_WORD = 0xFFFF_FFFF
_MOST_LANES = REGISTERS["WINDOW_MEMORY"].mask >> 16
_KEPT = (
    "ENTRY",
    "LIMIT_LOW",
    "LIMIT_HIGH",
    "INTERRUPT_ENABLE",
    "LOAD_TARGET",
    "LOAD_ADDRESS",
    "WINDOW_MEMORY",
    "WINDOW_ADDRESS",
)
"""Registers that keep what a host writes, in every machine."""


def feature_bytes(features: Any) -> bytes:
    """Features as they are written: bytes, or an array of int8 in the order of its elements."""
    try:
        view = memoryview(features)
    except TypeError:
        raise InputError(
            f"wanted features as bytes or an array of int8, got {type(features).__name__}; "
            "quantise them first"
        ) from None
    if view.format != "b" and not isinstance(view.obj, bytes | bytearray):
        raise InputError(
            f"wanted features of int8, got an array whose elements are {view.format!r}; "
            "quantise them first"
        )
    return view.tobytes()


class AsyncHost(Loading):
    """A host of one machine, over a bus whose accesses may be awaited.

    `Host` has the same methods for a bus whose accesses return at once.

    Example
    -------
    In a testbench of cocotb, with `sordino.stimuli.cocotb_bus`::

        host = AsyncHost(CocotbAxiLite(dut))
        await host.reset()
        await host.load(Image.load("model.sordino"))
        run = await host.run(features)

    Every method raises `Refused` where the machine refuses an access, with the register's name.

    Parameters
    ----------
    bus
        See `sordino.driver.bus.Bus`.
    patience
        How often a host looks at a machine in which nothing happens before it raises TimeoutError;
        None is for ever. A bus with an `interrupt` method has a limit of its own.
    """

    def __init__(self, bus: Bus, *, patience: int | None = None) -> None:
        super().__init__(bus, patience=patience)

    async def reset(self) -> None:
        """Bring the machine to where it was at power-up, whatever it does.

        A bus with a `reset` method resets it. Without one, a run is aborted, what was loaded is
        given up, and all registers that keep a value are zero.
        """
        self.image = None
        if hasattr(self.bus, "reset"):
            await settled(self._extra.reset())
            return
        await self.abort()
        await self.wait()
        await self._give_up()
        for name in _KEPT:
            await self.write(name, 0)
        if await self.read("CAPACITIES", CAPACITIES.index("stream_bus")):
            await self.write("STREAM_BASE", 0)
        await self.write("INTERRUPT_STATUS", _EVERY_INTERRUPT)

    async def reconnect(self) -> bool:
        """Begin anew with a board whose line was lost; returns whether it holds this host's image.

        One that was reset, or whose loading was cut off, holds none: `image` is None then.
        """
        if hasattr(self.bus, "reconnect"):
            await settled(self._extra.reconnect())
        if not (await self.status()).loaded:
            self.image = None
        return self.image is not None

    # Memories

    async def read_memory(
        self, store: Store, first: int, count: int, *, lane: int = 0
    ) -> list[int]:
        """Return `count` words of a memory from word `first` on, or a lane's rows of a bank.

        `store` is one of `sordino.image.memories.MEMORIES`. Raises `Refused` while a program runs
        and beyond the memory's end.
        """
        await self._choose(store, first, lane)
        return [_signed(await self.read("WINDOW_DATA")) for _ in range(count)]

    async def write_memory(
        self, store: Store, first: int, values: Sequence[int], *, lane: int = 0
    ) -> None:
        """Write words of a memory from word `first` on, or a lane's rows of a bank.

        Raises `Refused` as `read_memory` does, and for a value that a word cannot hold; the words
        before it are written then. InputError for values that no word of 32 bits holds.
        """
        if wide := [value for value in values if value != _signed(value & _WORD)]:
            raise InputError(
                f"wanted values of 32 bits for {store.name}, got {wide[0]}; saturate them first"
            )
        await self._choose(store, first, lane)
        await self.write_many("WINDOW_DATA", [value & _WORD for value in values])

    async def _choose(self, store: Store, first: int, lane: int) -> None:
        """Set the window to a word; InputError for what no machine has."""
        if store not in MEMORIES:
            names = ", ".join(each.name for each in MEMORIES)
            raise InputError(
                f"wanted one of the memories {names}, got {store.name}; choose one of them"
            )
        if not (0 <= first <= REGISTERS["WINDOW_ADDRESS"].mask and 0 <= lane <= _MOST_LANES):
            raise InputError(
                f"wanted a word and a lane of a machine, got word {first} of lane {lane}; the "
                "capacities say how many there are"
            )
        await self.write("WINDOW_MEMORY", store.value | lane << 16)
        await self.write("WINDOW_ADDRESS", first)

    # Running

    async def start(self, entry: str | int = "main", *, cycle_limit: int = 0) -> None:
        """Start the loaded program at an entry point, by name, or by its address.

        `cycle_limit` stops a program that takes longer with the error LIMIT; 0 is no limit. Raises
        MachineError while a program runs, with a sticky error, and without a checked program;
        ImageError for an entry point that the image does not have.
        """
        if isinstance(entry, str):
            if self.image is None:
                raise InputError(
                    f"wanted an image for the entry point {entry!r}, got none; load one with this "
                    "host, or name the address"
                )
            entry = self.image.entry(entry)
        status = await self._expect_idle("start")
        if status.failed or not status.loaded:
            raise MachineError(
                f"cannot start: the machine has {status}; clear errors, or load an image", status
            )
        await self.write("ENTRY", entry)
        await self.write("LIMIT_LOW", cycle_limit & 0xFFFF_FFFF)
        await self.write("LIMIT_HIGH", cycle_limit >> 32)
        await self.write("INTERRUPT_STATUS", _EVERY_INTERRUPT)
        await self.control(Control.START)

    async def feed(self, features: Any, channel: int = 0) -> int:
        """Write as many features as fit now; returns how many these are.

        `features` are bytes, or an array of int8. A machine with several channels takes them on
        `channel`.
        """
        names = ("CHANNEL_FEATURE", "CHANNEL_ROOM") if channel else ("FEATURE", "FEATURE_ROOM")
        values = feature_bytes(features)
        values = values[: await self.read(names[1], channel)] if values else b""
        whole = len(values) // WORD_BYTES * WORD_BYTES
        if whole:
            words = range(0, whole, WORD_BYTES)
            packed = [_word(values[at : at + WORD_BYTES]) for at in words]
            await self.write_many(names[0], packed, word=channel)
        if rest := values[whole:]:
            strobe = (1 << len(rest)) - 1
            await self.write(names[0], _word(rest), strobe=strobe, word=channel)
        return len(values)

    async def end_of_input(self, channel: int | None = None) -> None:
        """Say that no features follow, on one channel or on all; none are taken until `clear`."""
        if channel is None:
            await self.control(Control.END_OF_INPUT)
        else:
            await self.write("CHANNEL_END", 1 << channel)

    async def request(self, number: int) -> None:
        """Ask the program for something, from 1 on; 0 withdraws what it has not taken yet.

        Refused while it has not taken the one before, which is what REQUEST reads as.
        """
        await self.write("REQUEST", number)

    async def tokens(self) -> list[int]:
        """All tokens that wait, oldest first; each has its channel in bits 23 to 16."""
        found = []
        while (token := await self.read("TOKEN")) != NO_TOKEN:
            found.append(token)
        return found

    async def wait(self) -> MachineStatus:
        """Wait until the machine has stopped; returns how it stands then.

        A program that waits for features, or for room in the token FIFO, does not stop.
        """
        looks = Looks(self.patience)
        if hasattr(self.bus, "interrupt"):
            await self.write("INTERRUPT_ENABLE", Interrupt.STOPPED.value)
        while (status := await self.status()).busy:
            looks.count()
            if hasattr(self.bus, "interrupt"):
                await settled(self._extra.interrupt())
        return status

    async def run(
        self, features: Any = b"", entry: str | int = "main", *, cycle_limit: int = 0
    ) -> Run:
        """Run a program on all features to its end; returns its tokens.

        It clears the machine first, feeds features and takes tokens as they come, and signals the
        end of input. MachineError, with the run so far, where an error ends it.
        """
        rest = memoryview(feature_bytes(features))
        await self.clear()
        rest = rest[await self.feed(bytes(rest)) :]
        await self.start(entry, cycle_limit=cycle_limit)
        if not rest:
            await self.end_of_input()
        tokens: list[int] = []
        looks = Looks(self.patience)
        stopped = False
        while not stopped:
            stopped = await self._event(more=bool(rest))
            new = await self.tokens()
            fed = 0
            if rest and not stopped:
                fed = await self.feed(bytes(rest))
                rest = rest[fed:]
                if not rest:
                    await self.end_of_input()
            tokens += new
            looks.count(happened=bool(new or fed or stopped))
        return await self._result(tokens)

    async def _event(self, *, more: bool) -> bool:
        """Wait for something to do, if the bus has an interrupt; returns whether it stopped."""
        if not hasattr(self.bus, "interrupt"):
            return not (await self.status()).busy
        wanted = [Interrupt.STOPPED, Interrupt.TOKEN, *([Interrupt.FEATURES] if more else [])]
        await self.write("INTERRUPT_ENABLE", sum(one.value for one in wanted))
        await settled(self._extra.interrupt())
        # Cleared before anything is looked at: what comes later is seen again.
        seen = await self.read("INTERRUPT_STATUS")
        await self.write("INTERRUPT_STATUS", seen)
        return bool(seen & Interrupt.STOPPED)

    async def _result(self, tokens: list[int]) -> Run:
        """What came of a run that has stopped; MachineError where an error stopped it."""
        status = await self.status()
        run = Run(tokens, status.code, status.error)
        if status.failed:
            address = await self.read("PC")
            raise MachineError(
                f"wanted a run to its HALT, got error {status.error.name} at address {address} "
                f"after {len(tokens)} tokens; {ADVICE[status.error]}",
                status,
                run,
            )
        return run


def _word(values: bytes) -> int:
    """Up to four features as the word that is written, the first one lowest."""
    return int.from_bytes(values, "little")


def _signed(word: int) -> int:
    """A word as the signed number that it is."""
    return word - (word >> 31 << 32)
