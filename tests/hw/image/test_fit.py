"""An image is compared with what the machine's registers say before it is loaded."""

from dataclasses import replace

import numpy as np
import pytest

from sordino.arch import Config
from sordino.compiler.compile import CompileOptions, compile_model
from sordino.engines.amaranth.amaranth_sim import AmaranthSim
from sordino.engines.native.rtl import Rtl
from sordino.golden.machine import Golden
from sordino.image.fit import check_fit
from sordino.image.image import Image, ImageError
from sordino.image.sizes import needed, used_words
from sordino.isa.choices import Space
from sordino.isa.operations import Fill, Halt
from sordino.isa.registers import CAPACITIES, capacities
from sordino.model.random_rnnt import random_model
from sordino.testing.images.builder import ProgramBuilder
from sordino.testing.images.streaming import streamed_image
from sordino.tools.estimate.capacity import trimmed
from sordino.tools.trials import MACHINES

COSTS_TIME = {"x_fifo", "feature_fifo", "token_fifo", "stream_outstanding"}
"""An image runs on a machine with less of these."""


def small_image() -> Image:
    model = random_model(2, encoder=(9, 8), prediction=(6, 5))
    return compile_model(model, MACHINES["g4"], CompileOptions(weight_bits=5)).image


def refused(image: Image, machine: dict[str, int]) -> str:
    with pytest.raises(ImageError) as error:
        check_fit(image, machine)
    return str(error.value)


def test_every_capacity_is_compared_or_costs_time_only() -> None:
    image = small_image()
    compared = {*needed(image), "lanes", "group", "state_bits", "stream_bus", "stream_burst"}
    assert compared | COSTS_TIME == set(CAPACITIES)
    assert not compared & COSTS_TIME


@pytest.mark.parametrize("name", sorted(needed(small_image())))
def test_one_less_of_anything_is_named(name: str) -> None:
    image = small_image()
    least = {**capacities(image.config), **needed(image)}
    check_fit(image, least)
    if not least[name]:
        return
    assert refused(image, {**least, name: least[name] - 1}) == (
        f"the image needs a machine with {name} {least[name]:,} (it has {least[name] - 1:,}); "
        "compile the model for the machine, or take a larger one"
    )


@pytest.mark.parametrize("name", sorted(COSTS_TIME))
def test_what_costs_time_only_is_not_compared(name: str) -> None:
    image = small_image()
    check_fit(image, {**capacities(image.config), name: 1})


def test_everything_that_is_too_small_is_in_one_line() -> None:
    image = small_image()
    machine = dict.fromkeys(CAPACITIES, 0)
    text = refused(image, machine)
    assert "\n" not in text
    for name, words in needed(image).items():
        assert (f"{name} {words:,} (it has 0)" in text) == (words > 0)
    for name in ("lanes", "group", "state_bits"):
        assert f"{name} = {getattr(image.config, name)} (it has 0)" in text


def test_a_machine_of_another_kind_is_named() -> None:
    image = small_image()
    machine = capacities(image.config)
    for name in ("lanes", "group", "state_bits"):
        other = {**machine, name: 2 * machine[name]}
        assert f"{name} = {machine[name]} (it has {2 * machine[name]})" in refused(image, other)
    streams = {**machine, "stream_bus": 64, "stream_burst": 8, "stream_ring": 2}
    assert "bursts of 0 bytes (it has 64)" in refused(image, streams)
    del machine["tables"]
    assert refused(image, machine).endswith("got none of tables; read every register of CAPACITIES")


def test_rings_are_the_machines_own() -> None:
    image = streamed_image(small_image(), [True, *[False] * (len(small_image().matrices) - 1)])
    machine = capacities(image.config)
    check_fit(image, machine)
    words = max(used_words(image)["lane_words"])
    ring = image.config.ring_words
    least = {**machine, "lane_words": words + ring}
    check_fit(image, least)
    larger = {**least, "stream_ring": 2 * machine["stream_ring"]}
    wanted = f"lane_words {words + 2 * ring:,} (it has {words + ring:,})"
    assert wanted in refused(image, larger)
    assert words > 0


def test_rows_that_only_a_fill_touches_are_counted() -> None:
    builder = ProgramBuilder(MACHINES["g4"])
    builder.add(Fill, space=Space.BANK1, destination=3, count=4)
    builder.add(Halt)
    image = builder.image()
    assert used_words(image)["rows_per_lane"] == (7,)
    Golden(trimmed(image))


@pytest.mark.parametrize("engine", [Rtl, AmaranthSim])
@pytest.mark.parametrize("name", ["program_words", "activation_words", "tables"])
def test_the_circuit_is_not_loaded_with_what_does_not_fit(
    engine: type[Rtl] | type[AmaranthSim], name: str
) -> None:
    image = small_image()
    least = max({"program_words": 16, "activation_words": 16, "tables": 2}[name], 1)
    assert needed(image)[name] > least
    config: Config = image.config.with_settings({name: least})
    with pytest.raises(ImageError, match=rf"^the image needs a machine with {name} \d+ \(it has"):
        engine(replace(image, config=config)).run(np.zeros((1, 1), np.int8))
