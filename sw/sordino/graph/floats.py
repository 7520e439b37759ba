"""A graph in floating point, one network at a time, as a program on the machine runs it."""

from collections.abc import Mapping

import numpy as np

from sordino.graph.graph import Graph
from sordino.layers.layer import Floats, State
from sordino.layers.stack import Stack

__all__ = ["FloatGraph"]


class FloatGraph:
    """The results and the states of all layers, zeros at first.

    results  of each input and node, by name: what it was last
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.results = {name: np.zeros(width) for name, width in graph.widths.items()}
        self._states: dict[str, State] = {n.name: n.layer.start() for n in graph.nodes}
        self._frames: dict[str, list[Floats]] = {}

    def run(self, network: str, inputs: Mapping[str, Floats] | None = None) -> Floats:
        """Run a network once; returns the result of its last node.

        `inputs` are new vectors of the graph's inputs, and for a node without inputs, as an
        embedding is, under `NAME.row` the number of the row. With time reduction a run is a
        frame: what follows the stack runs once the group is full.
        """
        self.results |= {name: np.asarray(v, np.float64) for name, v in (inputs or {}).items()}
        last = np.zeros(0)
        for name in self.graph.network(network).nodes:
            node = self.graph.by_name[name]
            vectors = [self.results[one] for one in node.inputs]
            if isinstance(node.layer, Stack):
                frames = self._frames.setdefault(name, [])
                frames.append(vectors[0])
                if len(frames) < node.layer.factor:
                    return last
                vectors = [np.array(frames)]
                frames.clear()
            if node.feedback:
                vectors.append(self.results[node.feedback])
            elif not node.inputs:
                vectors.append(self.results.get(f"{name}.row", np.zeros(())))
            last, self._states[name] = node.layer.step(vectors, self._states[name])
            self.results[name] = self.results[self.graph.merged(name)] = last
        return last
