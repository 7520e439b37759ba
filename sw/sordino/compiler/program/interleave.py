"""Basic blocks for a machine whose units work side by side: order, and tables in time.

A block is a list of instructions without branches. What is written here says in which order each
unit does its part; `interleave` merges those three streams so that every instruction begins as
early as what it depends on and the sequencer's order allow. What may overlap in the finished
program, across blocks too, says `sordino.isa.hazards.with_overlap`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from sordino.arch import Config
from sordino.isa import timing
from sordino.isa.hazards import conflict
from sordino.isa.instruction import Instruction, Unit
from sordino.isa.operations import Matvec, Table

__all__ = ["OrderedBlock", "TablePlan", "interleave"]

_RANK = {Unit.NONE: 0, Unit.ARRAY: 1, Unit.VECTOR: 2, Unit.TABLE: 3}
"""Who goes first of those that could begin in the same cycle."""


@dataclass(frozen=True)
class OrderedBlock:
    """A block in the order in which it is to begin, and about the cycles until all is done."""

    block: tuple[Instruction, ...]
    cycles: int


def interleave(
    block: Sequence[Instruction], cycles: Callable[[Instruction], int], config: Config
) -> OrderedBlock:
    """Merge the units' streams; conflicting instructions stay in the order of `block`.

    `cycles` says how long an instruction takes. Nothing is at work at the beginning.
    """
    before = [
        [k for k in range(n) if conflict(block[k], instruction, config)]
        for n, instruction in enumerate(block)
    ]
    streams = {unit: [n for n, i in enumerate(block) if i.unit is unit] for unit in _RANK}
    ends: dict[int, int] = {}
    free = dict.fromkeys(_RANK, 0)
    order: list[int] = []
    now = 0
    while len(order) < len(block):
        heads = [
            (max([now, free[unit], *(ends[k] for k in before[stream[0]])]), _RANK[unit], unit)
            for unit, stream in streams.items()
            if stream and all(k in ends for k in before[stream[0]])
        ]
        begin, _, unit = min(heads)
        n = streams[unit].pop(0)
        order.append(n)
        now = begin + timing.SEQUENCER_CYCLES
        ends[n] = begin + timing.UNIT_START + cycles(block[n]) + timing.UNIT_FREE if unit else now
        free[unit] = ends[n]
    return OrderedBlock(tuple(block[n] for n in order), max(ends.values(), default=0))


@dataclass(frozen=True)
class TablePlan:
    """A plan of the slots in which tables of one kind, run tables or value tables, are loaded.

    runs    the kind
    tables  the table of each matrix
    pinned  tables that are loaded once, and their slots
    shared  slots that are loaded as needed: two, so that one is loaded while a MATVEC reads the
            other, or one if the machine has no more, or none if there is a slot for every table
    """

    runs: bool
    tables: tuple[int, ...]
    pinned: Mapping[int, int]
    shared: tuple[int, ...]

    @classmethod
    def make(
        cls,
        tables: Sequence[int],
        often: Sequence[int],
        slots: int,
        *,
        runs: bool,
        apart: int | None = None,
    ) -> "TablePlan":
        """Plan `slots` slots for the matrices' `tables`; `often` lists the most used ones first.

        Tables from number `apart` on are never pinned: a segment's contents come and go.
        """
        distinct = list(dict.fromkeys(tables[number] for number in often))
        own = [table for table in distinct if apart is None or table < apart]
        if len(own) == len(distinct):
            room = slots if len(own) <= slots else max(0, slots - 2)
        else:
            room = len(own) if len(own) < slots else max(0, slots - 2)
        pinned = {table: slot for slot, table in enumerate(own[:room])}
        shared = tuple(range(room, slots))
        if len(own) == room:
            shared = shared[:2]
        return cls(runs, tuple(tables), pinned, shared)

    def keep(self, number: int, which: int) -> dict[int, int]:
        """What a block may leave to the next for a matrix: {slot: table}, or nothing."""
        table = self.tables[number]
        if table in self.pinned or len(self.shared) < 2:
            return {}
        return {self.shared[which]: table}

    def load(self, layer: str, table: int, slot: int) -> Instruction:
        """The TABLE instruction that loads a table into a slot."""
        fields = {"runs": 1} if self.runs else {}
        return Table(layer, source=table, slot=slot, **fields)

    def insert(
        self,
        block: Sequence[Instruction],
        names: Mapping[int, str],
        held: Mapping[int, int],
        wanted: Mapping[int, int],
        turn: int,
    ) -> list[Instruction]:
        """`block` with a slot in every MATVEC and a TABLE where one is needed.

        The least recently used shared slot is loaded, of those not used yet the one `turn` places
        on. `held` and `wanted` say, by slot, which tables are there at the beginning and must be
        at the end; `names` are the layers of loads for the end.
        """
        contents = dict(held)
        recent = [*self.shared[turn:], *self.shared[:turn]]
        made: list[Instruction] = []
        for instruction in block:
            if isinstance(instruction, Matvec):
                table = self.tables[instruction.matrix]
                slot = self.pinned.get(table)
                if slot is None:
                    slot = next((s for s, t in contents.items() if t == table), recent[0])
                    if contents.get(slot) != table:
                        made.append(self.load(instruction.layer, table, slot))
                        contents[slot] = table
                    recent.remove(slot)
                    recent.append(slot)
                instruction = instruction.replace(**{"run_slot" if self.runs else "slot": slot})
            made.append(instruction)
        made += [
            self.load(names[table], table, slot)
            for slot, table in wanted.items()
            if contents.get(slot) != table
        ]
        return made
