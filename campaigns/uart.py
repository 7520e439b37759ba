"""A board behind a serial line: how long loading takes, and what noise does.

Writes docs/results/uart.md. Everything is simulated, the bridge cycle by cycle.
"""

from dataclasses import dataclass
from typing import Any

import click

from campaigns.common import find_model, output_option, write_page
from sordino.driver import Host
from sordino.driver.uart import Uart
from sordino.engines.device.line import FAKE, SimulatedLine
from sordino.engines.device.trials import SHARE, both_ways, one_way
from sordino.frames.format import MOST_WORDS
from sordino.image.image import Image
from sordino.reference.markdown import table

__all__ = ["main"]

_MODEL = "an4_rnnt_causal.sordino"
_CLOCK = 50_000_000
_BAUDS = {3_000_000: 17, 1_000_000: 50}
"""Cycles of a bit."""
_GOAL = 3.3
"""Seconds in which the image shall be loaded at 1 Mbaud."""
_FAULTS = 100_000
_WORDS = 100_000


class CountedPort:
    """A port that counts how often its host has waited for an answer."""

    def __init__(self, port: Any) -> None:
        self.port, self.waits = port, 0
        self._waiting = False

    def write(self, data: bytes) -> None:
        """Send bytes."""
        self._waiting = True
        self.port.write(data)

    def read(self, seconds: float) -> bytes:
        """The bytes that have come."""
        self.waits += self._waiting
        self._waiting = False
        received: bytes = self.port.read(seconds)
        return received


@dataclass(frozen=True)
class _Load:
    """A loading of the image."""

    baud: int
    cycles: int
    sent: int
    received: int
    waits: int

    @property
    def seconds(self) -> float:
        """On the line, from the first byte to the last answer."""
        return self.cycles / _CLOCK


def _load(image: Image, divider: int, baud: int) -> _Load:
    """Load an image into the machine's registers, which check every section's CRC."""
    line = SimulatedLine(image.config, kind=FAKE, divider=divider, clock_hz=_CLOCK)
    port = CountedPort(line)
    host = Host(Uart(port, baud=baud))
    host.identity()
    before, bus = line.cycles, host.bus
    traffic: Any = bus
    sent, received, waits = traffic.traffic.sent, traffic.traffic.received, port.waits
    host.load(image)
    assert host.status().loaded
    assert not traffic.traffic.repeated
    return _Load(
        baud,
        line.cycles - before,
        traffic.traffic.sent - sent,
        traffic.traffic.received - received,
        port.waits - waits,
    )


@click.command()
@output_option("uart.md")
def main(output: Any) -> None:
    """Measure a simulated board behind a serial line."""
    image = Image.load(find_model(_MODEL))
    loads = [_load(image, divider, baud) for baud, divider in _BAUDS.items()]
    payload = len(image.to_bytes())
    write_page(
        output,
        "UART",
        (
            _loading(loads, payload),
            _noise(one_way(_FAULTS), both_ways(_WORDS)),
        ),
    )


def _loading(loads: list[_Load], payload: int) -> str:
    rows = [
        (
            f"{load.baud:,}",
            f"{load.seconds:.2f}",
            f"{load.sent:,}",
            f"{load.received:,}",
            f"{load.sent * 10 / load.baud:.2f}",
            f"{load.waits:,}",
        )
        for load in loads
    ]
    million = next(load for load in loads if load.baud == 1_000_000)
    return (
        f"## Loading the shipped image\n\n`{_MODEL}` ({payload:,} bytes) goes through the driver, "
        f"the bridge and the machine's registers at {_CLOCK // 1_000_000} MHz; the registers check "
        "every CRC. The seconds are counted in cycles, from the first byte to the last answer.\n\n"
        + table(
            ("baud", "seconds", "bytes sent", "bytes back", "seconds for these bytes", "waits"),
            rows,
        )
        + f"\nAt 1,000,000 baud it shall take {_GOAL} s at most: "
        f"{'met' if million.seconds <= _GOAL else 'not met'}.\n\nA wait is a time that the host "
        "stops to hear an answer. A USB adapter adds its own delay to each, which is not in the "
        "seconds: 1 ms where its latency timer is set so, else up to 16 ms.\n"
    )


def _noise(alone: tuple[int, int, int, bool], driven: tuple[int, int, int, bool]) -> str:
    faults, requests, words, right = alone
    more, written, repeated, well = driven
    return (
        "## Noise\n\nA fault is a byte that is changed, lost or added, at a random place.\n\n"
        + table(
            ("what", "faults", "words written", "sent again", "wrong, lost or doubled words"),
            [
                (
                    f"{requests:,} requests, each first with 1 to 8 faults, then whole",
                    f"{faults:,}",
                    f"{words:,}",
                    f"{requests:,}",
                    "0" if right else "some",
                ),
                (
                    f"the driver, {SHARE:.1%} of all bytes both ways",
                    f"{more:,}",
                    f"{written:,}",
                    f"{repeated:,}",
                    "0" if well else "some",
                ),
            ],
        )
        + "\nIn the first row every whole request is understood right behind the faults: else all "
        f"that follow would be out of turn. A request has up to {MOST_WORDS} words, of which "
        "nothing is written before its CRC is right.\n"
    )


if __name__ == "__main__":
    main()
