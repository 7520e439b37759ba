"""A board in simulation: a compiled circuit with a UartBridge, and the line to it as a port."""

import ctypes
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import sordino.stimuli
from sordino.arch import Config
from sordino.engines.errors import ToolError
from sordino.engines.native.compiled import Design, load
from sordino.rtl.bridges.registry import make_bridge
from sordino.rtl.top import Sordino
from sordino.stimuli.fake_sordino import FakeSordino
from sordino.stimuli.noted_registers import NotedRegisters

__all__ = ["BOARD", "FAKE", "NOTED", "SimulatedLine", "design"]

_HARNESS = Path(__file__).with_name("line.cpp")
_STIMULI = Path(next(iter(sordino.stimuli.__path__)))
_SHORTEST = 4
"""Cycles of a bit at least."""
_AT_ONCE = 1 << 16
"""Bytes, or accesses, that are taken at once."""


def _board(config: Config, bridge: Any) -> Any:
    return Sordino(config, bridge)


def _fake(config: Config, bridge: Any) -> Any:
    return FakeSordino(config, bridge, own_clock=False)


def _noted(config: Config, bridge: Any) -> Any:
    return NotedRegisters(bridge)


_Make = Callable[[Config, Any], Any]
BOARD: tuple[str, _Make, tuple[str, ...]] = ("uart", _board, ())
"""The machine behind the bridge."""
FAKE: tuple[str, _Make, tuple[str, ...]] = ("fake", _fake, ("fake_sordino", "fake_machine"))
"""The machine's registers, and a stand-in behind them."""
NOTED: tuple[str, _Make, tuple[str, ...]] = ("noted", _noted, ("noted_registers",))
"""Registers that show every access."""


def design(kind: tuple[str, _Make, tuple[str, ...]] = BOARD, divider: int = _SHORTEST) -> Design:
    """A circuit behind a UartBridge, one of BOARD, FAKE and NOTED, to be compiled."""
    name, make, sources = kind

    def made(config: Config) -> Any:
        return make(config, make_bridge("uart", clock_hz=1_000_000 * divider, baud=1_000_000))

    return Design(
        f"{name}{divider}",
        _HARNESS,
        made,
        tuple(_STIMULI / f"{source}.py" for source in sources),
    )


class SimulatedLine:
    """A port of `sordino.driver.uart` to a compiled circuit, which runs while a host waits.

    A second is `clock_hz` cycles of the circuit. A bit takes `divider` cycles; the line is at rest
    where nothing is sent. ToolError without a C++ compiler.
    """

    name = "sim"

    def __init__(
        self,
        config: Config,
        *,
        kind: tuple[str, _Make, tuple[str, ...]] = BOARD,
        divider: int = _SHORTEST,
        clock_hz: int | None = None,
    ) -> None:
        self.config, self.divider = config, divider
        self.clock_hz = clock_hz or config.clock_hz
        self._library = _declared(load(config, design=design(kind, divider)))
        self._handle = ctypes.c_void_p(self._library.line_create(divider))
        if missing := self._library.line_missing(self._handle).decode():
            raise ToolError(f"the compiled board has no pin {missing!r}; delete the cache")
        self._room = (ctypes.c_uint8 * _AT_ONCE)()

    def __del__(self) -> None:
        if getattr(self, "_handle", None):
            self._library.line_destroy(self._handle)

    @property
    def cycles(self) -> int:
        """Cycles since power-up."""
        return self.run(0)

    @property
    def baud(self) -> int:
        """Bits a second on the line."""
        return self.clock_hz // self.divider

    @property
    def broken(self) -> int:
        """Bytes from the circuit that had no stop bit."""
        return int(self._library.line_broken(self._handle))

    def write(self, data: bytes) -> None:
        """Send bytes, while the circuit runs from then on."""
        self._library.line_send(self._handle, data, len(data))

    def read(self, seconds: float) -> bytes:
        """The bytes that have come, after a while in which the circuit runs until there are any.

        The while is `seconds` long at most, after all that was written is sent.
        """
        while not (received := self.take()):
            left = self._library.line_left(self._handle) * 10 * self.divider
            cycles = int(seconds * self.clock_hz)
            before = self.cycles
            self.run(left or cycles, 1)
            if not left and not self._library.line_left(self._handle):
                received = self.take()
                if received or self.cycles - before >= cycles:
                    return received
        return received

    def run(self, cycles: int, enough: int = _AT_ONCE) -> int:
        """Let cycles pass, fewer where that many bytes have come; returns those since power-up."""
        return int(self._library.line_run(self._handle, cycles, enough))

    def take(self) -> bytes:
        """The bytes that have come until now."""
        count = self._library.line_take(self._handle, self._room, _AT_ONCE)
        return bytes(self._room[:count])

    def left(self) -> int:
        """Bytes that are not yet on the line."""
        return int(self._library.line_left(self._handle))

    def accesses(self) -> NDArray[np.uint64]:
        """What NOTED registers have seen since the last call, as (n, 2): address and word."""
        found = []
        room = np.zeros(_AT_ONCE, np.uint64)
        while count := self._library.line_accesses(self._handle, room.ctypes.data, _AT_ONCE):
            found.append(room[:count].copy())
        rows = np.concatenate(found) if found else room[:0]
        return np.stack([rows >> np.uint64(32), rows & np.uint64(0xFFFF_FFFF)], axis=1)


def _declared(library: ctypes.CDLL) -> ctypes.CDLL:
    """The library with its functions' types."""
    pointer, u32, u64, size = ctypes.c_void_p, ctypes.c_uint32, ctypes.c_uint64, ctypes.c_size_t
    for name, result, arguments in (
        ("create", pointer, [u32]),
        ("missing", ctypes.c_char_p, [pointer]),
        ("destroy", None, [pointer]),
        ("send", None, [pointer, ctypes.c_char_p, size]),
        ("run", u64, [pointer, u64, size]),
        ("left", size, [pointer]),
        ("take", size, [pointer, pointer, size]),
        ("accesses", size, [pointer, pointer, size]),
        ("broken", u64, [pointer]),
    ):
        function = getattr(library, f"line_{name}")
        function.restype, function.argtypes = result, arguments
    return library
