"""Random images of every kind on three small machines: one seed, one trial."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from sordino.arch import Config
from sordino.compiler.compile import CompileOptions, compile_model
from sordino.engines.cosim import Comparison, compare
from sordino.engines.engine import Features, Record, Requests, RunResult
from sordino.engines.native.rtl import Rtl
from sordino.errors import InputWarning
from sordino.golden.machine import Golden
from sordino.image.image import Image
from sordino.model.random_rnnt import random_model
from sordino.testing.images.programs import random_features, random_program, random_requests
from sordino.testing.images.random_images import (
    layers_image,
    products_image,
    random_products,
    random_sizes,
)

__all__ = ["KINDS", "MACHINES", "MOST_CYCLES", "Gapped", "Trial", "make_trial", "run_trial"]

_BASE = Config(
    lanes=8,
    group=1,
    x_fifo=8,
    value_slots=3,
    run_slots=3,
    lane_words=12_007,
    group_words=9_001,
    rows_per_lane=259,
    activation_words=2_311,
    state_words=2_203,
    parameter_words=4_099,
    program_words=211,
    tables=19,
    matrices=18,
)
MACHINES: dict[str, Config] = {
    config.name: config
    for config in (
        replace(_BASE, name="g1", lanes=8, group=1, accumulator_bits=24),
        replace(_BASE, name="g2", lanes=8, group=2, accumulator_bits=27, state_bits=6, x_fifo=16),
        replace(_BASE, name="g4", lanes=16, group=4, activation_words=4_409, state_words=4_219),
        replace(_BASE, name="serial", lanes=8, group=2, accumulator_bits=27, vector_gates=1),
    )
}
"""Each with 256 rows a lane and more; no memory's size is a power of two."""


MOST_CYCLES = 4_000_000
"""No trial takes as many; a circuit that goes wrong ends there."""


@dataclass(frozen=True, eq=False)
class Trial:
    """An image, what to feed it and to ask for, and how often (n in 256) the streams hold back."""

    image: Image
    features: NDArray[np.int8]
    feature_gap: int
    token_gap: int
    requests: Requests = ()


class Gapped:
    """The rtl engine with gaps in its feature and token streams; an `Engine`."""

    name = "rtl"

    def __init__(self, rtl: Rtl, *, feature_gap: int, token_gap: int, seed: int = 1) -> None:
        self.rtl = rtl
        self._feature_gap, self._token_gap, self._seed = feature_gap, token_gap, seed

    def run(
        self,
        features: Features,
        *,
        cycle_limit: int = 0,
        record: bool | Callable[[Record], None] = False,
        entry: str = "main",
        requests: Requests = (),
    ) -> RunResult:
        """Run the image on `features` as `Rtl.run` does, with gaps in the streams."""
        return self.rtl.run(
            features,
            cycle_limit=cycle_limit,
            record=record,
            entry=entry,
            requests=requests,
            feature_gap=self._feature_gap,
            token_gap=self._token_gap,
            seed=self._seed,
        )


_Made = tuple[Image, NDArray[np.int8]]


def _program(rng: np.random.Generator, config: Config) -> _Made:
    image = random_program(rng, config)
    return image, random_features(rng, image, 2)


def _matrices(rng: np.random.Generator, config: Config) -> _Made:
    return products_image(rng, config, random_products(rng, config))


def _layers(rng: np.random.Generator, config: Config) -> _Made:
    image = layers_image(rng, config, random_sizes(rng, config))
    return image, random_features(rng, image, 3)


def _model(rng: np.random.Generator, config: Config) -> _Made:
    sizes = [int(n) for n in rng.choice([1, 3, 8, 17, 33], 6)]
    layers = 1 + int(rng.integers(3))
    reduction = (1 + int(rng.integers(2)), 2 + int(rng.integers(3)))
    model = random_model(
        int(rng.integers(1 << 31)),
        tokens=int(rng.choice([2, 7, 29])),
        activation=str(rng.choice(["tanh", "relu"])),
        inputs=int(rng.integers(1, 40)),
        encoder=sizes[:layers],
        prediction=sizes[3:4],
        joint=sizes[4],
        embedding=sizes[5],
        time_reduction=reduction if reduction[0] < layers else None,
        zeros=float(rng.choice([0.0, 0.5, 0.9])),
        scale=float(rng.choice([0.5, 1.5, 8.0])),
    )
    options = CompileOptions(
        weight_bits=int(rng.integers(2, 9)), sparsity=[None, 0.5][int(rng.integers(2))]
    )
    with warnings.catch_warnings():
        # What so few bits leave of drawn weights does not matter.
        warnings.simplefilter("ignore", InputWarning)
        image = compile_model(model, config, options).image
    return Image.from_bytes(image.to_bytes()), random_features(rng, image, 4)


KINDS: dict[str, Callable[[np.random.Generator, Config], _Made]] = {
    "programs": _program,
    "matrices": _matrices,
    "layers": _layers,
    "models": _model,
}
"""Programs of random instructions; products of random matrices; an LSTM and a linear layer of odd
sizes; whole RNN-Ts through the compiler."""


def make_trial(kind: str, machine: str, seed: int) -> Trial:
    """The trial that these three name; half of all trials have gaps in their streams."""
    salt = 16 * list(KINDS).index(kind) + list(MACHINES).index(machine)
    rng = np.random.default_rng([seed, salt])
    image, features = KINDS[kind](rng, MACHINES[machine])
    gaps = rng.integers(0, 250, 2) * rng.integers(0, 2, 2)
    asks = any(i.fields.get("request") for i in image.program if i.blocks)
    requests = random_requests(rng, len(features)) if asks else ()
    return Trial(image, features, int(gaps[0]), int(gaps[1]), requests)


def run_trial(trial: Trial) -> Comparison:
    """The exact machine and the circuit on the trial's input."""
    gapped = Gapped(Rtl(trial.image), feature_gap=trial.feature_gap, token_gap=trial.token_gap)
    golden = Golden(trial.image)
    return compare(
        trial.image,
        golden,
        gapped,
        trial.features,
        cycle_limit=MOST_CYCLES,
        requests=trial.requests,
    )
