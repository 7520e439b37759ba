"""Whether a small training came to something: learnt, exported, compiled, heard by the machine."""

import shutil
from pathlib import Path

import click

from campaigns.common import BUILD, RECIPES, UTTERANCES, make_image, sordino
from sordino.golden.machine import Golden
from sordino.reference.markdown import table
from sordino.speech.corpora.datasets import load_dataset
from sordino.speech.transcript import features_of, speller_of, text_of
from sordino.speech.wer import transcript_errors
from sordino.train.ancestry import read_result

LOSS_SHARE = 0.2
"""The last epoch's loss is at most this share of the first one's."""
MOST_ERRORS = 0.2
"""Word errors on the machine; the recordings were learnt by heart."""


@click.command()
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    default=UTTERANCES,
    help="Recordings to learn.  [default: the repository's models/utterances]",
)
@click.option(
    "--run",
    type=click.Path(path_type=Path),
    help="Check this training, instead of making one in the repository's build/train-smoke.",
)
@click.option("--config", default="tiny", show_default=True)
def main(data: Path, run: Path | None, config: str) -> None:
    """Train recipes/smoke.toml anew, and check it on the recordings that it was trained on."""
    if run is None:
        run = BUILD / "train-smoke"
        if run.exists():
            shutil.rmtree(run)
        recipe = RECIPES / "smoke.toml"
        sordino("train", recipe, "--data", data, "-o", run, "--threads", 1)
    losses = read_result(run)["losses"]
    image = make_image(run / "model.npz", config, 8)
    golden, utterances = Golden(image), load_dataset(data, "train")
    texts = [text_of(image, golden.run(features_of(image, u.path)).tokens) for u in utterances]
    score = transcript_errors([u.text for u in utterances], texts, speller_of(image))
    rows = [(u.name, u.text, text) for u, text in zip(utterances, texts, strict=True)]
    click.echo(table(("recording", "said", "heard on golden"), rows))
    click.echo(f"loss {losses[0]:.3f} to {losses[-1]:.3f}, WER on golden {score.wer:.2%}")
    if losses[-1] > LOSS_SHARE * losses[0] or score.wer > MOST_ERRORS:
        click.echo(
            f"wanted a loss of at most {LOSS_SHARE:.0%} of the first and at most "
            f"{MOST_ERRORS:.0%} word errors",
            err=True,
        )
        raise SystemExit(1)
