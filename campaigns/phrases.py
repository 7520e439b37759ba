"""Spelled names as phrases: listed, and not listed where 20 look-alikes are.

Every utterance has a list of its own. What is chosen, is chosen on the other speakers.
"""

from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import click
import numpy as np

from campaigns.common import data_option, models_option, output_option, write_page
from campaigns.phrases_page import Found, page
from campaigns.phrases_runs import JOBS, measure
from sordino.speech.corpora.datasets import load_dataset

__all__ = ["main"]


@click.command()
@data_option
@models_option
@output_option("phrases.md")
@click.option("--jobs", type=click.IntRange(1), default=2, show_default=True)
def main(data: Path, models: Path, output: Path, jobs: int) -> None:
    """Measure phrases that are listed and that are not, with look-alikes."""
    utterances = load_dataset(data / "an4", "dev")
    parts = [range(first, len(utterances), jobs) for first in range(jobs)]
    errors = np.zeros((len(utterances), len(JOBS), 2), np.int64)
    with ProcessPoolExecutor(jobs) as pool:
        found = pool.map(partial(measure, data=data, models=models), parts)
        for part, rows in zip(parts, found, strict=True):
            errors[list(part)] = rows
    write_page(
        output, "Phrases, listed and not, AN4 development split", page(Found(errors, utterances))
    )
