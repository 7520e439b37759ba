"""Real speech, and the shipped model with numbers that hardly matter to float: the same text."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sordino.arch import PRESETS
from sordino.compiler.compile import compile_model
from sordino.decode.beam import BeamOptions, beam_search
from sordino.decode.machine_transducer import MachineTransducer
from sordino.golden.machine import Golden
from sordino.model.load import load_model
from sordino.model.reference import FloatRnnt
from sordino.model.rnnt import RnntModel
from sordino.speech.inputs import load_features, load_input
from sordino.speech.text import spell

WAV, TEXT = "models/utterances/robert.wav", "R O B E R T"
MODEL = load_model("models/an4_rnnt_causal.npz")
UNUSED = MODEL.tokens.index("'")
Change = Callable[[RnntModel], RnntModel]


def set_in(array: np.ndarray, where: Any, value: float) -> np.ndarray:
    made = array.copy()
    made[where] = value
    return made


def output_bias(value: float, where: Any = UNUSED) -> Change:
    def change(model: RnntModel) -> RnntModel:
        output = model.joint_output
        return replace(model, joint_output=replace(output, bias=set_in(output.bias, where, value)))

    return change


def gate_bias(part: str, number: int, gate: int, value: float) -> Change:
    def change(model: RnntModel) -> RnntModel:
        layers = list(getattr(model, part))
        layer = layers[number]
        bias = set_in(layer.bias_ih, gate * layer.hidden + 5, value)
        layers[number] = replace(layer, bias_ih=bias)
        return replace(model, **{part: tuple(layers)})

    return change


def halves(shift: float) -> Change:
    def change(model: RnntModel) -> RnntModel:
        first, second = model.joint_encoder, model.joint_prediction
        return replace(
            model,
            joint_encoder=replace(first, bias=first.bias + shift),
            joint_prediction=replace(second, bias=second.bias - shift),
        )

    return change


def scores(common: float) -> Change:
    def change(model: RnntModel) -> RnntModel:
        output = model.joint_output
        return replace(model, joint_output=replace(output, bias=output.bias + common))

    return change


def embedding_column(model: RnntModel) -> RnntModel:
    factor = np.ones(model.embedding.shape[1])
    factor[7] = 1e6
    first = model.prediction[0]
    return replace(
        model,
        embedding=model.embedding * factor,
        prediction=(replace(first, weight_ih=first.weight_ih / factor),),
    )


def masked_row(model: RnntModel) -> RnntModel:
    output = model.joint_output
    made = output_bias(-1e12)(model)
    weight = output.weight.copy()
    weight[UNUSED] *= 1e6
    return replace(made, joint_output=replace(made.joint_output, weight=weight))


SATURATED: dict[str, Change] = {
    **{f"output bias {value:g}": output_bias(value) for value in (-1e4, -1e6, -1e9, -3.4e38)},
    "output row": masked_row,
    **{
        f"gate {gate} at {value:g}": gate_bias("encoder", 1, gate, value)
        for gate in range(4)
        for value in (-1e8, 1e8)
    },
    "prediction's forget gate": gate_bias("prediction", 0, 1, 1e8),
    **{f"halves by {shift:g}": halves(shift) for shift in (20.0, -1e6)},
    "all scores": scores(1e6),
    "embedding's column": embedding_column,
}
CLIPPED: dict[str, Change] = {
    "embedding's row": lambda m: replace(m, embedding=set_in(m.embedding, UNUSED, 1e6)),
    "one weight": lambda m: replace(
        m,
        encoder=(
            replace(m.encoder[0], weight_ih=set_in(m.encoder[0].weight_ih, (100, 20), 1e6)),
            *m.encoder[1:],
        ),
    ),
}


def texts(model: RnntModel) -> Iterator[str]:
    """What float, greedy decoding on the machine, and a beam search on it hear."""
    definition = model.feature_definition()
    network = FloatRnnt(model.arrays(), model.meta)
    yield network.text(network.transcribe(load_features(WAV, definition)))
    image, x = compile_model(model, PRESETS["small"]).image, load_input(WAV, definition)
    yield spell(model.tokens[token] for token in Golden(image).run(x).tokens)
    best = beam_search(MachineTransducer(image), x, BeamOptions(beam=2))[0]
    yield spell(model.tokens[token] for token in best.tokens)


@pytest.mark.parametrize("change", SATURATED)
def test_what_only_saturates_changes_nothing(change: str) -> None:
    assert list(texts(SATURATED[change](MODEL))) == [TEXT] * 3


@pytest.mark.parametrize("change", CLIPPED)
@pytest.mark.filterwarnings("ignore::sordino.errors.InputWarning")
def test_what_is_clipped_leaves_the_rest(change: str) -> None:
    assert list(texts(CLIPPED[change](MODEL))) == [TEXT] * 3
