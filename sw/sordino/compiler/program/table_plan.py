"""Run tables and value tables of a program: two `TablePlan`s that always go together."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product

from sordino.arch import Config
from sordino.codec import EncodedMatrices
from sordino.compiler.layout.place import PlacedModel
from sordino.compiler.program.interleave import TablePlan
from sordino.isa.instruction import Instruction

__all__ = ["UNKNOWN", "Slots", "TablePlans"]

Slots = Sequence[Mapping[int, int]]
"""For run tables and for value tables: the tables by slot."""
UNKNOWN: Slots = ({}, {})


class TablePlans:
    """A plan of the slots for the run tables and the value tables of all matrices.

    for_symbol, for_frame, for_rest  what is loaded at the end of one block and used by the next:
                                     before the joint, before a frame, after a time reduction
    """

    def __init__(
        self,
        encoded: EncodedMatrices,
        config: Config,
        placed: PlacedModel,
        names: Mapping[int, str],
        after: int,
    ) -> None:
        """`after` is the number of encoder layers before a time reduction; 0 without."""
        often = (placed.joint_output, *placed.encoder, placed.joint_encoder)
        seldom = (*placed.prediction, placed.joint_prediction)
        numbers = [number for layer in (*often, *seldom) for number, _ in layer.numbered]
        runs, values = encoded.run_tables, encoded.value_tables
        self._plans = (
            TablePlan.make(runs, numbers, config.run_slots, runs=True),
            TablePlan.make(values, numbers, config.value_slots, runs=False),
        )
        # Of matrices with the same table, it has the first one's name.
        self._names = {
            table[number]: names[number]
            for table in (runs, values)
            for number in reversed(range(len(table)))
        }
        self.for_symbol: list[Mapping[int, int]] = []
        self.for_frame: list[Mapping[int, int]] = []
        self.for_rest: list[Mapping[int, int]] = []
        output, first = placed.joint_output.first_matrix, placed.encoder[0]
        for plan in self._plans:
            for_output, for_input = plan.tables[output], plan.tables[first.first_matrix]
            symbol = plan.keep(output, 0)
            frame = plan.keep(first.first_matrix, 0 if for_output == for_input else 1)
            carried = {plan.tables[number] for number in first.numbers(0, 1)}
            if carried <= {for_output, for_input}:
                # Between frames the first layer's recurrent product leaves both slots as they are.
                symbol = frame = {**symbol, **frame}
            self.for_symbol.append(symbol)
            self.for_frame.append(frame)
            self.for_rest.append(plan.keep(placed.encoder[after].numbers(0, 1)[0], 0))

    def pinned(self) -> Iterator[Instruction]:
        """Yield the TABLE instructions for tables that keep their slots."""
        for plan in self._plans:
            for table, slot in plan.pinned.items():
                yield plan.load(self._names[table], table, slot)

    def ways(
        self, block: Sequence[Instruction], held: Slots, wanted: Slots
    ) -> Iterator[Sequence[Instruction]]:
        """`block` with tables as in `TablePlan.insert`, in every turn of the shared slots."""
        for turns in product(*(range(max(1, len(plan.shared))) for plan in self._plans)):
            way = block
            for plan, before, after, turn in zip(self._plans, held, wanted, turns, strict=True):
                way = plan.insert(way, self._names, before, after, turn)
            yield way
