"""Whether a small training came to something: learnt, exported, compiled, heard by the machine."""

import json
import sys
from pathlib import Path

import click

from campaigns.common import make_image
from sordino.cli.output import print_table
from sordino.golden.machine import Golden
from sordino.speech.datasets import load_dataset
from sordino.speech.transcript import features_of, speller_of, text_of
from sordino.speech.wer import transcript_errors

LOSS_SHARE = 0.2
"""The last epoch's loss is at most this share of the first one's."""
MOST_ERRORS = 0.2
"""Word errors on the machine; the recordings were learnt by heart."""


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--data", type=click.Path(path_type=Path), required=True)
@click.option("--config", default="tiny", show_default=True)
def main(run: Path, data: Path, config: str) -> None:
    """Check the training in folder RUN on the recordings that it was trained on."""
    losses = json.loads((run / "result.json").read_text())["losses"]
    image = make_image(run / "model.npz", config, 8)
    golden, utterances = Golden(image), load_dataset(data, "train")
    texts = [text_of(image, golden.run(features_of(image, u.path)).tokens) for u in utterances]
    score = transcript_errors([u.text for u in utterances], texts, speller_of(image))
    print_table(
        ("recording", "said", "heard on golden"),
        [(u.name, u.text, text) for u, text in zip(utterances, texts, strict=True)],
    )
    click.echo(f"loss {losses[0]:.3f} to {losses[-1]:.3f}, WER on golden {score.wer:.2%}")
    if losses[-1] > LOSS_SHARE * losses[0] or score.wer > MOST_ERRORS:
        click.echo(
            f"wanted a loss of at most {LOSS_SHARE:.0%} of the first and at most "
            f"{MOST_ERRORS:.0%} word errors",
            err=True,
        )
        sys.exit(1)


if __name__ == "__main__":
    main()
