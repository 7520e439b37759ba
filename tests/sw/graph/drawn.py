"""Random graphs of one network that every machine can run, for tests."""

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from sordino.graph.graph import Graph, Input, Network
from sordino.layers.base.functions import FUNCTIONS
from sordino.layers.cells import CELLS
from sordino.layers.concatenation import Concatenation
from sordino.layers.elementwise.product import Product
from sordino.layers.elementwise.total import Total
from sordino.layers.heads import Argmax, Scores
from sordino.layers.layer import Layer
from sordino.layers.linear import Linear
from sordino.layers.node import Node
from sordino.layers.recurrent import Recurrent
from sordino.layers.stack import Stack

MOST = 14
"""Numbers of a vector at most."""


def drawn_linear(rng: np.random.Generator, outputs: int, inputs: int, function: str = "none"):
    weight = rng.normal(size=(outputs, inputs)) * (rng.random((outputs, inputs)) < 0.7)
    return Linear(weight / np.sqrt(inputs), rng.normal(size=outputs) * 0.3, function)


def drawn_recurrent(
    rng: np.random.Generator, kind: type[Recurrent], units: int, inputs: int
) -> Recurrent:
    """A layer of a kind; one with a projection makes a vector half as wide as it has units."""
    gates = kind.GATES
    projected = kind.__name__ == "ProjectedLstm"
    narrow = -(-units // 2) if projected else units
    more = {"weight_hr": rng.normal(size=(narrow, units))} if projected else {}
    return kind(
        weight_ih=rng.normal(size=(gates * units, inputs)) * (rng.random((1, inputs)) < 0.8),
        weight_hh=rng.normal(size=(gates * units, narrow)) / 2,
        bias_ih=rng.normal(size=gates * units) * 0.5,
        bias_hh=rng.normal(size=gates * units) * 0.5,
        **more,
    )


@dataclass
class Draft:
    """A graph in the making.

    pool    names of vectors in activation memory that the next node may read, and their widths
    hidden  those of them with 7 fraction bits
    """

    rng: np.random.Generator
    inputs: int
    nodes: list[Node] = field(default_factory=list)
    pool: dict[str, int] = field(default_factory=dict)
    hidden: list[str] = field(default_factory=list)

    def name(self) -> str:
        return f"n{len(self.nodes)}"

    def size(self) -> int:
        return int(self.rng.integers(1, MOST))

    def source(self) -> tuple[str, int]:
        """A vector to read, later ones more often."""
        names = list(self.pool)
        name = names[max(self.rng.integers(len(names), size=2))]
        return name, self.pool[name]

    def add(self, layer: Layer, *inputs: str, width: int = 0, hidden: bool = False) -> str:
        """A node; with a width others may read it."""
        name = self.name()
        self.nodes.append(Node(name, layer, inputs))
        if width:
            self.pool[name] = width
            self.hidden += [name] * hidden
        return name

    def recurrent(self) -> None:
        kind = CELLS[self.rng.integers(len(CELLS))]
        (source, width), units = self.source(), self.size()
        layer = drawn_recurrent(self.rng, kind, units, width)
        self.nodes += layer.nodes(self.name(), source)
        self.pool[self.nodes[-1].name] = layer.width
        self.hidden += [self.nodes[-1].name] * (len(layer.nodes("n", "x")) == 1)

    def linear(self) -> None:
        function = list(FUNCTIONS)[self.rng.integers(len(FUNCTIONS))]
        (source, width), size = self.source(), self.size()
        curved = function in ("tanh", "sigmoid")
        layer = drawn_linear(self.rng, size, width, function)
        self.add(layer, source, width=size, hidden=curved)

    def total(self) -> None:
        """Sums of linear layers, one or two that share an operand."""
        size = self.size()
        operands = []
        for _ in range(int(self.rng.integers(2, 4))):
            source, width = self.source()
            operands.append(self.add(drawn_linear(self.rng, size, width), source))
        for pair in pairwise(operands):
            function = list(FUNCTIONS)[self.rng.integers(len(FUNCTIONS))]
            hidden = function in ("tanh", "sigmoid")
            self.add(Total(function, 5), *pair, width=size, hidden=hidden)

    def residual(self) -> None:
        """Sums and gates around a recurrent layer, in a row where one reads the other's result."""
        (source, width), size = self.source(), self.size()
        before = self.add(drawn_linear(self.rng, size, width), source)
        for _ in range(int(self.rng.integers(1, 3))):
            kind = CELLS[self.rng.integers(len(CELLS))]
            units = 2 * size - 1 if kind.__name__ == "ProjectedLstm" else size
            layer = drawn_recurrent(self.rng, kind, units, size)
            self.nodes += layer.nodes(self.name(), before)
            last = self.nodes[-1].name
            pair = (last, before) if self.rng.integers(2) else (before, last)
            function = list(FUNCTIONS)[self.rng.integers(len(FUNCTIONS))]
            if self.rng.integers(3):
                hidden = function in ("tanh", "sigmoid")
                before = self.add(Total(function, 5), *pair, width=size, hidden=hidden)
            else:
                gate = self.add(drawn_linear(self.rng, size, size, "sigmoid"), before)
                before = self.add(Product(6), last, gate, width=size)

    def concatenation(self) -> None:
        if self.hidden:
            chosen = [
                self.hidden[self.rng.integers(len(self.hidden))]
                for _ in range(int(self.rng.integers(2, 4)))
            ]
            width = sum(self.pool[name] for name in chosen)
            self.add(Concatenation(), *chosen, width=width)

    def wide(self) -> None:
        """What nobody reads but the host."""
        source, width = self.source()
        self.add(drawn_linear(self.rng, self.size(), width), source)

    def head(self, head: Layer) -> None:
        source, width = self.source()
        sums = self.add(drawn_linear(self.rng, self.size() + 1, width), source)
        self.add(head, sums)

    def stack(self) -> int:
        """Stack what was made last, if it can be; returns the factor."""
        last = self.nodes[-1]
        if last.name not in self.pool or not last.layer.STACKS or last.feedback:
            return 1
        width, factor = self.pool[last.name], int(self.rng.integers(2, 4))
        self.pool, self.hidden = {}, []
        self.add(Stack(factor), last.name, width=factor * width)
        return factor


def drawn_graph(seed: int, both: bool, residual: bool = False) -> tuple[Graph, int]:
    """A graph with the network `net`, its tokens in register `token`, and the frames it stacks.

    With `residual` recurrent layers have sums and gates around them.
    """
    rng = np.random.default_rng(seed)
    draft = Draft(rng, int(rng.integers(1, MOST)))
    draft.pool["x"] = draft.inputs
    first = draft.recurrent if rng.random() < 0.7 else draft.linear
    first()
    del draft.pool["x"]
    factor, steps = 1, int(rng.integers(1, 6))
    at = int(rng.integers(3 * steps))
    for number in range(steps):
        kinds = [draft.recurrent, draft.linear, draft.total, draft.concatenation, draft.wide]
        kinds += [draft.residual] * 4 * residual
        kinds[rng.integers(len(kinds))]()
        if number == at:
            factor = draft.stack()
    draft.head(Scores())
    draft.head(Argmax("token"))
    names = tuple(node.name for node in draft.nodes)
    network = Network("net", names, both_banks=both)
    return Graph((Input("x", draft.inputs, 5),), tuple(draft.nodes), (network,)), factor
