"""Further corpora beside the data, and FSDD on its own."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra `train`")
pytest.importorskip("tensorboard", reason="needs the extra `train`")

from sordino.errors import InputError, InputWarning
from sordino.model.load import load_model
from sordino.speech.features import FeatureDefinition
from sordino.train.corpus.data import Batches, load_spoken
from sordino.train.recipes.mix import DataRecipe, MixRecipe
from sordino.train.recipes.recipe import AugmentRecipe, Recipe, digest_of
from sordino.train.session import train

ROOT = Path(__file__).parents[4]
EVERYTHING = ROOT / "models" / "utterances"


def test_each_epoch_draws_anew_from_other_corpora(corpus: Path) -> None:
    own, others = load_spoken(corpus, "train"), load_spoken(EVERYTHING, "train")
    definition = FeatureDefinition(mean=(0.0,) * 13, std=(1.0,) * 13)
    batches = Batches(
        [*own, *others], definition, AugmentRecipe(extra=0.7), size=2, seed=1, own=len(own)
    )
    assert batches.per_epoch == 3  # three, and two of the seven others
    drawn = set()
    for epoch in range(30):
        used = sorted(n for group in batches.epoch(epoch) for (n,) in group)
        assert used[:3] == [0, 1, 2]
        assert len(used) == len(set(used)) == 5
        drawn |= {*used[3:]}
    assert drawn == {*range(3, 10)}
    every = Batches([*own, *others], definition, AugmentRecipe(extra=9), size=2, seed=1, own=3)
    assert every.per_epoch == 5
    with pytest.warns(InputWarning, match=r"extra = 0 draws none of the 7 utterances of further"):
        Batches([*own, *others], definition, AugmentRecipe(extra=0), size=2, seed=1, own=3)


def test_the_datas_own_statistics_stay(corpus: Path, tiny: Recipe, tmp_path: Path) -> None:
    recipe = replace(tiny, schedule=replace(tiny.schedule, epochs=2))
    train(recipe, corpus, tmp_path / "alone", threads=1)
    train(recipe, corpus, tmp_path / "both", also=[EVERYTHING], threads=1)
    models = [load_model(tmp_path / name / "model.npz") for name in ("alone", "both")]
    assert models[0].feature_definition() == models[1].feature_definition()
    encoders = [model.encoder[0].weight_hh for model in models]
    assert not np.array_equal(*encoders)
    result = json.loads((tmp_path / "both" / "result.json").read_text())
    assert (result["also"], result["utterances"]) == (["utterances"], 3)
    assert result["steps"] == 2 * 3
    with pytest.raises(InputError, match="its data differs"):
        train(recipe, corpus, tmp_path / "both", threads=1)


def test_a_mix_of_corpora(corpus: Path, tiny: Recipe, tmp_path: Path) -> None:
    mix = (MixRecipe(corpus="own", share=0.3), MixRecipe(corpus="everything", share=0.7))
    schedule = replace(tiny.schedule, epochs=2)
    recipe = replace(tiny, schedule=schedule, also={"everything": ""}, data=DataRecipe(mix=mix))
    runs = [tmp_path / name for name in ("a", "b")]
    for run in runs:
        train(recipe, corpus, run, also=[EVERYTHING], threads=1)
    results = [json.loads((run / "result.json").read_text()) for run in runs]
    assert results[0]["steps"] == 2 * 5  # three own, and seven others, two at a time
    assert results[0]["sha256"] == results[1]["sha256"]
    assert digest_of(results[0]["recipe"]) == recipe.digest
    with pytest.raises(InputError, match=r"the 1 further corpora .* got 2; leave out --also"):
        train(recipe, corpus, tmp_path / "c", also=[EVERYTHING, EVERYTHING], threads=1)


def test_speakers_to_choose_on_are_not_trained_on(
    corpus: Path, tiny: Recipe, tmp_path: Path
) -> None:
    """AN4's layout with twelve speakers: two are dev, two are for tuning, eight are left."""
    names = [f"an4_clstk/s{n:02}/an1-s{n:02}-b" for n in range(12)]
    for folder in ("etc", "wav"):
        (tmp_path / "an4" / folder).mkdir(parents=True)
    for name in names:
        path = tmp_path / "an4" / "wav" / f"{name}.wav"
        path.parent.mkdir(parents=True)
        shutil.copy(corpus / "yes.wav", path)
    lines = [f"YES ({name.rpartition('/')[2]})" for name in names]
    (tmp_path / "an4" / "etc" / "an4_train.fileids").write_text("\n".join(names) + "\n")
    (tmp_path / "an4" / "etc" / "an4_train.transcription").write_text("\n".join(lines) + "\n")
    for measure, heard, steps in (("tuning", 2, 4), ("dev", 2, 5)):
        schedule = replace(tiny.schedule, epochs=1, ctc_epochs=1, measure=measure)
        run = tmp_path / measure
        train(replace(tiny, schedule=schedule), tmp_path / "an4", run, threads=1)
        result = json.loads((run / "result.json").read_text())
        assert (result["split"], result["utterances"], result["steps"]) == (measure, heard, steps)


def test_spoken_digits_as_their_publisher_lays_them_out(
    corpus: Path, tiny: Recipe, tmp_path: Path
) -> None:
    folder = tmp_path / "fsdd" / "recordings"
    folder.mkdir(parents=True)
    for name in ("0_george_0", "1_lucas_4", "2_george_5", "3_lucas_17"):
        shutil.copy(corpus / "yes.wav", folder / f"{name}.wav")
    schedule = replace(tiny.schedule, epochs=2, measure="test")
    train(replace(tiny, schedule=schedule), tmp_path / "fsdd", tmp_path / "run", threads=1)
    result = json.loads((tmp_path / "run" / "result.json").read_text())
    assert (result["split"], result["utterances"], result["words"]) == ("test", 2, 2)
