"""The beam search campaign on what needs no corpus."""

from pathlib import Path

import numpy as np

from sordino.arch import PRESETS
from sordino.campaigns.beam import HEADER, Heard, Recogniser, Result, _row, choose_apart, decode
from sordino.compiler.compile import CompileOptions, compile_model
from sordino.decode.beam import BeamOptions, beam_search
from sordino.decode.fusion import FusionOptions
from sordino.decode.machine import MachineTransducer
from sordino.decode.ngram import estimate
from sordino.decode.transducer import FloatTransducer
from sordino.speech.datasets import Utterance
from sordino.speech.text import spell
from sordino.speech.wer import word_error_rate
from sordino.testing.models import random_model


def spoken(*speakers: str) -> list[Utterance]:
    return [
        Utterance(name=str(n), path=Path("x"), text="a b", speaker=speaker, split="dev")
        for n, speaker in enumerate(speakers)
    ]


def result(said: list[str], fusion: FusionOptions | None = None) -> Result:
    score = word_error_rate(["a b"] * len(said), said)
    return Result(beam=8, fusion=fusion, internal=0.2, score=score, rate=2.0, real_time=None)


def test_each_speaker_gets_what_is_best_for_the_others() -> None:
    one = result(["a b", "x y", "a b"])  # errors 0 2 0
    two = result(["a x", "a b", "a x"])  # errors 1 0 1
    # ann (0): the others have 2 against 1, two; bob (1): 0 against 2, one; eve (2): as ann.
    assert choose_apart([one, two], spoken("ann", "bob", "eve")) == 1 + 2 + 1
    assert choose_apart([one], spoken("ann", "bob", "eve")) == 2


def test_rows_fit_the_header() -> None:
    row = _row(Recogniser("x.npz", "small", 5), result(["a b c", "b", "x b"], FusionOptions()))
    assert len(row) == len(HEADER)
    assert row[:5] == ("x", "small, 5 bits", "8", "5-gram", "0.2")
    assert row[5] == "50.00%"
    assert row[7:] == ("3/6", "1 / 1 / 1", "2.0", "–")


def test_what_was_heard_before_is_what_is_heard() -> None:
    model = random_model(3, scale=2.0)
    image = compile_model(model, PRESETS["tiny"], CompileOptions(weight_bits=5)).image
    rng = np.random.default_rng(0)
    inputs = [rng.integers(-128, 128, (n, model.inputs)).astype(np.int8) for n in (4, 7)]
    lm = estimate([["ab", "c"], ["d"]])
    for transducer in (FloatTransducer(model), MachineTransducer(image)):
        found = [beam_search(transducer, x, BeamOptions(beam=2))[0].tokens for x in inputs]
        texts = [spell(model.tokens[t] for t in tokens) or "x" for tokens in found]
        score, _ = decode(Heard(transducer, inputs), texts, BeamOptions(beam=2), lm, None)
        assert score.errors == 0
