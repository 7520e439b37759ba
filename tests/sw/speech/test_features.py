"""From cepstra to int8: against a slow, literal computation, and at the edges."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from sordino.errors import InputError
from sordino.image.section.features import ImageFeatures
from sordino.meta.table import FeaturesMeta
from sordino.speech.features import FeatureDefinition
from sordino.speech.files.mfc import write_mfc
from sordino.speech.inputs import load_features, load_input

RANDOM = np.random.default_rng(1)
MEAN, STD = RANDOM.normal(size=13), RANDOM.uniform(0.5, 2, size=13)
DEFINITION = FeatureDefinition(mean=tuple(MEAN.tolist()), std=tuple(STD.tolist()))
META: dict[str, Any] = {
    "kind": "sphinx-mfcc",
    "cepstra": 13,
    "mean_subtraction": "x - 0.7*utterance_mean - 0.3*global_mean, then / global_std",
    "deltas": "delta = 3*(2*(x[t+2]-x[t-2])+(x[t+1]-x[t-1]))/10 on edge-padded x; delta-delta "
    "the same of delta; concatenated [x, delta, delta2] = 39",
    "stack": 3,
    "dim": 117,
}


def _mean_text(utterance: str, everything: str) -> str:
    return f"x - {utterance}*utterance_mean - {everything}*global_mean, then / global_std"


def literal_model_input(cepstra: np.ndarray) -> np.ndarray:
    """The definition in the model's meta, one frame at a time."""
    x = (cepstra - 0.7 * cepstra.mean(0) - 0.3 * MEAN) / STD

    def delta(v: np.ndarray) -> np.ndarray:
        def at(t: int) -> np.ndarray:
            return v[min(max(t, 0), len(v) - 1)]

        return np.array(
            [
                3 * (2 * (at(t + 2) - at(t - 2)) + (at(t + 1) - at(t - 1))) / 10
                for t in range(len(v))
            ]
        )

    frames = np.concatenate([x, delta(x), delta(delta(x))], axis=1)
    return np.array([frames[t : t + 3].ravel() for t in range(0, len(frames) - 2, 3)])


@given(st.integers(3, 40))
def test_model_input_is_the_definition(frames: int) -> None:
    cepstra = np.random.default_rng(frames).normal(size=(frames, 13)) * 5
    got = DEFINITION.model_input(cepstra)
    assert got.shape == (frames // 3, 117)
    np.testing.assert_allclose(got, literal_model_input(cepstra), rtol=1e-12, atol=1e-12)


def test_quantise_rounds_half_away_from_zero_and_saturates() -> None:
    steps = np.array([0.0, 0.49, 0.5, -0.5, 1.5, -1.5, 2.5, 127.4, 127.5, -128.4, -129.0])
    got = DEFINITION.quantise(steps / 32)
    assert got.dtype == np.int8
    assert got.tolist() == [0, 0, 1, -1, 2, -2, 3, 127, 127, -128, -128]
    assert DEFINITION.quantise([np.inf, -np.inf, 1e308]).tolist() == [127, -128, 127]
    with pytest.raises(InputError, match="NaN"):
        DEFINITION.quantise([np.nan])


@given(st.integers(-128, 127), st.integers(0, 15))
def test_every_int8_survives(value: int, bits: int) -> None:
    definition = FeatureDefinition(mean=(0.0,) * 13, std=(1.0,) * 13, fraction_bits=bits)
    assert definition.quantise(value / 2**bits) == value


WHOLE = DEFINITION.front_end.as_dict()


def written(definition: FeatureDefinition) -> dict[str, Any]:
    return definition.section().as_dict()


def read(values: object) -> FeatureDefinition:
    return FeatureDefinition.of(ImageFeatures.read(values, "the image's", at="features."))


def described(meta: object, mean: Any = MEAN, std: Any = STD) -> FeatureDefinition:
    return FeatureDefinition.from_meta(FeaturesMeta.read(meta, at="features."), mean, std)


def test_dictionary_round_trip_is_exact() -> None:
    assert DEFINITION.dim == 117
    text = json.dumps(written(DEFINITION))
    assert read(json.loads(text)) == DEFINITION
    other = FeatureDefinition(mean=DEFINITION.mean, std=DEFINITION.std, stack=2, fraction_bits=4)
    assert read(written(other)) == other != DEFINITION
    running = FeatureDefinition(
        mean=DEFINITION.mean, std=DEFINITION.std, mean_over="running", prior_frames=7.5
    )
    assert read(json.loads(json.dumps(written(running)))) == running


def test_images_from_before_running_means_are_read_and_made() -> None:
    assert not {"mean_over", "prior_frames"} & written(DEFINITION).keys()
    assert read(written(DEFINITION)).mean_over == "utterance"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "log-mel"}, "kind as sphinx-mfcc, got 'log-mel'"),
        ({"dim": 118}, "dim 117"),
        ({"cepstra": 12}, "cepstra 13"),
        ({"surprise": 1}, "surprise"),
        ({"mean": [0.0] * 12}, "13 feature means"),
        ({"mean": [float("nan")] * 13}, "finite"),
        ({"mean": 3}, "a list of finite numbers, got 3"),
        ({"std": [0.0] * 13}, "positive"),
        ({"stack": 0}, "stack as a whole number"),
        ({"stack": 1.5}, "stack as a whole number"),
        ({"fraction_bits": 40}, "fraction_bits as a whole number from 0 to 15"),
        ({"mean_over": "year"}, "utterance or running"),
        ({"prior_frames": -1.0}, "prior_frames as a number from 0"),
        ({"front_end": {"speed": 3}}, "'speed'; known are"),
        ({"front_end": WHOLE | {"fft_size": 16}}, "raise fft_size"),
        ({"front_end": {"fft_size": 512}}, "front_end.sample_rate as a whole number"),
    ],
)
def test_bad_dictionaries_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(written(DEFINITION) | change)


def test_a_missing_entry_is_refused() -> None:
    values = written(DEFINITION)
    del values["delta_taps"]
    with pytest.raises(InputError, match="delta_taps"):
        read(values)
    with pytest.raises(InputError, match="an object with"):
        read([])


def test_meta_of_the_models() -> None:
    assert described(META, MEAN, STD) == DEFINITION
    numbers = {"fraction_bits": 4, "utterance_mean_weight": 0.5, "global_mean_weight": 0.5}
    numeric = {k: v for k, v in META.items() if k != "mean_subtraction"} | numbers
    got = described(numeric, MEAN, STD)
    assert (got.fraction_bits, got.utterance_mean_weight, got.global_mean_weight) == (4, 0.5, 0.5)
    text = {"mean_subtraction": META["mean_subtraction"].replace("0.7", "0.9")}
    got = described(META | text, MEAN, STD)
    assert (got.utterance_mean_weight, got.global_mean_weight) == (0.9, 0.3)
    running = {"mean_over": "running", "prior_frames": 50}
    got = described(META | running, MEAN, STD)
    assert (got.mean_over, got.prior_frames) == ("running", 50.0)
    least = described({"kind": "sphinx-mfcc"}, MEAN, STD)
    assert least == DEFINITION


@pytest.mark.parametrize(
    ("meta", "message"),
    [
        ({"features": {}}, "features.kind as sphinx-mfcc, got none"),
        ({"features": META | {"kind": "fbank"}}, "fbank"),
        ({"features": META | {"mean_subtraction": "none"}}, "mean_subtraction"),
        ({"features": META | {"utterance_mean_weight": 0.6, "global_mean_weight": 0.4}}, "the two"),
        ({"features": META | {"mean_subtraction": _mean_text("1.7", "0.3")}}, "from 0 to 1"),
        ({"features": META | {"mean_subtraction": _mean_text("1.2.3", "0.3")}}, "A\\*utterance"),
        (
            {"features": {"kind": "sphinx-mfcc", "utterance_mean_weight": 1.7}},
            "from 0 to 1, got 1.7",
        ),
        (
            {"features": {"kind": "sphinx-mfcc", "utterance_mean_weight": 1.0}},
            "global_mean_weight too",
        ),
        (
            {"features": {"kind": "sphinx-mfcc", "sample_rate": 8000}},
            r"mean features\.front_end\.sam",
        ),
        ({"features": {"kind": "sphinx-mfcc", "stack": True}}, "whole number from 1"),
        ({"features": {"kind": "sphinx-mfcc", "stack": 3.5}}, "whole number from 1"),
        (
            {"features": {"kind": "sphinx-mfcc", "prior_frames": 10**400}},
            "prior_frames as a number",
        ),
        ({"features": {"kind": "sphinx-mfcc", "front_end": {"filters": 10**9}}}, "filters as"),
        ({"features": {"kind": "sphinx-mfcc", "front_end": {"cepstra": 20}}}, "20 feature means"),
        ({"features": {"kind": "sphinx-mfcc", "front_end": {"sample_rate": 4000}}}, "below 2000"),
        ({"features": META | {"deltas": "none"}}, "deltas"),
        ({"features": META | {"stack": 2}}, "dim 78"),
        ({"features": META | {"stack": 2.5}}, "whole number"),
        ({"features": META | {"fraction_bits": "few"}}, "a whole number from 0 to 15"),
    ],
)
def test_unknown_meta_is_refused(meta: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        described(meta["features"], MEAN, STD)


def test_another_front_end_is_honoured() -> None:
    mine = {"sample_rate": 8000, "highest": 3500.0, "fft_size": 256, "filters": 20, "cepstra": 12}
    stated = {"kind": "sphinx-mfcc", "front_end": mine, "cepstra": 12, "dim": 108}
    got = described(stated, MEAN[:12], STD[:12])
    assert (got.front_end.sample_rate, got.front_end.filters, got.dim) == (8000, 20, 108)
    assert read(json.loads(json.dumps(written(got)))) == got


def test_all_inputs_agree(tmp_path: Path) -> None:
    cepstra = RANDOM.normal(size=(20, 13)).astype(np.float32)
    x = DEFINITION.model_input(cepstra)
    q = DEFINITION.quantise(x)
    write_mfc(tmp_path / "a.mfc", cepstra)
    np.save(tmp_path / "cepstra.npy", cepstra)
    np.save(tmp_path / "input.npy", x)
    np.save(tmp_path / "int8.npy", q)
    for name in ("a.mfc", "cepstra.npy", "input.npy", "int8.npy"):
        got = load_input(tmp_path / name, DEFINITION)
        assert got.dtype == np.int8
        np.testing.assert_array_equal(got, q, err_msg=name)
    np.testing.assert_array_equal(load_features(tmp_path / "int8.npy", DEFINITION) * 32, q)


def test_audio_at_another_rate_says_nearly_the_same(utterances: Path, tmp_path: Path) -> None:
    path = utterances / "yes.wav"
    samples, rate = soundfile.read(path)
    soundfile.write(tmp_path / "double.flac", samples.repeat(2), 2 * rate)
    same = load_features(path, DEFINITION)
    other = load_features(tmp_path / "double.flac", DEFINITION)
    assert same.shape == other.shape
    assert np.corrcoef(same.ravel(), other.ravel())[0, 1] > 0.95


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((9, 12)), "frames × 13"),
        (np.zeros(13), "frames × 13"),
        (np.zeros((0, 13)), "finite frames"),
        (np.zeros((2, 13)), "at least 3 frames"),
        (np.full((9, 13), np.nan), "finite"),
        (np.full((9, 117), np.inf), "finite"),
        (np.full((9, 13), 1e308), "finite"),
        (np.zeros((9, 117), np.int16), "int16"),
        (np.zeros((9, 13), np.int8), "int8"),
        (np.zeros((9, 13), complex), "complex"),
        (np.array([[object()] * 13]), "matrix of numbers"),
    ],
)
def test_bad_matrices_are_refused(tmp_path: Path, array: np.ndarray, message: str) -> None:
    np.save(tmp_path / "a.npy", array, allow_pickle=True)
    with pytest.raises(InputError, match=message) as caught:
        load_input(tmp_path / "a.npy", DEFINITION)
    assert "a.npy" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_bad_files_are_refused(tmp_path: Path) -> None:
    for data in (b"", b"\x93NUMPY", b"hello" * 20):
        (tmp_path / "a.npy").write_bytes(data)
        with pytest.raises(InputError, match="matrix of numbers"):
            load_input(tmp_path / "a.npy", DEFINITION)
    np.savez(tmp_path / "b.npz", a=np.zeros((9, 13)))
    (tmp_path / "b.npz").rename(tmp_path / "b.npy")
    with pytest.raises(InputError, match="archive"):
        load_input(tmp_path / "b.npy", DEFINITION)
    with pytest.raises(InputError, match="cannot read"):
        load_input(tmp_path / "none.npy", DEFINITION)
    soundfile.write(tmp_path / "short.wav", np.zeros(100), 16000)
    with pytest.raises(InputError, match=r"short\.wav: wanted at least 410 samples"):
        load_input(tmp_path / "short.wav", DEFINITION)
    soundfile.write(tmp_path / "short.wav", np.zeros(420), 16000)
    with pytest.raises(InputError, match="at least 3 frames"):
        load_input(tmp_path / "short.wav", DEFINITION)
