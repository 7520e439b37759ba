"""The host's side of a machine's registers: reset, load, feed, run, tokens, counters, errors.

`Host` drives a bus whose accesses return at once, such as a board; `AsyncHost` one whose accesses
are awaited, as in cocotb and in Amaranth's simulator. `docs/driver.md` has an example of each.
"""

from sordino.driver.blocking import Host
from sordino.driver.bus import Bus, Refused
from sordino.driver.host import AsyncHost
from sordino.driver.status import Identity, MachineError, MachineStatus, Run

__all__ = [
    "AsyncHost",
    "Bus",
    "Host",
    "Identity",
    "MachineError",
    "MachineStatus",
    "Refused",
    "Run",
]
