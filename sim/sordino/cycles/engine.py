"""The cycles engine: the exact machine's values with the circuit's time."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from sordino.cycles.durations import Durations
from sordino.cycles.schedule import UNITS, Clock, Unit
from sordino.cycles.trace import Profile, Trace
from sordino.engines.engine import Record, RunResult
from sordino.golden.machine import Golden
from sordino.isa.effects import Store
from sordino.isa.image import Image
from sordino.isa.instructions import Opcode
from sordino.isa.registers import COUNTERS, Error

__all__ = ["Cycles"]


class Cycles:
    """An image in the exact machine with a clock, an `Engine`.

    All counters, the timed ones among them, and every instruction's cycles are those of the
    circuit with a host that always has the next feature or has ended the input, and always has
    room for a token. A run that a cycle limit ends stops where the circuit does, but what an
    unfinished instruction had already written is not there.
    """

    name = "cycles"
    simulator = "cycles"

    def __init__(self, image: Image) -> None:
        self.image = image
        self.durations = Durations(image)
        self._golden = Golden(image)
        self._inputs = [i.opcode is Opcode.INPUT for i in image.program]
        self._profile = Profile(self.durations)
        self._addresses: list[int] = []
        self._ended: list[int] = []

    def run(
        self,
        features: NDArray[np.int8],
        *,
        cycle_limit: int = 0,
        record: bool | Callable[[Record], None] = False,
        entry: str = "main",
    ) -> RunResult:
        """Run features (frames, dim) int8 until the machine stops."""
        golden, state = self._golden, self._golden.state
        golden.start(features, entry=entry)
        self._profile, self._addresses, self._ended = Profile(self.durations), [], []
        clock, kept = Clock(cycle_limit), list[Record]()
        sink = record if callable(record) else kept.append
        while state.running:
            address, run_table = state.pc, None
            instruction = self.image.program[address]
            if instruction.opcode is Opcode.MATVEC:
                run_table = state.run_tables[instruction.run_slot]
            unit = UNITS[instruction.opcode]
            if not clock.execute(unit, self._duration(address, run_table)):
                self._stop()
                break
            made = golden.step(record=bool(record))
            if state.error is not Error.NONE:
                break
            self._retired(address, run_table)
            if made is not None:
                sink(made)
            if state.running and clock.expired:
                self._stop()
        return self._result(clock, kept if record is True else None)

    def profile(self) -> NDArray[np.int64]:
        """Of the last run, for each program address: times retired and cycles, (n, 2)."""
        return self._profile.table()

    @property
    def last_profile(self) -> Profile:
        """What retired in the last run."""
        return self._profile

    @property
    def trace(self) -> Trace:
        """The last run's path."""
        return Trace(np.array(self._addresses, np.int64), np.array(self._ended, np.int64))

    def _duration(self, address: int, run_table: int | None) -> int:
        """Cycles that the instruction's unit is about to take."""
        if self._inputs[address]:
            state = self._golden.state
            left = len(state.features) - state.read
            if left < self.image.program[address].count:
                return self.durations.short_input(address, left)
        if run_table is None and self.durations.units[address] is Unit.MATVEC:
            return 0  # golden refuses it
        return self.durations.at(address, run_table)

    def _retired(self, address: int, run_table: int | None) -> None:
        if self._golden.state.ended:
            self._ended.append(len(self._addresses))
            self._profile.ended[address] += 1
        else:
            self._profile.times[address, run_table] += 1
        self._addresses.append(address)

    def _stop(self) -> None:
        state = self._golden.state
        state.running, state.error = False, Error.LIMIT

    def _result(self, clock: Clock, records: list[Record] | None) -> RunResult:
        state = self._golden.state
        counters = {
            **state.counters,
            **self._profile.counters(),
            # With what did not retire, which the machine worked on all the same.
            "cycles": clock.now,
            **{u.name.lower(): n for u, n in clock.busy.items() if u is not Unit.SEQUENCER},
        }
        return RunResult(
            tokens=list(state.tokens),
            error=state.error,
            code=state.code,
            counters={counter.name: counters[counter.name] for counter in COUNTERS},
            records=records,
            final={
                **{
                    store: state.memory.store(store).copy()
                    for store in (Store.ACTIVATION, Store.STATE, Store.BANK0, Store.BANK1)
                },
                Store.REGISTER: np.array(state.registers, np.int64),
            },
        )
