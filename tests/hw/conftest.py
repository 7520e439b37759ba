"""Every bus by name, for tests that run over each of them."""

from dataclasses import dataclass
from typing import Any

import pytest

from sordino.arch import Config
from sordino.rtl.bridges.registry import BRIDGES, make_bridge
from sordino.rtl.top import Sordino
from sordino.stimuli.axi import AxiLiteManager
from sordino.stimuli.fake_sordino import FakeSordino
from sordino.stimuli.uart import UartManager
from sordino.stimuli.wishbone import WishboneManager

MANAGERS = {
    "axi": lambda top, **options: AxiLiteManager(top.s_axi, **options),
    "wishbone": lambda top, **options: WishboneManager(top.wb, **options),
    "uart": lambda top, **options: UartManager(top.uart, divider=4, **options),
}
"""The manager at a top module's bus."""
OPTIONS = {"uart": {"clock_hz": 4_000_000, "baud": 1_000_000}}
"""Bridges' own options: the shortest bits that there are."""
PARALLEL = [bus for bus in BRIDGES if bus != "uart"]
"""Buses with an access every few cycles; one over a line takes a thousand."""


@dataclass(frozen=True)
class System:
    """Top modules behind the bridge of one bus, and its manager."""

    bus: str

    def bridge(self) -> Any:
        """Its bridge."""
        return make_bridge(self.bus, **OPTIONS.get(self.bus, {}))

    def fake(self, config: Config) -> FakeSordino:
        """The registers before a stand-in for the machine."""
        return FakeSordino(config, self.bridge())

    def whole(self, config: Config) -> Sordino:
        """The machine itself."""
        return Sordino(config, self.bridge())

    def managers(self) -> set[str]:
        """Every bus that there is a manager for."""
        return set(MANAGERS)

    def manager(self, top: Any, **options: Any) -> Any:
        """A manager, with `stall` and `patience`."""
        return MANAGERS[self.bus](top, **options)


@pytest.fixture(params=PARALLEL, scope="session")
def system(request: pytest.FixtureRequest) -> System:
    """One after the other, but the slow ones, which have tests of their own."""
    return System(request.param)
