"""The scores that an end-pointer was trained with are those of the machine."""

import numpy as np
import pytest
from numpy.typing import NDArray

from sordino.arch import PRESETS
from sordino.compiler.compile import compile_model
from sordino.endpoint.integers import IntegerEndpointer
from sordino.golden.machine import Golden
from sordino.image.image import Image
from sordino.isa.fields import Store
from tests.sw.compiler.programs.endpointers import INPUTS, arrays_of, endpointer, talker
from tests.sw.compiler.programs.test_programs import ROOM

RUNS = 6


def read(golden: Golden, image: Image, network: str, layer: str) -> NDArray[np.int64]:
    """A result of a network, in the order of its vector."""
    result = image.host.named(network).results[layer]
    store = Store.ACTIVATION if result.memory == "activation" else Store.STATE
    first, last = min(result.words), max(result.words)
    words = golden.read(store, first, last - first + 1)
    return words[np.array(result.words) - first]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_training_computes_what_the_machine_does(seed: int) -> None:
    config = PRESETS["tiny"].with_settings(ROOM)
    image = compile_model(talker(), config, None, endpointer(seed)).image
    golden = Golden(image)
    session = golden.session()
    rng = np.random.default_rng(seed)
    inputs, runs, scores, run = [], [], [], 0
    for vector in rng.integers(-90, 90, (60, INPUTS)).astype(np.int8):
        spoken = any(one.channel == 0 for one in session.feed(vector[None]))
        run = 1 if spoken else min(run + 1, RUNS - 1) if run else 0
        heard = [
            read(golden, image, "transducer", f"{part}.0") for part in ("encoder", "prediction")
        ]
        inputs.append(np.concatenate(heard).astype(np.int8))
        runs.append(run)
        (score,) = read(golden, image, "endpoint", "endpoint.score")
        scores.append(score * image.host.named("endpoint").results["endpoint.score"].step)
    trained = IntegerEndpointer(arrays_of(seed), 4)
    (found,) = trained.scores([np.array(inputs)], [np.array(runs)])
    assert len(set(scores)) > 20
    assert found.tolist() == scores
