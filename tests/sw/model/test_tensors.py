"""Tensors that models cannot be made of, and what is said about them; those they can."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from sordino.errors import InputError, InputWarning
from sordino.model.load import load_model, model_from_arrays
from sordino.model.random_rnnt import random_arrays, random_meta
from sordino.model.reference import FloatRnnt
from sordino.model.rnnt import RnntModel

Arrays = dict[str, Any]
Change = Callable[[Arrays], Any]
BIAS = "joint.output.bias"


def made(**sizes: Any) -> Arrays:
    return random_arrays(np.random.default_rng(0), **sizes)


def put(name: str, change: Callable[[Any], Any]) -> Change:
    def apply(arrays: Arrays) -> None:
        arrays[name] = change(arrays[name])

    return apply


def of_type(dtype: Any) -> Change:
    return put("encoder.0.weight_ih", lambda a: a.astype(dtype))


def bfloat_bits(array: Any) -> Any:
    return (array.astype(np.float32).view(np.uint32) >> 16).astype(np.uint16)


def rename(prefix: str) -> Change:
    def apply(arrays: Arrays) -> None:
        for name in list(arrays):
            arrays[prefix + name] = arrays.pop(name)

    return apply


def without(*names: str) -> Change:
    def apply(arrays: Arrays) -> None:
        for name in names:
            del arrays[name]

    return apply


def cells(gates: int) -> Change:
    """Another kind of cell with 8 units: plain RNNs have one gate."""

    def apply(arrays: Arrays) -> None:
        for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
            arrays[f"encoder.0.{kind}"] = arrays[f"encoder.0.{kind}"][: 8 * gates]

    return apply


REFUSED: dict[str, tuple[Change, str]] = {
    "bfloat16 as uint16": (
        put("encoder.0.weight_ih", bfloat_bits),
        "got uint16 (bfloat16 or quantised weights kept as integers?); save it as float32",
    ),
    "int8": (of_type(np.int8), "got int8 (bfloat16 or quantised"),
    "boolean": (of_type(bool), "got bool; save it"),
    "complex": (of_type(complex), "got complex128"),
    "date": (put(BIAS, lambda a: a.astype("i8").astype("M8[s]")), "got datetime64[s]"),
    "record": (put(BIAS, lambda a: np.zeros(7, "f4,f4")), "numbers in tensor"),
    "RNN": (cells(1), "plain RNN cells cannot be compiled; train LSTM, GRU or projected LSTM"),
    "a row less": (
        put("prediction.embedding.weight", lambda a: a[1:]),
        "with 7 rows, one a token, the blank's too, as meta and joint.output have them, got 6; add "
        "the row that decoding begins with",
    ),
    "a row more": (
        put("prediction.embedding.weight", lambda a: np.vstack([a, a[:1]])),
        "got 8; leave rows out",
    ),
    "rows less": (
        put("prediction.embedding.weight", lambda a: a[3:]),
        "got 4; export the whole table",
    ),
    "embedding turned": (put("prediction.embedding.weight", np.transpose), "5; transpose it"),
    "tied": (
        without("joint.output.weight"),
        "joint.output.weight, found none; export the whole model; if it is tied to "
        "prediction.embedding.weight, save a copy under both names",
    ),
    "one bias": (without("encoder.0.bias_hh"), "or add 32 zeros for a layer that has none"),
    "transposed": (put("encoder.0.weight_hh", np.transpose), "got 8 × 32; transpose it"),
    "transposed joint": (put("joint.output.weight", np.transpose), "got 9 × 7; transpose it"),
    "no columns": (put("encoder.0.weight_ih", lambda a: a[:, :0]), "got 32 × 0"),
    "prefix": (rename("module."), "take 'module.' off the names"),
    "prefixes": (rename("model.rnnt."), "take 'model.rnnt.' off the names"),
    "layer number": (
        lambda a: a.update({f"encoder.{'9' * 50}.weight_ih": a[BIAS]}),
        "such a layer cannot be compiled",
    ),
    "reverse": (
        lambda a: a.update({"encoder.weight_ih_l0_reverse": a[BIAS]}),
        "bidirectional layers cannot be compiled",
    ),
    "projection": (
        lambda a: a.update({"encoder.weight_hr_l0": a[BIAS]}),
        "wanted encoder.0.weight_hr of size any × any, got",
    ),
    "overflow": (put(BIAS, lambda a: a.astype(np.longdouble) * 1e4000), "finite numbers in joint"),
}


@pytest.mark.parametrize("mistake", REFUSED)
@pytest.mark.parametrize("kind", ["arrays", "npz"])
def test_refused(tmp_path: Path, mistake: str, kind: str) -> None:
    change, wanted = REFUSED[mistake]
    arrays = made()
    with np.errstate(over="ignore"):
        change(arrays)

    def read() -> RnntModel:
        if kind == "arrays":
            return model_from_arrays(arrays, random_meta())
        np.savez(tmp_path / "m.npz", meta=np.array(json.dumps(random_meta())), **arrays)
        return load_model(tmp_path / "m.npz")

    with np.errstate(over="ignore"), pytest.raises(InputError) as caught:
        read()
    assert wanted in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 400


def same(model: RnntModel, arrays: Arrays) -> bool:
    found = model.arrays()
    return all(np.array_equal(found[name], arrays[name]) for name in arrays)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, ">f4", np.float64, np.longdouble])
def test_floats_of_any_width(tmp_path: Path, dtype: Any) -> None:
    arrays = {name: array.astype(dtype) for name, array in made().items()}
    assert same(model_from_arrays(arrays, random_meta()), arrays)
    np.savez(tmp_path / "m.npz", meta=np.array(json.dumps(random_meta())), **arrays)
    assert same(load_model(tmp_path / "m.npz"), arrays)


def test_lists_are_arrays() -> None:
    arrays = {name: array.tolist() for name, array in made().items()}
    assert same(model_from_arrays(arrays, random_meta()), made())
    with pytest.raises(InputError, match="numbers in tensor"):
        model_from_arrays({**arrays, BIAS: [[1.0], [1.0, 2.0]]}, random_meta())
    with pytest.raises(InputError, match="numbers in tensor"):
        model_from_arrays({**arrays, BIAS: None}, random_meta())
    with pytest.raises(InputError, match="numbers in tensor"):
        model_from_arrays({**arrays, BIAS: np.ma.masked_array(np.ones(7), True)}, random_meta())


def test_arrays_in_either_order(tmp_path: Path) -> None:
    arrays = {name: np.asfortranarray(array) for name, array in made().items()}
    np.savez_compressed(tmp_path / "m.npz", meta=np.array(json.dumps(random_meta())), **arrays)
    assert same(load_model(tmp_path / "m.npz"), arrays)


@pytest.mark.parametrize(
    ("left_out", "wanted"),
    [
        (["encoder.0", "encoder.1"], "no biases of encoder are"),
        (["prediction.0"], "no biases of prediction are"),
        (["joint.prediction", "joint.output"], "no biases of joint.prediction, joint.output are"),
    ],
)
def test_layers_without_bias_have_zeros(left_out: list[str], wanted: str) -> None:
    zeros = made(encoder=(8, 6))
    for name in zeros:
        if "bias" in name and name.rpartition(".")[0] in left_out:
            zeros[name] = np.zeros_like(zeros[name])
    bare = {
        name: array
        for name, array in zeros.items()
        if "weight" in name or name.rpartition(".")[0] not in left_out
    }
    assert len(bare) < len(zeros)
    with pytest.warns(InputWarning, match=wanted):
        model = model_from_arrays(bare, random_meta())
    assert same(model, zeros)
    assert model.parameters() == sum(a.size for a in zeros.values())


def test_one_layer_of_two_without_bias_is_refused() -> None:
    arrays = made(encoder=(8, 6))
    del arrays["encoder.1.bias_ih"], arrays["encoder.1.bias_hh"]
    with pytest.raises(InputError, match=r"encoder\.1\.bias_ih, found none.*add 24 zeros"):
        model_from_arrays(arrays, random_meta())


@pytest.fixture
def torch() -> Any:
    return pytest.importorskip("torch", reason="needs the extra `torch`")


def test_tensors_of_pytorch_are_arrays(torch: Any) -> None:
    arrays = made()
    tensors = {name: torch.nn.Parameter(torch.from_numpy(a)) for name, a in arrays.items()}
    assert same(model_from_arrays(tensors, random_meta()), arrays)
    x = np.random.default_rng(1).normal(size=(9, 6))
    expected = FloatRnnt(arrays, random_meta()).transcribe(x)
    assert (
        FloatRnnt(model_from_arrays(tensors, random_meta()).arrays(), random_meta()).transcribe(x)
        == expected
    )


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
@pytest.mark.parametrize("kind", [".pt", ".safetensors"])
def test_halves(torch: Any, tmp_path: Path, dtype: str, kind: str) -> None:
    from safetensors.torch import save_file as save_tensors

    state = {n: torch.from_numpy(a).to(getattr(torch, dtype)) for n, a in made().items()}
    path = tmp_path / f"m{kind}"
    if kind == ".pt":
        torch.save({**state, "meta": random_meta()}, path)
    else:
        save_tensors(state, path, metadata={"meta": json.dumps(random_meta())})
    assert same(load_model(path), {n: t.double().numpy() for n, t in state.items()})


class Stranger:
    """What raises errors of its own when it is asked for numbers."""

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise ZeroDivisionError

    @property
    def shape(self) -> Any:
        raise ZeroDivisionError


def test_objects_with_errors_of_their_own() -> None:
    with pytest.raises(InputError, match=f"wanted numbers in tensor '{BIAS}'"):
        model_from_arrays({**made(), BIAS: Stranger()}, random_meta())


SPECIAL: dict[str, tuple[Callable[[Any, Any], Any], str]] = {
    "sparse": (lambda torch, t: t.to_sparse(), "a sparse one; call to_dense()"),
    "meta": (lambda torch, t: torch.empty(7, device="meta"), "one without values"),
    "nested": (lambda torch, t: torch.nested.nested_tensor([t, t[1:]]), "a nested one"),
    "integers": (lambda torch, t: t.to(torch.int8), "got int8"),
    "complex": (lambda torch, t: t.to(torch.complex64), "got complex64"),
    "boolean": (lambda torch, t: t > 0, "got bool"),
    "eight bits": (lambda torch, t: t.to(torch.float8_e4m3fn), "got float8_e4m3fn; save it"),
}


@pytest.mark.filterwarnings("ignore:The PyTorch API of nested tensors:UserWarning")
@pytest.mark.parametrize("what", SPECIAL)
def test_tensors_without_plain_numbers(torch: Any, tmp_path: Path, what: str) -> None:
    change, wanted = SPECIAL[what]
    state = {n: torch.from_numpy(a).float() for n, a in made().items()}
    state[BIAS] = change(torch, state[BIAS])
    torch.save({**state, "meta": random_meta()}, tmp_path / "m.pt")
    for read in (
        lambda: load_model(tmp_path / "m.pt"),
        lambda: model_from_arrays(state, random_meta()),
    ):
        with pytest.raises(InputError) as caught:
            read()
        assert wanted in str(caught.value)


@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor:UserWarning")
def test_quantised_tensors(torch: Any, tmp_path: Path) -> None:
    state = {n: torch.from_numpy(a).float() for n, a in made().items()}
    state[BIAS] = torch.quantize_per_tensor(state[BIAS], 0.01, 0, torch.qint8)
    torch.save({**state, "meta": random_meta()}, tmp_path / "m.pt")
    with pytest.raises(InputError, match=r"a quantised one \(qint8\); dequantise it"):
        load_model(tmp_path / "m.pt")


@pytest.mark.parametrize(
    ("wrap", "wanted"),
    [
        (lambda s: {"model": s, "meta": random_meta()}, "got 'model': a dict; save model.state"),
        (lambda s: {"state_dict": 3}, "state_dict as tensors by their names, got a int"),
        (lambda s: {"state_dict": s, BIAS: s[BIAS]}, f"all tensors under state_dict, got '{BIAS}'"),
        (lambda s: [s], "a PyTorch state dict, got list"),
        (lambda s: s[BIAS], "a PyTorch state dict, got Tensor"),
        (lambda s: {**s, "meta": s[BIAS]}, "meta as a JSON object, got Tensor"),
        (lambda s: {**s, "meta": {**random_meta(), "blank": s[BIAS]}}, "meta blank as a whole"),
        (lambda s: {**s, 3: s[BIAS], "meta": random_meta()}, "tensor '3'"),
        (lambda s: {**s, BIAS: s[BIAS].expand(2, 7), "meta": random_meta()}, "got 2 × 7"),
    ],
)
def test_what_is_no_state_dict(torch: Any, tmp_path: Path, wrap: Any, wanted: str) -> None:
    state = {n: torch.from_numpy(a).float() for n, a in made().items()}
    torch.save(wrap(state), tmp_path / "m.pt")
    with pytest.raises(InputError) as caught:
        load_model(tmp_path / "m.pt")
    assert wanted in str(caught.value)
    assert "\n" not in str(caught.value)


def test_state_dicts_of_old(torch: Any, tmp_path: Path) -> None:
    state = {n: torch.from_numpy(a) for n, a in made().items()}
    path = tmp_path / "m.pt"
    torch.save({**state, "meta": random_meta()}, path, _use_new_zipfile_serialization=False)
    assert same(load_model(path), made())


def test_meta_of_a_state_dict_may_be_text(torch: Any, tmp_path: Path) -> None:
    state = {n: torch.from_numpy(a) for n, a in made().items()}
    torch.save({**state, "meta": json.dumps(random_meta())}, tmp_path / "m.pt")
    assert same(load_model(tmp_path / "m.pt"), made())


@pytest.mark.parametrize("dtype", [np.uint16, np.int8, np.int64])
def test_integers_in_safetensors(tmp_path: Path, dtype: Any) -> None:
    arrays = {name: array.astype(dtype) for name, array in made().items()}
    save_file(arrays, tmp_path / "m.safetensors", metadata={"meta": json.dumps(random_meta())})
    with pytest.raises(InputError, match=r"numbers in tensor .* as float16, bfloat16"):
        load_model(tmp_path / "m.safetensors")
