"""The front end is sphinx_fe's, to three decimals and to the frame."""

from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from sordino.errors import InputError
from sordino.speech.files.mfc import read_mfc
from sordino.speech.mfcc import MfccDefinition, mfcc

VECTORS = Path(__file__).parent / "vectors"


@pytest.mark.parametrize("name", ["yes", "g-m-e-f", "exact", "one-less", "one-more", "silence"])
def test_equals_sphinx_fe(name: str) -> None:
    samples, rate = soundfile.read(VECTORS / f"{name}.wav", dtype="int16")
    assert rate == 16000
    expected = read_mfc(VECTORS / f"{name}.mfc")
    got = mfcc(samples)
    assert got.shape == expected.shape
    # sphinx_fe computes its filters and cosines in single precision
    np.testing.assert_allclose(got, expected, rtol=0, atol=5e-5)


@pytest.mark.parametrize(
    "change",
    [{"pre_emphasis": 0.96}, {"lowest": 100.0}, {"highest": 6855.0}, {"window_seconds": 0.025}],
)
def test_every_parameter_matters(change: dict[str, float]) -> None:
    samples, _ = soundfile.read(VECTORS / "yes.wav", dtype="int16")
    other = mfcc(samples, MfccDefinition(**change))  # type: ignore[arg-type]
    shared = min(len(other), len(mfcc(samples)))
    assert np.abs(other[:shared] - mfcc(samples)[:shared]).max() > 1e-3


@given(st.integers(410, 3000))
def test_frame_count_is_what_comes_out(samples: int) -> None:
    assert len(mfcc(np.ones(samples))) == MfccDefinition().frame_count(samples)


@pytest.mark.parametrize(
    ("samples", "frames"), [(409, 0), (410, 2), (569, 2), (570, 3), (3609, 21), (3610, 22)]
)
def test_frame_count(samples: int, frames: int) -> None:
    assert MfccDefinition().frame_count(samples) == frames


def test_a_tone_raises_the_filter_it_is_in() -> None:
    definition = MfccDefinition(cepstra=40)
    tone = 1000 * np.sin(2 * np.pi * 1000 * np.arange(1600) / 16000)
    # undo the legacy transform to see log energies
    energies = np.linalg.solve(definition.cosines, mfcc(tone, definition)[2])
    peak_hz = definition._filter_edges()[1 + energies.argmax()]
    assert abs(peak_hz - 1000) < 100


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (np.zeros(409), "at least 410 samples"),
        (np.zeros((500, 2)), "mono"),
        (np.full(500, np.nan), "finite"),
    ],
)
def test_bad_samples_are_refused(samples: np.ndarray, message: str) -> None:
    with pytest.raises(InputError, match=message):
        mfcc(samples)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"fft_size": 256}, "does not fit"),
        ({"highest": 9000.0}, "half the sample rate"),
        ({"cepstra": 41}, "as many filters"),
        ({"filters": 120}, "too narrow"),
    ],
)
def test_impossible_definitions_are_refused(settings: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MfccDefinition(**settings)  # type: ignore[arg-type]
