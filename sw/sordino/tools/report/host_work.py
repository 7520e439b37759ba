"""What is left to the host: features to make, words over the bus, the image to load."""

from dataclasses import asdict, dataclass
from math import log2
from typing import Any

import numpy as np

from sordino.image.image import Image
from sordino.image.loading import WORD_BYTES, load_sections
from sordino.isa.operations import Embed, Input
from sordino.speech.features import FeatureDefinition
from sordino.speech.mfcc import MfccDefinition

__all__ = ["HostWork", "host_work"]

_LOAD_REGISTERS = 3
"""Writes around a section's words: LOAD_TARGET, LOAD_ADDRESS, LOAD_CHECK."""


@dataclass(frozen=True, kw_only=True)
class HostWork:
    """The host's part, a second of speech where nothing else is said.

    vectors            input vectors
    features           int8 values in them
    multiplications    of the front end (window, FFT, filters, cosines, deltas), counted from its
                       definition: a real FFT of n points as n · log2 n
    logarithms         of the front end, one a filter
    feature_writes     words to register FEATURE, four features in each
    token_reads        reads of register TOKEN at the token rate of the report
    bus_bytes          of both, as the words that pass
    embedding_bytes    that the machine itself reads of its parameters for tokens: no host work
    load_words         words to LOAD_DATA once, before the first utterance
    load_writes        register writes of that, targets, addresses and checks included
    load_bytes         bytes of these words
    """

    vectors: float
    features: float
    multiplications: float
    logarithms: float
    feature_writes: float
    token_reads: float
    bus_bytes: float
    embedding_bytes: float
    load_words: int
    load_writes: int
    load_bytes: int

    def as_dict(self) -> dict[str, Any]:
        """Fields by name."""
        return asdict(self)


def host_work(image: Image, definition: FeatureDefinition, tokens_per_second: float) -> HostWork:
    """The host's work for an image whose input `definition` makes."""
    frames, stack = definition.front_end.frame_rate, definition.stack
    inputs = [i.count for i in image.program if isinstance(i, Input)]
    width = max(inputs, default=definition.dim)
    writes = frames * -(-width // WORD_BYTES) / stack
    rows = [i.count for i in image.program if isinstance(i, Embed)]
    sections = [len(section.words) for section in load_sections(image)]
    words = sum(sections) // WORD_BYTES
    return HostWork(
        vectors=frames / stack,
        features=frames * width / stack,
        multiplications=frames * _per_frame(definition),
        logarithms=float(frames * definition.front_end.filters),
        feature_writes=writes,
        token_reads=tokens_per_second,
        bus_bytes=WORD_BYTES * (writes + tokens_per_second),
        embedding_bytes=tokens_per_second * max(rows, default=0),
        load_words=words,
        load_writes=words + _LOAD_REGISTERS * len(sections),
        load_bytes=WORD_BYTES * words,
    )


def _per_frame(definition: FeatureDefinition) -> float:
    """Multiplications of one frame, from samples to the quantised vector."""
    front: MfccDefinition = definition.front_end
    transform = front.fft_size * log2(front.fft_size)
    power = 2 * (front.fft_size // 2 + 1)
    filters = int(np.count_nonzero(front.filter_bank))
    cosines = front.cepstra * front.filters
    cepstra = front.cepstra * (1 + 2 * len(definition.delta_taps) + 3)
    return front.frame_shift + front.frame_length + transform + power + filters + cosines + cepstra
