"""What raises doubts, and above all what does not."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import soxr
from numpy.typing import NDArray

from sordino.errors import InputWarning
from sordino.image.image import Image
from sordino.speech.corpora.datasets import load_dataset
from sordino.speech.doubts import BOUNDS, warn_of
from sordino.speech.features import FeatureDefinition
from sordino.speech.files.mfc import read_mfc, write_mfc
from sordino.speech.inputs import ModelInput, load_cepstra, read_input
from sordino.speech.mfcc import MfccDefinition, mfcc

MODELS = Path(__file__).parents[3] / "models"
DEFINITIONS = {
    path.stem: FeatureDefinition.of_image(Image.load(path)) for path in MODELS.glob("*.sordino")
}
FILES = sorted((MODELS / "utterances").glob("*.wav"))
both = pytest.mark.parametrize("definition", DEFINITIONS.values(), ids=DEFINITIONS)
Samples = NDArray[np.float64]


def heard(
    definition: FeatureDefinition, samples: Samples, rate: int = 16000, subtype: str = "PCM_16"
) -> ModelInput:
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format="WAV", subtype=subtype)
    return read_input(io.BytesIO(file.getvalue()), definition, "x.wav")


@both
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_shipped_utterances_raise_none(definition: FeatureDefinition, path: Path) -> None:
    found = read_input(path, definition)
    assert found.doubts == ()
    assert found.saturated == np.isin(found.quantised, (-128, 127)).mean()
    for gain in (2.0**-2, 2.0**0.5):  # 12 dB quieter, 3 dB louder
        samples, rate = soundfile.read(path)
        assert heard(definition, samples * gain, rate).doubts == (), gain


@both
def test_nor_does_what_models_were_trained_on(definition: FeatureDefinition, an4: Path) -> None:
    """AN4's training speakers, 835 utterances."""
    for utterance in load_dataset(an4, "train"):
        assert read_input(utterance.path, definition).doubts == (), utterance.name


def quieter(samples: Samples) -> tuple[Samples, int]:
    return samples * 0.01, 16000


def clipped(samples: Samples) -> tuple[Samples, int]:
    return (samples * 10).clip(-1, 1), 16000


def clipped_then_turned_down(samples: Samples) -> tuple[Samples, int]:
    return clipped(samples)[0] * 0.3, 16000


def silent(samples: Samples) -> tuple[Samples, int]:
    return samples * 0, 16000


def shifted(samples: Samples) -> tuple[Samples, int]:
    return samples / 4 + 0.3, 16000


def opposite(samples: Samples) -> tuple[Samples, int]:
    return np.stack([samples, -samples], axis=1), 16000


def nearly_opposite(samples: Samples) -> tuple[Samples, int]:
    return np.stack([samples, -0.8 * samples], axis=1), 16000


def telephone(samples: Samples) -> tuple[Samples, int]:
    return soxr.resample(samples, 16000, 8000), 8000


def from_a_telephone(samples: Samples) -> tuple[Samples, int]:
    return soxr.resample(telephone(samples)[0], 8000, 16000), 16000


SPOILT: list[tuple[Callable[[Samples], tuple[Samples, int]], str]] = [
    (quieter, "its speech is at -"),
    (clipped, "of its samples are clipped"),
    (clipped_then_turned_down, "of its samples are clipped"),
    (silent, "nothing but silence"),
    (shifted, "an offset of 0.30 of full scale"),
    (opposite, "its 2 channels cancel each other out"),
    (nearly_opposite, "its 2 channels cancel each other out"),
    (telephone, "nothing above 3,"),
    (from_a_telephone, "nothing above 3,"),
]


@both
@pytest.mark.parametrize(
    ("spoil", "said"), SPOILT, ids=lambda value: getattr(value, "__name__", "")
)
def test_spoilt_recordings(
    definition: FeatureDefinition, spoil: Callable[[Samples], tuple[Samples, int]], said: str
) -> None:
    for path in FILES:
        samples, _ = soundfile.read(path)
        doubts = heard(definition, *spoil(samples)).doubts
        assert any(said in doubt for doubt in doubts), (path.name, doubts)
        assert all("\n" not in doubt for doubt in doubts)


@both
@pytest.mark.parametrize("scale", [0.1, 0.4, 2.5, 5, 10])
def test_cepstra_of_another_scale(
    definition: FeatureDefinition, scale: float, an4: Path, tmp_path: Path
) -> None:
    for utterance in load_dataset(an4, "train")[::40]:
        write_mfc(tmp_path / "x.mfc", read_mfc(utterance.path) * scale)
        found = read_input(tmp_path / "x.mfc", definition)
        assert found.audio is None
        assert len(found.doubts) == 1
        assert "not scaled as the model's training was" in found.doubts[0]


@both
def test_other_cepstra(definition: FeatureDefinition, tmp_path: Path) -> None:
    """Of another level; without a mean; of an orthonormal transform; what is no cepstra at all."""
    cepstra = {}
    for path in FILES[:2]:
        samples, rate = soundfile.read(path)
        cepstra[path] = read_cepstra_of(samples, rate, tmp_path)
    dct = np.r_[np.sqrt(40), np.full(12, np.sqrt(20))]
    for c in cepstra.values():
        for other in (c - [15, *[0] * 12], c - c.mean(axis=0), c * dct, np.exp(c)):
            np.save(tmp_path / "x.npy", other)
            assert len(read_input(tmp_path / "x.npy", definition).doubts) == 1


def read_cepstra_of(samples: Samples, rate: int, folder: Path) -> Any:
    soundfile.write(folder / "c.wav", samples, rate)
    return load_cepstra(folder / "c.wav", MfccDefinition())


def test_a_model_of_telephone_speech_hears_telephones() -> None:
    """No doubt where the model was trained on nothing else."""
    narrow = [telephone(soundfile.read(path)[0]) for path in FILES]
    other = next(iter(DEFINITIONS.values()))
    cepstra = [heard(other, *pair) for pair in narrow]
    assert all(found.doubts for found in cepstra)
    frames = np.concatenate(
        [mfcc(soxr.resample(x * 32768, rate, 16000), MfccDefinition()) for x, rate in narrow]
    )
    own = FeatureDefinition(mean=tuple(frames.mean(axis=0)), std=tuple(frames.std(axis=0)))
    for pair in narrow:
        assert heard(own, *pair).doubts == ()


def test_a_definition_without_statistics_has_nothing_to_compare_with() -> None:
    none = FeatureDefinition(mean=(0.0,) * 13, std=(2.0,) * 13)
    samples, rate = soundfile.read(FILES[0])
    found = heard(none, samples, rate)
    assert found.like.spread is found.like.distance is None
    assert found.doubts == ()


def test_floats_in_other_units() -> None:
    definition = next(iter(DEFINITIONS.values()))
    samples, rate = soundfile.read(FILES[0])
    (doubt,) = heard(definition, samples * 32768, rate, "FLOAT").doubts
    assert "dB above full scale: divide them so that 1.0 is full scale" in doubt


def test_bounds_have_reasons_and_hold() -> None:
    for name, bound in BOUNDS.items():
        assert bound.low < bound.high, name
        assert bound.why.endswith("."), name
        assert bound.holds(None)
        assert not bound.holds(np.nextafter(bound.high, np.inf)) or np.isinf(bound.high)
        assert not bound.holds(np.nextafter(bound.low, -np.inf)) or np.isinf(bound.low)


def test_a_large_set_is_not_a_large_message() -> None:
    with pytest.warns(InputWarning) as caught:
        warn_of({f"{n}.wav": ["too quiet", "cut"] if n else [] for n in range(100)})
    said = [str(w.message) for w in caught]
    assert said[:3] == [f"{n}.wav: too quiet; cut" for n in (1, 2, 3)]
    assert said[3:] == ["96 more recordings are as doubtful; listen to some of them"]
