"""Networks that a program chooses among, and several programs in one image, in exact integers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import ClassVar

import numpy as np
import pytest

from sordino.arch import PRESETS
from sordino.compiler.compile import CompileOptions, compile_graph
from sordino.compiler.limits.errors import DoesNotFit
from sordino.compiler.numbers.precision import Precision
from sordino.compiler.passes.quantise import quantise_graph
from sordino.compiler.program.frames import OTHER_BANK, Frames
from sordino.compiler.program.table_plan import UNKNOWN
from sordino.compiler.program.writer import Writer
from sordino.compiler.programs.every_frame import EveryFrame, OnDemand
from sordino.compiler.programs.stages import Choose
from sordino.compiler.programs.together import Together
from sordino.golden.machine import Golden
from sordino.graph.graph import Graph, Input, Network
from sordino.image.image import Image
from sordino.image.section.networks import ImageNetwork
from sordino.isa.operations import Emit
from sordino.layers.cells import CELLS
from sordino.layers.elementwise.either import Either
from sordino.layers.elementwise.total import Total
from sordino.layers.heads import Argmax
from sordino.layers.linear import Linear
from sordino.layers.lstm import Lstm
from sordino.layers.node import Node
from tests.sw.graph.drawn import drawn_linear, drawn_recurrent
from tests.sw.graph.integer_graph import IntegerGraph

BITS = 5


def compiled(graph: Graph, program: object, seed: int) -> Image:
    rng = np.random.default_rng(seed)
    slots = {name: int(rng.integers(1, 4)) for name in ("run_slots", "value_slots")}
    config = PRESETS[("tiny", "tiny-unstructured")[seed % 2]].with_settings(
        {"rows_per_lane": int(rng.integers(2, 9)), **slots}
    )
    for _ in range(8):
        try:
            options = CompileOptions(weight_bits=BITS, clip="none")
            return compile_graph(graph, program, config, options).image
        except DoesNotFit as error:
            config = config.with_settings(error.needed)
    raise AssertionError("no machine is large enough")


def integers(graph: Graph, image: Image) -> IntegerGraph:
    return IntegerGraph(quantise_graph(graph, Precision(BITS), image.config.accumulator_bits))


def spoken(rng: np.random.Generator, frames: int, width: int) -> np.ndarray:
    return rng.integers(-128, 128, (frames, width)).astype(np.int8)


# Branches


@dataclass(frozen=True)
class Branching:
    """A network every frame, one of several behind it, then what reads their result."""

    branches: tuple[str, ...]

    registers: ClassVar[Mapping[str, int]] = {"branch": 0, "token": 1}
    entries: ClassVar[Sequence[str]] = ("main",)

    @property
    def networks(self) -> Sequence[str]:
        return ("net", *self.branches, "after")

    def write(self, writer: Writer) -> None:
        frames = Frames(writer, "net")
        writer.builder.label("main")
        writer.clear(writer.bank_rows())
        writer.end_block()
        held = frames.write("frame", "", UNKNOWN, "stop")
        writer.end_block(held)
        Choose("branch", self.branches).write(writer, "")
        writer.run("after", repeat(OTHER_BANK))
        writer.emit(Emit, "token", register=writer.register("token"))
        writer.end_block()
        writer.builder.jump("frame")
        writer.builder.label("stop")
        writer.builder.halt()

    def described(self, writer: Writer) -> Mapping[str, ImageNetwork]:
        return {}


def branching(rng: np.random.Generator, branches: int, added: bool) -> Graph:
    """An LSTM, a choice among branches, and what reads their result alone or in a sum."""
    width, hidden, size = (int(n) for n in rng.integers(2, 12, 3))
    shape = branches + 1, hidden
    nodes = [
        Node("a", drawn_recurrent(rng, Lstm, hidden, width), ("x",)),
        Node("which", Linear(rng.normal(size=shape), np.zeros(shape[0])), ("a",)),
        Node("gate", Argmax("branch"), ("which",)),
    ]
    networks = [Network("net", ("a", "which", "gate"), both_banks=bool(rng.integers(2)))]
    for number in range(branches):
        own, last = f"own{number}", f"last{number}"
        nodes.append(Node(own, drawn_recurrent(rng, Lstm, hidden, hidden), ("a",)))
        # Where int8 results merge they have one format: that of tanh.
        function = "none" if added else "tanh"
        nodes.append(Node(last, drawn_linear(rng, size, hidden, function), (own,)))
        networks.append(Network(f"branch{number}", (own, last)))
    nodes.append(Node("one", Either(), tuple(f"last{n}" for n in range(branches))))
    if added:
        nodes.append(Node("beside", drawn_linear(rng, size, hidden), ("a",)))
        nodes.append(Node("sum", Total("tanh", 7), ("one", "beside")))
    source = nodes[-1].name
    nodes.append(Node("out", drawn_linear(rng, 9, size), (source,)))
    nodes.append(Node("token", Argmax("token"), ("out",)))
    after = ("beside", "sum", "out", "token") if added else ("out", "token")
    networks.append(Network("after", after))
    return Graph((Input("x", width, 5),), tuple(nodes), tuple(networks))


@pytest.mark.filterwarnings("ignore::sordino.errors.InputWarning")  # few bits
@pytest.mark.parametrize("seed", range(24))
def test_one_branch_runs_and_its_result_is_read(seed: int) -> None:
    rng = np.random.default_rng(seed)
    branches = int(rng.integers(2, 4))
    # The scores may name one branch more than there are: then the first one runs.
    graph = branching(rng, branches, added=bool(seed % 3))
    names = tuple(f"branch{n}" for n in range(branches))
    image = compiled(graph, Branching(names), seed)
    x, reference = spoken(rng, 24, graph.widths["x"]), integers(graph, image)
    tokens, chosen = [], set()
    for frame in x:
        reference.run("net", {"x": frame})
        number = reference.registers["branch"]
        chosen.add(number)
        reference.run(names[number] if number < branches else names[0], {})
        reference.run("after", {})
        tokens.append(reference.registers["token"])
    assert len(chosen) > 1, "a choice that is always the same shows little"
    assert Golden(image).run(x).tokens == tokens


# Several programs


@pytest.mark.filterwarnings("ignore::sordino.errors.InputWarning")  # few bits
@pytest.mark.parametrize("seed", range(16))
def test_programs_in_turn_say_what_each_says_alone(seed: int) -> None:
    """`go` and `run` go on with the state that their program left, whatever ran between."""
    rng = np.random.default_rng(seed)
    nodes, networks, inputs = [], [], []
    for name in ("listen", "wake"):
        width, units = (int(n) for n in rng.integers(2, 12, 2))
        kind = CELLS[rng.integers(len(CELLS))]
        cells = drawn_recurrent(rng, kind, units, width).nodes(f"{name}.cells", f"{name}.x")
        result = cells[-1].layer
        size = result.outputs([units])
        nodes += [
            *cells,
            Node(f"{name}.out", drawn_linear(rng, 9, size), (cells[-1].name,)),
            Node(f"{name}.token", Argmax("token"), (f"{name}.out",)),
        ]
        own = tuple(one.name for one in nodes if one.name.startswith(f"{name}."))
        networks.append(Network(name, own, both_banks=name == "listen" and bool(seed % 2)))
        inputs.append(Input(f"{name}.x", width, 5))
    graph = Graph(tuple(inputs), tuple(nodes), tuple(networks))
    both = Together({"": EveryFrame("listen", "token"), "wake": OnDemand("wake", "token")})
    image = compiled(graph, both, seed)
    golden, reference = Golden(image), integers(graph, image)

    def said(name: str, entry: str, frames: int) -> None:
        x = spoken(rng, frames, graph.widths[f"{name}.x"])
        tokens = []
        for frame in x:
            reference.run(name, {f"{name}.x": frame})
            tokens.append(reference.registers["token"])
        assert golden.run(x, entry=entry).tokens == tokens, entry

    said("listen", "main", 3)
    golden.run(np.zeros((0, 1), np.int8), entry="wake.reset")
    for _ in range(4):
        said("wake", "wake.run", 1)
        said("listen", "go", int(rng.integers(0, 4)))
        said("wake", "wake.run", 1)
