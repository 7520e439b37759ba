"""The compiled circuit as an engine: runs in a row, limits, profile, waveform."""

import numpy as np
import pytest
from numpy.typing import NDArray

from sordino.arch import Config
from sordino.engines.engine import RunResult
from sordino.engines.errors import ToolError
from sordino.engines.native.rtl import Rtl
from sordino.golden.machine import Golden
from sordino.image.image import Image
from sordino.isa import timing
from sordino.isa.fields import Store
from sordino.isa.operations import Cell, Halt, Matvec
from sordino.isa.registers import COUNTERS, Error
from sordino.testing.images.random_images import LayerSizes, layers_image, random_matrix
from sordino.testing.images.streaming import assert_same_run
from sordino.tools.trials import MACHINES, Gapped

FRAMES = 4
SIZES = LayerSizes(inputs=7, units=17, outputs=29)
TINIEST = Config(
    name="tiniest",
    lanes=4,
    group=4,
    x_fifo=8,
    state_bits=4,
    lane_words=64,
    group_words=64,
    rows_per_lane=9,
    accumulator_bits=24,
    activation_words=64,
    state_words=32,
    parameter_words=64,
    program_words=32,
    tables=4,
    matrices=3,
)


@pytest.fixture(scope="module")
def image() -> Image:
    return layers_image(np.random.default_rng(11), MACHINES["g1"], SIZES)


@pytest.fixture(scope="module")
def features() -> NDArray[np.int8]:
    return random_matrix(np.random.default_rng(12), (FRAMES, SIZES.inputs), bits=8, zeros=0.1)


@pytest.fixture(scope="module")
def loaded(image: Image) -> Rtl:
    return Rtl(image)


def same(a: RunResult, b: RunResult) -> None:
    assert (a.tokens, a.code, a.counters) == (b.tokens, b.code, b.counters)
    assert_same_run(a, b)
    for store, memory in a.final.items():
        np.testing.assert_array_equal(memory, b.final[store])


def test_runs_in_a_row_are_equal(image: Image, features: NDArray[np.int8], loaded: Rtl) -> None:
    first, second = (loaded.run(features, record=True) for _ in range(2))
    same(first, second)
    same(first, Rtl(image).run(features, record=True))
    assert first.counters["frames"] == FRAMES
    assert len(first.tokens) == FRAMES


def test_a_run_does_not_depend_on_whether_it_is_watched(
    features: NDArray[np.int8], loaded: Rtl
) -> None:
    cycles: list[int] = []
    seen: list[int] = []
    quiet = loaded.run(features, on_cycles=cycles.append)
    watched = loaded.run(features, record=lambda record: seen.append(record.index))
    assert quiet.records is None
    assert watched.records is None
    assert quiet.tokens == watched.tokens
    assert quiet.counters == watched.counters
    assert seen == list(range(quiet.counters["instructions"]))
    assert cycles[-1] >= quiet.counters["cycles"]


def test_profile_sums_to_the_cycles(image: Image, features: NDArray[np.int8], loaded: Rtl) -> None:
    result = loaded.run(features)
    times, cycles = loaded.profile().T
    assert loaded.profile().shape == (len(image.program), 2)
    assert cycles.sum() == result.counters["cycles"]
    assert times.sum() == result.counters["instructions"]
    opcodes = [type(instruction) for instruction in image.program]
    assert times[opcodes.index(Cell)] == FRAMES
    assert times[opcodes.index(Halt)] == 1
    matvec = sum(c for c, o in zip(cycles.tolist(), opcodes, strict=True) if o is Matvec)
    # Every instruction has cycles of the sequencer's beside its unit's.
    begins = timing.UNIT_START + timing.UNIT_FREE
    assert matvec == result.counters["matvec"] + begins * 4 * FRAMES


def test_gaps_cost_time_and_change_nothing_else(features: NDArray[np.int8], loaded: Rtl) -> None:
    plain = loaded.run(features)
    timed = {counter.name for counter in COUNTERS if counter.timed}
    assert plain.counters["wait_input"] == plain.counters["wait_token"] == 0
    for feature_gap, token_gap in ((128, 0), (0, 250), (200, 200)):
        gapped = Gapped(loaded, feature_gap=feature_gap, token_gap=token_gap).run(features)
        assert gapped.tokens == plain.tokens
        assert (gapped.counters["wait_input"] > 0) == (feature_gap > 0)
        assert (gapped.counters["wait_token"] > 0) == (token_gap > 0)
        waits = gapped.counters["wait_input"] + gapped.counters["wait_token"]
        assert gapped.counters["cycles"] == plain.counters["cycles"] + waits
        for name in set(plain.counters) - timed:
            assert gapped.counters[name] == plain.counters[name]


@pytest.mark.parametrize("share", [0.0005, 0.3, 0.9])
def test_the_cycle_limit_stops_the_machine(
    features: NDArray[np.int8], loaded: Rtl, share: float
) -> None:
    whole = loaded.run(features, record=True)
    limit = max(1, int(share * whole.counters["cycles"]))
    stopped = loaded.run(features, cycle_limit=limit, record=True)
    assert (stopped.error, stopped.code) == (Error.LIMIT, 0)
    assert stopped.counters["cycles"] == limit
    assert whole.records is not None
    assert stopped.records is not None
    assert len(stopped.records) == stopped.counters["instructions"] < len(whole.records)
    for one, other in zip(stopped.records, whole.records, strict=False):
        assert one.pc == other.pc
        np.testing.assert_array_equal(one.values, other.values)
    same(loaded.run(features, cycle_limit=whole.counters["cycles"] + 1, record=True), whole)


def test_an_input_cut_short_stops_the_machine(
    image: Image, features: NDArray[np.int8], loaded: Rtl
) -> None:
    short = features.reshape(-1)[:-2].reshape(1, -1)
    for engine in (loaded, Golden(image)):
        result = engine.run(short)
        assert result.error is Error.INPUT
        assert len(result.tokens) == FRAMES - 1
    assert loaded.run(features).error is Error.NONE


def test_dumps_have_the_sizes_of_the_configuration(features: NDArray[np.int8], loaded: Rtl) -> None:
    config = MACHINES["g1"]
    final = loaded.run(features).final
    assert final[Store.ACTIVATION].shape == (config.activation_words,)
    assert final[Store.STATE].shape == (config.state_words,)
    assert final[Store.BANK0].shape == (config.rows_per_lane, config.lanes)
    assert final[Store.REGISTER].shape == (8,)


def test_waveform(tmp_path) -> None:
    sizes = LayerSizes(inputs=2, units=2, outputs=3, bits=3)
    image = layers_image(np.random.default_rng(1), TINIEST, sizes)
    path = tmp_path / "run.vcd"
    features = np.array([[3, -5]], np.int8)
    recorded = Rtl(image, vcd=path).run(features)
    assert recorded.tokens == Golden(image).run(features).tokens
    text = path.read_text()
    names = {line.split()[4] for line in text.splitlines() if line.startswith("$var")}
    assert {"clk", "start", "host__run__finished", "trace", "tokens__valid"} <= names
    assert "$scope module sequencer $end" in text
    assert "$scope module lane3 $end" in text
    times = [int(line[1:]) for line in text.splitlines() if line.startswith("#")]
    assert times == sorted(times)
    # From START on, two samples a cycle; loading, which is longer, is not in it.
    assert 0 < times[-1] - 2 * recorded.counters["cycles"] < 20
    assert not any("$" in name for name in names)


def test_a_waveform_that_cannot_be_written(tmp_path) -> None:
    sizes = LayerSizes(inputs=2, units=2, outputs=3, bits=3)
    image = layers_image(np.random.default_rng(1), TINIEST, sizes)
    with pytest.raises(ToolError, match=r"^cannot write waveform .*nowhere"):
        Rtl(image, vcd=tmp_path / "nowhere" / "run.vcd")
