"""The cycles engine: the exact machine's values with the circuit's time."""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sordino.cycles.durations import Durations, NotLoaded
from sordino.cycles.issue import Issue, Issuer, Passage
from sordino.cycles.schedule import ARRAY, EVERY
from sordino.cycles.tables import loaded
from sordino.cycles.trace import Profile, Trace
from sordino.engines.engine import Features, Record, Requests, RunResult, numbers_in_order
from sordino.engines.memory_timing import MemoryTiming
from sordino.engines.session import Emitted, expect_open
from sordino.golden.execution import SEMANTICS, Semantics
from sordino.golden.machine import Golden
from sordino.golden.state import State
from sordino.image.image import Image
from sordino.image.memories import MEMORIES
from sordino.image.segments.segment import Segment
from sordino.isa import timing
from sordino.isa.fields import Store
from sordino.isa.instruction import Instruction
from sordino.isa.registers import COUNTERS, Error

__all__ = ["Cycles", "CyclesSession"]

_NEVER = 1 << 62


class Cycles:
    """An image in the exact machine with a clock, an `OpenEngine`.

    All counters, the timed ones among them, and every instruction's cycles are those of the
    circuit with a host that always has the next feature or has ended the input, and always has
    room for a token. A run that an error or a cycle limit ends stops where the circuit does, with
    the same counters; of what was still at work then memories hold all, or nothing.
    """

    name = "cycles"

    def __init__(
        self,
        image: Image,
        *,
        memory: MemoryTiming | None = None,
        semantics: Mapping[type[Instruction], Semantics] = SEMANTICS,
    ) -> None:
        self._golden = Golden(image, semantics)
        self._memory = memory
        self._time()

    def _time(self) -> None:
        """Find what instructions take with what the exact machine holds."""
        self.image = self._golden.image
        self.durations = Durations(self.image, self._memory)
        self._issuer = Issuer(self.durations)
        self._run = _Run(self._golden, self._issuer, 0, None)

    def load_segment(self, segment: Segment) -> None:
        """Load other contents of one segment, as `OpenEngine.load_segment`."""
        self._golden.load_segment(segment)
        self._time()

    def run(
        self,
        features: Features,
        *,
        cycle_limit: int = 0,
        record: bool | Callable[[Record], None] = False,
        entry: str = "main",
        requests: Requests = (),
    ) -> RunResult:
        """Run features until the machine stops; requests are there as soon as they may be."""
        self._golden.start(features, entry=entry, requests=numbers_in_order(requests))
        return self._begun(cycle_limit, record, trace=True).finish()

    def session(
        self,
        *,
        cycle_limit: int = 0,
        record: bool | Callable[[Record], None] = False,
        entry: str = "main",
        requests: Requests = (),
    ) -> "CyclesSession":
        """Begin a run that is fed bit by bit, as `StreamingEngine.session`; it keeps no `trace`."""
        self._golden.start({}, entry=entry, requests=numbers_in_order(requests))
        return self._begun(cycle_limit, record, trace=False)

    def _begun(
        self, limit: int, record: bool | Callable[[Record], None], *, trace: bool
    ) -> "CyclesSession":
        kept = list[Record]()
        sink = (record if callable(record) else kept.append) if record else None
        self._run = _Run(self._golden, self._issuer, limit, sink, trace=trace)
        return CyclesSession(self._run, kept if record is True else None)

    def read(self, store: Store, first: int, count: int) -> NDArray[np.int64]:
        """Words or rows of a memory, as `OpenEngine.read`."""
        return self._golden.read(store, first, count)

    def write(self, store: Store, first: int, values: NDArray[np.int64]) -> None:
        """Write words or rows of a memory, as `OpenEngine.write`."""
        self._golden.write(store, first, values)

    def profile(self) -> NDArray[np.int64]:
        """How often each program address retired in the last run, and its cycles; (n, 2)."""
        return self._run.profile.table()

    @property
    def last_profile(self) -> Profile:
        """What retired in the last run."""
        return self._run.profile

    @property
    def trace(self) -> Trace:
        """The last run's path; a session has none."""
        return Trace(np.array(self._run.addresses, np.int64), np.array(self._run.ended, np.int64))


class CyclesSession:
    """A run of the exact machine with a clock in progress; a `Session`."""

    def __init__(self, run: "_Run", kept: list[Record] | None) -> None:
        self._run, self._kept, self._told = run, kept, 0

    @property
    def running(self) -> bool:
        """Whether the machine has not stopped."""
        return self._run.open and self._run.golden.state.running

    def feed(self, features: Features) -> list[Emitted]:
        """Run on features as far as they reach, as `Session.feed`."""
        expect_open(self._run.open)
        self._run.golden.append(features)
        self._run.execute(wait=True)
        state, told = self._run.golden.state, self._told
        self._told = len(state.tokens)
        pairs = zip(state.tokens[told:], state.channels[told:], strict=True)
        return [Emitted(token, channel) for token, channel in pairs]

    def finish(self) -> RunResult:
        """Run to the end, as `Session.finish`."""
        run, state = self._run, self._run.golden.state
        expect_open(run.open)
        run.execute()
        run.end()
        counters = {**state.counters, **run.profile.counters(), "instructions": run.retired}
        return RunResult(
            tokens=list(state.tokens),
            error=state.error,
            code=state.code,
            counters={counter.name: counters[counter.name] for counter in COUNTERS},
            records=self._kept,
            final={
                **{store: state.memory.store(store).copy() for store in MEMORIES},
                Store.REGISTER: np.array(state.registers, np.int64),
            },
            channels=list(state.channels),
            networks=run.golden.networks,
        )


@dataclass(frozen=True)
class _Begun:
    """An instruction that retires in cycle `end`, if the machine does not stop before."""

    end: int
    step: Issue
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
        issuer: Issuer,
        limit: int,
        sink: Callable[[Record], None] | None,
        *,
        trace: bool = True,
    ) -> None:
        self.golden, self.issuer, self.sink, self.trace = golden, issuer, sink, trace
        self.number, self.retired = golden.starts, 0
        self.last = limit - 1 if limit else _NEVER
        self.error = Error.LIMIT
        self.passage = Passage(issuer, tables=loaded(golden.state, golden.image.config))
        self.clock = self.passage.clock
        self.profile = Profile(issuer.durations)
        self.addresses: list[int] = []
        self.ended: list[int] = []
        self.begun: deque[_Begun] = deque()

    @property
    def open(self) -> bool:
        """Whether the machine is still in this run."""
        return self.golden.starts == self.number

    def execute(self, *, wait: bool = False) -> None:
        """Execute until the machine stops or, with `wait`, lacks features."""
        state = self.golden.state
        while state.running and not (wait and self.golden.waits()):
            address = state.pc
            own = self.issuer.turns[address].unit is None
            # What would begin on a unit in the last cycle does not.
            if self.passage.due(address) + (0 if own else timing.UNIT_START) > self.last:
                self.stop(self.last, address, self.error)
                break
            if own:
                self.own(state, address)
            else:
                self.unit(state, address)
            self.retire(self.clock.now)

    def end(self) -> None:
        """The machine has stopped: what is done counts."""
        self.golden.starts += 1
        self.retire(self.clock.now, stopped=True)
        self.profile.include(self.clock)

    def own(self, state: State, address: int) -> None:
        """The sequencer's instruction, done as it begins."""
        record = self.golden.step(record=self.sink is not None)
        if state.error is Error.NONE:
            step = self.passage.take(address)
            self.begun.append(_Begun(step.done, step, False, record))
            return
        # STACK comes when nothing is at work that could stop the machine with another error.
        due = self.clock.due(EVERY)
        if due > self.last:
            self.stop(self.last, address, self.error)
        else:
            self.stop(due, address, state.error)

    def unit(self, state: State, address: int) -> None:
        """What a unit begins to do; an INPUT is waited for."""
        step = self._meet(state, address)
        if step.turn.blocks and step.done > self.last:
            self.passage.begin(step._replace(turn=step.turn._replace(blocks=False)))
            self.stop(self.last, address, self.error)
            return
        self.passage.begin(step)
        end, record, array = step.done, None, step.turn.unit == ARRAY
        counted = end - (timing.COUNTS if array else 0)
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
        elif array and counted <= self.last:
            self.profile.wait_x += self.issuer.durations.matvec(address, step.decoded).wait_x
        self.begun.append(_Begun(end, step, state.ended, record))

    def _meet(self, state: State, address: int) -> Issue:
        features = None
        if self.issuer.turns[address].blocks:
            i = self.issuer.program[address]
            channel = i.fields.get("channel", 0)
            left = len(state.features[channel]) - state.read[channel]
            features = left if left < i.count else None
            if i.fields.get("request") and state.request():
                features = 0
        try:
            return self.passage.meet(address, features)
        except NotLoaded:
            self.golden.step()  # says which slot
            raise

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
        address = one.step.address
        if one.ended:
            if self.trace:
                self.ended.append(self.retired)
            self.profile.ended[address] += 1
        else:
            self.profile.times[address, one.step.decoded] += 1
        if self.trace:
            self.addresses.append(address)
        self.retired += 1
        if one.record is not None and self.sink is not None:
            self.sink(one.record)
