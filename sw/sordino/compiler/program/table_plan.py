"""Run tables and value tables of a program: two `TablePlan`s that always go together."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product

from sordino.arch import Config
from sordino.codec import EncodedMatrices
from sordino.compiler.program.interleave import TablePlan
from sordino.isa.instruction import Instruction

__all__ = ["UNKNOWN", "Slots", "TablePlans"]

Slots = Sequence[Mapping[int, int]]
"""For run tables and for value tables: the tables by slot."""
UNKNOWN: Slots = ({}, {})


class TablePlans:
    """A plan of the slots for the run tables and the value tables of all matrices."""

    def __init__(
        self,
        encoded: EncodedMatrices,
        config: Config,
        often: Sequence[int],
        names: Mapping[int, str],
        apart: int | None = None,
    ) -> None:
        """`often` are all matrices, the most used ones first; `names` those of matrices.

        Matrices from number `apart` on are those of segments.
        """
        runs, values = encoded.run_tables, encoded.value_tables
        first = runs[apart] if apart is not None else None
        self._plans = (
            TablePlan.make(runs, often, config.run_slots, runs=True, apart=first),
            TablePlan.make(values, often, config.value_slots, runs=False, apart=first),
        )
        # Of matrices with the same table, it has the first one's name.
        self._names = {
            table[number]: names[number]
            for table in (runs, values)
            for number in reversed(range(len(table)))
        }

    def keep(self, number: int) -> Slots:
        """The slots that a block may leave to the next one, which begins with this matrix."""
        return [plan.keep(number, 0) for plan in self._plans]

    def pair(self, first: int, second: int, carried: Sequence[int]) -> tuple[Slots, Slots]:
        """What may be left to each of two blocks that follow one another in turn.

        They begin with the matrices `first` and `second`. Between them the matrices `carried` are
        multiplied; if these need no other tables, both slots stay as they are all the time.
        """
        before, after = [], []
        for plan in self._plans:
            one, other = plan.tables[first], plan.tables[second]
            left, right = plan.keep(first, 0), plan.keep(second, 0 if one == other else 1)
            if {plan.tables[number] for number in carried} <= {one, other}:
                left = right = {**left, **right}
            before.append(left)
            after.append(right)
        return before, after

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
