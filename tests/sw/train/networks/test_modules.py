"""Layers have PyTorch's parameters and say what PyTorch's modules of the same kind say.

Both compute in float64 here, so that 1e-12 is rounding alone.
"""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="needs the extra `train`")

from sordino.layers.base.functions import FUNCTIONS
from sordino.layers.cells import CELLS
from sordino.layers.embedding import Embedding
from sordino.layers.linear import Linear
from sordino.layers.recurrent import Recurrent
from tests.sw.graph.drawn import drawn_linear, drawn_recurrent

SIZES = st.integers(1, 9)
SEEDS = st.integers(0, 2**32 - 1)
MODULES: dict[str, Any] = {
    "Lstm": torch.nn.LSTM,
    "ProjectedLstm": torch.nn.LSTM,
    "Gru": torch.nn.GRU,
}
ROUNDING = 1e-12


def loaded(module: Any, layer: Any, suffix: str = "") -> Any:
    """The module with a layer's arrays; it has no others, and none of another shape."""
    arrays = {f"{name}{suffix}": torch.tensor(array) for name, array in layer.arrays().items()}
    module.load_state_dict(arrays, strict=True)
    return module


@pytest.mark.parametrize("kind", CELLS, ids=lambda kind: kind.__name__)
@given(seed=SEEDS, units=st.integers(2, 9), inputs=SIZES, frames=st.integers(1, 6))
@settings(max_examples=20, deadline=None)
def test_recurrent_layers(
    kind: type[Recurrent], seed: int, units: int, inputs: int, frames: int
) -> None:
    rng = np.random.default_rng(seed)
    layer = drawn_recurrent(rng, kind, units, inputs)
    narrow = {} if layer.width == units else {"proj_size": layer.width}
    module = MODULES[kind.__name__](inputs, units, dtype=torch.float64, **narrow)
    x = rng.normal(size=(frames, inputs))
    with torch.no_grad():
        wanted, _ = loaded(module, layer, "_l0")(torch.tensor(x))
    assert np.abs(layer.run(x) - wanted.numpy()).max() < ROUNDING


@given(seed=SEEDS, outputs=SIZES, inputs=SIZES, function=st.sampled_from(sorted(FUNCTIONS)))
@settings(max_examples=40, deadline=None)
def test_linear_layers(seed: int, outputs: int, inputs: int, function: str) -> None:
    rng = np.random.default_rng(seed)
    layer = drawn_linear(rng, outputs, inputs, function)
    module = loaded(torch.nn.Linear(inputs, outputs, dtype=torch.float64), layer)
    x = rng.normal(size=(5, inputs))
    with torch.no_grad():
        sums = module(torch.tensor(x))
        wanted = sums if function == "none" else getattr(torch, function)(sums)
    assert np.abs(layer(x) - wanted.numpy()).max() < ROUNDING


@given(seed=SEEDS, tokens=SIZES, width=SIZES)
@settings(max_examples=20, deadline=None)
def test_rows(seed: int, tokens: int, width: int) -> None:
    rng = np.random.default_rng(seed)
    layer = Embedding(rng.normal(size=(tokens, width)))
    module = loaded(torch.nn.Embedding(tokens, width, dtype=torch.float64), layer)
    for token in range(tokens):
        with torch.no_grad():
            wanted = module(torch.tensor(token)).numpy()
        assert np.array_equal(layer.step((np.array(token),), ())[0], wanted)


def test_parameters_stand_in_the_order_of_pytorch() -> None:
    rng = np.random.default_rng(0)
    for kind in CELLS:
        layer = drawn_recurrent(rng, kind, 4, 3)
        narrow = {"proj_size": layer.width} if "weight_hr" in layer.arrays() else {}
        module = MODULES[kind.__name__](3, 4, **narrow)
        names = [name.removesuffix("_l0") for name, _ in module.named_parameters()]
        assert list(layer.arrays()) == names
    names = [name for name, _ in torch.nn.Linear(2, 3).named_parameters()]
    assert list(Linear(np.zeros((3, 2)), np.zeros(3)).arrays()) == names
