"""Units side by side, to ends of all kinds: the engine retires and counts what the circuit does."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from sordino.cycles.engine import Cycles
from sordino.cycles.issue import Issuer, Passage
from sordino.cycles.schedule import IDLE, Clock, Turn, turns
from sordino.cycles.stalls import layer_stalls
from sordino.engines.engine import RunResult
from sordino.engines.native.rtl import Rtl
from sordino.golden.machine import Golden
from sordino.image.image import Image
from sordino.isa.instruction import Instruction, Unit
from sordino.isa.operations import Call, Emit, Fill, Halt, Input, Matvec, Return, Set, Table
from sordino.isa.registers import Error
from sordino.testing.images.builder import ProgramBuilder
from sordino.testing.images.programs import overlapped, random_slots
from sordino.tools.trials import KINDS, MACHINES, make_trial

G1 = MACHINES["g1"]
NO_INPUT = np.zeros((0, 1), np.int8)
ALL = Unit.ARRAY | Unit.VECTOR | Unit.TABLE
ARRAY, VECTOR, TABLE = range(3)


def check(
    rtl: Rtl, model: Cycles, features: NDArray[np.int8], limit: int = 0
) -> tuple[RunResult, RunResult]:
    """Both end alike, with the same records, counters and cycles of every instruction."""
    a, b = (one.run(features, cycle_limit=limit, record=True) for one in (rtl, model))
    assert (a.error, a.code, a.tokens, a.counters) == (b.error, b.code, b.tokens, b.counters)
    np.testing.assert_array_equal(rtl.profile(), model.profile())
    assert [(r.index, r.pc) for r in a.records or ()] == [(r.index, r.pc) for r in b.records or ()]
    for x, y in zip(a.records or (), b.records or (), strict=True):
        np.testing.assert_array_equal(x.values, y.values)
    return a, b


def test_a_clock_by_hand() -> None:
    """A product of 50 cycles, a vector instruction of 10 beside it, and what waits for both."""
    clock = Clock()
    product, beside, both = Turn(ARRAY, (ARRAY,), False), Turn(VECTOR, (VECTOR,), False), (0, 1, 2)
    for address, (turn, duration, begins) in enumerate(
        [(product, 50, 3), (beside, 10, 7), (beside, 10, 20), (Turn(None, both, False), 0, 56)]
    ):
        assert clock.due(turn.awaits) == begins
        clock.reach(begins, address)
        clock.begin(turn, duration, address)
    assert clock.flight is IDLE
    assert clock.busy == [50, 20, 0]
    assert (clock.exposed, clock.issuing) == ({0: 51}, {0: 4, 3: 2})
    assert sum(clock.exposed.values()) + sum(clock.issuing.values()) == 56 + 1


def test_an_input_holds_back_what_follows() -> None:
    program = [
        Table(overlaps=ALL),
        Input(count=1, overlaps=ALL),
        Halt(),
    ]
    clock = Clock()
    for address, (turn, duration, begins) in enumerate(
        zip(turns(program), (40, 3, 0), (3, 7, 46), strict=True)
    ):
        assert clock.due(turn.awaits) == begins
        clock.reach(begins, address)
        clock.begin(turn, duration, address)
        assert clock.now == (11 if address == 1 else begins)
    # Cycles 8 to 11 are INPUT's though TABLE is at work.
    assert (clock.exposed, clock.issuing) == ({0: 4 + 33, 1: 4}, {0: 4, 2: 2})


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("kind", KINDS)
def test_cut_short_anywhere(machine: str, kind: str) -> None:
    # Nothing overlaps in some programs; of products everything may wait for one.
    for seed in range(11, 31):
        trial, rng = make_trial(kind, machine, seed), np.random.default_rng(seed)
        image = overlapped(trial.image, rng)
        model = Cycles(image)
        model.run(trial.features)
        hidden = layer_stalls(model.last_profile)[-1].hidden
        if hidden or kind == "matrices":
            break
    assert hidden > 0 or kind == "matrices", "nothing overlaps"
    rtl = Rtl(image)
    whole, _ = check(rtl, model, trial.features)
    for limit in rng.integers(1, whole.counters["cycles"], 5).tolist():
        a, _ = check(rtl, model, trial.features, limit)
        assert (a.error, a.counters["cycles"]) == (Error.LIMIT, limit)


def beside_image(add: Callable[[ProgramBuilder], None], *, rows: int = 40) -> Image:
    """A MATVEC, with a short product before it, and beside it what `add` adds."""
    rng = np.random.default_rng(3)
    builder = ProgramBuilder(G1)
    for height in (1, rows):
        builder.matrix(random_slots(rng, G1, rows=height, columns=9, density=0.6))
    builder.clear()
    builder.matvec(0, source=0)
    builder.matvec(1, source=0, bank=1, slot=1)
    add(builder)
    builder.add(Halt)
    image = builder.image()
    program = list(image.program)
    last = max(n for n, i in enumerate(program) if isinstance(i, Matvec))
    program[last + 1 :] = [i.replace(overlaps=ALL) for i in program[last + 1 :]]
    return replace(image, program=tuple(program))


def short_work(builder: ProgramBuilder) -> None:
    """Own instructions, a few vector instructions, a TABLE, and a long vector instruction."""
    builder.add(Fill, destination=20, count=3)
    builder.add(Set, register=2, value=77)
    builder.add(Emit, register=2)
    builder.add(Table, source=1, slot=2)
    builder.add(Fill, destination=20, count=30)
    builder.add(Emit, register=2)
    builder.add(Fill, destination=20, count=700)


def test_a_limit_around_every_event() -> None:
    """Around each beginning and end: what retires beside a product that does not."""
    image = beside_image(short_work)
    rtl, model = Rtl(image), Cycles(image)
    whole, _ = check(rtl, model, NO_INPUT)
    passage, events = Passage(Issuer(model.durations)), set[int]()
    clock = passage.clock
    for address in model.trace.addresses.tolist():
        passage.take(address)
        events |= {clock.now, clock.now + max(clock.flight.left)}
    assert max(events) + 1 == whole.counters["cycles"]
    for limit in sorted({event + n for event in events for n in range(4)}):
        check(rtl, model, NO_INPUT, limit)


def with_bad_end(image: Image, matrix: int) -> Image:
    """A bit of one of the matrix's value streams is flipped, so that it does not end in state 0."""
    lane = next(n for n, bits in enumerate(image.matrices[matrix].value_bits) if bits)
    start = sum(m.value_bits[lane] for m in image.matrices[:matrix])
    for bit in range(start, start + image.matrices[matrix].value_bits[lane]):
        streams = [bytearray(stream) for stream in image.values]
        streams[lane][bit // 8] ^= 1 << bit % 8
        bad = replace(image, values=tuple(bytes(stream) for stream in streams))
        if Golden(bad).run(NO_INPUT).error is Error.STREAM:
            return bad
    raise AssertionError("no bit matters")


@pytest.mark.parametrize("rows", [3, 40, 200])
def test_a_stream_error_beside_others(rows: int) -> None:
    """Those that began retire if they are done by then; a limit may come before."""
    image = with_bad_end(beside_image(short_work, rows=rows), 1)
    rtl, model = Rtl(image), Cycles(image)
    found, _ = check(rtl, model, NO_INPUT)
    assert found.error is Error.STREAM
    retired = found.counters["instructions"] - len(found.records or ())
    assert retired > 2, "something retired behind the MATVEC"
    cycles = found.counters["cycles"]
    for limit in range(cycles - 20, cycles + 3):
        a, _ = check(rtl, model, NO_INPUT, limit)
        assert a.error is (Error.LIMIT if limit < cycles else Error.STREAM)


def test_a_stream_error_while_an_earlier_one_is_at_work() -> None:
    """A FILL that began before the MATVEC and is not done when that fails."""
    builder = ProgramBuilder(G1)
    builder.matrix(random_slots(np.random.default_rng(1), G1, rows=2, columns=5, density=0.9))
    builder.clear()
    builder.add(Table, source=0, runs=1)
    builder.add(Table, source=1)
    builder.add(Fill, destination=50, count=900)
    builder.add(Matvec, rows=2, columns=5, overlaps=ALL)
    builder.add(Halt)
    image = builder.image()
    at = len(image.program) - 2
    program = list(image.program)
    program[at] = program[at].replace(overlaps=ALL)
    image = with_bad_end(replace(image, program=tuple(program)), 0)
    a, _ = check(Rtl(image), Cycles(image), NO_INPUT)
    assert a.error is Error.STREAM
    assert a.counters["instructions"] == at - 1


@pytest.mark.parametrize("left", [0, 2])
def test_input_while_a_table_is_at_work(left: int) -> None:
    """At the end of input the TABLE beside it retires, or with an error does not."""
    builder = ProgramBuilder(G1)
    builder.add(Table, source=0, slot=1)
    builder.add(Input, count=4, end="done")
    builder.add(Set, register=1, value=5)
    builder.label("done")
    builder.add(Set, register=1, value=6)
    builder.add(Halt)
    image = builder.image()
    program = tuple(i.replace(overlaps=ALL) for i in image.program)
    image = replace(image, program=program, tables=image.tables or ())
    rtl, model = Rtl(image), Cycles(image)
    features = np.ones((1, left), np.int8)
    whole, _ = check(rtl, model, features)
    assert whole.error is (Error.INPUT if left else Error.NONE)
    assert (whole.counters["instructions"] == 0) is (left > 0)
    for limit in range(1, min(40, whole.counters["cycles"])):
        check(rtl, model, features, limit)
    check(rtl, model, np.ones((1, 4), np.int8))


@pytest.mark.parametrize("operation", [Return, Call])
def test_stack_error_waits_for_all(operation: type[Instruction]) -> None:
    def add(builder: ProgramBuilder) -> None:
        builder.label("again")
        builder.add(operation, **({"target": "again"} if operation is Call else {}))

    image = beside_image(add)
    rtl, model = Rtl(image), Cycles(image)
    whole, _ = check(rtl, model, NO_INPUT)
    assert whole.error is Error.STACK
    cycles = whole.counters["cycles"]
    for limit in range(cycles - 12, cycles + 2):
        check(rtl, model, NO_INPUT, limit)
    bad = with_bad_end(image, 1)
    found, _ = check(Rtl(bad), Cycles(bad), NO_INPUT)
    assert found.error is Error.STREAM
