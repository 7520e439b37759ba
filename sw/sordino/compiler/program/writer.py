"""What layers and programs write to: blocks of instructions, ordered, with tables in time."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sordino.codec import EncodedMatrices
from sordino.compiler.passes.addresses import Addresses
from sordino.compiler.passes.place import PlacedGraph
from sordino.compiler.program.interleave import interleave
from sordino.compiler.program.table_plan import UNKNOWN, Slots, TablePlans
from sordino.errors import InputError
from sordino.isa import timing
from sordino.isa.choices import Space
from sordino.isa.instruction import Instruction, Unit
from sordino.isa.operations import Fill, Matvec, Use
from sordino.isa.pipelines import interval
from sordino.isa.text.program import ProgramBuilder
from sordino.layers.base.places import PlacedLayer, Vector
from sordino.layers.layer import kind_of

__all__ = ["Writer"]

_MOST_WORDS = 0xFFFF
"""Of one FILL."""


class Writer:
    """A program in the making.

    placed, at   the graph, and where everything is
    chunk        frames that networks which run every frame compute at once
    builder      the instructions so far
    block        those of the block that is being written
    tables       the plan of the table slots
    streamed     of each matrix, whether it is read from external memory
    """

    def __init__(
        self,
        placed: PlacedGraph,
        encoded: EncodedMatrices,
        at: Addresses,
        *,
        registers: Mapping[str, int],
        often: tuple[str, ...],
        chunk: int = 1,
    ) -> None:
        """`registers` are numbers by name; `often` names networks, the most frequent one first."""
        self.placed, self.graph, self.at, self.chunk = placed, placed.graph, at, chunk
        self.config = encoded.config
        self.streamed = [matrix.streamed for matrix in encoded.matrices]
        self.builder = ProgramBuilder()
        self.block: list[Instruction] = []
        self._used = ""
        self._registers = registers
        self._cleared: tuple[str, ...] | None = None
        self._sums: dict[str, int] = {}
        self._words: dict[str, int] = {}
        self._parts: dict[str, list[tuple[int, int]]] = {}
        self._names = {
            number: layer.layer.matrices[piece.matrix].name
            for layer in placed.layers
            for number, piece in layer.numbered
        }
        others = [network.name for network in self.graph.networks if network.name not in often]
        layers = [placed.of(self.graph.network(name)) for name in (*often, *others)]
        order = [n for network in layers for layer in network for n, _ in layer.numbered]
        self._places = [max(matrix.places) for matrix in encoded.matrices]
        apart = None
        for layer in placed.layers:
            if self.graph.part(layer.name):
                apart = layer.first_matrix if apart is None else apart
                for number, piece in layer.numbered:
                    # The program must not depend on what a segment holds: any place may be taken.
                    rows = layer.layout.tiles[piece.tile].rows
                    self._places[number] = rows * (piece.end - piece.begin)
        self.tables = TablePlans(encoded, self.config, order, self._names, apart)

    def append(self, instruction: Instruction) -> None:
        """Append an instruction to the block."""
        self.block.append(instruction)

    def emit(self, operation: type[Instruction], layer: str = "", **fields: Any) -> None:
        """Append an instruction of this operation to the block."""
        self.append(operation(layer, **fields))

    def register(self, name: str) -> int:
        """The number of a register; InputError for one that the program does not have."""
        wanted = self.builder.scope + name
        if wanted not in self._registers:
            raise InputError(
                f"wanted a register of the program, got {wanted!r}; it has "
                f"{', '.join(self._registers) or 'none'}"
            )
        return self._registers[wanted]

    def use(self, network: str, otherwise: str) -> None:
        """Write the USE that a network of a segment needs; nothing for another network.

        Where the segment is not checked, the program goes on at the label `otherwise`. The block
        that follows may run networks of that segment.
        """
        segment = self.graph.network(network).segment
        if not segment:
            return
        self.end_block()
        number = list(self.graph.segments).index(segment)
        self.builder.emit(Use, network, segment=number, otherwise=otherwise)
        self._used = segment

    def enter(self, scope: str, networks: Sequence[str]) -> None:
        """Go on with a program of several: `scope` begins its labels and registers.

        Its `networks` are those whose state it clears.
        """
        self.builder.scope, self._cleared = scope, tuple(networks)

    def word(self, name: str) -> int:
        """A word of state memory that a program keeps under a name; the program clears it."""
        name = self.builder.scope + name
        if name not in self._words:
            self._words[name] = self.at.memory.state.take(1)
        return self._words[name]

    @contextmanager
    def part(self, network: str) -> Iterator[None]:
        """What is written inside is that of a network, and of no other."""
        first = len(self.builder)
        yield
        its = (first, len(self.builder) - first)
        self._parts.setdefault(self.builder.scope + network, []).append(its)

    def parts(self, network: str) -> tuple[tuple[int, int], ...]:
        """First address and instructions of all parts that are a network's own."""
        return tuple(self._parts.get(self.builder.scope + network, ()))

    def bank_of(self, layer: str) -> int:
        """The bank that holds the sums of a layer whose matrix was multiplied before."""
        return self._sums[layer]

    def matvec(
        self,
        layer: PlacedLayer,
        tile: int,
        matrix: int,
        source: Vector,
        frame: int,
        *,
        part: slice = slice(None),
        **place: int,
    ) -> None:
        """A tile of a matrix times a frame's vector; `part` of its pieces where it is cut.

        `place` are fields of every MATVEC, the bank among them.
        """
        self._sums[layer.name] = place["bank"]
        for number in layer.numbers(tile, matrix)[part]:
            piece = layer.pieces[number - layer.first_matrix]
            self.emit(
                Matvec,
                self._names[number],
                source=source.at(frame, piece.begin),
                columns=piece.end - piece.begin,
                rows=layer.layout.tiles[tile].rows,
                matrix=number,
                shift=layer.layer.matrices[matrix].shift,
                **place,
            )

    def end_block(self, held: Slots = UNKNOWN, wanted: Slots = UNKNOWN) -> None:
        """Write the block in its best order; tables as in `TablePlan.insert`."""
        ways = self.tables.ways(self.block, held, wanted)
        orders = [interleave(block, self._cycles, self.config) for block in ways]
        for instruction in min(orders, key=lambda order: order.cycles).block:
            self.builder.append(instruction)
        self.block, self._used = [], ""

    def _cycles(self, i: Instruction) -> int:
        """The rough cycles of an instruction."""
        if isinstance(i, Matvec):
            return max(int(self._places[i.matrix]), int(i.columns)) + timing.MATVEC_OVERHEAD
        if i.unit in (Unit.NONE, Unit.VECTOR):
            return timing.VECTOR_OVERHEAD + (self._elements(i) if i.unit else 0)
        return int(i.duration(self.config) or 0)

    def _elements(self, i: Instruction) -> int:
        """Cycles of its elements, as they follow one another."""
        return i.element_count(self.config) * interval(i.through(), self.config)

    def run(self, network: str, banks: Iterator[int], frame: int = 0) -> None:
        """Append all layers of a network, of one frame, to the block.

        Raises InputError for a network with time reduction: only `Frames` counts frames. And for
        one of a segment, unless `use` came first in the block.
        """
        self.check_used(network)
        _, factor = self.graph.reduction(self.graph.network(network))
        if factor > 1:
            raise InputError(
                f"wanted {network} to run every frame, since it stacks {factor} frames, got a "
                "program that runs it as a whole; take the time reduction out of it"
            )
        for where in self.at.of(self.graph.network(network)):
            kind_of(where.site.layer).emit(self, where, frame, banks)

    def check_used(self, network: str) -> None:
        """Raise InputError for a network of a segment that is not used at this place."""
        segment = self.graph.network(network).segment
        if segment and segment != self._used:
            raise InputError(
                f"wanted network {network} outside of segments, since the program runs it whatever "
                f"is checked, got it in segment {segment}; take it out of the segment, or have it "
                "served or run by a stage that can do without it"
            )

    def clear(self, rows: int) -> None:
        """Clear what keeps its contents between runs, load tables that keep their slots.

        `rows` are the rows of the accumulator banks that are used. A program that is alone clears
        all of the memories. One of several clears what lasts of its own networks, and a bank only
        where its networks may use it.
        """
        both = True
        ranges = [
            (Space.ACTIVATION, 0, self.at.memory.activation.used),
            (Space.STATE, 0, self.at.cleared),
        ]
        if self._cleared is not None:
            ranges = self._lasting(self._cleared)
            both = any(self.graph.network(name).both_banks for name in self._cleared)
        banks = (Space.BANK0, Space.BANK1) if both else (Space.BANK0,)
        self._fill((*ranges, *((bank, 0, rows) for bank in banks)))
        self.block += self.tables.pinned()

    def clear_networks(self, networks: Iterable[str]) -> None:
        """Clear what lasts of some networks alone, load tables that keep their slots."""
        self._fill(self._lasting(networks))
        self.block += self.tables.pinned()

    def _lasting(self, networks: Iterable[str]) -> list[tuple[Space, int, int]]:
        """The ranges of what lasts of networks: memory, first word, words."""
        nodes = {node for name in networks for node in self.graph.network(name).nodes}
        return list(self.at.lasting(nodes))

    def _fill(self, ranges: Iterable[tuple[Space, int, int]]) -> None:
        for space, begin, words in ranges:
            for first in range(begin, begin + words, _MOST_WORDS):
                count = min(begin + words - first, _MOST_WORDS)
                self.emit(Fill, "clear", space=space, destination=first, count=count)

    def bank_rows(self) -> int:
        """Rows of the banks that tiles of all layers fill."""
        return max(tile.rows for layer in self.placed.layers for tile in layer.layout.tiles)
