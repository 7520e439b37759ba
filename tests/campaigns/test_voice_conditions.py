"""Each condition, measured on sines and noise: it does what it says, by as much as it says."""

import numpy as np
import pytest

from campaigns.voices.conditions import (
    NOMINAL_DBFS,
    add_noise,
    change_speed,
    clip,
    reverberate,
    room_response,
    scale_to,
    surround,
    telephone,
)
from campaigns.voices.noise import BABBLE, KINDS, make_noise
from sordino.errors import InputError
from sordino.speech.files.level import speech_power

RATE = 16000


def sine(hz: float, seconds: float = 1.0, amplitude: float = 0.1) -> np.ndarray:
    return amplitude * np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE)) / RATE)


def generator(seed: int = 5) -> np.random.Generator:
    return np.random.default_rng(seed)


def decibels(power: float) -> float:
    return float(10 * np.log10(power))


def band_power(samples: np.ndarray, low: float, high: float) -> float:
    """Mean square of what lies between two frequencies."""
    spectrum = np.abs(np.fft.rfft(samples)) ** 2
    hz = np.fft.rfftfreq(len(samples), 1 / RATE)
    return float(2 * spectrum[(hz >= low) & (hz < high)].sum() / len(samples) ** 2)


@pytest.mark.parametrize("level", [-30, -20, 0, 10])
def test_level_is_that_of_the_speech_alone(level: int) -> None:
    spoken = surround(sine(440), 1.0, 2.0, RATE)
    scaled = scale_to(spoken, level, RATE)
    assert decibels(speech_power(scaled, RATE)) == pytest.approx(NOMINAL_DBFS + level, abs=0.01)
    assert not scaled[:RATE].any()


def test_what_is_too_loud_is_cut_off_at_full_scale() -> None:
    peaks = np.zeros(RATE)
    peaks[::40] = 0.1
    scaled = scale_to(peaks, 20, RATE)
    assert scaled.max() == 1.0
    assert np.array_equal(scale_to(np.zeros(RATE), 10, RATE), np.zeros(RATE))


@pytest.mark.parametrize("kind", KINDS)
def test_noise_has_power_one_and_depends_on_the_seed_alone(kind: str) -> None:
    others = [sine(300), sine(700, 0.3)]
    noise = make_noise(kind, 3 * RATE, RATE, generator(), others)
    assert noise.shape == (3 * RATE,)
    assert np.mean(noise**2) == pytest.approx(1)
    assert np.array_equal(noise, make_noise(kind, 3 * RATE, RATE, generator(), others))
    assert not np.array_equal(noise, make_noise(kind, 3 * RATE, RATE, generator(6), others))


@pytest.mark.parametrize(("kind", "slope"), [("white", 3.0), ("pink", 0.0), ("brown", -3.0)])
def test_noise_falls_with_frequency_as_its_name_says(kind: str, slope: float) -> None:
    """By octave: as strong again where it is white, as strong where pink, half where brown."""
    noise = make_noise(kind, 8 * RATE, RATE, generator())
    octaves = [decibels(band_power(noise, low, 2 * low)) for low in (200, 400, 800, 1600, 3200)]
    assert np.diff(octaves) == pytest.approx([slope] * 4, abs=0.4)


def test_hum_is_at_multiples_of_the_mains() -> None:
    for seed in range(4):
        hum = make_noise("hum", RATE, RATE, generator(seed))
        near = [sum(band_power(hum, m * n - 0.5, m * n + 0.5) for n in range(1, 16))
                for m in (50, 60)]  # fmt: skip
        assert max(near) == pytest.approx(1)


def test_babble_is_the_others_at_once_and_as_loud() -> None:
    babble = make_noise(BABBLE, RATE, RATE, generator(), [sine(300), sine(1000, amplitude=0.001)])
    assert [band_power(babble, hz - 2, hz + 2) for hz in (300, 1000)] == pytest.approx([0.5, 0.5])
    with pytest.raises(InputError, match="wanted recordings to make babble of"):
        make_noise(BABBLE, RATE, RATE, generator())
    with pytest.raises(InputError, match=r"wanted a noise among white, .*, got 'grey'"):
        make_noise("grey", RATE, RATE, generator())


@pytest.mark.parametrize("snr", [5, 20, 40])
def test_noise_is_so_many_decibels_below_the_speech(snr: int) -> None:
    """Pauses do not count: as much noise beside a word with silence around it."""
    for spoken in (sine(500), surround(sine(500), 2.0, 2.0, RATE)):
        noise = make_noise("white", len(spoken), RATE, generator())
        added = add_noise(spoken, noise, snr, RATE) - spoken
        assert decibels(speech_power(spoken, RATE) / np.mean(added**2)) == pytest.approx(snr)
    assert not add_noise(np.zeros(RATE), make_noise("pink", RATE, RATE, generator()), 5, RATE).any()


@pytest.mark.parametrize("seconds", [0.2, 0.5, 0.9])
def test_a_room_decays_in_its_reverberation_time(seconds: float) -> None:
    """By Schroeder's backward integration from −5 to −25 dB, without the direct sound."""
    response = room_response(seconds, 3, RATE, generator())
    left = np.cumsum((response[1:] ** 2)[::-1])[::-1]
    level = 10 * np.log10(left / left[0])
    five, more = (int(np.argmax(level < db)) for db in (-5, -25))
    assert 3 * (more - five) / RATE == pytest.approx(seconds, rel=0.12)


@pytest.mark.parametrize("direct", [-6, 0, 12])
def test_a_room_has_its_share_of_direct_sound(direct: int) -> None:
    response = room_response(0.4, direct, RATE, generator())
    assert np.sum(response**2) == pytest.approx(1)
    assert decibels(response[0] ** 2 / np.sum(response[1:] ** 2)) == pytest.approx(direct)
    assert not response[1 : RATE // 500].any()


def test_reverberation_is_the_convolution() -> None:
    response, spoken = room_response(0.1, 0, RATE, generator()), sine(200, 0.3)
    assert np.allclose(reverberate(spoken, response), np.convolve(spoken, response), atol=1e-12)


def test_a_telephone_lets_its_band_through_and_nothing_else() -> None:
    def passed(hz: float) -> float:
        heard = telephone(sine(hz, 2.0), RATE)
        assert len(heard) == 2 * RATE
        return decibels(np.mean(heard[RATE // 2 : -RATE // 2] ** 2) / (0.1**2 / 2))

    assert [passed(hz) for hz in (400, 1000, 3000, 3300)] == pytest.approx([0] * 4, abs=0.3)
    assert [passed(hz) for hz in (300, 3400)] == pytest.approx([-6] * 2, abs=0.5)
    assert max(passed(hz) for hz in (100, 200, 3700, 5000, 7000)) < -40


def test_a_telephone_does_not_shift_time() -> None:
    click = np.zeros(RATE)
    click[RATE // 2] = 1.0
    assert int(np.argmax(telephone(click, RATE))) == RATE // 2


@pytest.mark.parametrize("share", [0.005, 0.05])
def test_clipping_cuts_off_a_share_of_the_samples(share: float) -> None:
    noise = generator().standard_normal(4 * RATE)
    cut = clip(noise, share)
    assert np.mean(np.abs(cut) == np.abs(cut).max()) == pytest.approx(share, rel=0.02)
    assert np.array_equal(cut[np.abs(noise) < np.abs(cut).max()],
                          noise[np.abs(noise) < np.abs(cut).max()])  # fmt: skip


@pytest.mark.parametrize("factor", [0.9, 1.1])
def test_speed_changes_length_and_pitch(factor: float) -> None:
    faster = change_speed(sine(1000, 2.0), factor)
    assert len(faster) == pytest.approx(2 * RATE / factor, abs=2)
    peak = np.argmax(np.abs(np.fft.rfft(faster * np.hanning(len(faster)))))
    assert peak * RATE / len(faster) == pytest.approx(1000 * factor, rel=0.002)


def test_nothing_stays_nothing() -> None:
    """Recordings of no samples pass through, where that is meant to be possible."""
    empty = np.zeros(0)
    assert not len(clip(empty, 0.1))
    assert not len(telephone(empty, RATE))
    assert len(surround(empty, 0.25, 0.5, RATE)) == 0.75 * RATE
