"""Images that several tests of estimates share."""

from collections.abc import Callable
from functools import cache

import pytest

from sordino.compiler.compile import CompileOptions, compile_model
from sordino.image.image import Image
from sordino.model.random_rnnt import random_model
from sordino.tools.trials import MACHINES


@pytest.fixture(scope="session")
def small_image() -> Callable[..., Image]:
    """A small model's image for one of MACHINES, by its name."""

    @cache
    def compiled(machine: str = "g4") -> Image:
        model = random_model(5, encoder=(9, 8), joint=11, tokens=6, scale=4.0, zeros=0.6)
        return compile_model(model, MACHINES[machine], CompileOptions(weight_bits=4)).image

    return compiled
