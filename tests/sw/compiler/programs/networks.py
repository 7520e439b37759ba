"""Graphs of several networks, for tests of programs."""

import numpy as np

from sordino.graph.floats import FloatGraph
from sordino.graph.graph import Graph, Input, Network
from sordino.layers.elementwise.either import Either
from sordino.layers.gru import Gru
from sordino.layers.heads import Argmax, Scores
from sordino.layers.linear import Linear
from sordino.layers.node import Node
from sordino.model.random_rnnt import random_model
from tests.sw.layers.random_graphs import chain, linear, recurrent

WIDTH, KEYWORD, DEMAND = 10, 5, 4


def transducer_graph(seed: int = 5, **sizes) -> Graph:
    """A small RNN-T."""
    sizes = {"encoder": (24,), "prediction": (16,), "joint": 12, "tokens": 9} | sizes
    return random_model(seed, inputs=WIDTH, **sizes).graph()


def with_networks(graph: Graph, rng: np.random.Generator) -> Graph:
    """The graph, a keyword network with a state and a network without, both to a best token."""
    keyword = chain(
        [("k.0", recurrent(rng, Gru, 8, KEYWORD)), ("k.out", linear(rng, 5, 8, scale=9.0))], "kx"
    )
    keyword.append(Node("k.token", Argmax("word"), ("k.out",)))
    demand = chain(
        [("d.0", linear(rng, 14, DEMAND, "relu")), ("d.out", linear(rng, 5, 14, scale=5.0))], "dx"
    )
    demand.append(Node("d.token", Argmax("name"), ("d.out",)))
    return Graph(
        (*graph.inputs, Input("kx", KEYWORD, 5), Input("dx", DEMAND, 5)),
        (*graph.nodes, *keyword, *demand),
        (
            *graph.networks,
            Network("keyword", tuple(node.name for node in keyword)),
            Network("demand", tuple(node.name for node in demand)),
        ),
    )


def with_watch(graph: Graph, rng: np.random.Generator) -> Graph:
    """The graph, and a network `wake` with three scores on the encoder's last layer."""
    last = graph.by_name["joint.encoder"].inputs[0]
    head = chain([("w.0", linear(rng, 6, graph.widths[last], "relu"))], last)
    head += chain([("w.out", linear(rng, 3, 6, scale=2.0))], "w.0")
    head.append(Node("w.scores", Scores(), ("w.out",)))
    wake = Network("wake", tuple(node.name for node in head))
    return Graph(graph.inputs, (*graph.nodes, *head), (*graph.networks, wake))


def _even_gate(graph: Graph, last: str, gate: Linear) -> Linear:
    """The gate with a bias by which each of its outputs is the larger one half of the time."""
    floats, differences = FloatGraph(graph), []
    for frame in np.random.default_rng(0).uniform(-2.8, 2.8, (60, WIDTH)):
        floats.run("encoder", {"x": frame})
        scores = gate.weight @ floats.results[last]
        differences.append(scores[1] - scores[0])
    return Linear(gate.weight, np.array([np.median(differences), 0.0]))


def with_branch(graph: Graph, rng: np.random.Generator) -> Graph:
    """The graph with a second encoder on the first one's layers, and a gate that chooses."""
    nodes = dict(graph.by_name)
    (last,) = nodes["joint.encoder"].inputs
    width, joint = graph.widths[last], graph.widths["joint.encoder"]
    gate = [Node("gate", _even_gate(graph, last, linear(rng, 2, width, scale=6.0)), (last,))]
    gate.append(Node("choice", Argmax("choice"), ("gate",)))
    deep = [
        Node("deep.0", recurrent(rng, Gru, 12, width), (last,)),
        Node("deep.half", linear(rng, joint, 12), ("deep.0",)),
    ]
    either = Node("half", Either(), ("joint.encoder", "deep.half"))
    total = Node("joint", nodes["joint"].layer, ("half", "joint.prediction"))
    front = [nodes[n] for n in graph.network("encoder").nodes[:-1]]
    back = [nodes[n] for n in graph.network("prediction").nodes]
    ends = [nodes[n] for n in ("joint.output", "token", "scores")]
    every = (*front, *gate, nodes["joint.encoder"], *deep, either, *back, total, *ends)
    first = tuple(node.name for node in (*front, *gate))
    networks = (
        Network("encoder", first, both_banks=True),
        Network("shallow", ("joint.encoder",)),
        Network("deep", ("deep.0", "deep.half")),
        *(graph.network(name) for name in ("prediction", "joint", "advance", "score")),
    )
    return Graph(graph.inputs, every, networks)
