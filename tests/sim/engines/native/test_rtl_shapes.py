"""Matrices and layers of hard shapes on the circuit: equal to numpy, and to the exact machine."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from sordino.arch import Config
from sordino.engines.cosim import Comparison, compare
from sordino.engines.native.rtl import Rtl
from sordino.golden.machine import Golden
from sordino.isa.operations import Drain, Matvec
from sordino.testing.images.random_images import (
    LayerSizes,
    ProductCase,
    layers_image,
    products_image,
    random_matrix,
)
from sordino.tools.trials import MACHINES, MOST_CYCLES, Gapped

machines = pytest.mark.parametrize("machine", MACHINES)
LIMITS = {8: (-128, 127), 16: (-32768, 32767)}


def wrapped(accumulators: NDArray[np.int64], bits: int) -> NDArray[np.int64]:
    return (accumulators + (1 << bits - 1)) % (1 << bits) - (1 << bits - 1)


def multiply(config: Config, cases: list[ProductCase], seed: int = 0) -> Comparison:
    """The cases in one image: accumulators are numpy's product, the rest the exact machine's."""
    image, features = products_image(np.random.default_rng(seed), config, cases)
    outcome = compare(image, Golden(image), Rtl(image), features, cycle_limit=MOST_CYCLES)
    assert outcome.first_difference is None
    kept = Rtl(image).run(features, cycle_limit=MOST_CYCLES, record=True).records
    assert kept is not None
    matvecs = [r.values for r in kept if isinstance(image.program[r.pc], Matvec)]
    assert len(matvecs) == len(cases)
    for case, accumulators in zip(cases, matvecs, strict=True):
        outputs = len(case.matrix)
        assert len(accumulators) == -(-outputs // config.lanes) * config.lanes
        wanted = wrapped(case.product, config.accumulator_bits)
        np.testing.assert_array_equal(accumulators[:outputs], wanted)
        assert not accumulators[outputs:].any()
    useful = sum(int(((c.matrix != 0) & (c.x != 0)).sum()) for c in cases)
    assert outcome.results[1].counters["useful"] == useful
    return outcome


def full_x(rng: np.random.Generator, inputs: int) -> NDArray[np.int8]:
    return random_matrix(rng, (inputs,), bits=8, zeros=0.0) | np.int8(1)


@machines
@pytest.mark.parametrize("bits", range(2, 9))
def test_any_share_of_zeros(machine: str, bits: int) -> None:
    rng, config = np.random.default_rng(bits), MACHINES[machine]
    cases = [
        ProductCase(
            random_matrix(rng, (29, 37), bits=bits, zeros=zeros),
            full_x(rng, 37),
            shift=int(rng.integers(8)),
        )
        for zeros in (0.0, 0.3, 0.8, 0.97, 1.0)
    ]
    multiply(config, cases, seed=bits)


@machines
@pytest.mark.parametrize("inputs", [1, 2, 7, 8, 9, 16, 17, 333])
def test_any_width(machine: str, inputs: int) -> None:
    """Of one output, of one more than the lanes, and of 29."""
    rng, config = np.random.default_rng(inputs), MACHINES[machine]
    multiply(
        config,
        [
            ProductCase(random_matrix(rng, (n, inputs), bits=5, zeros=0.4), full_x(rng, inputs))
            for n in (1, config.lanes + 1, 29)
        ],
    )


@machines
@pytest.mark.parametrize("rows", [1, 2, 3, 12, 64, 256])
def test_any_rows_a_lane(machine: str, rows: int) -> None:
    rng, config = np.random.default_rng(rows), MACHINES[machine]
    shape = (rows * config.lanes - 3, 11)
    sparse, dense = (random_matrix(rng, shape, bits=7, zeros=zeros) for zeros in (0.9, 0.2))
    multiply(config, [ProductCase(sparse, full_x(rng, 11)), ProductCase(dense, full_x(rng, 11), 3)])


@machines
def test_very_long_runs(machine: str) -> None:
    """Single non-zeros hundreds of columns apart, first and last place among them."""
    rng, config = np.random.default_rng(7), MACHINES[machine]
    lone = np.zeros((3 * config.lanes, 1500), np.int8)
    lone[0, 0], lone[-1, -1], lone[config.lanes + 1, 701] = 5, -128, 127
    end, begin = np.zeros((2, 1, 999), np.int8)
    end[0, -1], begin[0, 0] = 1, -1
    cases = [ProductCase(m, full_x(rng, m.shape[1]), shift=7) for m in (lone, end, begin)]
    outcome = multiply(config, cases)
    # Of a place that is 1,500 columns further on, 7 columns each are padding.
    assert outcome.results[1].counters["padding"] >= (1500 + 999 - 700) // 7
    assert outcome.results[1].counters["places"] == 5


@machines
def test_empty_groups_and_empty_matrices(machine: str) -> None:
    rng, config = np.random.default_rng(8), MACHINES[machine]
    half = random_matrix(rng, (4 * config.lanes, 50), bits=6, zeros=0.1)
    half.reshape(4, -1, config.group, 50)[:, ::2] = 0
    one = np.zeros_like(half)
    one[config.group] = 3  # all work in the second group
    empty = np.zeros((2 * config.lanes, 9), np.int8)
    cases = [ProductCase(m, full_x(rng, m.shape[1])) for m in (half, empty, one, empty)]
    multiply(config, cases)


@machines
def test_accumulators_wrap_alike(machine: str) -> None:
    """What the compiler rules out: sums beyond the accumulator."""
    config = MACHINES[machine]
    x = np.full(1200, -128, np.int8)
    matrix = np.full((config.lanes, 1200), -128, np.int8)
    case = ProductCase(matrix, x, shift=7)
    product = int(case.product[0])
    assert product == 128 * 128 * 1200 << 7
    assert product >= 1 << config.accumulator_bits - 1
    multiply(config, [case])


@machines
def test_time_depends_on_the_weights_alone(machine: str) -> None:
    rng, config = np.random.default_rng(9), MACHINES[machine]
    matrix = random_matrix(rng, (40, 90), bits=5, zeros=0.7)
    image, features = products_image(rng, config, [ProductCase(matrix, full_x(rng, 90))])
    machine_ = Rtl(image)
    runs = [
        machine_.run(x, cycle_limit=MOST_CYCLES)
        for x in (features, np.zeros_like(features), -features)
    ]
    times = {tuple(run.counters[n] for n in ("cycles", "matvec", "vector")) for run in runs}
    assert len(times) == 1
    assert runs[0].counters["useful"] > runs[1].counters["useful"] == 0


def layers(config: Config, sizes: LayerSizes, seed: int, frames: int = 4) -> Comparison:
    rng = np.random.default_rng(seed)
    image = layers_image(rng, config, sizes)
    features = random_matrix(rng, (frames, sizes.inputs), bits=8, zeros=0.1)
    rtl = Gapped(Rtl(image), feature_gap=40 * (seed % 2), token_gap=200 * (seed % 2))
    outcome = compare(image, Golden(image), rtl, features, cycle_limit=MOST_CYCLES)
    assert outcome.first_difference is None
    assert outcome.results[1].counters["tokens"] == frames
    return outcome


SIZES = LayerSizes(inputs=13, units=17, outputs=29, bits=5)


@machines
@pytest.mark.parametrize("units", [1, 3, 17, 100])
def test_layers_of_odd_sizes(machine: str, units: int) -> None:
    for seed in range(3):
        layers(MACHINES[machine], replace(SIZES, units=units, bits=3 + seed), seed)


@machines
@pytest.mark.parametrize("rows", [1, 2, 3, 12, 64, 256])
def test_linear_layers_of_many_rows(machine: str, rows: int) -> None:
    config = MACHINES[machine]
    sizes = replace(SIZES, units=3, outputs=rows * config.lanes - 1)
    layers(config, sizes, seed=rows, frames=2)


@machines
@pytest.mark.parametrize(
    "densities",
    [(1.0, 0.0, 0.0, 0.0), (0.0, 0.02, 0.3, 1.0), (1.0, 1.0, 0.0, 0.01), (0.0, 0.0, 0.0, 0.0)],
)
def test_gates_of_unequal_density(
    machine: str, densities: tuple[float, float, float, float]
) -> None:
    layers(MACHINES[machine], replace(SIZES, units=19, densities=densities, bits=8), seed=1)


@machines
def test_saturation_is_reached_on_both_sides(machine: str) -> None:
    """Over some seeds, outputs of 8 and 16 bits take both extremes and values between."""
    found: dict[int, set[int]] = {8: set(), 16: set()}
    rng, config = np.random.default_rng(3), MACHINES[machine]
    for seed in range(20):
        matrix = random_matrix(rng, (29, 64), bits=8, zeros=0.0)
        cases = [ProductCase(matrix, full_x(rng, 64))] * 2
        image, features = products_image(np.random.default_rng(seed), config, cases)
        kept = Rtl(image).run(features, cycle_limit=MOST_CYCLES, record=True).records
        assert kept is not None
        for record in kept:
            instruction = image.program[record.pc]
            if isinstance(instruction, Drain):
                outputs = record.values[: instruction.rows * config.lanes].tolist()
                found[16 if instruction.wide else 8] |= set(outputs)
        both = compare(image, Golden(image), Rtl(image), features, cycle_limit=MOST_CYCLES)
        assert both.identical
    for bits, values in found.items():
        low, high = LIMITS[bits]
        assert {low, high} <= values
        assert len(values) > 20
        assert low <= min(values) <= max(values) <= high
