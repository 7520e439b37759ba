"""Models from every kind of file, and one clear line for every kind of mistake."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from sordino.errors import InputError
from sordino.layers.gru import Gru
from sordino.layers.lstm import Lstm
from sordino.layers.projected import ProjectedLstm
from sordino.model.load import load_model, model_from_arrays
from sordino.model.random_rnnt import random_arrays, random_meta, random_model
from sordino.model.reduction import TimeReduction
from sordino.model.reference import FloatRnnt

Arrays = dict[str, Any]


@pytest.fixture
def arrays() -> Arrays:
    made = random_arrays(np.random.default_rng(0), encoder=(8, 6), prediction=(5,))
    return {name: array.astype(np.float32) for name, array in made.items()}


def pytorch_name(name: str) -> str:
    """encoder.1.weight_ih -> encoder.weight_ih_l1"""
    part, *rest = name.split(".")
    return f"{part}.{rest[1]}_l{rest[0]}" if rest[0].isdigit() else name


def save_npz(path: Path, arrays: Arrays, meta: dict[str, Any] | None = None) -> Path:
    inside = {} if meta is None else {"meta": np.array(json.dumps(meta))}
    np.savez(path, **arrays, **inside)
    return path


def same(model: Any, arrays: Arrays) -> bool:
    found = model.arrays()
    return found.keys() == arrays.keys() and all(
        found[k].dtype == np.float64 and np.array_equal(found[k], arrays[k]) for k in arrays
    )


@pytest.mark.parametrize("rename", [str, pytorch_name], ids=["own names", "PyTorch's names"])
def test_npz(tmp_path: Path, arrays: Arrays, rename: Callable[[str], str]) -> None:
    named = {rename(name): array for name, array in arrays.items()}
    model = load_model(save_npz(tmp_path / "a.model.npz", named, random_meta()))
    assert same(model, arrays)
    assert (model.name, len(model.sha256), model.blank, model.max_symbols) == ("a.model", 64, 0, 3)
    assert [layer.hidden for layer in model.encoder] == [8, 6]
    assert model.parameters() == sum(a.size for a in arrays.values())
    assert (model.inputs, model.input_fraction, model.activation) == (6, 5, "tanh")
    x = np.random.default_rng(1).normal(size=(9, 6))
    assert FloatRnnt(model.arrays(), model.meta).transcribe(x)


@pytest.mark.parametrize("inner", ["encoder.lstm.", "encoder.rnn."])
def test_lstm_in_a_submodule(arrays: Arrays, inner: str) -> None:
    named = {
        pytorch_name(n).replace("encoder.", inner, 1) if n.startswith("encoder") else n: a
        for n, a in arrays.items()
    }
    assert inner + "weight_hh_l1" in named
    floats = {n: a.astype(np.float64) for n, a in named.items()}
    assert same(model_from_arrays(floats, random_meta()), arrays)


def test_safetensors(tmp_path: Path, arrays: Arrays) -> None:
    path = tmp_path / "m.safetensors"
    save_file(arrays, path, metadata={"meta": json.dumps(random_meta())})
    assert same(load_model(path), arrays)
    save_file(arrays, path)
    with pytest.raises(InputError, match="--meta"):
        load_model(path)
    (tmp_path / "m.json").write_text(json.dumps(random_meta(max_symbols_per_frame=9)))
    assert load_model(path, tmp_path / "m.json").max_symbols == 9


def test_meta_file_takes_the_place_of_the_one_inside(tmp_path: Path, arrays: Arrays) -> None:
    path = save_npz(tmp_path / "m.npz", arrays, random_meta())
    (tmp_path / "m.json").write_text(json.dumps(random_meta(activation="relu", licence="MIT")))
    model = load_model(path, tmp_path / "m.json")
    assert (model.activation, model.licence, model.relu_fraction) == ("relu", "MIT", 4)


def test_pytorch_state_dict(tmp_path: Path, arrays: Arrays) -> None:
    torch = pytest.importorskip("torch", reason="needs the extra `torch`")
    state = {pytorch_name(n): torch.from_numpy(a) for n, a in arrays.items()}
    path = tmp_path / "m.pt"
    torch.save({"state_dict": state, "meta": random_meta()}, path)
    assert same(load_model(path), arrays)
    torch.save(state, path)
    (tmp_path / "m.json").write_text(json.dumps(random_meta()))
    assert same(load_model(path, tmp_path / "m.json"), arrays)
    torch.save({"state_dict": {"a": 3}, "meta": random_meta()}, path)
    with pytest.raises(InputError, match="wanted tensors"):
        load_model(path)


def test_pickles_are_not_executed(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="needs the extra `torch`")
    import pickle

    class Trap:
        def __reduce__(self) -> Any:
            return (Path.touch, (tmp_path / "sprung",))

    (tmp_path / "m.pt").write_bytes(pickle.dumps(Trap()))
    with pytest.raises(InputError, match="state dict"):
        load_model(tmp_path / "m.pt")
    assert not (tmp_path / "sprung").exists()


def test_without_torch_the_message_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    (tmp_path / "m.pth").write_bytes(b"PK")
    with pytest.raises(InputError, match=r"needs torch; pip install"):
        load_model(tmp_path / "m.pth")


def test_objects_in_npz_are_refused(tmp_path: Path, arrays: Arrays) -> None:
    arrays["joint.output.bias"] = np.array([{}], dtype=object)
    with pytest.raises(InputError, match="plain arrays"):
        load_model(save_npz(tmp_path / "m.npz", arrays, random_meta()))


def spoil(name: str, change: Callable[[Any], Any]) -> Callable[[Arrays], None]:
    def apply(arrays: Arrays) -> None:
        arrays[name] = change(arrays[name])

    return apply


def add(name: str, like: str = "joint.output.bias") -> Callable[[Arrays], None]:
    def apply(arrays: Arrays) -> None:
        arrays[name] = arrays[like]

    return apply


def one_nan(array: Any) -> Any:
    array = array.copy()
    array.flat[-1] = np.nan
    return array


MISTAKES: dict[str, tuple[Callable[[Arrays], Any], str]] = {
    "nan": (spoil("encoder.1.weight_hh", one_nan), "finite numbers in encoder.1.weight_hh"),
    "inf": (
        spoil("joint.output.bias", lambda a: a + np.inf),
        "finite numbers in joint.output.bias",
    ),
    "missing": (lambda a: a.pop("encoder.1.bias_hh"), "encoder.1.bias_hh, found none"),
    "hole": (lambda a: a.pop("encoder.0.weight_ih"), "encoder.0.weight_ih, found none"),
    "transposed": (spoil("encoder.0.weight_ih", np.transpose), "of size 32 × any, got 6 × 32"),
    "next layer": (
        spoil("encoder.1.weight_ih", lambda a: a[:, 1:]),
        "encoder.1.weight_ih of size 24 × 8, got 24 × 7",
    ),
    "bias": (spoil("encoder.0.bias_ih", lambda a: a[:-1]), "encoder.0.bias_ih of size 32, got 31"),
    "square": (
        spoil("prediction.0.weight_hh", lambda a: a[:-1]),
        "prediction.0.weight_hh of size 20 × any, got 19 × 5",
    ),
    "joint": (
        spoil("joint.prediction.weight", lambda a: a[:-1]),
        "joint.prediction.weight of size 9 × 5, got 8 × 5",
    ),
    "outputs": (spoil("joint.output.weight", lambda a: a[:-1]), "of size 7 × 9, got 6 × 9"),
    "scalar": (spoil("joint.output.bias", lambda a: a[0]), "joint.output.bias of size 7, got one"),
    "empty": (
        spoil("prediction.embedding.weight", lambda a: a[:0]),
        "prediction.embedding.weight of size any × any, got 0 × 5",
    ),
    "text": (spoil("joint.output.bias", lambda a: a.astype(str)), "numbers in tensor"),
    "conv": (add("encoder.conv.0.weight"), "'encoder.conv.0.weight': such a layer cannot"),
    "reverse": (add("encoder.weight_ih_l0_reverse"), "bidirectional layers cannot"),
    "projection": (
        add("encoder.weight_hr_l0"),
        "encoder.0.weight_hr of size any × any, got ",
    ),
    "twice": (
        add("encoder.weight_ih_l1", "encoder.1.weight_ih"),
        "one encoder.1.weight_ih, got two",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_wrong_tensors(tmp_path: Path, arrays: Arrays, mistake: str) -> None:
    change, wanted = MISTAKES[mistake]
    change(arrays)
    path = save_npz(tmp_path / "m.npz", arrays, random_meta())
    with pytest.raises(InputError) as caught:
        load_model(path)
    message = str(caught.value)
    assert wanted in message
    assert message.startswith(f"{path}: wanted ")
    assert "\n" not in message


def reduced(reduction: Any) -> dict[str, Any]:
    return {"encoder": {"time_reduction": reduction}}


@pytest.mark.parametrize(
    ("meta", "wanted"),
    [
        ({"tokens": "abc"}, "tokens as a list"),
        ({"tokens": ["a"]}, "wanted 7 tokens"),
        ({"blank": 7}, "meta blank as a whole number from 0 to 6, got 7"),
        ({"blank": "0"}, "meta blank as a whole number"),
        ({"max_symbols_per_frame": 0}, "max_symbols_per_frame"),
        ({"joint": {"activation": "gelu"}}, "tanh or relu, got 'gelu'"),
        ({"joint": {}}, "joint.activation as tanh or relu, got none"),
        ({"joint": {"activation": "relu", "relu_fraction": 12}}, "relu_fraction"),
        ({"joint": "tanh"}, "joint as an object"),
        ({"encoder": {"layers": 3}}, "wanted 3 encoder layers, as meta says, got 2"),
        (
            {"gate_order": "i g f o"},
            "'i f g o (PyTorch)', got 'i g f o'; write it so, and permute the rows",
        ),
        (reduced(3), "time_reduction as an object with after and factor, got 3"),
        (reduced({"after": 1}), "time_reduction.factor as a whole number from 2 to 16, got none"),
        (
            reduced({"after": 2, "factor": 2}),
            "encoder.time_reduction.after as a whole number from 1 to 1",
        ),
        (
            reduced({"after": 1, "factor": 1}),
            "encoder.time_reduction.factor as a whole number from 2 to 16",
        ),
        (
            reduced({"after": 1, "factor": True}),
            "time_reduction.factor as a whole number from 2 to 16, got True",
        ),
        (reduced({"after": 1, "factor": 2}), "encoder.1.weight_ih of size 24 × 16, got 24 × 8"),
    ],
)
def test_wrong_meta(tmp_path: Path, arrays: Arrays, meta: dict[str, Any], wanted: str) -> None:
    path = save_npz(tmp_path / "m.npz", arrays, {**random_meta(), **meta})
    with pytest.raises(InputError) as caught:
        load_model(path)
    assert wanted in str(caught.value)
    assert "\n" not in str(caught.value)


def test_time_reduction() -> None:
    model = random_model(0, encoder=(5, 4, 3), time_reduction=(2, 3))
    assert [layer.inputs for layer in model.encoder] == [6, 5, 12]
    assert model.meta.encoder.as_dict() == {
        "layers": 3,
        "time_reduction": {"after": 2, "factor": 3},
    }
    assert model.with_max_symbols(2).time_reduction == TimeReduction(after=2, factor=3)
    assert random_model(0).time_reduction == TimeReduction(after=0, factor=1)
    with pytest.raises(InputError, match="two encoder layers or more"):
        model_from_arrays(
            random_model(0).arrays(), {**random_meta(), **reduced({"after": 1, "factor": 2})}
        )


@pytest.mark.parametrize("text", ["{", "[]", "3", ""])
def test_meta_that_is_no_object(tmp_path: Path, arrays: Arrays, text: str) -> None:
    path = save_npz(tmp_path / "m.npz", arrays, random_meta())
    (tmp_path / "meta.json").write_text(text)
    with pytest.raises(InputError, match=r"wanted meta .*as "):
        load_model(path, tmp_path / "meta.json")
    with pytest.raises(InputError, match="cannot read meta"):
        load_model(path, tmp_path / "none.json")


@pytest.mark.parametrize("suffix", [".npz", ".safetensors", ".onnx"])
@pytest.mark.parametrize("contents", [b"", b"nonsense", b"PK\x03\x04" + bytes(60), None])
def test_files_that_are_no_model(tmp_path: Path, suffix: str, contents: bytes | None) -> None:
    path = tmp_path / f"m{suffix}"
    if contents is not None:
        path.write_bytes(contents)
    with pytest.raises(InputError, match=r"wanted|cannot read"):
        load_model(path)


@pytest.mark.parametrize("kind", [".npz", ".safetensors", ".pt"])
def test_damaged_files_never_crash(tmp_path: Path, arrays: Arrays, kind: str) -> None:
    path = tmp_path / f"m{kind}"
    if kind == ".npz":
        save_npz(path, arrays, random_meta())
    elif kind == ".safetensors":
        save_file(arrays, path, metadata={"meta": json.dumps(random_meta())})
    else:
        torch = pytest.importorskip("torch", reason="needs the extra `torch`")
        state = {name: torch.from_numpy(array) for name, array in arrays.items()}
        torch.save({**state, "meta": random_meta()}, path)
    contents = bytearray(path.read_bytes())
    rng = np.random.default_rng(0)
    refused = 0
    for trial in range(120):
        damaged = bytearray(contents)
        if trial % 2:
            damaged = damaged[: rng.integers(len(contents))]
        else:
            damaged[rng.integers(len(contents))] ^= 1 << int(rng.integers(8))
        path.write_bytes(damaged)
        try:
            load_model(path)
        except InputError:
            refused += 1
    assert refused >= 60


def test_loading_needs_no_torch() -> None:
    code = "import sys, sordino.model.load; sys.exit('torch' in sys.modules)"
    assert (
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONPATH": ":".join(sys.path)}
        ).returncode
        == 0
    )


def test_random_models_are_reproducible() -> None:
    first, second = random_model(5), random_model(5)
    assert same(first, second.arrays())
    assert not same(first, random_model(6).arrays())


def test_the_kind_of_a_layer_is_told_by_its_tensors() -> None:
    for gates, projection, kind in ((4, 0, Lstm), (4, 3, ProjectedLstm), (3, 0, Gru)):
        rng = np.random.default_rng(gates + projection)
        arrays = random_arrays(rng, encoder=(8, 5), gates=gates, projection=projection)
        model = model_from_arrays(arrays, random_meta())
        assert {type(layer) for layer in (*model.encoder, *model.prediction)} == {kind}
        assert {n: a.tolist() for n, a in model.arrays().items()} == {
            n: a.tolist() for n, a in arrays.items()
        }


def test_the_order_of_an_lstm_s_gates_is_none_of_a_gru() -> None:
    arrays = random_arrays(np.random.default_rng(1), gates=3)
    with pytest.raises(InputError, match="gate_order with LSTM layers alone"):
        model_from_arrays(arrays, random_meta(gate_order="i f g o"))
