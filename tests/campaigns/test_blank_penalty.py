"""Choices that a split does not make for itself, and a network that is more willing to write."""

from pathlib import Path

import numpy as np

from campaigns.blank_penalty import _network
from campaigns.common import choose_apart
from sordino.model.random_rnnt import random_model
from sordino.speech.corpora.datasets import Utterance


def spoken(*speakers: str) -> list[Utterance]:
    return [
        Utterance(name=str(n), path=Path("x"), text="a b", speaker=speaker, split="dev")
        for n, speaker in enumerate(speakers)
    ]


def test_nobody_chooses_for_himself() -> None:
    one, two = [0, 2, 0], [1, 0, 1]
    # ann (0): the others have 2 against 1, two; bob (1): 0 against 2, one; eve (2): as ann.
    assert choose_apart(np.array([one, two]), spoken("ann", "bob", "eve")) == 1 + 2 + 1
    assert choose_apart(np.array([one]), spoken("ann", "bob", "eve")) == 2


def test_a_lower_blank_writes_more() -> None:
    model = random_model(4, scale=2.0)
    network = _network(model, 0.0)
    x = np.random.default_rng(0).uniform(-1, 1, (20, model.inputs))
    heard = network.encoder_half(x)
    lower, higher = _network(model, 1.5), _network(model, -1.5)
    assert lower.decode(heard) == lower.transcribe(x), "the encoder does not know of it"
    counts = [len(n.decode(heard)) for n in (higher, network, lower)]
    assert counts[0] < counts[1] < counts[2]
