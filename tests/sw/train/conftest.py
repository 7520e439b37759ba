"""A corpus of three short recordings and a recipe that is done with it in a second."""

import shutil
from pathlib import Path

import pytest

from sordino.train.recipes.recipe import (
    AugmentRecipe,
    FeatureRecipe,
    NetworkRecipe,
    Recipe,
    ScheduleRecipe,
)

ROOT = Path(__file__).parents[3]
NAMES = ("yes", "enter-six-five", "robert")


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three of the repository's recordings with their table."""
    folder = tmp_path_factory.mktemp("corpus")
    source = ROOT / "models" / "utterances"
    header, *lines = (source / "transcripts.tsv").read_text().splitlines()
    kept = [line for line in lines if line.split(".")[0] in NAMES]
    assert len(kept) == len(NAMES)
    (folder / "transcripts.tsv").write_text("\n".join([header, *kept]) + "\n")
    for name in NAMES:
        shutil.copy(source / f"{name}.wav", folder)
    return folder


@pytest.fixture(scope="session")
def tiny() -> Recipe:
    """Eight epochs of two steps, with everything that is drawn drawn."""
    return Recipe(
        name="tiny",
        licence="Apache-2.0",
        features=FeatureRecipe(stack=6, utterance_mean_weight=0.0, global_mean_weight=1.0),
        network=NetworkRecipe(
            encoder_layers=1,
            encoder_hidden=12,
            embedding=6,
            prediction_hidden=6,
            joint_hidden=8,
        ),
        augment=AugmentRecipe(
            tempo=(0.9, 1.1), warp=(0.9, 1.1), noise=0.1, time_masks=1, band_masks=1, join=0.3
        ),
        schedule=ScheduleRecipe(
            epochs=8,
            ctc_epochs=2,
            batch=2,
            learning_rate=2e-2,
            warmup=2,
            dropout=0.1,
            weight_noise=0.01,
            average=0.9,
            measure="train",
            measure_epochs=3,
        ),
    )
