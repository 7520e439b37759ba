"""A layer that a test declares by itself: nothing else is changed, and the circuit computes it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from sordino.arch import PRESETS
from sordino.compiler.compile import CompileOptions, compile_graph
from sordino.compiler.programs.every_frame import EveryFrame
from sordino.cycles.engine import Cycles
from sordino.engines.cosim import compare
from sordino.engines.native.rtl import Rtl
from sordino.golden.machine import Golden
from sordino.graph.floats import FloatGraph
from sordino.isa.choices import Function
from sordino.isa.fields import Store
from sordino.isa.operations import Add
from sordino.layers.base.formats import SUM_FORMAT, Held, VectorFormat
from sordino.layers.base.integers import Numbers, QuantisedLayer
from sordino.layers.base.places import Buffer, Memory, Rank, Site, Where
from sordino.layers.layer import Code, Floats, Layer, State
from sordino.layers.node import Node
from sordino.layers.numbers.requantise import multiplier_shift
from tests.sw.layers.random_graphs import linear, network_of


@dataclass(frozen=True, eq=False)
class Doubled(Layer):
    """y = 2 x, int8: a number of state memory is added to itself."""

    HELD: ClassVar[Held] = Held.STATE
    _STEP: ClassVar[float] = 2.0**-4

    def outputs(self, widths: Sequence[int]) -> int:
        """The width of the input."""
        return widths[0]

    def check(self, name: str, *widths: int | None) -> None:
        """Nothing can be wrong."""

    def step(self, inputs: Sequence[Floats], state: State) -> tuple[Floats, State]:
        """Twice the input."""
        return 2 * inputs[0], state

    def result(self, inputs: Sequence[VectorFormat], wanted: Held) -> VectorFormat:
        """int8 with 4 fraction bits."""
        return VectorFormat(Held.ACTIVATION, self._STEP, 128)

    def quantise(
        self, name: str, inputs: Sequence[VectorFormat], result: VectorFormat, numbers: Numbers
    ) -> QuantisedLayer:
        """The multiplier from a sum's format to the result's."""
        multiplier, shift = multiplier_shift(SUM_FORMAT.step / result.step, name)
        return QuantisedLayer(
            name=name, kind=self, result=result, multiplier=multiplier, shift=shift
        )

    def buffers(self, site: Site) -> Iterator[Buffer]:
        """The result."""
        yield Buffer("out", Memory.ACTIVATION, Rank.VECTOR, site.outputs)

    def emit(self, code: Code, where: Where, frame: int, banks: Iterator[int]) -> None:
        """ADD of the same words."""
        source, layer = where.sources[0].at(frame), where.site.layer
        code.append(
            Add(
                where.site.name,
                a=source,
                b=source,
                destination=where.out.at(frame),
                count=where.site.outputs,
                function=Function.NONE,
                multiplier=layer.multiplier,
                shift=layer.shift,
            )
        )


def test_golden_and_the_circuit_compute_it_and_floats_are_near() -> None:
    rng = np.random.default_rng(1)
    nodes = [Node("in", linear(rng, 6, 5), ("x",)), Node("twice", Doubled(), ("in",))]
    nodes.append(Node("out", linear(rng, 4, 6), ("twice",)))
    graph = network_of(nodes, 5)
    image = compile_graph(graph, EveryFrame("net"), PRESETS["tiny"], CompileOptions(weight_bits=8))
    x = rng.integers(-60, 60, (4, 5)).astype(np.int8)
    golden = Golden(image.image)
    found = compare(image.image, golden, Rtl(image.image), x)
    assert found.identical, found
    run = golden.run(x)
    assert Cycles(image.image).run(x).counters == Rtl(image.image).run(x).counters
    (add,) = (i for i in image.image.program if isinstance(i, Add))
    floats = FloatGraph(graph)
    for frame in x:
        floats.run("net", {"x": frame / 32})
    twice = run.final[Store.ACTIVATION][add.destination : add.destination + 6] * 2.0**-4
    wanted = np.sort(floats.results["twice"])
    assert np.abs(np.sort(twice) - wanted).max() < 0.1
