"""A voice as it is heard under a condition."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from campaigns.voices.conditions import (
    add_noise,
    change_speed,
    clip,
    reverberate,
    room_response,
    scale_to,
    surround,
    telephone,
)
from campaigns.voices.noise import make_noise
from campaigns.voices.plan import Condition

__all__ = ["hear"]

Samples = NDArray[np.float64]


def hear(samples: Samples, condition: Condition, rate: int, others: Sequence[Samples]) -> Samples:
    """Samples (n,) after all that happens to them; `others` are those that babble is made of."""
    rng = np.random.default_rng(condition.seed)
    heard = change_speed(samples, condition.speed) if condition.speed != 1 else samples
    if condition.room is not None:
        heard = reverberate(heard, room_response(*condition.room, rate, rng))
    heard = surround(heard, condition.before, condition.after, rate)
    if condition.noise is not None and condition.snr_db is not None:
        noise = make_noise(condition.noise, len(heard), rate, rng, others)
        heard = add_noise(heard, noise, condition.snr_db, rate)
    if condition.telephone:
        heard = telephone(heard, rate)
    if condition.clipped is not None:
        heard = clip(heard, condition.clipped)
    return scale_to(heard, condition.level_db, rate)
