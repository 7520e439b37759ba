"""The choice which matrices share a table: one of its own must save more bits than it takes.

Counts of symbols stand for matrices, all over one alphabet. Two matrices, then two sets of them,
are joined as long as their common table is the cheaper one: what it costs is the order-0 entropy
of the counts and what its symbols take in the image.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from sordino.arch import MAX_WRAPS, Config
from sordino.codec.alphabet import Alphabet
from sordino.codec.buckets import SYMBOL_COST, choose_symbols
from sordino.codec.frequencies import LOG2_UNIT, log2_fixed
from sordino.codec.walk import PADDING, Walk
from sordino.image.tans import Symbol

__all__ = ["SharedTables", "TableChoice", "choose_tables", "join", "one_pair", "plain_pair"]

_TABLE_COST = 100 * LOG2_UNIT
"""What another table must gain beside its symbols: it takes a place, and time to load."""
_WEIGHT_TOP = 127
_INT8_BITS = 8
_RUN_TOP = (MAX_WRAPS + 1) * 1024 - 1
"""Longest run of any machine: the largest base of a symbol."""
_Ints = NDArray[np.int64]
_Table = tuple[Symbol, ...]


@dataclass(frozen=True)
class SharedTables:
    """All tables, and by matrix the numbers of its run table and its value table."""

    tables: tuple[_Table, ...]
    runs: tuple[int, ...]
    values: tuple[int, ...]


def choose_tables(
    walks: Sequence[Sequence[Walk]],
    lanes: Sequence[Sequence[_Ints]],
    config: Config,
    *,
    tied: Mapping[int, int] = MappingProxyType({}),
) -> SharedTables:
    """SharedTables for the walks of all groups and the values of all lanes of each matrix.

    They stand in the order of their first use, a matrix's run table before its value table. There
    are as many run tables at most as the machine has room for. A matrix that is `tied` to another
    one, which is not tied itself, has its tables, whatever that takes: it is no part of the choice.
    """
    if not lanes:
        return SharedTables(
            (_Coded(np.zeros(0, np.int64), 0, _RUN_TOP).table(config.state_bits),), (), ()
        )
    values = [_Coded(np.concatenate(matrix), 0, _WEIGHT_TOP) for matrix in lanes]
    value_of, value_tables = _share(values, config.state_bits, len(values), tied)
    room = max(1, config.tables - len(value_tables))
    runs = [_runs(walked) for walked in walks]
    run_of, run_tables = _share(runs, config.state_bits, room, tied)
    numbers: dict[tuple[str, int], int] = {}
    for run, value in zip(run_of, value_of, strict=True):
        numbers.setdefault(("run", run), len(numbers))
        numbers.setdefault(("value", value), len(numbers))
    made = {"run": run_tables, "value": value_tables}
    return SharedTables(
        tuple(made[kind][number] for kind, number in numbers),
        tuple(numbers["run", run] for run in run_of),
        tuple(numbers["value", value] for value in value_of),
    )


TableChoice = Callable[[Sequence[Sequence[Walk]], Sequence[Sequence[_Ints]], Config], SharedTables]
"""As `choose_tables`."""


def one_pair(
    walks: Sequence[Sequence[Walk]], lanes: Sequence[Sequence[_Ints]], config: Config
) -> SharedTables:
    """Make one run table and one value table, 0 and 1, for all matrices, as `choose_tables`."""
    runs = _Coded.together([_runs(walked) for walked in walks])
    values = _Coded(np.concatenate([lane for matrix in lanes for lane in matrix]), 0, _WEIGHT_TOP)
    return _pair(runs.table(config.state_bits), values.table(config.state_bits), len(lanes))


def plain_pair(
    walks: Sequence[Sequence[Walk]], lanes: Sequence[Sequence[_Ints]], config: Config
) -> SharedTables:
    """Make a pair as `one_pair`, but every value takes the same number of bits.

    These are so many that each of the values has a code, where the states suffice for that; else 8.
    """
    runs = _Coded.together([_runs(walked) for walked in walks])
    every = np.concatenate([lane for matrix in lanes for lane in matrix])
    values: list[int] = np.unique(every).tolist()
    bits = (len(values) - 1).bit_length() if values else 0
    extra = 0
    if bits > config.state_bits:
        bits = min(_INT8_BITS, config.state_bits)
        extra = _INT8_BITS - bits
        values = list(range(-(1 << _INT8_BITS - 1), 1 << _INT8_BITS - 1, 1 << extra))
    values = values or [0]
    each = config.states >> bits
    symbols = [Symbol(value, extra, each) for value in values]
    symbols[0] = Symbol(values[0], extra, config.states - each * (len(values) - 1))
    return _pair(runs.table(config.state_bits), tuple(symbols), len(lanes))


def _pair(runs: _Table, values: _Table, matrices: int) -> SharedTables:
    return SharedTables((runs, values), (0,) * matrices, (1,) * matrices)


@dataclass(frozen=True, eq=False)
class _Coded:
    """What one table has to code: values, and so many padding places."""

    values: _Ints
    padding: int
    top: int

    @classmethod
    def together(cls, parts: Sequence["_Coded"]) -> "_Coded":
        values = np.concatenate([part.values for part in parts])
        return cls(values, sum(part.padding for part in parts), parts[0].top)

    def table(self, state_bits: int) -> _Table:
        return choose_symbols(
            self.values,
            padding=self.padding,
            state_bits=state_bits,
            top=self.top,
            weights=self.top == _WEIGHT_TOP,
        )

    def counts(self, alphabet: Alphabet, symbols: int) -> _Ints:
        """How often each of so many symbols occurs, and padding last; (symbols + 1,)."""
        numbers, _ = alphabet.split(self.values)
        return np.append(np.bincount(numbers, minlength=symbols), self.padding)


def _runs(walked: Sequence[Walk]) -> _Coded:
    symbols = np.concatenate([walk.symbols for walk in walked])
    runs = symbols[symbols != PADDING]
    return _Coded(runs, len(symbols) - len(runs), _RUN_TOP)


def _share(
    coded: Sequence[_Coded], state_bits: int, most: int, tied: Mapping[int, int]
) -> tuple[list[int], list[_Table]]:
    """The number of each matrix's table, and the tables."""
    symbols = _Coded.together(coded).table(state_bits)
    alphabet = Alphabet(symbols)
    counts = {n: one.counts(alphabet, len(symbols)) for n, one in enumerate(coded) if n not in tied}
    own = dict(zip(counts, join(list(counts.values()), most), strict=True))
    chosen = [own[tied.get(number, number)] for number in range(len(coded))]
    sets = [
        [one for one, number in zip(coded, chosen, strict=True) if number == table]
        for table in range(max(chosen) + 1)
    ]
    return chosen, [_Coded.together(members).table(state_bits) for members in sets]


def join(counts: Sequence[_Ints], most: int) -> list[int]:
    """The number of each matrix's set; sets are numbered by their first matrix, `most` at most."""
    members = [[number] for number in range(len(counts))]
    sums = list(counts)
    costs = [_cost(one) for one in sums]
    joined: dict[tuple[int, int], int] = {}
    sets = list(range(len(counts)))
    while len(sets) > 1:
        pairs = [(a, b) for place, a in enumerate(sets) for b in sets[place + 1 :]]
        for a, b in pairs:
            if (a, b) not in joined:
                joined[a, b] = _cost(sums[a] + sums[b])
        a, b = min(pairs, key=lambda pair: joined[pair] - costs[pair[0]] - costs[pair[1]])
        if joined[a, b] > costs[a] + costs[b] and len(sets) <= most:
            break
        sets = [n for n in sets if n not in (a, b)] + [len(sums)]
        members.append(members[a] + members[b])
        sums.append(sums[a] + sums[b])
        costs.append(joined[a, b])
    chosen = [0] * len(counts)
    for number, members_of_set in enumerate(sorted((members[n] for n in sets), key=min)):
        for matrix in members_of_set:
            chosen[matrix] = number
    return chosen


def _cost(counts: _Ints) -> int:
    """The cost of one table and of what it codes, in units of 1 / LOG2_UNIT bit."""
    present = counts[counts > 0]
    total = int(present.sum())
    coded = total * int(log2_fixed(max(1, total))) - int((present * log2_fixed(present)).sum())
    return _TABLE_COST + coded + len(present) * SYMBOL_COST
