"""Run the same input on two engines and compare everything that both can see.

Compared are, in program order, the values of every retired instruction, then tokens, error, HALT
code, the counters that both have (the exact machine has none of time), and all memories at the
end.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sordino.arch import Config
from sordino.engines.engine import Engine, Features, Record, Requests, RunResult
from sordino.image.image import Image
from sordino.isa.fields import Store
from sordino.isa.hazards import Region, writes
from sordino.isa.instruction import Instruction
from sordino.isa.operations import Input
from sordino.isa.registers import COUNTERS

__all__ = ["Comparison", "compare"]


@dataclass(frozen=True)
class Comparison:
    """What was compared and the first difference, in words, or None."""

    words_compared: int
    records_compared: int
    first_difference: str | None
    results: tuple[RunResult, RunResult] = field(repr=False)

    @property
    def identical(self) -> bool:
        """Whether nothing differed."""
        return self.first_difference is None


def _place(region: Region, offset: int, config: Config) -> str:
    if region.store in (Store.BANK0, Store.BANK1):
        row, lane = divmod(offset, config.lanes)
        return f"{region.store.name.lower()} row {region.base + row} lane {lane}"
    return f"{region.store.name.lower()}[{region.base + offset}]"


def _where(image: Image, record: Record) -> str:
    instruction: Instruction = image.program[record.pc]
    layer = f", {instruction.layer}" if instruction.layer else ""
    return f"instruction {record.index} (address {record.pc}, {instruction.mnemonic}{layer})"


def _describe(
    image: Image, record: Record, names: tuple[str, str], a: NDArray[np.int64], b: NDArray[np.int64]
) -> str:
    instruction, where = image.program[record.pc], _where(image, record)
    if len(a) != len(b):
        return f"{where}: {names[0]} wrote {len(a)} words, {names[1]} {len(b)}"
    at = int(np.flatnonzero(a != b)[0])
    difference = f"{names[0]} {a[at]}, {names[1]} {b[at]}"
    regions = writes(instruction, image.config)
    if isinstance(instruction, Input) and len(a) == 1 != instruction.count:
        regions = (Region(Store.PC, 0, 1),)
    for region in regions:
        banks = region.store in (Store.BANK0, Store.BANK1)
        size = region.count * (image.config.lanes if banks else 1)
        if at < size:
            return f"{where}: {_place(region, at, image.config)}: {difference}"
        at -= size
    return f"{where}: {difference}"


class _Comparer:
    """A comparison of the second engine's records, as they come, with the first engine's."""

    def __init__(self, image: Image, names: tuple[str, str]) -> None:
        self.image, self.names = image, names
        self.expected: list[Record] = []
        self.at = 0
        self.words = 0
        self.difference: str | None = None

    def check(self, record: Record) -> None:
        if self.difference is not None:
            return
        if self.at >= len(self.expected):
            self.difference = (
                f"{self.names[1]} retired more than {self.names[0]}'s {self.at} instructions"
            )
            return
        expected = self.expected[self.at]
        self.at += 1
        if expected.pc != record.pc:
            self.difference = (
                f"instruction {record.index}: {self.names[0]} is at address {expected.pc}, "
                f"{self.names[1]} at {record.pc}"
            )
        elif not np.array_equal(expected.values, record.values):
            self.difference = _describe(
                self.image, record, self.names, expected.values, record.values
            )
        else:
            self.words += len(record.values)


def _final_difference(
    image: Image, names: tuple[str, str], a: RunResult, b: RunResult
) -> tuple[int, str | None]:
    """Words compared after the last record, and the first difference."""
    words = 0
    for number, (x, y) in enumerate(zip_longest(a.tokens, b.tokens)):
        if x != y:
            return words, f"token {number}: {names[0]} {x}, {names[1]} {y}"
        words += 1
    for number, (x, y) in enumerate(zip_longest(a.channels, b.channels)):
        if x != y:
            return words, f"channel of token {number}: {names[0]} {x}, {names[1]} {y}"
    if (a.error, a.code) != (b.error, b.code):
        return words, (
            f"end: {names[0]} {a.error.name} code {a.code}, {names[1]} {b.error.name} code {b.code}"
        )
    for counter in COUNTERS:
        if counter.name in a.counters and counter.name in b.counters:
            x, y = a.counters[counter.name], b.counters[counter.name]
            if x != y:
                return words, f"counter {counter.name}: {names[0]} {x}, {names[1]} {y}"
            words += 1
    for store in a.final:
        x_all, y_all = a.final[store].reshape(-1), b.final[store].reshape(-1)
        if not np.array_equal(x_all, y_all):
            at = int(np.flatnonzero(x_all != y_all)[0])
            place = _place(Region(store, 0, len(x_all)), at, image.config)
            return words, f"at the end: {place}: {names[0]} {x_all[at]}, {names[1]} {y_all[at]}"
        words += len(x_all)
    return words, None


def compare(
    image: Image,
    first: Engine,
    second: Engine,
    features: Features,
    *,
    cycle_limit: int = 0,
    on_record: Callable[[Record], None] | None = None,
    requests: Requests = (),
    entry: str = "main",
) -> Comparison:
    """Run `features` and `requests` on both engines, from a named entry point, and compare.

    `cycle_limit` ends an engine that goes on for ever (0: none); give more than either takes, for
    the exact machine counts instructions against it. `on_record` sees every record of the second
    engine, for progress.
    """
    names = (first.name, second.name)
    comparer = _Comparer(image, names)
    more: Any = {"requests": requests} if requests else {}
    if entry != "main":
        more["entry"] = entry
    a = first.run(features, cycle_limit=cycle_limit, record=comparer.expected.append, **more)

    def check(record: Record) -> None:
        comparer.check(record)
        if on_record is not None:
            on_record(record)

    b = second.run(features, cycle_limit=cycle_limit, record=check, **more)
    difference, words = comparer.difference, comparer.words
    if difference is None and comparer.at != len(comparer.expected):
        missing = comparer.expected[comparer.at]
        difference = (
            f"{_where(image, missing)}: {names[1]} stopped there with {b.error.name}, "
            f"{names[0]} wrote {len(missing.values)} words"
        )
    if difference is None:
        more, difference = _final_difference(image, names, a, b)
        words += more
    return Comparison(words, comparer.at, difference, (a, b))
