"""How much an n-gram should say beside the transducer: chosen on some speakers, counted on others.

The acoustic model knows the training speakers by heart, so that they are no place to choose. Each
development speaker is decoded with what is chosen on the other ones; the defaults are what is
chosen on all. What is chosen is not the best point of the grid, which may be lucky, but the one
whose errors are fewest on average over itself and its neighbours on the grid.
"""

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from campaigns.beam import ORDER, Recogniser, language_model, listen
from campaigns.common import data_option, models_option, output_option, write_page
from sordino.decode.beam import INTERNAL_WEIGHT, BeamOptions
from sordino.decode.decoder import Decoder
from sordino.decode.fusion import FusionOptions, NgramFusion
from sordino.decode.ngram import NgramModel
from sordino.decode.transducer import Transducer
from sordino.reference.markdown import table
from sordino.speech.corpora.datasets import Utterance, load_dataset
from sordino.speech.text import Speller
from sordino.speech.wer import paired_bootstrap, transcript_errors
from sordino.tools.bench.trained import FLOAT, GROUPED, SHIPPED, TRAINED_BITS

__all__ = ["AXES", "DEFAULTS", "Counts", "Remembered", "choose", "choose_apart", "main", "smooth"]

AXES = (
    (0.0, 0.1, 0.2, 0.3),
    (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8),
    (-1.0, 0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0),
)
"""Weight of what is taken off (`--internal-weight`), `--lm-weight`, `--word-bonus`."""
GRID = tuple(product(*AXES))
_SHAPE = tuple(map(len, AXES))
DEFAULTS = (INTERNAL_WEIGHT, FusionOptions().weight, FusionOptions().word_bonus)
"""What the command line takes when nothing is said, in the order of AXES."""
BEAM = 8
RECOGNISERS = (
    Recogniser(SHIPPED, "small", None),
    Recogniser(FLOAT),
    Recogniser(GROUPED, "small", TRAINED_BITS),
)
"""The first one is what the defaults are chosen for; the others show whether they carry over."""
_Errors = NDArray[np.int64]


class Remembered:
    """A transducer of one utterance that computes nothing twice, whoever searches with it.

    Its states are the tokens so far. `encode` gives frame numbers from 1, (frames, 1); frame 0 is
    the silence that the transducer's own language model listens to.
    """

    def __init__(self, inner: Transducer[Any], x: NDArray[Any]) -> None:
        self._inner, self._encoded = inner, inner.encode(x)
        self.tokens, self.blank, self.max_symbols = inner.tokens, inner.blank, inner.max_symbols
        self._states: dict[tuple[int, ...], Any] = {(): inner.start()}
        self._scores: dict[tuple[int, tuple[int, ...]], NDArray[np.float64]] = {}

    def encode(self, _x: NDArray[Any]) -> NDArray[Any]:
        """Numbers of the frames."""
        return np.arange(1, len(self._encoded) + 1)[:, None]

    def start(self) -> tuple[int, ...]:
        """Before the first token."""
        return ()

    def advance(self, state: tuple[int, ...], token: int) -> tuple[int, ...]:
        """After one more token."""
        return (*state, token)

    def scores(self, encoded: NDArray[Any], state: tuple[int, ...]) -> NDArray[np.float64]:
        """As the transducer inside gives them."""
        frame = int(encoded[0])
        if (frame, state) not in self._scores:
            vector = self._encoded[frame - 1] if frame else np.zeros_like(self._encoded[0])
            self._scores[frame, state] = self._inner.scores(vector, self._state(state))
        return self._scores[frame, state]

    def _state(self, tokens: tuple[int, ...]) -> Any:
        if tokens not in self._states:
            self._states[tokens] = self._inner.advance(self._state(tokens[:-1]), tokens[-1])
        return self._states[tokens]


@dataclass(frozen=True, kw_only=True)
class Counts:
    """Errors by utterance; the last axis is errors, substitutions, deletions, insertions.

    greedy, alone  (utterances, 4): greedy decoding, and the beam without a language model
    grid           (points of GRID, utterances, 4)
    """

    greedy: _Errors
    alone: _Errors
    grid: _Errors


def measure(recogniser: Recogniser, data: Path, models: Path) -> Counts:
    """Decode every utterance with every point."""
    utterances, lm = load_dataset(data / "an4", "dev"), language_model(data)
    inner, inputs = listen(recogniser, models, utterances)
    rows = [
        _one(Remembered(inner, x), utterance.text, lm)
        for utterance, x in zip(utterances, inputs, strict=True)
    ]
    greedy, alone, *grid = np.array(rows, np.int64).transpose(1, 0, 2)
    return Counts(greedy=greedy, alone=alone, grid=np.array(grid))


def _one(transducer: Remembered, text: str, lm: NgramModel) -> list[tuple[int, ...]]:
    """Errors of greedy decoding, of the beam alone and of every point."""
    speller = Speller(transducer.tokens, transducer.blank)

    def errors(options: BeamOptions, fusion: FusionOptions | None = None) -> tuple[int, ...]:
        second = (
            None if fusion is None else NgramFusion(lm, transducer.tokens, fusion, transducer.blank)
        )
        decoder = Decoder(transducer=transducer, options=options, fusion=second)
        score = transcript_errors([text], [decoder.text(np.zeros((1, 1)))], speller)
        return score.errors, score.substitutions, score.deletions, score.insertions

    return [errors(BeamOptions(beam=1)), errors(BeamOptions(beam=BEAM))] + [
        errors(BeamOptions(beam=BEAM, internal=internal), FusionOptions(weight=w, word_bonus=bonus))
        for internal, w, bonus in GRID
    ]


def smooth(errors: NDArray[Any], shape: tuple[int, ...] = _SHAPE) -> NDArray[np.float64]:
    """Means over each point and its neighbours on the grid, (points,), from sums (points,)."""
    grid = errors.reshape(shape).astype(np.float64)
    around = [
        grid[tuple(slice(max(0, i - 1), i + 2) for i in place)].mean()
        for place in np.ndindex(shape)
    ]
    return np.array(around)


def choose(errors: _Errors, shape: tuple[int, ...] = _SHAPE) -> int:
    """The point of a grid that these errors (points, utterances) speak for."""
    return int(smooth(errors.sum(axis=1), shape).argmin())


def choose_apart(
    errors: _Errors, speakers: Sequence[str], shape: tuple[int, ...] = _SHAPE
) -> dict[str, int]:
    """For each speaker the point that is chosen on all the others."""
    names = np.array(speakers)
    return {str(name): choose(errors[:, names != name], shape) for name in np.unique(names)}


def _named(point: int) -> str:
    return " / ".join(f"{value:g}" for value in GRID[point])


def _speaker_rows(counts: Counts, utterances: Sequence[Utterance]) -> list[tuple[Any, ...]]:
    names = np.array([u.speaker for u in utterances])
    words = np.array([len(u.text.split()) for u in utterances])
    greedy, grid, default = counts.greedy[:, 0], counts.grid[..., 0], GRID.index(DEFAULTS)
    chosen = choose_apart(grid, names.tolist())
    rows: list[tuple[Any, ...]] = []
    apart = np.zeros_like(greedy)
    for name, point in chosen.items():
        own = names == name
        apart[own] = grid[point, own]
        sums = [int(e[own].sum()) for e in (words, greedy, apart, grid[default])]
        rows.append((name, *sums[:2], _named(point), sums[2], f"{sums[2] - sums[1]:+d}", sums[3]))
    sums = [int(e.sum()) for e in (words, greedy, apart, grid[default])]
    low, high = paired_bootstrap(apart.tolist(), greedy.tolist(), words.tolist())
    change = f"{sums[2] - sums[1]:+d} ({low:+.2%} to {high:+.2%})"
    rows.append(("all", *sums[:2], "", sums[2], change, sums[3]))
    return rows


def _grid_rows(counts: Counts) -> list[tuple[str, ...]]:
    sums = counts.grid.sum(axis=1)
    cells = {place: f"{e} ({i})" for place, (e, _, _, i) in zip(GRID, sums, strict=True)}
    return [
        (f"{internal:g}", f"{w:g}", *(cells[internal, w, bonus] for bonus in AXES[2]))
        for internal, w in product(*AXES[:2])
    ]


def _page(found: Sequence[Counts], utterances: Sequence[Utterance]) -> list[str]:
    first, default = found[0], GRID.index(DEFAULTS)
    own = choose(first.grid[..., 0])
    parts = [
        f"{len(utterances)} utterances of nine speakers that no model was trained on, beam {BEAM}, "
        f"word {ORDER}-gram of the training transcripts. Chosen: three numbers of the fusion, "
        "`--internal-weight` / `--lm-weight` / `--word-bonus`, from a grid of "
        f"{len(GRID)} points. The point with the fewest errors, on average over itself and its "
        "neighbours on the grid, is chosen. The training speakers are no place to choose, since "
        "the acoustic model knows them.\n",
        f"Chosen on all nine speakers with the model that ships: **{_named(own)}**. "
        f"The defaults of the command line are {_named(default)}.\n",
        "## What the choice is worth on a speaker it has not seen\n",
        "The model that ships, on the exact machine. Each speaker is decoded with what the other "
        "eight choose. The last column is with the defaults, which all nine have chosen.\n",
        table(
            ("speaker", "words", "greedy", "chosen on the others", "errors", "change", "defaults"),
            _speaker_rows(first, utterances),
        ),
        "\nThe change of all: words, and a paired 95 % interval of the word error rate.\n",
        "## Whether the defaults carry over\n",
        table(
            ("model", "engine", "greedy", "beam alone", "defaults", "own choice", "its errors"),
            [_other_row(r, c) for r, c in zip(RECOGNISERS, found, strict=True)],
        ),
        "\nErrors, insertions in brackets.\n",
        "## The grid\n",
        "The model that ships. Errors of all speakers, insertions in brackets: with a large bonus, "
        "or much taken off, words are inserted.\n",
        table(("taken off", "weight", *(f"bonus {b:g}" for b in AXES[2])), _grid_rows(first)),
    ]
    return parts


def _other_row(recogniser: Recogniser, counts: Counts) -> tuple[str, ...]:
    own, default = choose(counts.grid[..., 0]), GRID.index(DEFAULTS)

    def cell(errors: _Errors) -> str:
        total, _, _, insertions = errors.sum(axis=0)
        return f"{total} ({insertions})"

    return (
        *(recogniser.model.removesuffix(".npz"), recogniser.engine),
        *(cell(counts.greedy), cell(counts.alone), cell(counts.grid[default])),
        *(_named(own), cell(counts.grid[own])),
    )


@click.command()
@data_option
@models_option
@output_option("fusion.md")
@click.option("--jobs", type=click.IntRange(1), default=2, show_default=True)
def main(data: Path, models: Path, output: Path, jobs: int) -> None:
    """Choose the weights of the fusion, and count what the choice is worth."""
    utterances = load_dataset(data / "an4", "dev")
    with ProcessPoolExecutor(jobs) as pool:
        found = list(pool.map(partial(measure, data=data, models=models), RECOGNISERS))
    write_page(
        output,
        "Weights of the n-gram, chosen speaker by speaker",
        _page(found, utterances),
    )
