"""A model's meta: what is not understood is refused, what is doubtful is said."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sordino.arch import PRESETS
from sordino.compiler.compile import compile_model
from sordino.errors import InputError, InputWarning
from sordino.image.section.features import FrontEnd
from sordino.meta.table import FeaturesMeta, Meta, parse_meta
from sordino.model.load import load_model, model_from_arrays
from sordino.model.random_rnnt import random_arrays, random_meta
from sordino.model.reference import FloatRnnt
from sordino.model.rnnt import RnntModel
from sordino.schema.record import Nested, Table
from sordino.speech.features import FeatureDefinition
from sordino.speech.mfcc import MfccDefinition

ROOT = Path(__file__).parents[3]
MEAN_TEXT = "x - {}*utterance_mean - {}*global_mean, then / global_std"


def arrays(**sizes: Any) -> dict[str, Any]:
    made = random_arrays(np.random.default_rng(0), **{"inputs": 117, **sizes})
    return {**made, "features.mean": np.zeros(13), "features.std": np.ones(13)}


def meta(**changes: Any) -> dict[str, Any]:
    return random_meta(features={"kind": "sphinx-mfcc"}, **changes)


def features(**changes: Any) -> dict[str, Any]:
    return {"features": {"kind": "sphinx-mfcc", **changes}}


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "near": ({"blank_id": 28}, "got 'blank_id'; did you mean blank?"),
    "short": ({"max_symbols": 3}, "did you mean max_symbols_per_frame?"),
    "inner": ({"activation": "tanh"}, "did you mean joint.activation?"),
    "far": ({"xyzzy": 1}, "got 'xyzzy'; known are tokens, blank"),
    "rate": (features(sample_rate=8000), "did you mean features.front_end.sample_rate?"),
    "filters": (features(filters=40), "did you mean features.front_end.filters?"),
    "bidirectional": ({"encoder": {"bidirectional": True}}, "got 'bidirectional'; known are"),
    "cell": ({"encoder": {"cell": "gru"}}, "got 'cell'"),
    "misspelt": ({"joint": {"activaton": "tanh"}}, "did you mean joint.activation?"),
    "start": ({"prediction": {"start": "zeros"}}, "'blank embedding, zero state', got 'zeros'"),
    "weight": (features(utterance_mean_weight=1.7), "a number from 0 to 1, got 1.7"),
    "one weight": (features(utterance_mean_weight=1.0), "global_mean_weight too"),
    "text weight": (features(mean_subtraction=MEAN_TEXT.format("1.7", "0.3")), "from 0 to 1"),
    "two ways": (
        features(
            mean_subtraction=MEAN_TEXT.format("0.7", "0.3"),
            utterance_mean_weight=1.0,
            global_mean_weight=0.0,
        ),
        "the two mean weights",
    ),
    "null": ({"blank": None}, "got None; leave it out"),
    "boolean": ({"blank": False}, "got False"),
    "boolean symbols": ({"max_symbols_per_frame": True}, "got True"),
    "null inside": ({"encoder": None}, "got None; leave it out"),
    "half": ({"blank": 0.5}, "got 0.5"),
    "whole half": (features(stack=2.5), "got 2.5"),
    "numpy boolean": ({"blank": np.False_}, "meta blank as a whole number"),
    "other place": ({"joint": {"activation": "tanh", "bias": True}}, "known are activation, dim"),
    "short order": ({"gate_order": "ifgo"}, "write it so, and permute the rows"),
    "huge": ({"blank": 10**5000}, "meta blank as a whole number"),
    "nan": (features(prior_frames=float("nan")), "got nan"),
    "infinite": (features(prior_frames=float("inf")), "got inf"),
    "huge number": (features(prior_frames=10**400), "prior_frames as a number"),
    "number as text": (features(prior_frames="100"), "got '100'"),
    "text as number": ({"licence": 3}, "meta licence as text, got 3"),
    "no text": ({"licence": "\ud800"}, "meta licence as text"),
    "half a token": ({"tokens": ["\ud800"] * 7}, "tokens as a list of strings"),
    "token": ({"tokens": [*"abcdef", 7]}, "tokens as a list of strings"),
    "set": ({"tokens": set("abcdefg")}, "tokens as a list of strings"),
    "list": ({"joint": ["tanh"]}, "meta joint as an object with activation"),
    "name": ({3: 4}, "got 3; known are"),
    "layers": ({"prediction": {"layers": 2}}, "wanted 2 prediction layers"),
    "no layers": ({"encoder": {"layers": 0}}, "encoder.layers as a whole number from 1"),
    "hidden": ({"encoder": {"hidden": 9}}, "meta encoder.hidden 8, as the tensors have it, got 9"),
    "inputs": ({"encoder": {"inputs": 39}}, "meta encoder.inputs 117"),
    "embedding": ({"prediction": {"embedding": 9}}, "meta prediction.embedding 5"),
    "units": ({"prediction": {"hidden": 9}}, "meta prediction.hidden 8"),
    "joint": ({"joint": {"activation": "tanh", "dim": 10}}, "meta joint.dim 9"),
    "fraction": (
        {"joint": {"activation": "tanh", "relu_fraction": 4}},
        "relu_fraction with a relu joint alone",
    ),
    "cepstra": (features(cepstra=12), "wanted cepstra 13"),
    "dim": (features(dim=118), "wanted dim 117"),
    "stack": (features(stack=2), "wanted features of width 117"),
    "order": ({"gate_order": "i o f g"}, "got 'i o f g'; write it so"),
    "order and more": ({"gate_order": "i f g o but reversed"}, "permute the rows"),
    "licences": ({"licence": "MIT", "license": "BSD-3-Clause"}, "wanted one licence"),
    "bits": ({"quantise": {"bits": 4.5}}, "quantise.bits as a whole number from 2 to 8"),
    "codebook": ({"quantise": {"code_book": "uniform"}}, "did you mean quantise.codebook?"),
    "front end": (features(front_end={"fft_size": 16}), "raise fft_size"),
    "more filters": (features(front_end={"filters": 10**9}), "filters as a whole number"),
    "front end name": (features(front_end={"rate": 8000}), "known are sample_rate"),
}


@pytest.mark.parametrize("mistake", REFUSED)
def test_refused(mistake: str) -> None:
    changes, wanted = REFUSED[mistake]
    with pytest.raises(InputError) as caught:
        model_from_arrays(arrays(), {**meta(), **changes})
    assert wanted in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


def test_numbers_as_other_writers_of_json_and_numpy_have_them() -> None:
    given = features(
        stack=3.0, fraction_bits=np.int8(5), utterance_mean_weight=np.float32(0.5),
        global_mean_weight=0.5, front_end={"fft_size": 512.0, "lowest": 130},
    )  # fmt: skip
    given |= {"blank": -0.0, "max_symbols_per_frame": np.int64(3), "tokens": tuple("_abcdef")}
    given |= {"quantise": {"bits": 4.0, "layers": {"encoder.*": 5.0}}}
    read = model_from_arrays(arrays(), meta(**{"encoder": {"hidden": 8.0}}) | given).meta.as_dict()
    assert json.loads(json.dumps(read)) == read
    numbers = [read["blank"], read["max_symbols_per_frame"], read["encoder"]["hidden"]]
    numbers += [read["features"]["stack"], read["features"]["fraction_bits"]]
    numbers += [read["quantise"]["bits"], read["quantise"]["layers"]["encoder.*"]]
    assert list(map(repr, numbers)) == ["0", "3", "8", "3", "5", "4", "5"]


DEFINITIONS = (
    "whole half",
    "cepstra",
    "dim",
    "stack",
    "front end",
    "one weight",
    "text weight",
    "two ways",
)
"""What only the definition of features notices, which the float network does not have."""


@pytest.mark.parametrize("mistake", sorted(REFUSED.keys() - {*DEFINITIONS}))
def test_the_float_network_is_not_laxer(mistake: str) -> None:
    with pytest.raises(InputError):
        FloatRnnt(arrays(), {**meta(), **REFUSED[mistake][0]})


def objects(table: Table, at: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    inner = [(e.name, e.kind.record.table()) for e in table if isinstance(e.kind, Nested)]
    return [at, *(o for name, kind in inner for o in objects(kind, (*at, name)))]


@pytest.mark.parametrize("where", objects(Meta.table()), ids=lambda w: ".".join(w) or "meta")
def test_unknown_entries_are_refused_at_every_level(where: tuple[str, ...]) -> None:
    given: Any = meta()
    inner = given
    for name in where:
        inner = inner.setdefault(name, {})
    inner["surprise"] = 1
    with pytest.raises(InputError, match="surprise"):
        Meta.read(given)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_any_value_of_any_entry_is_read_or_refused(value: Any) -> None:
    for name, _ in Meta.table().rows():
        given: Any = meta()
        *path, last = name.split(".")
        inner = given
        for part in path:
            inner = inner.setdefault(part, {})
        inner[last] = value
        with suppress(InputError):
            read = Meta.read(given)
            assert Meta.read(read.as_dict()) == read
            assert Meta.read(read.as_dict()).as_dict() == read.as_dict()


def test_meta_is_copied_and_what_it_lacks_is_filled_in() -> None:
    given = {"tokens": ["<blank>", *"abcdef"], "joint": {"activation": "tanh"}}
    model = model_from_arrays(random_arrays(np.random.default_rng(0)), given)
    assert given == {"tokens": ["<blank>", *"abcdef"], "joint": {"activation": "tanh"}}
    assert model.meta.as_dict() == {
        **given,
        "blank": 0,
        "max_symbols_per_frame": 5,
        "encoder": {"layers": 1},
        "prediction": {"layers": 1},
    }
    given["tokens"].append("g")  # type: ignore[attr-defined]
    assert len(model.tokens) == 7


def test_all_that_can_be_said_is_understood() -> None:
    said = meta(
        encoder={"layers": 1, "inputs": 117, "hidden": 8},
        prediction={
            "layers": 1,
            "embedding": 5,
            "hidden": 8,
            "start": "blank embedding, zero state",
        },
        gate_order="i f g o",
        recipe="mine",
        notes="what else there is",
        license="MIT",
        quantise={"bits": 4, "codebook": "lloyd-max", "layers": {"joint.*": 6}},
    )
    said["joint"] = {"activation": "relu", "dim": 9, "relu_fraction": 3}
    said["features"] |= {"cepstra": 13, "stack": 3, "dim": 117, "prior_frames": 0}
    model = model_from_arrays(arrays(), said)
    assert (model.relu_fraction, model.licence) == (3, "MIT")
    assert compile_model(model, PRESETS["tiny"]).image.host.layer_bits == {"joint.*": 6}


def test_another_front_end_reaches_the_image() -> None:
    front_end = {"sample_rate": 8000, "highest": 3500.0, "fft_size": 256, "filters": 20}
    given = {**meta(), **features(front_end=front_end)}
    image = compile_model(model_from_arrays(arrays(), given), PRESETS["tiny"]).image
    definition = FeatureDefinition.of_image(image)
    assert definition.front_end == MfccDefinition(**front_end)


def test_defaults_are_those_of_the_definition() -> None:
    assert FrontEnd().sample_rate == MfccDefinition().sample_rate == 16000
    stated = FeaturesMeta(kind="sphinx-mfcc")
    least = FeatureDefinition.from_meta(stated, np.zeros(13), np.ones(13))
    assert least == FeatureDefinition(mean=(0.0,) * 13, std=(1.0,) * 13)
    assert (least.stack, FeaturesMeta().stack) == (3, 3)


@pytest.mark.parametrize("name", ["voices_rnnt_causal", "an4_rnnt_causal", "an4_rnnt_g4_80"])
def test_the_shipped_models_say_nothing_doubtful(name: str) -> None:
    with np.load(ROOT / "models" / f"{name}.npz") as archive:
        said = json.loads(str(archive["meta"]))
    assert Meta.read(said).as_dict() == said
    assert isinstance(load_model(ROOT / "models" / f"{name}.npz"), RnntModel)


DOUBTS: dict[str, tuple[dict[str, Any], str]] = {
    "blank": ({"tokens": [*"abcdef", "<blank>"]}, "token 0, 'a', but token 6 says '<blank>'"),
    "capitals": ({"tokens": [*"abcdef", "<BLANK>"]}, "correct blank"),
    "epsilon": ({"tokens": [*"abcdef", "<eps>"]}, "token 6 says '<eps>'"),
    "letter": ({"tokens": [*"abcdef", "ε"]}, "token 6 says 'ε'"),
    "equal": ({"tokens": ["<blank>", *"abcdea"]}, "tokens 1 and 6 are both 'a'"),
    "weights": (
        features(utterance_mean_weight=1.0, global_mean_weight=0.3),
        "1 of the utterance mean and 0.3 of the global mean, which do not make 1",
    ),
    "text": (features(mean_subtraction=MEAN_TEXT.format("0.5", "0.3")), "do not make 1"),
}


@pytest.mark.parametrize("doubt", DOUBTS)
def test_doubts_are_said(doubt: str) -> None:
    changes, wanted = DOUBTS[doubt]
    with pytest.warns(InputWarning) as caught:
        model_from_arrays(arrays(), {**meta(), **changes})
    assert [wanted in str(w.message) for w in caught] == [True]


def test_a_blank_that_nobody_named_is_said() -> None:
    given = {**meta(), "tokens": [*"abcdefg"]}
    del given["blank"]
    with pytest.warns(InputWarning, match="token 0, 'a', is taken for it"):
        model_from_arrays(arrays(), given)
    model_from_arrays(arrays(), {**given, "blank": 3})
    model_from_arrays(arrays(), {**given, "tokens": ["", *"abcdef"]})


def test_statistics_without_features_are_said() -> None:
    with pytest.warns(InputWarning, match="images of it take no recordings"):
        model_from_arrays(arrays(), random_meta())


@pytest.mark.parametrize("name", ["features.mean", "features.std"])
def test_features_without_statistics(name: str) -> None:
    given = arrays()
    del given[name]
    with pytest.raises(InputError, match=f"tensor {name}, since meta has features.*add the mean"):
        model_from_arrays(given, meta())


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('{"blank": 0, "blank": 1}', "the name 'blank' twice"),
        ('{"joint": {"dim": 1, "dim": 1}}', "the name 'dim' twice"),
        ('{"a": NaN}', "NaN, which is no number"),
        ('{"a": -Infinity}', "-Infinity, which is no number"),
        ('{"a": 1e999, }', "as JSON"),
        ("1" * 5000, "as JSON"),
        ("{" * 3, "as JSON"),
        ("[" * 100_000, "as JSON"),
        (" " * (2**24 + 1), "at most 16,777,216 bytes"),
        (b'\xff\xfe{"a": 1}', "UTF-16"),
        (b'{"a": "\xff"}', "as UTF-8, got byte 0xff"),
    ],
)
def test_text_that_is_no_json(text: str | bytes, wanted: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_meta(text)
    assert wanted in str(caught.value)
    assert len(str(caught.value)) < 300


def test_a_byte_order_mark_is_no_part_of_it() -> None:
    assert parse_meta(b'\xef\xbb\xbf{"a": 1}') == {"a": 1}


@pytest.mark.parametrize("given", [None, [np.zeros(3)], "model.npz"])
def test_tensors_without_names(given: Any) -> None:
    with pytest.raises(InputError, match="wanted tensors by their names, got"):
        model_from_arrays(given, meta())


@pytest.mark.parametrize("given", [None, [], "tokens", 3])
def test_meta_that_is_no_object(given: Any) -> None:
    with pytest.raises(InputError, match=r"JSON object.*docs/meta\.md"):
        model_from_arrays(arrays(), given)


@pytest.mark.parametrize(
    ("inside", "wanted"),
    [
        (np.array(["{}"]), "one JSON text, got <U2 of shape (1,)"),
        (np.array(3.0), "one JSON text, got float64"),
        (
            np.array({"tokens": ["a"]}),
            "got something else ('an array of object and shape ()'); save np.array(json",
        ),
        (np.array(b'{"tokens": 3}'), "tokens as a list of strings"),
        (np.array(b"\xff"), "as UTF-8"),
        (np.array('{"blank": 0, "blank": 1}'), "twice"),
    ],
)
def test_meta_in_an_archive(tmp_path: Path, inside: Any, wanted: str) -> None:
    np.savez(tmp_path / "m.npz", meta=inside, **arrays())
    with pytest.raises(InputError) as caught:
        load_model(tmp_path / "m.npz")
    assert wanted in str(caught.value)


@pytest.mark.parametrize(
    ("machine", "wanted"), [("small", "got 'small'; presets are in"), (None, "got None")]
)
def test_the_name_of_a_machine_is_none(machine: Any, wanted: str) -> None:
    with pytest.raises(InputError, match=wanted):
        compile_model(model_from_arrays(arrays(), meta()), machine)
    with pytest.raises(InputError, match="load_model"):
        compile_model("model.npz", PRESETS["tiny"])  # type: ignore[arg-type]
