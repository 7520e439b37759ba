"""Files of any kind made to model input, with what there is to say against them."""

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from sordino.errors import InputError
from sordino.speech.doubts import (
    BOUNDS,
    Likeness,
    doubts_of_audio,
    doubts_of_input,
    likeness,
)
from sordino.speech.features import FeatureDefinition
from sordino.speech.files.audio import read_recording, resample
from sordino.speech.files.level import Audio
from sordino.speech.files.matrix_files import read_matrix
from sordino.speech.files.mfc import read_mfc
from sordino.speech.files.source import open_source
from sordino.speech.mfcc import MfccDefinition, mfcc
from sordino.speech.pauses import near_speech

__all__ = [
    "ModelInput",
    "load_cepstra",
    "load_features",
    "load_input",
    "read_cepstra",
    "read_input",
    "read_vectors",
]

_NPY = b"\x93NUMPY"


@dataclass(frozen=True, eq=False, kw_only=True)
class ModelInput:
    """What a model hears of a recording or a file of features.

    features   float64 (frames, dim), before quantisation
    quantised  int8 (frames, dim)
    audio      what the recording is like; None for features
    like       how like it is to what the model was trained on
    saturated  share of the int8 values at -128 or 127
    doubts     why nothing good may come of it, a phrase each; often empty
    cepstra    what the features were made of, float64 (T, cepstra); None where the file holds the
               model's input itself: no mean can begin anew in it
    """

    features: NDArray[np.float64]
    quantised: NDArray[np.int8]
    audio: Audio | None
    like: Likeness
    saturated: float
    doubts: tuple[str, ...]
    cepstra: NDArray[np.float64] | None = None


@dataclass(frozen=True, eq=False)
class _Read:
    """Cepstra (T, cepstra), or features (frames, dim) where `whole`.

    `near` says which frames of a recording have speech or lie near it; None: not known.
    """

    values: NDArray[np.float64]
    whole: bool = False
    audio: Audio | None = None
    near: NDArray[np.bool_] | None = None


def read_input(
    path: str | Path | BinaryIO, definition: FeatureDefinition, name: str | None = None
) -> ModelInput:
    """Read a recording or features as `load_input` does, and say what they are like.

    A binary stream holds audio or a `.npy` matrix; `name` is what messages call it. Raises
    `InputError` for anything that gives no whole, finite input vector.
    """
    name = name or str(path)
    read = _read(path, definition, name)
    features = _features(read, definition, name)
    quantised = definition.quantise(features)
    like = _likeness(read, definition, features)
    saturated = _saturated(quantised)
    doubts = () if read.audio is None else doubts_of_audio(read.audio)
    return ModelInput(
        features=features,
        quantised=quantised,
        audio=read.audio,
        like=like,
        saturated=saturated,
        doubts=doubts + doubts_of_input(definition, like, saturated, read.audio),
        cepstra=None if read.whole else read.values,
    )


def read_vectors(path: str | Path | BinaryIO, width: int, name: str | None = None) -> ModelInput:
    """Read int8 input vectors (frames, width) from a `.npy` matrix, as they are.

    For models that do not say what their features are. Raises `InputError` for anything else.
    """
    name = name or str(path)
    values = read_matrix(path, {width: "int8 model input"}, name)
    if values.dtype != np.int8:
        raise InputError(
            f"wanted int8 in {name}, since the model does not say how floats become its input, got "
            f"{values.dtype}; save it quantised, as the model was trained"
        )
    saturated = _saturated(values)
    doubts = [f"{saturated:.1%} of the model's int8 input is saturated"]
    return ModelInput(
        features=np.asarray(values, np.float64),
        quantised=values,
        audio=None,
        like=Likeness(),
        saturated=saturated,
        doubts=() if BOUNDS["saturated"].holds(saturated) else tuple(doubts),
    )


def load_cepstra(path: str | Path, front_end: MfccDefinition) -> NDArray[np.float64]:
    """The cepstra in or from a file, float64, (frames, cepstra).

    Takes `.mfc` and, under any other name, WAV, FLAC or NIST Sphere audio at any rate. Raises
    `InputError` for anything that gives no whole, finite frame.
    """
    return read_cepstra(path, front_end)[0]


def read_cepstra(
    path: str | Path, front_end: MfccDefinition
) -> tuple[NDArray[np.float64], Audio | None]:
    """`load_cepstra`, and what the recording is like; None for `.mfc`."""
    path = Path(path)
    if path.suffix.lower() == ".mfc":
        return read_mfc(path, front_end.cepstra), None
    return _heard(path, front_end, str(path))[:2]


def load_features(path: str | Path, definition: FeatureDefinition) -> NDArray[np.float64]:
    """The model's input in or from a file, before quantisation; (frames, dim), float64.

    Takes `.mfc`, `.npy` (float frames × cepstra; float frames × dim; int8 frames × dim, which is
    divided by 2^fraction_bits) and, under any other name, WAV, FLAC or NIST Sphere audio at any
    rate. Raises `InputError` for anything that gives no whole, finite input vector.
    """
    return _features(_read(path, definition, str(path)), definition, str(path))


def load_input(path: str | Path, definition: FeatureDefinition) -> NDArray[np.int8]:
    """The accelerator's input in or from a file: `load_features`, quantised; (frames, dim), int8.

    What is int8 in an `.npy` file passes as it is. Raises `InputError` as `load_features` does.
    `read_input` also says what there is to doubt about it.
    """
    return definition.quantise(load_features(path, definition))


def _likeness(
    read: _Read, definition: FeatureDefinition, features: NDArray[np.float64]
) -> Likeness:
    """The likeness of what is not a long pause: those are unlike speech on any scale."""
    if read.whole:
        return likeness(definition, features, None)
    cepstra = read.values
    if read.near is not None and not read.near.all() and read.near.sum() >= definition.stack:
        cepstra = cepstra[read.near]
        features = definition.model_input(cepstra)
    return likeness(definition, features, cepstra)


def _saturated(quantised: NDArray[np.int8]) -> float:
    return float(np.mean((quantised == -128) | (quantised == 127)))


def _read(path: str | Path | BinaryIO, definition: FeatureDefinition, name: str) -> _Read:
    if isinstance(path, str | Path):
        suffix = Path(path).suffix.lower()
        if suffix == ".npy":
            return _from_matrix(path, definition, name)
        if suffix == ".mfc":
            return _Read(read_mfc(path, definition.cepstra))
    else:
        with open_source(path, name) as source:
            path = source.file
        if source.file.read(len(_NPY)) == _NPY:
            source.file.seek(0)
            return _from_matrix(path, definition, name)
        source.file.seek(0)
    cepstra, audio, near = _heard(path, definition.front_end, name)
    return _Read(cepstra, audio=audio, near=near)


def _heard(
    path: str | Path | BinaryIO, front_end: MfccDefinition, name: str
) -> tuple[NDArray[np.float64], Audio, NDArray[np.bool_]]:
    recording = read_recording(path, name)
    audio = recording.audio
    try:
        samples = resample(recording.samples, audio.rate_hz, front_end.sample_rate)
        cepstra = mfcc(samples, front_end)
    except InputError as error:
        raise _refusal(name, error, audio) from None
    return cepstra, audio, near_speech(samples, len(cepstra), front_end)


def _refusal(name: str, error: InputError, audio: Audio) -> InputError:
    """An error about a recording with its name, and with what its header has to do with it."""
    cut = [doubt for doubt in doubts_of_audio(audio) if "header" in doubt]
    return InputError("; ".join([f"{name}: {error}", *cut]))


def _features(read: _Read, definition: FeatureDefinition, name: str) -> NDArray[np.float64]:
    if read.whole:
        return read.values
    try:
        return definition.model_input(read.values)
    except InputError as error:
        raise InputError(f"{name}: {error}") from None


def _from_matrix(path: str | Path | BinaryIO, definition: FeatureDefinition, name: str) -> _Read:
    """The matrix in `path`, frames × cepstra or frames × dim, finite, as float64."""
    widths = {definition.cepstra: "cepstra", definition.dim: "model input"}
    values = read_matrix(path, widths, name)
    whole = values.shape[1] == definition.dim
    if values.dtype == np.int8 and whole:
        values = values / 2.0**definition.fraction_bits
    elif values.dtype.kind != "f":
        raise InputError(
            f"wanted floats (or int8 model input) in {name}, got {values.dtype} "
            f"of shape {values.shape}; convert it"
        )
    return _Read(np.asarray(values, dtype=np.float64), whole=whole)
