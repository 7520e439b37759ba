"""Pauses: how like speech is to a model's training is asked of speech."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from sordino.image.image import Image
from sordino.speech.features import FeatureDefinition
from sordino.speech.inputs import read_input
from sordino.speech.mfcc import MfccDefinition
from sordino.speech.pauses import near_speech

MODELS = Path(__file__).parents[3] / "models"


@pytest.mark.parametrize("noise", [0.0, 1e-4, 1e-3])
def test_long_pauses_are_no_sign_of_another_scale(tmp_path: Path, noise: float) -> None:
    image = Image.load(MODELS / "an4_rnnt_causal.sordino")
    definition = FeatureDefinition.of_image(image)
    samples, rate = soundfile.read(MODELS / "utterances" / "yes.wav")
    pause = noise * np.random.default_rng(0).normal(size=5 * rate)
    soundfile.write(tmp_path / "x.wav", np.concatenate([pause, samples, pause]), rate)
    heard = read_input(tmp_path / "x.wav", definition)
    assert heard.doubts == ()
    assert len(heard.features) > 250


def test_half_a_second_on_either_side_is_near() -> None:
    front_end = MfccDefinition()
    samples = np.zeros(16000 * 4)
    samples[32000:32160] = [1000.0, -1000.0] * 80
    near = near_speech(samples, 398, front_end)
    np.testing.assert_array_equal(np.flatnonzero(near), np.arange(150, 251))


def test_steady_sound_has_no_pauses() -> None:
    assert near_speech(np.tile([1.0, -1.0], 8000), 98, MfccDefinition()).all()
    assert near_speech(np.zeros(410), 1, MfccDefinition()).all()
