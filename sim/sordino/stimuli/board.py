"""A circuit with registers in Amaranth's simulator as if it were a board on the desk."""

from functools import cached_property
from typing import Any

from sordino.driver.bus import WHOLE_WORD, Refused
from sordino.stimuli.bus import Manager, SimulatedBus
from sordino.stimuli.simulate import Workbench

__all__ = ["SimulatedBoard"]


class SimulatedBoard:
    """A bus for `sordino.driver.Host` whose machine stands still between two accesses.

    `circuit` is simulated from power-up; `manager` makes the accesses at its bus. An access that
    takes more than `timeout` cycles raises TimeoutError; the board is of no more use then.
    Amaranth's simulator does about a thousand cycles a second: for small machines.

    Example
    -------
    ::

        machine = Sordino(config)
        host = Host(SimulatedBoard(machine, AxiLiteManager(machine.s_axi)))
        host.load(image)
        print(host.run(features).tokens)
    """

    def __init__(self, circuit: Any, manager: Manager, *, timeout: int = 10_000) -> None:
        self.circuit = circuit
        self.manager = manager
        self.timeout = timeout

    @cached_property
    def _workbench(self) -> Workbench:
        return Workbench(self.circuit)

    def read(self, address: int) -> int:
        """The word at `address`."""
        return int(self._access(address))

    def write(self, address: int, value: int, strobe: int = WHOLE_WORD) -> None:
        """Write the bytes of `value` in `strobe`."""
        self._access(address, value, strobe)

    def _access(self, address: int, *written: int) -> Any:
        results: list[Any] = []

        async def job(ctx: Any) -> None:
            bus = SimulatedBus(ctx, self.manager)
            try:
                results.append(
                    await (bus.write(address, *written) if written else bus.read(address))
                )
            except Refused as refused:  # raised outside: the simulation goes on
                results.append(refused)

        self._workbench.run(job, timeout=self.timeout)
        if isinstance(results[0], Refused):
            raise results[0]
        return results[0]
