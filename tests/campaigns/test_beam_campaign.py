"""The beam search campaign on what needs no corpus."""

import numpy as np

from campaigns.beam import HEADER, Heard, Recogniser, Result, _row, decode
from sordino.arch import PRESETS
from sordino.compiler.compile import CompileOptions, compile_model
from sordino.decode.beam import BeamOptions, beam_search
from sordino.decode.fusion import FusionOptions
from sordino.decode.machine_transducer import MachineTransducer
from sordino.decode.ngram import estimate
from sordino.decode.transducer import FloatTransducer
from sordino.model.random_rnnt import random_model
from sordino.speech.text import spell
from sordino.speech.wer import word_error_rate


def result(said: list[str], fusion: FusionOptions | None = None) -> Result:
    score = word_error_rate(["a b"] * len(said), said)
    return Result(beam=8, fusion=fusion, internal=0.2, score=score, rate=2.0, real_time=None)


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
