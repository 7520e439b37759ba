"""A graph in the contract's integers, without dealing, memories and instructions."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from sordino.compiler.passes.quantise import QuantisedGraph
from sordino.golden import cells, vector
from sordino.isa.choices import Function
from sordino.layers.base.formats import Held, VectorFormat
from sordino.layers.base.integers import QuantisedLayer
from sordino.layers.concatenation import Concatenation
from sordino.layers.elementwise.product import Product
from sordino.layers.elementwise.total import Total
from sordino.layers.embedding import Embedding
from sordino.layers.heads import Argmax, Scores, score_scale
from sordino.layers.layer import kind_of
from sordino.layers.linear import Linear
from sordino.layers.recurrent import Recurrent
from sordino.layers.stack import Stack

Ints = NDArray[np.int64]


class IntegerGraph:
    """The results of all nodes, in the graph's order of numbers, and the states of cells.

    results  of each input and node, by name: what it was last, zeros at first
    """

    def __init__(self, quantised: QuantisedGraph) -> None:
        self.graph, self.nodes = quantised.graph, quantised.nodes
        self.results = {n: np.zeros(w, np.int64) for n, w in self.graph.widths.items()}
        self.states: dict[str, Ints] = {}
        self.frames: dict[str, list[Ints]] = {}
        self.registers: dict[str, int] = {}

    def run(self, network: str, inputs: Mapping[str, Ints], last: bool = False) -> bool:
        """Run a network for one frame; whether its group, if it stacks any, was full.

        `last`: no frame follows, so that a group is filled up with zeros.
        """
        self.results |= {name: np.asarray(x, np.int64) for name, x in inputs.items()}
        for name in self.graph.network(network).nodes:
            node, layer = self.graph.by_name[name], self.nodes[name]
            vectors = [self.results[one] for one in node.inputs]
            if isinstance(node.layer, Stack):
                group = self.frames.setdefault(name, [])
                group.append(vectors[0])
                while last and len(group) < node.layer.factor:
                    group.append(np.zeros_like(vectors[0]))
                if len(group) < node.layer.factor:
                    return False
                vectors, self.frames[name] = group, []
            result = self.step(name, layer, vectors)
            self.results[name] = self.results[self.graph.merged(name)] = result
        return True

    def step(self, name: str, layer: QuantisedLayer, vectors: list[Ints]) -> Ints:
        kind = kind_of(layer)
        if isinstance(kind, Recurrent):
            return self.cells(name, layer, vectors[0])
        if isinstance(kind, Linear):
            sums = products(layer, vectors)
            if layer.result.held is Held.SUMS:
                return sums + layer.bias
            return vector.drain(
                sums,
                layer.bias,
                wide=layer.result.held is Held.STATE,
                function=Function[kind.function.upper()],
                multiplier=layer.multiplier,
                shift=layer.shift,
            )
        if isinstance(kind, Total):
            function = Function[kind.function.upper()]
            scale = {"multiplier": layer.multiplier, "shift": layer.shift}
            return vector.add(*self.summands(name, vectors), function=function, **scale)
        if isinstance(kind, Product):
            first, second = vectors
            if self.formats(name)[0].held is Held.ACTIVATION:
                first = first * 16
            scale = {"multiplier": layer.multiplier, "shift": layer.shift}
            return vector.multiply(first, second, wide=False, **scale)
        if isinstance(kind, Embedding):
            assert layer.table is not None
            return layer.table[self.registers[kind.register]].astype(np.int64)
        if isinstance(kind, Argmax):
            self.registers[kind.register] = int(vectors[0].argmax())
            return np.array([vectors[0].argmax()])
        if isinstance(kind, Scores):
            (before,) = self.graph.by_name[name].inputs
            sums = self.nodes[before]
            _, multiplier, shift = score_scale(sums)
            return vector.drain(
                vectors[0] - sums.bias,
                sums.bias,
                wide=True,
                function=Function.NONE,
                multiplier=multiplier,
                shift=shift,
            )
        assert isinstance(kind, Stack | Concatenation) or kind.MERGES
        return vectors[0] if kind.MERGES else np.concatenate(vectors)

    def formats(self, name: str) -> list[VectorFormat]:
        return [self.nodes[one].result for one in self.graph.by_name[name].inputs]

    def summands(self, name: str, vectors: list[Ints]) -> list[Ints]:
        """Operands with 11 fraction bits: int8 of other formats are rounded to them."""
        found = []
        for its, values in zip(self.formats(name), vectors, strict=True):
            if its.held is Held.ACTIVATION:
                scale = its.step / 2.0**-11
                values = np.clip(np.floor(values * scale + 0.5), -(1 << 15), (1 << 15) - 1)
            found.append(values.astype(np.int64))
        return found

    def cells(self, name: str, layer: QuantisedLayer, x: Ints) -> Ints:
        before = self.results[self.graph.by_name[name].previous]
        sums = products(layer, [x, before]).reshape(4, -1)
        state = self.states.get(name, np.zeros(sums.shape[1], np.int64))
        scale = {"multiplier": layer.multiplier, "shift": layer.shift}
        biases = layer.bias.reshape(4, -1)
        step = cells.STEPS[type(layer.kind).OPERATION]
        self.states[name], h = step(sums, biases, state, **scale)
        return h


def products(layer: QuantisedLayer, vectors: list[Ints]) -> Ints:
    """The sums of all matrices of a layer."""
    return sum(
        (m.values.astype(np.int64) @ x) << m.shift
        for m, x in zip(layer.matrices, vectors, strict=True)
    )
