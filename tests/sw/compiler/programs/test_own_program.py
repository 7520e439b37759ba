"""A program that a test writes by itself, over a graph of its own: nothing else is changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat

import numpy as np

from sordino.arch import PRESETS
from sordino.compiler.compile import CompileOptions, compile_graph
from sordino.compiler.program.frames import OTHER_BANK
from sordino.compiler.program.writer import Writer
from sordino.engines.cosim import compare
from sordino.engines.native.rtl import Rtl
from sordino.golden.machine import Golden
from sordino.image.section.networks import ImageNetwork
from sordino.isa.choices import Condition
from sordino.isa.operations import Branch, Emit, Input
from sordino.layers.gru import Gru
from sordino.layers.heads import Argmax
from sordino.layers.node import Node
from tests.sw.layers.random_graphs import linear, network_of, recurrent


@dataclass(frozen=True)
class UntilHeard:
    """Run a network on every vector until its best class is `wanted`; then emit it and stop."""

    wanted: int

    @property
    def registers(self) -> Mapping[str, int]:
        """The best class."""
        return {"class": 0}

    @property
    def networks(self) -> Sequence[str]:
        """The one network."""
        return ("net",)

    @property
    def entries(self) -> Sequence[str]:
        """The one entry point."""
        return ("main",)

    def write(self, writer: Writer) -> None:
        """Write the loop."""
        builder, best = writer.builder, writer.register("class")
        builder.label("main")
        writer.clear(writer.bank_rows())
        writer.end_block()
        builder.label("next")
        to = writer.at.inputs["x"].base
        builder.emit(Input, "input", destination=to, count=writer.graph.widths["x"], end="stop")
        writer.run("net", repeat(OTHER_BANK))
        writer.end_block()
        other = {"condition": Condition.NE, "value": self.wanted}
        builder.emit(Branch, "class", register=best, **other, target="next")
        builder.emit(Emit, "class", register=best)
        builder.label("stop")
        builder.halt()

    def described(self, writer: Writer) -> Mapping[str, ImageNetwork]:
        """Nothing: a host knows it by its entry point."""
        return {}


def test_it_stops_at_what_it_waits_for_on_golden_and_the_circuit() -> None:
    rng = np.random.default_rng(2)
    nodes = [Node("gru", recurrent(rng, Gru, 7, 4), ("x",))]
    nodes += [Node("out", linear(rng, 5, 7, scale=9.0), ("gru",))]
    nodes += [Node("class", Argmax("class"), ("out",))]
    graph = network_of(nodes, 4, both=False)
    x = rng.integers(-90, 90, (12, 4)).astype(np.int8)
    options = CompileOptions(weight_bits=6)
    frames = {}
    for wanted in range(5):
        image = compile_graph(graph, UntilHeard(wanted), PRESETS["tiny"], options).image
        found = compare(image, Golden(image), Rtl(image), x)
        assert found.identical, found
        run = Golden(image).run(x)
        assert list(run.tokens) in ([], [wanted])
        frames[wanted] = run.counters["frames"] if run.tokens else None
    heard = [frame for frame in frames.values() if frame]
    assert len(set(heard)) == len(heard) >= 2, "each class is first heard in a frame of its own"
