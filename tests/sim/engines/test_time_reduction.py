"""Encoders that stack frames: exact machine and circuit alike, wherever the input ends."""

from dataclasses import replace

import numpy as np
import pytest

from sordino.compiler.compile import CompileOptions, compile_model
from sordino.engines.cosim import compare
from sordino.engines.native.rtl import Rtl
from sordino.golden.machine import Golden
from sordino.image.image import Image
from sordino.isa.registers import Error
from sordino.model.random_rnnt import random_model
from sordino.model.reference import FloatRnnt
from sordino.model.rnnt import RnntModel
from sordino.tools.trials import MACHINES, Gapped


def image_of(model: RnntModel, machine: str = "g4") -> Image:
    compiled = compile_model(model, MACHINES[machine], CompileOptions(weight_bits=5))
    return Image.from_bytes(compiled.image.to_bytes())


@pytest.mark.parametrize("gap", [0, 200], ids=["at once", "with gaps"])
@pytest.mark.parametrize(
    ("machine", "encoder", "after", "factor"),
    [
        ("g4", (9, 17, 8), 2, 2),
        ("g1", (9, 8), 1, 4),
        ("g2", (8, 5, 7), 1, 3),
    ],
)
def test_the_input_may_end_anywhere(
    machine: str, encoder: tuple[int, ...], after: int, factor: int, gap: int
) -> None:
    model = random_model(3, encoder=encoder, time_reduction=(after, factor), scale=2.0)
    image = image_of(model, machine)
    golden, rtl = Golden(image), Rtl(image)
    circuit = Gapped(rtl, feature_gap=gap, token_gap=gap) if gap else rtl
    rng = np.random.default_rng(factor)
    rest = image.host.addresses["rest"]
    for frames in range(2 * factor + 2):
        features = rng.integers(-128, 128, (frames, model.inputs)).astype(np.int8)
        outcome = compare(image, golden, circuit, features)
        assert outcome.first_difference is None
        assert outcome.results[0].error is Error.NONE
        assert outcome.results[0].counters["frames"] == frames
        assert rtl.profile()[rest, 0] == -(-frames // factor), "groups, the last one filled up"


@pytest.mark.parametrize("frames", [1, 2, 3, 4, 7])
def test_float_model_and_machine_agree_on_the_groups(frames: int) -> None:
    """Two tokens a group, whatever is heard."""
    model = random_model(1, encoder=(6, 5), time_reduction=(1, 3)).with_max_symbols(2)
    model.joint_output.bias[:] = np.arange(len(model.tokens)) * 100.0
    model = replace(model)
    features = np.random.default_rng(0).integers(-99, 99, (frames, 6)).astype(np.int8)
    wanted = FloatRnnt(model.arrays(), model.meta).transcribe(features / 32)
    image = image_of(model)
    assert wanted == [6] * 2 * -(-frames // 3)
    assert Golden(image).run(features).tokens == Rtl(image).run(features).tokens == wanted
