"""Models that several tests of the report share."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import pytest

from sordino.arch import PRESETS, Config
from sordino.compiler.compile import Compiled, CompileOptions, compile_model
from sordino.model.random_rnnt import random_model
from sordino.tools.trials import MACHINES

ROWS = {"few rows": 16, "rows": 100}
MODELS = {
    "groups": ("g4", {"encoder": (9, 8), "joint": 11, "tokens": 6, "zeros": 0.6}),
    "single": ("g1", {"encoder": (9,), "joint": 11, "tokens": 6, "zeros": 0.6}),
    "tiles": ("few rows", {"encoder": (40, 9), "joint": 30, "tokens": 6, "zeros": 0.6}),
    "cut": ("rows", {"encoder": (160,), "joint": 9, "tokens": 6, "zeros": 0.5}),
    "stacked": ("g4", {"encoder": (9, 8, 7), "tokens": 6, "zeros": 0.6, "time_reduction": (2, 2)}),
}


def machine(name: str) -> Config:
    if name in ROWS:
        one = PRESETS["tiny-unstructured"]
        return replace(one, rows_per_lane=ROWS[name], state_bits=5, lanes=8)
    return MACHINES[name]


@pytest.fixture(scope="session")
def compiled() -> Callable[[str], Compiled]:
    """A small model, compiled, by its name in MODELS."""

    @cache
    def made(name: str) -> Compiled:
        where, sizes = MODELS[name]
        options = CompileOptions(weight_bits=4)
        return compile_model(random_model(3, scale=4.0, **sizes), machine(where), options)

    return made
