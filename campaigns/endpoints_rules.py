"""What end-points, rules and networks, as grids of decisions to be judged."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from campaigns.endpoints_train import scores_of
from sordino.decode.ngram import NgramModel
from sordino.endpoint.judge import LEVELS, Grid, Judged, choose, judge, network_frames
from sordino.endpoint.recipe import EndpointRecipe
from sordino.endpoint.rules import BLANKS, GATED, blanks, gated, readiness
from sordino.endpoint.sets import Example
from sordino.meta.table import parse_meta
from sordino.speech.text import Speller

__all__ = ["Found", "Network", "load_network", "network_rule", "rule_rows"]

WITHIN = 10.5
"""Frames that final decisions may wait on average: 420 ms."""
SOONER = (5, 3)
"""Frames by which a speculation is to be sooner, in the median."""


@dataclass(frozen=True, eq=False)
class Network:
    """A trained end-pointer: its tensors, and what it reads."""

    name: str
    tensors: dict[str, NDArray[np.float32]]
    recipe: EndpointRecipe
    meta: dict[str, Any]

    @property
    def places(self) -> int:
        """Units and columns whose four gates are not all zero, of both matrices."""
        found = 0
        for name in ("weight_ih", "weight_hh"):
            weight = self.tensors[f"endpoint.{name}"]
            found += int(weight.reshape(4, -1, weight.shape[1]).any(axis=0).sum())
        return found

    def scores(self, examples: list[Example]) -> list[NDArray[np.float64]]:
        """The machine's scores, frame by frame."""
        return scores_of(self.tensors, self.recipe, examples)


def load_network(path: Path) -> Network:
    """An end-pointer's file."""
    with np.load(path) as data:
        tensors = {name: data[name] for name in data.files if name != "meta"}
        meta = dict(parse_meta(str(data["meta"])))
    *inputs, _ = meta["inputs"]
    units = tensors["endpoint.weight_hh"].shape[1]
    recipe = EndpointRecipe(inputs=tuple(inputs), units=units, bits=meta["bits"])
    return Network(path.name.removesuffix(".endpoint.npz"), tensors, recipe, meta)


@dataclass(frozen=True, eq=False, kw_only=True)
class Found:
    """One way to end-point, on the utterances that it is judged on.

    grid     its decisions at all points
    points   what the points are: levels of a network, counts of a rule
    """

    name: str
    grid: Grid
    points: Sequence[Any]
    examples: Sequence[Example]

    @cached_property
    def speakers(self) -> list[str]:
        """Who says each utterance."""
        return [one.speaker for one in self.examples]

    def on_all(self, most: float) -> tuple[int, tuple[int, ...]]:
        """The points that all speakers together choose: final, and speculative."""
        everyone = np.ones(len(self.examples), np.bool_)
        grid = self.grid
        return choose(grid, grid, everyone, most=most, within=WITHIN, sooner=SOONER)

    def judged(self, most: float) -> Judged:
        """Each speaker with what the others choose."""
        return judge(self.grid, self.speakers, most=most, within=WITHIN, sooner=SOONER)


def network_rule(network: Network, examples: list[Example]) -> Found:
    """A network at all levels."""
    frames = network_frames(network.scores(examples), examples)
    return Found(name=network.name, grid=Grid(frames, examples), points=LEVELS, examples=examples)


def rule_rows(examples: list[Example], model: NgramModel, speller: Speller) -> list[Found]:
    """Runs of blanks, alone and gated by an n-gram."""
    ready = readiness(examples, model, speller)
    return [
        Found(name="run of blanks", grid=Grid(blanks(examples), examples), points=BLANKS,
              examples=examples),
        Found(name="run gated by the n-gram", grid=Grid(gated(examples, ready), examples),
              points=GATED, examples=examples),
    ]  # fmt: skip
