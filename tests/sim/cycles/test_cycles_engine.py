"""The cycles engine: the circuit's counters and cycles, instruction by instruction."""

from dataclasses import replace

import numpy as np
import pytest

from sordino.cycles.engine import Cycles
from sordino.cycles.stalls import instruction_stalls, layer_stalls
from sordino.cycles.trace import time_trace
from sordino.engines.cosim import compare
from sordino.engines.native.rtl import Rtl
from sordino.golden.machine import Golden
from sordino.image.image import Image
from sordino.isa.operations import Call, Halt, Input, Jump, Matvec, Table
from sordino.isa.registers import COUNTERS, Error
from sordino.testing.images.builder import ProgramBuilder
from sordino.testing.images.programs import overlapped
from sordino.tools.trials import KINDS, MACHINES, make_trial

G1 = MACHINES["g1"]
NO_INPUT = np.zeros((0, 1), np.int8)


def check(image: Image, features: np.ndarray, *, cycle_limit: int = 0) -> Error:
    """Both engines agree in error, tokens, counters and every instruction's cycles."""
    rtl, model = Rtl(image), Cycles(image)
    a = rtl.run(features, cycle_limit=cycle_limit)
    b = model.run(features, cycle_limit=cycle_limit)
    assert (a.error, a.code, a.tokens, a.counters) == (b.error, b.code, b.tokens, b.counters)
    assert list(b.counters) == [counter.name for counter in COUNTERS]
    np.testing.assert_array_equal(rtl.profile(), model.profile())
    return b.error


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(2))
def test_equal_to_the_circuit(machine: str, kind: str, seed: int) -> None:
    """Programs as they are, and with a random part of what may overlap."""
    trial = make_trial(kind, machine, seed)
    for image in (trial.image, overlapped(trial.image, np.random.default_rng(seed))):
        assert check(image, trial.features) is Error.NONE


def test_values_are_golden_s() -> None:
    trial = make_trial("programs", "g1", 3)
    outcome = compare(trial.image, Golden(trial.image), Cycles(trial.image), trial.features)
    assert outcome.identical
    assert outcome.records_compared > 20


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 100, 1000, 2345, 2346])
def test_cycle_limit(limit: int) -> None:
    trial = make_trial("layers", "g1", 1)
    assert check(trial.image, trial.features, cycle_limit=limit) is Error.LIMIT


def test_cycle_limit_around_the_end() -> None:
    """One cycle before HALT's last it stops the machine, from there on it does not."""
    trial = make_trial("layers", "g1", 1)
    cycles = Cycles(trial.image).run(trial.features).counters["cycles"]
    errors = [check(trial.image, trial.features, cycle_limit=cycles + n) for n in (-3, -2, -1, 0)]
    assert errors == [Error.LIMIT, Error.LIMIT, Error.LIMIT, Error.NONE]


@pytest.mark.parametrize("left", [0, 1, 4])
def test_input_that_ends_within_a_vector(left: int) -> None:
    builder = ProgramBuilder(G1)
    builder.label("frame")
    builder.add(Input, destination=0, count=5, end="done")
    builder.add(Jump, target="frame")
    builder.label("done")
    builder.add(Halt, code=3)
    features = np.ones((1, 10 + left), np.int8)
    assert check(builder.image(), features) is (Error.INPUT if left else Error.NONE)


def test_stack_error() -> None:
    builder = ProgramBuilder(G1)
    builder.label("again")
    builder.add(Call, target="again")
    builder.add(Halt)
    assert check(builder.image(), NO_INPUT) is Error.STACK


@pytest.mark.parametrize("slot", [0, 1])
def test_run_tables_may_change(slot: int) -> None:
    """The same stream under another run table, whose runs are one longer, is another walk."""
    rng = np.random.default_rng(5)
    slots = rng.integers(-3, 4, (3, G1.lanes, 60)).astype(np.int8)
    builder = ProgramBuilder(G1)
    builder.matrix(slots)
    builder.matvec(0, source=0)
    builder.add(Table, source=2, slot=slot, runs=1)
    builder.add(Matvec, columns=120, rows=3, run_slot=slot)
    builder.matvec(0, source=0)
    builder.add(Halt)
    image = builder.image()
    longer = tuple(replace(symbol, base=symbol.base + 1) for symbol in image.tables[0])
    image = replace(image, tables=(*image.tables, longer))
    assert check(image, NO_INPUT) is Error.NONE
    model = Cycles(image)
    model.run(NO_INPUT)
    first, second = model.durations.matvec(2, 0), model.durations.matvec(4, 2)
    assert first.wait_x < second.wait_x
    profile = time_trace(image, model.trace)
    np.testing.assert_array_equal(profile.table(), model.profile())


@pytest.mark.parametrize("kind", ["layers", "models"])
def test_layers_sum_to_the_whole(kind: str) -> None:
    trial = make_trial(kind, "g4", 0)
    model = Cycles(trial.image)
    counters = model.run(trial.features).counters
    *layers, total = layer_stalls(model.last_profile)
    each = instruction_stalls(model.last_profile)
    profile = model.profile()
    assert total.name == "all"
    for name in (
        "cycles",
        "matvec",
        "vector",
        "table",
        "control",
        "hidden",
        "places",
        "padding",
        "wait_broadcast",
        "wait_fifo",
        "imbalance",
        "overhead",
    ):
        whole = getattr(total, name)
        assert sum(getattr(layer, name) for layer in layers) == whole
        assert sum(getattr(one, name) for one in each) == whole
    for one in each:
        assert profile[int(one.name)].tolist() == [one.times, one.cycles]
        assert one.cycles == one.matvec + one.vector + one.table + one.control
    for name in ("cycles", "places", "padding"):
        assert getattr(total, name) == counters[name]
    assert total.wait_broadcast + total.wait_fifo == counters["wait_x"]
    groups = total.places + total.padding + counters["wait_x"] + total.imbalance + total.overhead
    assert groups == total.matvec * trial.image.config.groups
    # A unit's start counts here, but not in its counter.
    begun = sum(trial.image.program[int(one.name)].unit.value and one.times for one in each)
    work = sum(counters[name] for name in ("matvec", "vector", "table"))
    assert total.matvec + total.vector + total.table + total.hidden == work + begun
    assert total.hidden > 0 or kind == "layers"
