"""Each kind of layer in floating point against a formula written down here, and its arrays."""

import inspect
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import sordino.layers
from sordino.layers.base.functions import FUNCTIONS
from sordino.layers.cells import CELLS
from sordino.layers.concatenation import Concatenation
from sordino.layers.elementwise.either import Either
from sordino.layers.elementwise.product import Product
from sordino.layers.elementwise.total import Total
from sordino.layers.embedding import Embedding
from sordino.layers.heads import Argmax, Scores
from sordino.layers.layer import Layer
from sordino.layers.linear import catalogue
from sordino.layers.recurrent import Recurrent
from sordino.layers.stack import Stack
from tests.sw.graph.drawn import drawn_linear, drawn_recurrent

Floats = NDArray[np.float64]
SIZES = st.integers(1, 9)
SEEDS = st.integers(0, 2**32 - 1)
FORMULAS: dict[str, Callable[[float], float]] = {
    "none": lambda x: x,
    "relu": lambda x: max(x, 0.0),
    "tanh": lambda x: (np.exp(x) - np.exp(-x)) / (np.exp(x) + np.exp(-x)),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
}


def every_kind() -> set[type[Layer]]:
    """All classes of layers that can be made, found in the files of their packages."""
    root = Path(next(iter(sordino.layers.__path__)))
    files = [file.relative_to(root).with_suffix("") for file in root.rglob("*.py")]
    modules = [import_module(".".join(("sordino.layers", *file.parts))) for file in files]
    return {
        one
        for module in modules
        for one in vars(module).values()
        if isinstance(one, type) and issubclass(one, Layer) and not inspect.isabstract(one)
    }


def sigmoid(x: Floats) -> Floats:
    return 1 / (1 + np.exp(-x))


def gates(layer: Recurrent, x: Floats, h: Floats) -> tuple[list[Floats], list[Floats]]:
    """Sums of W and of U with their biases, gate by gate and unit by unit."""
    units = layer.units

    def of(weight: Floats, bias: Floats, vector: Floats) -> list[Floats]:
        sums = [sum(w * v for w, v in zip(row, vector, strict=True)) for row in weight]
        return list(np.reshape(np.array(sums) + bias, (-1, units)))

    return of(layer.weight_ih, layer.bias_ih, x), of(layer.weight_hh, layer.bias_hh, h)


def lstm(layer: Recurrent, x: Floats, h: Floats, c: Floats) -> tuple[Floats, Floats]:
    i, f, g, o = (a + b for a, b in zip(*gates(layer, x, h), strict=True))
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def projected(layer: Recurrent, x: Floats, h: Floats, c: Floats) -> tuple[Floats, Floats]:
    m, c = lstm(layer, x, h, c)
    return np.array([row @ m for row in layer.weight_hr]), c


def gru(layer: Recurrent, x: Floats, h: Floats, c: Floats) -> tuple[Floats, Floats]:
    (rx, zx, nx), (rh, zh, nh) = gates(layer, x, h)
    r, z = sigmoid(rx + rh), sigmoid(zx + zh)
    return (1 - z) * np.tanh(nx + r * nh) + z * h, c


CELL_FORMULAS = {"Lstm": lstm, "ProjectedLstm": projected, "Gru": gru}
KINDS: dict[str, Callable[[np.random.Generator], tuple[Layer, Sequence[int]]]] = {
    **{
        kind.__name__: lambda rng, kind=kind: (drawn_recurrent(rng, kind, 5, 4), [4])
        for kind in CELLS
    },
    "Linear": lambda rng: (drawn_linear(rng, 3, 4, "relu"), [4]),
    "Catalogue": lambda rng: (catalogue(rng.normal(size=(3, 4)), 5), [4]),
    "Embedding": lambda rng: (Embedding(rng.normal(size=(6, 4)), "word"), []),
    "Total": lambda rng: (Total("relu", 3), [4, 4]),
    "Product": lambda rng: (Product(6), [4, 4]),
    "Stack": lambda rng: (Stack(3), [4]),
    "Concatenation": lambda rng: (Concatenation(), [4, 2]),
    "Either": lambda rng: (Either(), [4, 4]),
    "Argmax": lambda rng: (Argmax("best"), [4]),
    "Scores": lambda rng: (Scores(), [4]),
}
"""A layer of each kind, and the widths of its inputs."""


def test_every_kind_stands_here() -> None:
    assert {kind.__name__ for kind in every_kind()} == set(KINDS)
    assert {kind.__name__ for kind in CELLS} <= set(CELL_FORMULAS)
    assert set(FUNCTIONS) == set(FORMULAS)


# Steps


@pytest.mark.parametrize("kind", CELLS, ids=lambda kind: kind.__name__)
@given(seed=SEEDS, units=SIZES, inputs=SIZES)
@settings(max_examples=25, deadline=None)
def test_recurrent_layers_from_frame_to_frame(
    kind: type[Recurrent], seed: int, units: int, inputs: int
) -> None:
    rng = np.random.default_rng(seed)
    layer = drawn_recurrent(rng, kind, units, inputs)
    frames = rng.normal(size=(4, inputs))
    state, found = layer.start(), []
    h, c = np.zeros(layer.width), np.zeros(units)
    for x in frames:
        result, state = layer.step((x,), state)
        h, c = CELL_FORMULAS[kind.__name__](layer, x, h, c)
        assert result == pytest.approx(h, abs=1e-12)
        assert result.shape == (layer.width,) == (layer.outputs([inputs]),)
        found.append(result)
    assert layer.run(frames) == pytest.approx(np.array(found), abs=1e-12)
    assert (np.abs(layer.run(frames)) <= layer.most).all()


@given(
    seed=SEEDS,
    outputs=SIZES,
    inputs=SIZES,
    function=st.sampled_from(sorted(FORMULAS)),
)
@settings(max_examples=50, deadline=None)
def test_linear_layers(seed: int, outputs: int, inputs: int, function: str) -> None:
    rng = np.random.default_rng(seed)
    layer, x = drawn_linear(rng, outputs, inputs, function), rng.normal(size=inputs) * 3
    sums = [sum(w * v for w, v in zip(row, x, strict=True)) for row in layer.weight]
    wanted = [FORMULAS[function](s + b) for s, b in zip(sums, layer.bias, strict=True)]
    result, state = layer.step((x,), ())
    assert result == pytest.approx(wanted, abs=1e-12)
    assert state == ()
    assert len(result) == layer.outputs([inputs])
    several = rng.normal(size=(2, 3, inputs))
    assert layer(several)[1, 2] == pytest.approx(layer.step((several[1, 2],), ())[0], abs=1e-12)


@given(seed=SEEDS, width=SIZES, function=st.sampled_from(sorted(FORMULAS)))
@settings(max_examples=50, deadline=None)
def test_sums(seed: int, width: int, function: str) -> None:
    a, b = np.random.default_rng(seed).normal(size=(2, width)) * 2
    result, _ = Total(function, 5).step((a, b), ())
    wanted = [FORMULAS[function](x + y) for x, y in zip(a, b, strict=True)]
    assert result == pytest.approx(wanted, abs=1e-12)


@given(seed=SEEDS, width=SIZES)
@settings(max_examples=25, deadline=None)
def test_products(seed: int, width: int) -> None:
    a, b = np.random.default_rng(seed).normal(size=(2, width))
    result, _ = Product().step((a, b), ())
    assert result.tolist() == [x * y for x, y in zip(a, b, strict=True)]


@given(seed=SEEDS, sizes=st.lists(SIZES, min_size=2, max_size=4), factor=st.integers(1, 4))
@settings(max_examples=25, deadline=None)
def test_layers_that_compute_nothing(seed: int, sizes: list[int], factor: int) -> None:
    rng = np.random.default_rng(seed)
    vectors = [rng.normal(size=size) for size in sizes]
    joined, _ = Concatenation().step(vectors, ())
    assert joined.tolist() == [number for vector in vectors for number in vector]
    assert len(joined) == Concatenation().outputs(sizes)
    frames = rng.normal(size=(factor, sizes[0]))
    stacked, _ = Stack(factor).step((frames,), ())
    assert stacked.tolist() == [number for frame in frames for number in frame]
    assert len(stacked) == Stack(factor).outputs(sizes[:1])
    assert Scores().step((vectors[0],), ())[0].tolist() == vectors[0].tolist()
    assert Scores().outputs(sizes[:1]) == sizes[0]
    assert Either().step((vectors[0], vectors[0]), ())[0].tolist() == vectors[0].tolist()


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=9))
def test_the_lowest_of_the_largest(scores: list[int]) -> None:
    result, _ = Argmax().step((np.array(scores, np.float64),), ())
    assert result.tolist() == [scores.index(max(scores))]
    assert Argmax().outputs([len(scores)]) == 1


@given(seed=SEEDS, tokens=SIZES, width=SIZES)
@settings(max_examples=25, deadline=None)
def test_rows(seed: int, tokens: int, width: int) -> None:
    rng = np.random.default_rng(seed)
    layer, token = Embedding(rng.normal(size=(tokens, width))), int(rng.integers(tokens))
    result, _ = layer.step((np.array(token),), ())
    assert result.tolist() == layer.weight.tolist()[token]
    assert layer.outputs([]) == width


# Arrays


@pytest.mark.parametrize("kind", KINDS)
def test_arrays_by_name_make_the_layer_again(kind: str) -> None:
    layer, widths = KINDS[kind](np.random.default_rng(7))
    layer.check("layer", *widths)
    arrays = layer.arrays()
    assert set(layer.WEIGHTS) <= set(arrays)
    assert set(layer.WEIGHTS.values()) <= {"input", "state"}
    again = layer.with_arrays(arrays)
    assert type(again) is type(layer)
    for name in arrays:
        assert again.arrays()[name] is arrays[name] is getattr(layer, name)
        changed = layer.with_arrays({name: arrays[name] * 2})
        assert np.array_equal(getattr(changed, name), arrays[name] * 2)
        others = [other for other in arrays if other != name]
        assert all(getattr(changed, other) is arrays[other] for other in others)
    for name in set(vars(layer)) - set(arrays):
        assert getattr(again, name) == getattr(layer, name), "settings stay"
    with pytest.raises(TypeError):
        layer.with_arrays({"no such": np.zeros(3)})


@pytest.mark.parametrize("kind", KINDS)
def test_every_array_is_checked(kind: str) -> None:
    layer, widths = KINDS[kind](np.random.default_rng(7))
    for name, array in layer.arrays().items():
        spoilt = np.where(array == array.max(), np.nan, array)
        short = [] if kind == "Embedding" else [array[:-1]]
        for wrong in (*short, np.stack([array, array]), spoilt):
            with pytest.raises(ValueError, match=f"layer.{name}|layer.weight|layer.bias") as caught:
                layer.with_arrays({name: wrong}).check("layer", *widths)
            assert "\n" not in str(caught.value)
