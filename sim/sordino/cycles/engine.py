"""The cycles engine: the exact machine's values with the circuit's time."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sordino.cycles.durations import Durations
from sordino.cycles.schedule import ARRAY, EVERY, Clock, Turn, turns
from sordino.cycles.tables import Decoding, after, decoding, loaded
from sordino.cycles.trace import Profile, Trace
from sordino.engines.engine import Record, RunResult
from sordino.engines.memory_timing import MemoryTiming
from sordino.golden.machine import Golden
from sordino.golden.state import State
from sordino.isa import timing
from sordino.isa.fields import Store
from sordino.isa.image import Image
from sordino.isa.operations import Matvec
from sordino.isa.registers import COUNTERS, Error

__all__ = ["Cycles"]

_NEVER = 1 << 62


class Cycles:
    """An image in the exact machine with a clock, an `Engine`.

    All counters, the timed ones among them, and every instruction's cycles are those of the
    circuit with a host that always has the next feature or has ended the input, and always has
    room for a token. A run that an error or a cycle limit ends stops where the circuit does, with
    the same counters; of what was still at work then memories hold all, or nothing.
    """

    name = "cycles"

    def __init__(self, image: Image, *, memory: MemoryTiming | None = None) -> None:
        self.image = image
        self.durations = Durations(image, memory)
        self._golden = Golden(image)
        self._turns = turns(image.program)
        self._run = _Run(self._golden, self.durations, self._turns, 0, None)

    def run(
        self,
        features: NDArray[np.int8],
        *,
        cycle_limit: int = 0,
        record: bool | Callable[[Record], None] = False,
        entry: str = "main",
    ) -> RunResult:
        """Run features (frames, dim) int8 until the machine stops."""
        kept = list[Record]()
        sink = (record if callable(record) else kept.append) if record else None
        self._golden.start(features, entry=entry)
        self._run = _Run(self._golden, self.durations, self._turns, cycle_limit, sink)
        self._run.execute()
        return self._result(kept if record is True else None)

    def profile(self) -> NDArray[np.int64]:
        """Of the last run, for each program address: times retired and cycles, (n, 2)."""
        return self._run.profile.table()

    @property
    def last_profile(self) -> Profile:
        """What retired in the last run."""
        return self._run.profile

    @property
    def trace(self) -> Trace:
        """The last run's path."""
        return Trace(np.array(self._run.addresses, np.int64), np.array(self._run.ended, np.int64))

    def _result(self, records: list[Record] | None) -> RunResult:
        state, run = self._golden.state, self._run
        counters = {
            **state.counters,
            **run.profile.counters(),
            "instructions": len(run.addresses),
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


@dataclass(frozen=True)
class _Begun:
    """An instruction that retires in cycle `end`, if the machine does not stop before."""

    end: int
    address: int
    decoded: Decoding | None
    ended: bool
    record: Record | None


class _Run:
    """One run of a machine that has just been started.

    The exact machine executes each instruction when it begins, if it will be done (a MATVEC has its
    results, and has counted, `timing.COUNTS` before that); what is at work beside it does not
    matter. `last` is the cycle in which the machine stops with `error`, as far as that is known.
    """

    def __init__(
        self,
        golden: Golden,
        durations: Durations,
        all_turns: list[Turn],
        limit: int,
        sink: Callable[[Record], None] | None,
    ) -> None:
        self.golden, self.durations, self.turns, self.sink = golden, durations, all_turns, sink
        self.program = golden.image.program
        self.last = limit - 1 if limit else _NEVER
        self.error = Error.LIMIT
        self.clock = Clock()
        self.tables = loaded(golden.state, golden.image.config)
        self.profile = Profile(durations)
        self.addresses: list[int] = []
        self.ended: list[int] = []
        self.begun: deque[_Begun] = deque()

    def execute(self) -> None:
        state = self.golden.state
        while state.running:
            address = state.pc
            turn = self.turns[address]
            due = self.clock.due(turn.awaits)
            # What would begin on a unit in the last cycle does not.
            if due + (0 if turn.unit is None else timing.UNIT_START) > self.last:
                self.stop(self.last, address, self.error)
                break
            if turn.unit is None:
                self.own(state, address, due)
            else:
                self.unit(state, address, turn, due)
            self.retire(self.clock.now)
        self.retire(self.clock.now, stopped=True)
        self.profile.include(self.clock)

    def own(self, state: State, address: int, due: int) -> None:
        """The sequencer's instruction, done as it begins."""
        record = self.golden.step(record=self.sink is not None)
        if state.error is Error.NONE:
            self.clock.reach(due, address)
            self.begun.append(_Begun(due, address, None, False, record))
            return
        # STACK comes when nothing is at work that could stop the machine with another error.
        due = self.clock.due(EVERY)
        if due > self.last:
            self.stop(self.last, address, self.error)
        else:
            self.stop(due, address, state.error)

    def unit(self, state: State, address: int, turn: Turn, due: int) -> None:
        """What a unit begins to do; an INPUT is waited for."""
        i = self.program[address]
        decoded = decoding(i, self.tables)
        duration = self._input(state, address) if turn.blocks else self._of(address, decoded)
        end = due + timing.UNIT_START + duration
        self.clock.reach(due, address)
        if turn.blocks and end > self.last:
            self.clock.begin(turn._replace(blocks=False), duration, address)
            self.stop(self.last, address, self.error)
            return
        self.clock.begin(turn, duration, address)
        record = None
        counted = end - (timing.COUNTS if turn.unit == ARRAY else 0)
        if counted <= self.last:
            record = self.golden.step(record=self.sink is not None)
        else:
            # Never done, and nobody uses what it writes before.
            state.pc, state.ended = address + 1, False
        if state.error is Error.INPUT:
            self.stop(end, address, state.error)
            return
        if state.error is Error.STREAM:
            state.running, state.error, state.pc = True, Error.NONE, address + 1
            if end <= self.last:
                # Others begin until the MATVEC is done, which never retires.
                self.last, self.error = end, Error.STREAM
            end = _NEVER
        elif turn.unit == ARRAY and counted <= self.last:
            self.profile.wait_x += self.durations.matvec(address, decoded).wait_x
        self.begun.append(_Begun(end, address, decoded, state.ended, record))
        self.tables = after(i, self.tables)

    def _of(self, address: int, decoded: Decoding | None) -> int:
        if decoded is None and isinstance(self.program[address], Matvec):
            return 0  # golden refuses it
        return self.durations.at(address, decoded)

    def _input(self, state: State, address: int) -> int:
        left = len(state.features) - state.read
        if left < self.program[address].count:
            return self.durations.short_input(address, left)
        return self.durations.at(address, None)

    def stop(self, cycle: int, address: int, error: Error) -> None:
        """The machine stops; `address` would have been next."""
        self.clock.reach(cycle, address)
        self.clock.cut()
        state = self.golden.state
        state.running, state.error = False, error

    def retire(self, now: int, *, stopped: bool = False) -> None:
        """What is done by the cycle `now`, in program order; once stopped, also what is behind."""
        begun = self.begun
        while begun and begun[0].end <= now:
            self._retired(begun.popleft())
        if stopped:
            # Without records, which come in program order.
            self.sink = None
            for one in begun:
                if one.end <= now:
                    self._retired(one)

    def _retired(self, one: _Begun) -> None:
        if one.ended:
            self.ended.append(len(self.addresses))
            self.profile.ended[one.address] += 1
        else:
            self.profile.times[one.address, one.decoded] += 1
        self.addresses.append(one.address)
        if one.record is not None and self.sink is not None:
            self.sink(one.record)
