"""A model that is too large for a machine: everything it needs is said at once, and is enough."""

import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sordino.arch import PRESETS, RANGES, Config
from sordino.compiler.compile import CompileOptions, compile_model
from sordino.compiler.limits.errors import CompileError, DoesNotFit
from sordino.compiler.limits.limits import Limits
from sordino.golden.machine import Golden
from sordino.model.random_rnnt import random_model
from sordino.model.rnnt import RnntModel
from sordino.tools.estimate.capacity import compile_needed

TINY = PRESETS["tiny"]
LEAST = {
    name: RANGES[name][0]
    for name in (
        "lane_words",
        "group_words",
        "rows_per_lane",
        "activation_words",
        "state_words",
        "parameter_words",
        "program_words",
        "matrices",
        "tables",
    )
}


def advice(error: DoesNotFit) -> dict[str, int]:
    """What the message says to raise, read as a user would."""
    text = str(error)
    assert "\n" not in text
    assert text.startswith("does not fit ")
    found = {name: int(n) for name, n in re.findall(r"raise (\w+) to (\d+)", text)}
    assert found == error.needed
    return found


def follow(model: RnntModel, config: Config, options: CompileOptions | None = None) -> Any:
    """What compiles after the advice, and the advice."""
    with pytest.raises(DoesNotFit) as caught:
        compile_model(model, config, options)
    wanted = advice(caught.value)
    return compile_model(model, config.with_settings(wanted), options), wanted


def test_all_memories_at_once() -> None:
    model = random_model(1, encoder=(30, 20), joint=33)
    compiled, wanted = follow(model, TINY.with_settings(LEAST))
    assert wanted.keys() == LEAST.keys()
    assert compiled.image.config.with_settings({**LEAST, **wanted}) == compiled.image.config


@given(
    seed=st.integers(0, 99),
    encoder=st.lists(st.integers(1, 40), min_size=1, max_size=3),
    tokens=st.integers(2, 40),
    small=st.sets(st.sampled_from(sorted(LEAST)), min_size=1),
    preset=st.sampled_from(["tiny", "tiny-unstructured"]),
    bits=st.sampled_from([24, 32]),
)
@settings(max_examples=10, deadline=None)
def test_the_advice_is_enough(
    seed: int, encoder: list[int], tokens: int, small: set[str], preset: str, bits: int
) -> None:
    model = random_model(seed, encoder=encoder, tokens=tokens)
    config = PRESETS[preset].with_settings(
        {**{name: LEAST[name] for name in small}, "accumulator_bits": bits}
    )
    try:
        compile_model(model, config)
    except DoesNotFit as error:
        wanted = advice(error)
        compile_model(model, config.with_settings(wanted))
        # And no less would do.
        for name, value in wanted.items():
            if value - 1 >= RANGES[name][0] and name != "rows_per_lane":
                with pytest.raises(DoesNotFit):
                    compile_model(model, config.with_settings({**wanted, name: value - 1}))


def test_accumulators_and_memories_together() -> None:
    model = random_model(1, inputs=700, encoder=(2,))
    model.encoder[0].weight_ih[:] = 1.0
    config = TINY.with_settings({"accumulator_bits": 24, "program_words": 16, "matrices": 3})
    _, wanted = follow(model, config)
    assert wanted.keys() == {"accumulator_bits", "program_words", "matrices"}
    with pytest.raises(DoesNotFit, match=r"accumulator_bits for encoder\.0"):
        compile_model(model, config)


def test_more_tiles_than_any_directory_has() -> None:
    model = random_model(2, encoder=(70, 70), tokens=4, joint=4)
    _, wanted = follow(model, TINY.with_settings({"rows_per_lane": 1}))
    assert wanted["rows_per_lane"] > 1


@pytest.mark.parametrize("weights", ["resident", "streamed", "auto"])
def test_a_machine_that_streams(weights: str) -> None:
    model = random_model(3, encoder=(30, 20))
    config = TINY.with_settings(
        {"stream_bus": 64, "stream_burst": 4, "stream_ring": 2, "program_words": 16}
        | {"lane_words": 32, "group_words": 32}
    )
    _, wanted = follow(model, config, CompileOptions(weights=weights))
    assert ("lane_words" in wanted) == (weights == "resident")


def test_a_chunk_s_rows() -> None:
    model = random_model(4, encoder=(30,), inputs=4)
    config = TINY.with_settings(
        {"stream_bus": 64, "rows_per_lane": 9, "program_words": 16, "matrices": 5}
    )
    _, wanted = follow(model, config, CompileOptions(weights="streamed", chunk=4))
    assert wanted["rows_per_lane"] == 60
    assert {"program_words", "matrices"} <= wanted.keys()


def test_what_no_machine_has() -> None:
    limits = Limits(TINY)
    limits.need("state_words", 70_000)
    limits.need("tables", 20)
    with pytest.raises(
        CompileError, match=r"any machine: .* 70,000 state_words \(has 2,048, no machine .* 65,536"
    ):
        limits.check()
    with pytest.raises(DoesNotFit, match=r"1,100 rows_per_lane for joint\.output"):
        Limits(TINY).grow("rows_per_lane", 1_100, "joint.output")


@given(seed=st.integers(0, 99), encoder=st.lists(st.integers(1, 40), min_size=1, max_size=3))
@settings(max_examples=10, deadline=None)
def test_a_machine_with_just_the_memory_that_is_needed(seed: int, encoder: list[int]) -> None:
    model = random_model(seed, encoder=encoder, tokens=30)
    small = TINY.with_settings(LEAST | {"rows_per_lane": 2})
    compiled = compile_needed(model, small)
    config = compiled.image.config
    again = compile_model(model, config)
    assert again.image.program == compiled.image.program
    x = np.random.default_rng(0).integers(-60, 60, (5, model.inputs)).astype(np.int8)
    assert Golden(compiled.image).run(x).tokens == Golden(again.image).run(x).tokens
    for name in LEAST:
        value = getattr(config, name)
        if value > RANGES[name][0] and name != "rows_per_lane":
            with pytest.raises(DoesNotFit, match=f"raise {name} to {value}$"):
                compile_model(model, config.with_settings({name: value - 1}))
