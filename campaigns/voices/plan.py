"""Which recordings a corpus has: who says what and how, and how it is heard. All of it is drawn.

Equal arguments give equal plans; each recording is drawn by its own number, so that a smaller
corpus is the beginning of a larger one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from campaigns.voices.declaration import Declaration, Engine, Range, Texts, VoiceSet
from campaigns.voices.noise import BABBLE
from campaigns.voices.texts import draw_text, vocabulary

__all__ = [
    "Condition",
    "Line",
    "draw_condition",
    "draw_lines",
    "every_word",
    "people",
    "shares",
]

_LINE, _CONDITION = 1, 2
"""What a generator is for: lines and conditions are drawn apart."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """Words that a voice of an engine says, and how; `recording` is a person's file, else empty.

    rate, pitch  1 for the voice's own
    """

    words: tuple[str, ...]
    engine: str
    voice: str
    rate: float = 1.0
    pitch: float = 1.0
    recording: str = ""

    @property
    def transcript(self) -> str:
        """As a data set has it."""
        return " ".join(self.words)

    @property
    def speaker(self) -> str:
        """The engine and the voice."""
        return f"{self.engine}-{self.voice}"


@dataclass(frozen=True, kw_only=True)
class Condition:
    """What happens to a recording, in this order; None: that does not.

    speed            factor of tempo and pitch
    room             seconds of reverberation, and dB of the direct sound above the rest
    before, after    seconds of silence
    noise, snr_db    its kind, and how far it is below the speech
    others           recordings that babble is made of
    telephone        whether it went through one
    clipped          share of the samples that are cut off
    level_db         of the speech, 0 for the nominal level
    seed             of noise and room
    """

    speed: float = 1.0
    room: Range | None = None
    before: float = 0.0
    after: float = 0.0
    noise: str | None = None
    snr_db: float | None = None
    others: tuple[int, ...] = ()
    telephone: bool = False
    clipped: float | None = None
    level_db: float = 0.0
    seed: int = 0


def draw_lines(
    declaration: Declaration,
    engines: Sequence[Engine],
    count: int,
    seed: int,
    transcripts: Sequence[str] = (),
    texts: Texts | None = None,
) -> list[Line]:
    """Lines for engines that speak, one after the other, each by a drawn voice of its own.

    `texts` says what kinds of lines there are, where it is not the declaration.
    """
    texts = texts or declaration.texts
    lines = list[Line]()
    for number in range(count):
        rng = np.random.default_rng([seed, _LINE, number])
        engine = engines[number % len(engines)]
        lines.append(
            Line(
                words=draw_text(rng, number // len(engines), texts, transcripts),
                engine=engine.name,
                voice=str(rng.choice(list(engine.voices))),
                rate=round(float(rng.uniform(*declaration.spoken.rate)), 3),
                pitch=round(float(rng.uniform(*declaration.spoken.pitch)), 3),
            )
        )
    return lines


def every_word(engines: Sequence[Engine]) -> list[Line]:
    """Every word of the list alone, by every voice, as that voice says it."""
    return [
        Line(words=(word,), engine=engine.name, voice=voice)
        for engine in engines
        for voice in engine.voices
        for word in vocabulary()
    ]


def people(engine: Engine, recordings: Sequence[tuple[str, str, str]]) -> list[Line]:
    """Lines of the voices of a corpus; `recordings` are (file, word, speaker)."""
    return [
        Line(words=(word,), engine=engine.name, voice=speaker, recording=file)
        for file, word, speaker in recordings
        if speaker in engine.voices
    ]


def draw_condition(
    declaration: Declaration, voice_set: VoiceSet, number: int, lines: int, seed: int
) -> Condition:
    """What happens to recording `number` of a set of `lines`."""
    rng = np.random.default_rng([seed, _CONDITION, number])
    heard = declaration.heard

    def drawn(bounds: Range) -> float:
        return round(float(rng.uniform(*bounds)), 4)

    def happens(share: float) -> bool:
        return bool(rng.random() < share)

    room = (drawn(voice_set.room_seconds), drawn(voice_set.room_direct_db))
    noise, snr = str(rng.choice(voice_set.noises)), drawn(heard.snr_db)
    low, high = heard.babble_voices
    others = rng.integers(lines, size=int(rng.integers(int(low), int(high) + 1)))
    clipped = drawn(heard.clipped)
    noisy = happens(heard.noise_share)
    return Condition(
        speed=drawn(heard.speed),
        room=room if happens(heard.room_share) else None,
        before=drawn(heard.before_seconds),
        after=drawn(heard.after_seconds),
        noise=noise if noisy else None,
        snr_db=snr if noisy else None,
        others=tuple(int(n) for n in others) if noisy and noise == BABBLE else (),
        telephone=happens(heard.telephone_share),
        clipped=clipped if happens(heard.clip_share) else None,
        level_db=drawn(heard.level_db),
        seed=int(rng.integers(2**32)),
    )


def shares(conditions: Sequence[Condition]) -> Mapping[str, float]:
    """How often each thing happens in these."""
    count = max(1, len(conditions))
    return {
        name: sum(getattr(c, name) not in (None, False) for c in conditions) / count
        for name in ("room", "noise", "telephone", "clipped")
    }
