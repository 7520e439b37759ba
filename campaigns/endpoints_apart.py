"""Waveforms that nothing is spliced into: synthetic voices, and digits of FSDD in a row.

Noise lies evenly under the whole recording, speech and all that is behind it, so that nothing but
the voice says where speech ends. It ends with the last loud sound.
"""

import json
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from campaigns.voices.corpus import DRAWN, RATE, read_sound
from campaigns.voices.hearing import hear
from campaigns.voices.plan import Condition
from sordino.files import read_lines
from sordino.speech.corpora.datasets import load_dataset
from sordino.speech.files.audio import read_audio, resample

__all__ = ["BEHIND", "FULL", "Sound", "digit_strings", "voices"]

BEHIND = 1.5
"""Seconds behind the speech."""
FULL = 32768.0
Sound = tuple[str, str, str, NDArray[np.float64]]
"""Name, speaker, transcript, and samples at 16 kHz, 1.0 as full scale, with 1.5 s behind."""
_EVERY = 97
"""Every so many of the synthetic recordings are taken, `_COUNT` with three words or more."""
_COUNT = 60


def _heard(samples: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    quiet = Condition(before=0.5, after=BEHIND, seed=seed, noise="pink", snr_db=45.0)
    return hear(samples, quiet, RATE, [])


def trimmed(samples: NDArray[np.float64]) -> NDArray[np.float64]:
    """Samples from the first to the last of 10 ms that are louder than 40 dB below the loudest."""
    hop = RATE // 100
    count = len(samples) // hop
    power = (samples[: count * hop].reshape(count, hop) ** 2).mean(axis=1)
    loud = np.flatnonzero(power > power.max() * 1e-4)
    return samples[loud[0] * hop : (loud[-1] + 1) * hop]


def voices(folder: Path) -> list[Sound]:
    """Some recordings of the training set of `make synthetic`, three words or more each."""
    found = list[Sound]()
    for line in islice(read_lines(folder / DRAWN, "what was drawn"), 0, None, _EVERY // 4):
        drawn = json.loads(line)
        if len(drawn["words"]) < 3 or drawn["engine"] == "fsdd":
            continue
        name = Path(drawn["file"]).name
        samples = trimmed(read_sound(folder / "clean" / name))
        speaker = f"{drawn['engine']}-{drawn['voice']}"
        found.append((name, speaker, " ".join(drawn["words"]), _heard(samples, len(found))))
        if len(found) == _COUNT:
            break
    return found


def digit_strings(folder: Path, speakers: Sequence[str]) -> list[Sound]:
    """Three to seven digits of one FSDD speaker in a row, 50 to 250 ms apart."""
    rng = np.random.default_rng(0)
    said = [u for u in load_dataset(folder, "train") if u.speaker in speakers]
    found = list[Sound]()
    for number in range(_COUNT):
        speaker = speakers[number % len(speakers)]
        own = [u for u in said if u.speaker == speaker]
        chosen = [own[n] for n in rng.integers(0, len(own), int(rng.integers(3, 8)))]
        parts = []
        for one in chosen:
            samples, rate = read_audio(one.path)[:2]
            parts.append(trimmed(resample(samples / FULL, rate, RATE)))
            parts.append(np.zeros(int(rng.uniform(0.05, 0.25) * RATE)))
        whole = _heard(np.concatenate(parts[:-1]), number)
        found.append((f"digits{number}", speaker, " ".join(u.text for u in chosen), whole))
    return found
