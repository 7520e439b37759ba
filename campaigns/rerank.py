"""Lattices of the AN4 development split, read from their bytes and ranked by larger models.

The weight of the language model and the bonus of a word are chosen as in `campaigns.fusion`: each
speaker is ranked with what is chosen on the other ones, on a smoothed grid.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from campaigns.beam import Heard, language_model
from campaigns.common import MODELS, data_option, output_option, write_page
from campaigns.fusion import choose, choose_apart
from sordino.decode.beam import BeamOptions
from sordino.decode.decoder import Decoder
from sordino.decode.fusion import NgramFusion
from sordino.decode.machine_transducer import MachineTransducer
from sordino.image.image import Image
from sordino.lattice.build import RICH, WIRE, listen
from sordino.lattice.coding.owner import image_vocabulary
from sordino.lattice.coding.wire import pack, unpack
from sordino.lattice.graph import Lattice
from sordino.lattice.oracle import oracle_errors
from sordino.lattice.scored import WordModel
from sordino.reference.markdown import table
from sordino.rerank.model_file import Models
from sordino.rerank.options import RerankOptions
from sordino.rerank.reranker import Reranker, shipped_models
from sordino.speech.corpora.datasets import Utterance, load_dataset
from sordino.speech.transcript import features_of
from sordino.speech.wer import paired_bootstrap, word_error_rate

__all__ = ["AXES", "DEFAULTS", "GRID", "Remembered", "main"]

IMAGE = MODELS / "an4_rnnt_causal.sordino"
BEAM = 16
AXES = (
    (0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.2, 1.5),
    (1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5),
)
"""The weight of the language model, and the bonus of a word before it is weighted."""
GRID = tuple(product(*AXES))
SHAPE = tuple(map(len, AXES))
DEFAULTS = (RerankOptions().weight, RerankOptions().word_bonus)
KINDS = (("ngram",), ("ngram", "grammar"), ("ngram", "grammar", "neural"))
NAMES = {"ngram": "n-gram", "grammar": "class grammar", "neural": "neural"}
PATHS = (10, 50, 200, 1000)
_Errors = NDArray[np.int64]


class Remembered:
    """A language model that is asked about nothing twice; its states are all words so far."""

    def __init__(self, inner: WordModel) -> None:
        self._inner = inner
        self._states: dict[tuple[str, ...], tuple[Any, float]] = {(): (inner.start(), 0.0)}
        self._ends: dict[tuple[str, ...], float] = {}

    def start(self) -> tuple[str, ...]:
        """Before the first word."""
        return ()

    def say(self, state: tuple[str, ...], word: str) -> tuple[tuple[str, ...], float]:
        """As the model inside says."""
        after = (*state, word)
        if after not in self._states:
            self._states[after] = self._inner.say(self._states[state][0], word)
        return after, self._states[after][1]

    def finish(self, state: tuple[str, ...]) -> float:
        """As the model inside says."""
        if state not in self._ends:
            self._ends[state] = self._inner.finish(self._states[state][0])
        return self._ends[state]


@dataclass(frozen=True, kw_only=True)
class Sent:
    """What a device has sent of all utterances, decoded from its bytes, and what it wrote itself.

    greedy, best  word errors of greedy decoding and of the search's best path, (utterances,)
    """

    wire: list[Lattice]
    rich: list[Lattice]
    wire_bytes: float
    rich_bytes: float
    greedy: _Errors
    best: _Errors


@cache
def _errors(reference: str, said: str) -> int:
    return word_error_rate([reference], [said]).errors


def _all_errors(references: Sequence[str], said: Sequence[str]) -> _Errors:
    return np.array([_errors(r, s) for r, s in zip(references, said, strict=True)], np.int64)


def hear(image: Image, utterances: Sequence[Utterance], fused: Path | None = None) -> Sent:
    """Search all utterances; with `fused`, the folder of the recordings, beside their n-gram."""
    machine = MachineTransducer(image)
    heard = Heard(machine, [features_of(image, u.path) for u in utterances])
    fusion = None
    if fused is not None:
        fusion = NgramFusion(language_model(fused), heard.tokens, None, heard.blank)
    decoder = Decoder(transducer=heard, options=BeamOptions(beam=BEAM), fusion=fusion)
    greedy = Decoder(transducer=heard, options=BeamOptions(beam=1))
    vocabulary, numbers = image_vocabulary(image), range(len(utterances))
    texts = [u.text for u in utterances]
    graphs = [listen(decoder, np.array([number]))[1] for number in numbers]
    wire = [pack(graph.lattice(WIRE), vocabulary) for graph in graphs]
    rich = [pack(graph.lattice(RICH), vocabulary) for graph in graphs]
    return Sent(
        wire=[unpack(data, vocabulary) for data in wire],
        rich=[unpack(data, vocabulary) for data in rich],
        wire_bytes=sum(map(len, wire)) / len(wire),
        rich_bytes=sum(map(len, rich)) / len(rich),
        greedy=_all_errors(texts, [greedy.text(np.array([number])) for number in numbers]),
        best=_all_errors(texts, [" ".join(graph.best) for graph in graphs]),
    )


def ranked(
    lattices: Sequence[Lattice],
    texts: Sequence[str],
    model: WordModel,
    simpler: Sequence[WordModel],
    options: Sequence[RerankOptions],
) -> _Errors:
    """Word errors of the first alternative of each lattice, (options, utterances)."""
    rerankers = [Reranker(model, each, simpler) for each in options]
    said = [[r.rerank(lattice, 1)[0].text for lattice in lattices] for r in rerankers]
    return np.array([_all_errors(texts, row) for row in said])


def _model(models: Models, kinds: Sequence[str]) -> tuple[WordModel, Sequence[WordModel]]:
    """The model of these kinds, and what is simpler: none for the n-gram, which is exact."""
    if kinds == ("ngram",):
        return models.models["ngram"], ()
    return Remembered(models.mixture(kinds)), models.simpler


def _grid(models: Models, kinds: Sequence[str], lattices: Sequence[Lattice],
          texts: Sequence[str]) -> _Errors:  # fmt: skip
    """Errors of every point of the grid, (points, utterances)."""
    options = [RerankOptions(weight=weight, word_bonus=bonus) for weight, bonus in GRID]
    model, simpler = _model(models, kinds)
    return ranked(lattices, texts, model, simpler, options)


@dataclass(frozen=True)
class Row:
    """A kind of lattice and of model, and the errors of every point of the grid."""

    lattices: str
    kinds: tuple[str, ...]
    grid: _Errors

    def apart(self, speakers: Sequence[str]) -> _Errors:
        """Errors, (utterances,), each speaker with what the others choose."""
        names, found = np.array(speakers), np.zeros(self.grid.shape[1], np.int64)
        for name, point in choose_apart(self.grid, speakers, SHAPE).items():
            found[names == name] = self.grid[point, names == name]
        return found

    def cells(self, speakers: Sequence[str], words: Sequence[int], greedy: _Errors) -> list[str]:
        """The row of the page's table."""
        apart, own = self.apart(speakers), choose(self.grid, SHAPE)
        low, high = paired_bootstrap(apart.tolist(), greedy.tolist(), words)
        sums = self.grid.sum(axis=1)
        return [
            self.lattices,
            " + ".join(NAMES[kind] for kind in self.kinds),
            f"**{apart.sum()}**",
            f"**{apart.sum() / sum(words):.2%}**",
            f"{low:+.2%} to {high:+.2%}",
            _named(own),
            str(sums[own]),
            f"{sums.min()} at {_named(int(sums.argmin()))}",
        ]


def _named(point: int) -> str:
    return " / ".join(f"{value:g}" for value in GRID[point])


def _speaker_rows(row: Row, sent: Sent, utterances: Sequence[Utterance]) -> list[tuple[Any, ...]]:
    names = np.array([u.speaker for u in utterances])
    words = np.array([len(u.text.split()) for u in utterances])
    apart, rows = row.apart(names.tolist()), list[tuple[Any, ...]]()
    default = row.grid[GRID.index(DEFAULTS)]
    for name, point in choose_apart(row.grid, names.tolist(), SHAPE).items():
        own = names == name
        sums = [int(each[own].sum()) for each in (words, sent.greedy, sent.best, apart, default)]
        rows.append((name, *sums[:3], _named(point), *sums[3:]))
    sums = [int(each.sum()) for each in (words, sent.greedy, sent.best, apart, default)]
    return [*rows, ("all", *sums[:3], "", *sums[3:])]


def _grid_rows(row: Row) -> list[tuple[str, ...]]:
    sums = row.grid.sum(axis=1).reshape(SHAPE)
    return [(f"{w:g}", *map(str, line)) for w, line in zip(AXES[0], sums, strict=True)]


def _path_rows(models: Models, sent: Sent, texts: Sequence[str]) -> list[tuple[str, ...]]:
    """Errors with the defaults by the number of paths, and the milliseconds for a lattice."""
    rows = list[tuple[str, ...]]()
    for paths in PATHS:
        options = replace(RerankOptions(), paths=paths)
        reranker = Reranker(models.mixture(), options, models.simpler)
        begin = time.process_time()
        said = [reranker.rerank(lattice)[0].text for lattice in sent.wire]
        milliseconds = 1000 * (time.process_time() - begin) / len(said)
        errors = int(_all_errors(texts, said).sum())
        most = sum(lattice.paths <= paths for lattice in sent.wire)
        rows.append((str(paths), str(most), str(errors), f"{milliseconds:.0f}"))
    return rows


HEADER = (
    "lattices",
    "language model",
    "errors",
    "WER",
    "less greedy",
    "chosen on all",
    "its errors",
    "best of the grid on all",
)


def _page(
    sent: Sent, fused: Sent, rows: Sequence[Row], utterances: Sequence[Utterance], models: Models
) -> list[str]:
    texts, speakers = [u.text for u in utterances], [u.speaker for u in utterances]
    words = [len(text.split()) for text in texts]
    main_row = next(row for row in rows if row.lattices == "wire" and row.kinds == KINDS[-1])
    oracles = [
        sum(oracle_errors(lattice, text.split()) for lattice, text in zip(each, texts, strict=True))
        for each in (sent.wire, sent.rich, fused.wire)
    ]
    low, high = paired_bootstrap(sent.best.tolist(), sent.greedy.tolist(), words)
    return [
        f"{len(utterances)} utterances of nine speakers ({sum(words)} words) that no model was "
        f"trained on; `{IMAGE.name}` on the exact machine, beam {BEAM}. Lattices are packed to "
        "bytes and read back; nothing else is ranked. Greedy decoding has "
        f"{sent.greedy.sum()} errors ({sent.greedy.sum() / sum(words):.2%}), the search's best "
        f"path {sent.best.sum()} ({low:+.2%} to {high:+.2%} less greedy). A wire lattice has "
        f"{sent.wire_bytes:.1f} bytes and {oracles[0]} errors in the oracle, a rich one "
        f"{sent.rich_bytes:.1f} bytes and {oracles[1]}. With `--lm` in the search: "
        f"{fused.wire_bytes:.1f} bytes, {oracles[2]} in the oracle, {fused.best.sum()} on the best "
        "path.\n",
        f"Chosen are weight and word bonus, from a grid of {len(GRID)} points, as in "
        "[fusion.md](fusion.md): the point with the fewest errors on average over itself and its "
        "neighbours. Errors and WER: each speaker with what the other eight choose. Intervals: "
        "paired bootstrap, 95 %. The last two columns are chosen on all speakers, so they flatter: "
        "the smoothed choice, which the defaults are, and the single best point.\n",
        table(HEADER, [row.cells(speakers, words, sent.greedy) for row in rows]),
        "\nThe models and their weights in the mixture are of training speakers alone, see "
        "[rerank-lm.md](rerank-lm.md). "
        "After first looks at these speakers the lattices' rule of joints was changed, by figures "
        "of training speakers, and the grid was laid out anew: [readings.md](readings.md). "
        f"The defaults are **{DEFAULTS[0]:g} / {DEFAULTS[1]:g}**.\n",
        "## Speaker by speaker\n",
        "Wire lattices, all models.\n",
        table(
            ("speaker", "words", "greedy", "best path", "chosen on the others", "errors",
             "defaults"),
            _speaker_rows(main_row, sent, utterances),
        ),
        "\n## The grid\n",
        "Wire lattices, all models: errors of all speakers by weight and bonus.\n",
        table(("weight", *(f"bonus {b:g}" for b in AXES[1])), _grid_rows(main_row)),
        "\n## How many paths\n",
        "Paths that the n-gram chooses for the other models, with the defaults; lattices that have "
        "no more; errors; milliseconds of one core for a lattice.\n",
        table(("paths", "lattices", "errors", "ms"), _path_rows(models, sent, texts)),
    ]  # fmt: skip


@click.command()
@data_option
@output_option("rerank.md")
def main(data: Path, output: Path) -> None:
    """Rank the development lattices with every model, and count what it is worth."""
    utterances, image = load_dataset(data / "an4", "dev"), Image.load(IMAGE)
    texts = [u.text for u in utterances]
    sent, fused = hear(image, utterances), hear(image, utterances, data)
    models = shipped_models()
    cases = [("wire", sent.wire, kinds) for kinds in KINDS]
    cases += [("rich", sent.rich, kinds) for kinds in KINDS]
    cases += [("wire, `--lm` in the search", fused.wire, KINDS[-1])]
    rows = []
    for name, lattices, kinds in cases:
        rows.append(Row(name, kinds, _grid(models, kinds, lattices, texts)))
        click.echo(f"{name}, {' + '.join(kinds)}: ranked", err=True)
    write_page(
        output,
        "Lattices ranked again by larger language models",
        _page(sent, fused, rows, utterances, models),
    )
