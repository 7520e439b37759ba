"""How busy the lanes are in each kind of layer, at the size of the shipped model's second layer.

The weights are random, half of them zeros, pruned as the compiler does it for the machine.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np

from campaigns.common import output_option, write_page
from sordino.arch import PRESETS
from sordino.compiler.compile import CompileOptions, compile_graph
from sordino.compiler.programs.every_frame import EveryFrame
from sordino.cycles.engine import Cycles
from sordino.graph.graph import Graph, Input, Network
from sordino.isa.instruction import Unit
from sordino.layers.cells import CELLS
from sordino.layers.layer import Layer
from sordino.layers.linear import Linear
from sordino.layers.node import Node
from sordino.layers.projected import ProjectedLstm
from sordino.layers.recurrent import Recurrent
from sordino.reference.markdown import table

__all__ = ["LaneUse", "measure_layer"]

_UNITS, _PROJECTED = 320, 192
_SPARSITY, _BITS, _FRAMES = 0.5, 5, 12
_FRACTION = 7


@dataclass(frozen=True)
class LaneUse:
    """One layer on one machine.

    weights   its weights that are not zero
    lanes     of the machine
    ceiling   the share that groups leave at most: weights that are not zero over all sums of the
              places where a group stops for one of them
    cycles    of a frame
    matvec    cycles of a frame in which a MATVEC is in progress
    vector    cycles of a frame in which only the vector unit or a table is at work
    """

    weights: int
    lanes: int
    ceiling: float
    cycles: float
    matvec: float
    vector: float

    @property
    def use(self) -> float:
        """Weights that are not zero over lanes and MATVEC cycles."""
        return self.weights / (self.lanes * self.matvec)


def _layer(kind: type[Layer], rng: np.random.Generator) -> Layer:
    def drawn(rows: int, columns: int) -> np.ndarray:
        return rng.normal(size=(rows, columns)) / np.sqrt(columns)

    if kind is Linear:
        return Linear(drawn(_UNITS, _UNITS), np.zeros(_UNITS))
    assert issubclass(kind, Recurrent)
    rows = kind.GATES * _UNITS
    hidden = _PROJECTED if kind is ProjectedLstm else _UNITS
    more = {"weight_hr": drawn(_PROJECTED, _UNITS)} if kind is ProjectedLstm else {}
    bias = np.zeros(rows)
    return kind(
        weight_ih=drawn(rows, _UNITS), weight_hh=drawn(rows, hidden), bias_ih=bias, bias_hh=bias,
        **more,
    )  # fmt: skip


def _graph(layer: Layer) -> Graph:
    nodes: Sequence[Node] = (Node("layer", layer, ("x",)),)
    if isinstance(layer, Recurrent):
        nodes = layer.nodes("layer", "x")
    width = layer.inputs if isinstance(layer, Recurrent) else _UNITS
    network = Network("net", tuple(node.name for node in nodes), both_banks=True)
    return Graph((Input("x", width, _FRACTION),), tuple(nodes), (network,))


def measure_layer(kind: type[Layer], preset: str) -> LaneUse:
    """Run some frames of noise through one layer on the cycle model."""
    rng = np.random.default_rng(0)
    graph = _graph(_layer(kind, rng))
    config = PRESETS[preset]
    options = CompileOptions(weight_bits=_BITS, sparsity=_SPARSITY)
    made = compile_graph(graph, EveryFrame("net"), config, options)
    x = rng.integers(-128, 128, (_FRAMES, _UNITS)).astype(np.int8)
    engine = Cycles(made.image)
    counters = engine.run(x).counters
    # What comes before the first frame is not a frame's.
    before = Cycles(made.image).run(x[:0]).counters
    frame = {name: (counters[name] - before[name]) / _FRAMES for name in counters}
    places = sum(one.places for one in made.layers)
    weights = sum(one.non_zeros for one in made.layers)
    other = sum(
        spent / _FRAMES
        for i, (_, spent) in zip(made.image.program, engine.profile().tolist(), strict=True)
        if i.layer.startswith("layer") and i.unit in (Unit.VECTOR, Unit.TABLE)
    )
    return LaneUse(
        weights=weights,
        lanes=config.lanes,
        ceiling=weights / (places * config.group),
        cycles=frame["cycles"],
        matvec=frame["matvec"],
        vector=other,
    )


@click.command()
@output_option("layers.md")
def main(output: Path) -> None:
    """Lanes of every recurrent cell and of a linear layer, in groups of 4 and of 1."""
    rows = []
    kinds: tuple[type[Layer], ...] = (*reversed(CELLS), Linear)
    for preset in ("small", "small-unstructured"):
        for kind in kinds:
            found = measure_layer(kind, preset)
            rows.append(
                (
                    kind.__name__,
                    f"{PRESETS[preset].group}",
                    f"{found.weights:,}",
                    f"{found.cycles:,.0f}",
                    f"{found.matvec:,.0f}",
                    f"{found.vector:,.0f}",
                    f"{100 * found.use:.1f} %",
                    f"{100 * found.ceiling:.1f} %",
                    f"{found.use / found.ceiling:.3f}",
                )
            )
            click.echo(" | ".join(rows[-1]), err=True)
    text = (
        f"One layer alone with {_UNITS} inputs and {_UNITS} units (projection: {_PROJECTED}), "
        f"{_SPARSITY:.0%} of its weights zero, {_BITS} bits, on `small` and `small-unstructured`; "
        f"mean of {_FRAMES} frames on the cycle model, which equals the circuit cycle for cycle. "
        "Use is weights that are not zero over lanes and cycles in which a MATVEC is in progress. "
        "The ceiling is what groups leave: a group of four lanes stops for every place with a "
        "weight, and some of the four are zero after rounding. Where one of a cell's four sums has "
        "no weight in a matrix, groups of four lanes stop for three at most. Exposed "
        "cycles are those in which no MATVEC is in progress and the layer's own cells, biases or "
        "tables are waited for; what is left of a frame is its INPUT, a cycle for each number.\n"
    )
    headings = (
        "layer", "group", "weights not zero", "cycles a frame", "in MATVEC", "exposed", "use",
        "ceiling", "use / ceiling",
    )  # fmt: skip
    write_page(output, "Busy lanes by kind of layer", [text, table(headings, rows)])
