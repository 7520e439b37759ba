"""Boards by their command line names: a serial port, mapped registers, or a simulated one."""

import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from sordino.cli.shared.engines import announce_build
from sordino.cli.shared.transcribing import GreedyRuns
from sordino.driver import Host
from sordino.driver.mapped import MappedBus
from sordino.driver.serial_port import SerialPort
from sordino.driver.uart import Traffic, Uart
from sordino.engines.device.line import SimulatedLine, design
from sordino.engines.device.terminal import SimulatedTerminal
from sordino.engines.engine import RunResult
from sordino.engines.hosted import Hosted, HostedSession
from sordino.errors import InputError
from sordino.image.image import Image
from sordino.recogniser.events import Final

__all__ = ["BAUDS", "Device", "DeviceRuns", "device_options", "opened"]

SIMULATED = "sim"
BAUDS = (9_600, 12_000_000)
_BAUD = 1_000_000
_PATIENCE = 60.0
"""Seconds that a simulated board may take to answer: it is a thousand times slower."""


class Device:
    """A board that has loaded an image.

    Attributes
    ----------
    host
        Its host.
    kind
        `serial`, `uio` or `sim`.
    """

    def __init__(self, name: str, kind: str, bus: Any, baud: int | None) -> None:
        self.name, self.kind, self.baud = name, kind, baud
        self.host = Host(bus)
        self.load_seconds = 0.0
        self.load_bytes = 0

    @property
    def traffic(self) -> Traffic:
        """Bytes on the wire; none where there is no wire."""
        found: Traffic = getattr(self.host.bus, "traffic", Traffic())
        return found

    def load(self, image: Image) -> None:
        """Bring the machine to where it was at power-up, and load an image."""
        begin = time.perf_counter()
        self.host.reset()
        self.host.load(image)
        self.load_seconds = time.perf_counter() - begin
        self.load_bytes = self.traffic.sent + self.traffic.received

    def facts(self) -> dict[str, Any]:
        """What JSON has of it."""
        wire = self.baud is not None
        return {
            "name": self.name,
            "kind": self.kind,
            "baud": self.baud,
            "load_seconds": self.load_seconds,
            "load_bytes": self.load_bytes if wire else None,
            "bytes_sent": self.traffic.sent if wire else None,
            "bytes_received": self.traffic.received if wire else None,
            "repeated": self.traffic.repeated if wire else None,
        }


class DeviceEngine:
    """A board as an engine that takes an input as a whole, so that it waits for nothing."""

    name = "device"

    def __init__(self, device: Device) -> None:
        self.simulator = "cxxrtl" if device.kind == SIMULATED else "none"
        self.hosted = Hosted(device.host)

    @property
    def image(self) -> Image:
        """The image that the board holds."""
        return self.hosted.image

    def run(self, features: NDArray[np.int8], **more: Any) -> RunResult:
        """Run features (frames, dim) int8 until the machine stops, as `Hosted.run`."""
        return self.hosted.run(features, **more)


class LiveDeviceEngine(DeviceEngine):
    """A board as an engine that is fed while it runs."""

    def session(self, **more: Any) -> HostedSession:
        """Begin a run that is fed bit by bit, as `Hosted.session`."""
        return self.hosted.session(**more)


class DeviceRuns(GreedyRuns):
    """Utterances that a board decodes, each as a whole or, `live`, as it comes."""

    def __init__(self, image: Image, device: Device, *, live: bool) -> None:
        engine: Any = (LiveDeviceEngine if live else DeviceEngine)(device)
        super().__init__(image, engine, records=False)
        self._device, self._begin = device, time.perf_counter()

    def facts(self, final: Final) -> dict[str, Any]:
        """What every engine has, the device, and how long it took, its host's share included."""
        seconds, self._begin = time.perf_counter() - self._begin, time.perf_counter()
        return {
            **super().facts(final),
            "device": self._device.facts(),
            "device_seconds": seconds,
        }


def device_options(command: Any) -> Any:
    """`--device` and `--baud`."""
    where = click.option(
        "--device",
        metavar="PORT",
        help="Run on a board instead: a serial port (/dev/ttyUSB0), mapped registers (/dev/uio0), "
        "or sim, a board in RTL simulation behind a serial port.",
    )
    baud = click.option(
        "--baud",
        type=click.IntRange(*BAUDS),
        help=f"Bits a second of the serial port; what the board's bridge was built for.  "
        f"[default: {_BAUD}]",
    )
    return where(baud(command))


@contextmanager
def opened(where: str, image: Image, baud: int | None) -> Iterator[Device]:
    """A board with the image in it; InputError where there is none, or it cannot hold the image."""
    if image.external:
        raise InputError(
            f"wanted an image whose weights fit on the chip for --device, got one that streams "
            f"{len(image.external):,} bytes; compile it with --weights resident, or load it with "
            "a program of your own (docs/driver.md)"
        )
    kind = _kind(where)
    if kind == "uio":
        if baud is not None:
            raise click.UsageError(f"wanted --baud with a serial port, got {where}")
        mapped = MappedBus(where)
        try:
            yield _loaded(Device(where, kind, mapped, None), image)
        finally:
            mapped.close()
        return
    rate = baud or _BAUD
    if kind == SIMULATED:
        announce_build(image.config, design())
        with SimulatedTerminal(SimulatedLine(image.config)) as terminal:
            yield from _at_port(terminal.path, kind, rate, image, timeout=_PATIENCE)
        return
    yield from _at_port(where, kind, rate, image)


def _kind(where: str) -> str:
    """`sim`, `uio` for what can be mapped, else `serial`."""
    if where == SIMULATED:
        return SIMULATED
    path = Path(where)
    if path.name.startswith("uio"):
        return "uio"
    try:
        return "uio" if stat.S_ISREG(path.stat().st_mode) else "serial"
    except OSError:
        return "serial"


def _at_port(path: str, kind: str, baud: int, image: Image, **options: Any) -> Iterator[Device]:
    port = SerialPort(path, baud=baud)
    try:
        bus = Uart(port, baud=baud, **options)
        yield _loaded(Device(SIMULATED if kind == SIMULATED else path, kind, bus, baud), image)
    finally:
        port.close()


def _loaded(device: Device, image: Image) -> Device:
    device.load(image)
    return device
