"""Case and spelling of transcripts and language models beside a model's."""

from dataclasses import replace

import numpy as np
import pytest

from sordino.arch import PRESETS
from sordino.compiler.compile import CompileOptions, compile_model
from sordino.model.load import load_model
from sordino.model.save import save_model


@pytest.fixture(scope="module")
def heard(tmp_path_factory, small_model, recording):
    """What the small model, with its letters small and capital, says of a recording."""
    from sordino.golden.machine import Golden
    from sordino.speech.transcript import features_of, text_of

    folder, model = tmp_path_factory.mktemp("case"), load_model(small_model)
    made = {}
    for name, change in (("small", str.lower), ("capital", str.upper)):
        tokens = [t if t.startswith("<") else change(t) for t in model.tokens]
        other = replace(model, meta=model.meta.changed(tokens=tuple(tokens)))
        save_model(other, folder / f"{name}.npz")
        image = compile_model(other, PRESETS["tiny"], CompileOptions(weight_bits=5)).image
        (folder / f"{name}.sordino").write_bytes(image.to_bytes())
        tokens = Golden(image).run(features_of(image, recording)).tokens
        made[folder / f"{name}.sordino"] = text_of(image, tokens)
    assert all(made.values())
    return made


def corpus(folder, recording, text):
    folder.mkdir()
    (folder / "a.wav").write_bytes(recording.read_bytes())
    (folder / "transcripts.tsv").write_text(f"file\ttranscript\tsplit\na.wav\t{text}\tdev\n")
    return folder


@pytest.mark.parametrize("change", [str.lower, str.upper, str.title])
def test_eval_has_the_model_s_case(sordino, heard, recording, tmp_path, change):
    for number, (image, text) in enumerate(heard.items()):
        data = corpus(tmp_path / str(number), recording, change(text))
        report = sordino("eval", image, "--data", data, "--json").json()
        assert (report["wer"], report["warnings"]) == (0.0, [])


def test_eval_says_what_cannot_be_spelled(sordino, heard, recording, tmp_path):
    data = corpus(tmp_path / "d", recording, "xyz 7")
    for image in heard:
        for model in (image, image.with_suffix(".npz")):
            result = sordino("eval", model, "--data", data)
            assert result.err.startswith("sordino: warning: 2 of 2 words of the transcripts")


def test_a_language_model_in_the_other_case_is_said(sordino, heard, recording, tmp_path):
    text = tmp_path / "x.txt"
    text.write_text("bad cab\n")
    sordino("lm", text, "-o", tmp_path / "x.arpa")
    small, capital = heard
    data = corpus(tmp_path / "d", recording, "bad")
    for image, count in ((small, 0), (capital, 1)):
        command = ("eval", image, "--data", data, "--lm", tmp_path / "x.arpa", "--json")
        said = sordino(*command).json()["warnings"]
        assert len(said) == count
        assert all("2 of 2 words of the language model (100.0%)" in line for line in said)
        assert all("they write capitals" in line for line in said)
        np.testing.assert_equal(
            said, sordino("run", image, recording, *command[4:]).json()["warnings"]
        )
