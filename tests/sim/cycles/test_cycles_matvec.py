"""Time of MATVEC: the model's cycles and waits are the circuit's, for any matrix."""

from dataclasses import replace

import numpy as np
import pytest

from sordino.arch import Config
from sordino.codec import encode_matrices
from sordino.cycles.engine import Cycles
from sordino.cycles.matvec import matvec_cycles
from sordino.cycles.stalls import layer_stalls
from sordino.engines.native.rtl import Rtl
from sordino.golden.codec import GroupWalk, decode_walks
from sordino.image.image import Image
from sordino.isa import timing
from sordino.isa.operations import Matvec
from sordino.isa.registers import Error
from sordino.testing.benches.matvec import ArrayBench, rtl_matvec
from sordino.testing.images.coupling import coupled_image, coupled_slots
from sordino.tools.trials import MACHINES

MATRICES = 16
NO_INPUT = np.zeros((0, 1), np.int8)


def walk(*columns: int, outside: bool = False) -> GroupWalk:
    return GroupWalk(np.array(columns, np.int64), outside=outside)


def test_places_alone() -> None:
    """One group, all columns in time: places and MATVEC_OVERHEAD."""
    found = matvec_cycles([walk(0, 0, 0, 1, 2, 2)], x_fifo=8)
    assert (found.cycles, found.wait_x, found.imbalance) == (6 + timing.MATVEC_OVERHEAD, 0, 0)


def test_no_places() -> None:
    found = matvec_cycles([walk(), walk()], x_fifo=8)
    assert (found.cycles, found.wait_x, found.imbalance) == (timing.NOTHING, 0, 0)
    assert found.overhead == 2 * timing.NOTHING


def test_broadcast_is_a_floor() -> None:
    """One place every third column: from the first place on, 3 cycles each."""
    found = matvec_cycles([walk(*range(0, 300, 3))], x_fifo=32)
    last = timing.FIRST_COLUMN + 297 + timing.ARRIVAL
    assert found.cycles == last + timing.SETTLE
    waits = last - (timing.FIRST_PLACE - 1) - 100
    assert found.wait_broadcast == found.wait_x == waits


def test_full_fifo_holds_the_others_up() -> None:
    """The second group waits for columns that the first one has no room for."""
    busy, idle = walk(*([0] * 100), 1), walk(0, 20)
    found = matvec_cycles([busy, idle], x_fifo=16)
    # The first group leaves column 0 with its 101st place; then the broadcast sends column 16 on.
    sent = timing.FIRST_PLACE + 100 + timing.RELEASE + (20 - 16)
    assert found.cycles == sent + timing.ARRIVAL + timing.SETTLE
    assert found.wait_broadcast < found.wait_x
    assert matvec_cycles([busy, idle], x_fifo=32).cycles == 101 + timing.MATVEC_OVERHEAD


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("seed", range(4))
def test_equal_to_the_circuit(machine: str, seed: int) -> None:
    """Sixteen matrices at a time: every instruction's cycles, and all counters."""
    image = coupled_image(np.random.default_rng([seed, 7]), MACHINES[machine], MATRICES)
    rtl, model = Rtl(image), Cycles(image)
    assert rtl.run(NO_INPUT).counters == model.run(NO_INPUT).counters
    np.testing.assert_array_equal(rtl.profile(), model.profile())


def test_the_matrices_are_of_all_kinds() -> None:
    """Over the seeds above, each of the limits costs something."""
    whole = {"wait_broadcast": 0, "wait_fifo": 0, "imbalance": 0, "padding": 0}
    for machine in MACHINES.values():
        for seed in range(4):
            image = coupled_image(np.random.default_rng([seed, 7]), machine, MATRICES)
            model = Cycles(image)
            model.run(NO_INPUT)
            total = layer_stalls(model.last_profile)[-1]
            lost = total.wait_broadcast + total.wait_fifo + total.imbalance + total.overhead
            assert total.matvec * machine.groups == total.places + total.padding + lost
            for name in whole:
                whole[name] += getattr(total, name)
    assert all(n > 300 for n in whole.values()), whole


SMALL = Config(
    lanes=4,
    group=1,
    x_fifo=32,
    state_bits=5,
    lane_words=4096,
    group_words=4096,
    rows_per_lane=16,
    activation_words=512,
)


@pytest.fixture(scope="module", params=[(1, 32), (4, 8), (2, 16)])
def bench(request: pytest.FixtureRequest) -> ArrayBench:
    group, x_fifo = request.param
    return ArrayBench(replace(SMALL, group=group, x_fifo=x_fifo))


@pytest.mark.parametrize("seed", range(6))
def test_other_fifos_and_groups(bench: ArrayBench, seed: int) -> None:
    """The array alone, one matrix at a time."""
    config = bench.config
    slots = coupled_slots(np.random.default_rng([seed, 8]), config)[:, :, :200]
    found = rtl_matvec(slots, np.ones(slots.shape[2], np.int8), config, bench=bench)
    encoded = encode_matrices([slots], config)
    walks = decode_walks(
        encoded, 0, rows=slots.shape[0], columns=slots.shape[2], runs=encoded.tables[0]
    )
    model = matvec_cycles(walks, x_fifo=config.x_fifo)
    assert (model.cycles, model.wait_x) == (found.cycles, found.counts["wait_x"])


def damaged(image: Image, rng: np.random.Generator) -> Image:
    """One bit of a position stream flipped."""
    positions = [bytearray(stream) for stream in image.positions]
    unit = int(rng.choice([k for k, stream in enumerate(positions) if stream]))
    bit = int(rng.integers(8 * len(positions[unit])))
    positions[unit][bit // 8] ^= 1 << bit % 8
    return replace(image, positions=tuple(bytes(stream) for stream in positions))


def test_time_of_a_stream_that_leaves_its_matrix() -> None:
    """A MATVEC that fails takes as long as the circuit says, and counts nothing."""
    rng, failed = np.random.default_rng(9), 0
    for _ in range(12):
        image = damaged(coupled_image(rng, MACHINES["g1"], 3), rng)
        found, model = Rtl(image).run(NO_INPUT), Cycles(image).run(NO_INPUT)
        assert (found.error, found.counters) == (model.error, model.counters)
        failed += model.error is Error.STREAM
        outside = [
            walk.outside
            for i in image.program
            if isinstance(i, Matvec)
            for walk in decode_walks(
                image, i.matrix, rows=i.rows, columns=i.columns, runs=image.tables[0]
            )
        ]
        failed += 100 * any(outside)
    assert failed % 100 > 3, "few damaged streams were noticed"
    assert failed > 300, "few walks left their matrix"
