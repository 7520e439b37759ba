"""The code of a network that runs for every input vector.

Layers and their tiles alternate between the accumulator banks. A recurrent layer begins with its
recurrent product, which runs beside the cells of the layer before. The recurrent product of the
first layer is computed at the end of the frame before, beside element-wise work, and stays in its
bank; all that follows until the next frame works in the other one.

Where the network has one wide layer, no other layer's product hides its cells. Then it has two
tiles, and U of the first is cut by columns: those of the first tile's units, which are known first,
are multiplied beside the second tile's cells.

With time reduction a pass is a group of frames. The layers before it are unrolled, and the last of
them writes its results side by side where the next layer reads them, so that stacking takes no
time. The first product of the next frame runs beside the last cells of this one. Where the input
ends inside a group, zeros stand for the results that are missing.
"""

from collections.abc import Iterator
from itertools import cycle, islice

from sordino.compiler.program.table_plan import UNKNOWN, Slots
from sordino.compiler.program.writer import Writer
from sordino.isa.choices import Space
from sordino.isa.operations import Fill, Input
from sordino.isa.text.program import Banks, OneBank
from sordino.layers.base.places import PlacedLayer, Where
from sordino.layers.layer import kind_of
from sordino.layers.recurrent import Recurrent

__all__ = ["FIRST_BANK", "OTHER_BANK", "Frames"]

FIRST_BANK, OTHER_BANK = 1, 0
"""The bank that holds the first layer's recurrent product between frames, and the other one."""


class Frames:
    """A network that takes an input vector each frame, and what it leaves in the table slots.

    before, after  the tables that a frame finds, and those that the layers after a time reduction
                   find
    request        the label to which a host's request leads before a frame; empty: none is taken
    refused        the label to which a frame leads whose network is of an unchecked segment
    wheres         its layers, a frame at a time
    copies         its layers where every frame of a chunk has its own vectors
    """

    def __init__(self, writer: Writer, network: str) -> None:
        self.writer = writer
        self.network = writer.graph.network(network)
        self.copies = writer.at.of(self.network)
        self.wheres = [w.alone for w in self.copies] if writer.chunk > 1 else self.copies
        self.stack, self.factor = writer.graph.reduction(self.network)
        if self.factor > 1:
            self.head, self.rest = self.wheres[: self.stack], self.wheres[self.stack + 1 :]
        else:
            self.head, self.rest = [], self.wheres
        first = self.wheres[0]
        self.carrying = self.network.both_banks and isinstance(kind_of(first.site.layer), Recurrent)
        self.before: Slots = UNKNOWN
        self.pads: list[tuple[int, int]] = []
        self.request = self.refused = ""
        self.after = self._kept()
        self.input = writer.graph.source(self.network)

    @property
    def first(self) -> PlacedLayer:
        """The first layer."""
        return self.wheres[0].site.dealt

    @property
    def carried(self) -> list[int]:
        """The matrices of the product that stays in its bank between frames."""
        return self.first.numbers(0, 1) if self.carrying else []

    def _kept(self) -> Slots:
        """The tables that what follows a time reduction may find: those it begins with."""
        found = (w.site.placed for w in self.rest if w.site.placed is not None)
        for placed in found:
            return self.writer.tables.keep(placed.numbers(0, len(placed.columns) - 1)[0])
        return UNKNOWN

    def _banks(self) -> Banks:
        """The banks of the tiles, one after the other."""
        return Banks(FIRST_BANK) if self.network.both_banks else OneBank(OTHER_BANK)

    def write(self, label: str, prefix: str, held: Slots, end: str) -> Slots:
        """Write all frames of a pass but the block's end; returns what its tables are by then.

        `held` are the tables at the beginning, `prefix` begins the labels inside, and `end` is
        where the program goes on where the input has ended.
        """
        writer = self.writer
        writer.builder.label(label)
        banks = self._banks()
        self.pads = []
        for step in range(self.factor):
            if step:
                if self.carrying:
                    self._carry(step - 1, banks.ahead)
                writer.end_block(held, self.before)
                held = self.before
                self.pads.append((step, banks.ahead))
            # Inside a group a product may wait in either bank, and nothing else can run.
            request = self.request if not step and not prefix else ""
            self.take(step, f"{prefix}pad.{step}" if step else end, request)
            self._emit(self.head, banks, step)
        if self.head:
            writer.end_block(held, self.after)
            held = self.after
            writer.builder.label(f"{prefix}rest")
        self._rest(banks)
        return held

    def take(self, frame: int, end: str, request: str = "") -> None:
        """Write the INPUT of a frame; a `request` is where a host's request leads."""
        to, width = self.writer.at.inputs[self.input], self.writer.graph.widths[self.input]
        asked = {"request": request} if request else {}
        self.writer.builder.emit(
            Input, "input", destination=to.at(frame), count=width, end=end, **asked
        )
        if self.refused:
            self.writer.use(self.network.name, self.refused)
        self.writer.check_used(self.network.name)

    def _emit(self, wheres: list[Where], banks: Iterator[int], frame: int) -> None:
        for where in wheres:
            kind = kind_of(where.site.layer)
            if where is self.wheres[0] and self.carrying and isinstance(kind, Recurrent):
                kind.emit(self.writer, where, frame, banks, carried=True)
            else:
                kind.emit(self.writer, where, frame, banks)

    def _rest(self, banks: Iterator[int]) -> None:
        """The layers after the reduction, and the product that the next frame begins with."""
        last = self.rest[-1]
        plain = bool(last.site.layer.matrices) and not isinstance(
            kind_of(last.site.layer), Recurrent
        )
        self._emit(self.rest[:-1] if plain else self.rest, banks, 0)
        if self.carrying and self.first.cut:
            self._carry(-1, FIRST_BANK, slice(1))
        if plain:
            # The last tile is in the other bank.
            tiles = len(last.site.dealt.layout.tiles)
            turn = islice(cycle((OTHER_BANK, FIRST_BANK)), 1 - tiles % 2, None)
            self._emit([last], turn if self.network.both_banks else banks, 0)
        if self.carrying:
            self._carry(-1, FIRST_BANK, slice(-1, None))

    def _carry(self, frame: int, bank: int, part: slice = slice(None)) -> None:
        """The first layer's recurrent product with what it made of a frame."""
        source = self.wheres[0].previous
        self.writer.matvec(self.first, 0, 1, source, frame, part=part, bank=bank)

    def padding(self, prefix: str = "") -> None:
        """Where the input ends inside a group: its other results are zeros, the rest follows."""
        writer = self.writer
        for step, bank in self.pads:
            writer.builder.label(f"{prefix}pad.{step}")
            stacked = self.head[-1]
            space = (Space.BANK0, Space.BANK1)[bank]
            words = (self.factor - step) * stacked.out.stride
            fills = [(Space.ACTIVATION, stacked.out.at(step), words)]
            if self.carrying:
                # First: what is still at work when the rest begins must not be in its way.
                fills.insert(0, (space, 0, self.first.layout.tiles[0].rows))
            for to, first, count in fills:
                writer.emit(Fill, "padding", space=to, destination=first, count=count)
            writer.end_block(wanted=self.after)
            writer.builder.jump(f"{prefix}rest")
