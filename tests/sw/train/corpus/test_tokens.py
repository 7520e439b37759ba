"""Word pieces as tokens, from the training transcripts alone."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sentencepiece", reason="needs the extra `train`")

from sordino.errors import InputError
from sordino.train.corpus.tokens import BLANK, CHARACTERS, make_tokens
from sordino.train.recipes.recipe import NetworkRecipe, Recipe

TEXTS = ["SEVEN EIGHT NINE", "SEVENTY SEVEN", "EIGHTY NINE", "B E V E R L Y", "NINE"] * 4
PIECES = NetworkRecipe(tokens="pieces", pieces=40)


def test_pieces_write_any_text() -> None:
    tokens = make_tokens(PIECES, TEXTS)
    assert len(tokens.names) == PIECES.token_count == 41
    assert tokens.names == make_tokens(PIECES, TEXTS).names, "the same texts, the same pieces"
    assert tokens.names[BLANK] == "<blank>"
    assert any(len(name.strip("▁")) > 3 for name in tokens.names[1:])
    for text in ("SEVENTY NINE", "X Q'Z", "", "A"):
        numbers = tokens.encode(text, "here")
        assert BLANK not in numbers
        assert tokens.spell(numbers) == text
    # One text after the other is the text of both.
    both = [*tokens.encode("NINE", "a"), *tokens.between, *tokens.encode("SEVEN", "b")]
    assert tokens.spell(both) == "NINE SEVEN"
    assert len(tokens.encode("SEVEN", "c")) < len(CHARACTERS.encode("SEVEN", "c"))


def test_characters_are_what_they_were() -> None:
    tokens = make_tokens(NetworkRecipe(), TEXTS)
    assert tokens is CHARACTERS
    assert tokens.encode("A 'Z", "here") == (2, 1, 28, 27)
    assert tokens.spell([2, 1, 1, 3]) == "A B"
    assert len(tokens.names) == NetworkRecipe().token_count == 29


def test_what_cannot_be() -> None:
    with pytest.raises(InputError, match=r"wanted 5000 word pieces .* too high") as raised:
        make_tokens(replace(PIECES, pieces=5000), TEXTS)
    assert "\n" not in str(raised.value)
    with pytest.raises(InputError, match="got '7' in here"):
        make_tokens(PIECES, TEXTS).encode("SEVEN 7", "here")
    with pytest.raises(InputError, match="tokens as one of characters, pieces, got 'words'"):
        NetworkRecipe(tokens="words")
    with pytest.raises(InputError, match="wanted pieces from 28"):
        NetworkRecipe(pieces=20)


def test_a_model_of_pieces(tmp_path: Path, corpus: Path, tiny: Recipe) -> None:
    """Trained, measured, compiled, searched; what reads it needs no sentencepiece."""
    pytest.importorskip("torch", reason="needs the extra `train`")
    pytest.importorskip("tensorboard", reason="needs the extra `train`")
    from sordino.arch import PRESETS
    from sordino.compiler.compile import CompileOptions, compile_model
    from sordino.decode.beam import BeamOptions, beam_search
    from sordino.decode.machine_transducer import MachineTransducer
    from sordino.golden.machine import Golden
    from sordino.model.load import load_model
    from sordino.speech.inputs import load_input
    from sordino.speech.text import spell
    from sordino.train.session import train

    network = replace(tiny.network, tokens="pieces", pieces=34)
    schedule = replace(tiny.schedule, epochs=2, ctc_epochs=1)
    train(replace(tiny, network=network, schedule=schedule), corpus, tmp_path, threads=1)
    model = load_model(tmp_path / "model.npz")
    assert len(model.tokens) == 35
    assert "▁" in "".join(model.tokens)
    assert json.loads((tmp_path / "result.json").read_text())["words"] == 10
    # Silence would show nothing.
    model.joint_output.bias[:] = np.random.default_rng(1).normal(size=35) * 3
    image = compile_model(model, PRESETS["tiny"], CompileOptions(weight_bits=5)).image
    x = load_input(corpus / "yes.wav", model.feature_definition())
    greedy = Golden(image).run(x).tokens
    found = beam_search(MachineTransducer(image), x, BeamOptions(beam=1))
    assert list(found[0].tokens) == greedy
    assert "▁" not in spell(model.tokens[token] for token in greedy)
