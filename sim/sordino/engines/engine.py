"""What every engine offers: run features through an image, one record per retired instruction."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from sordino.isa.fields import Store
from sordino.isa.registers import Error

__all__ = ["Engine", "Record", "RunResult"]


@dataclass(frozen=True)
class Record:
    """One retired instruction.

    index   its number in program order, from 0
    pc      its address
    values  int64, one-dimensional: the regions of `isa.hazards.writes` one after the other as
            they are right after the instruction, accumulator rows flattened lane by lane; for an
            INPUT that found the end of input, the next address alone
    """

    index: int
    pc: int
    values: NDArray[np.int64]


@dataclass(frozen=True)
class RunResult:
    """How a run ended.

    tokens    tokens in the order they were emitted
    error     NONE after HALT
    code      HALT's code, 0 after an error
    counters  by name; an engine without time leaves out the timed ones
    records   every record if they were asked for as a list, else None
    final     memories at the end: int64, activation and state memory (words,), accumulator banks
              (rows, lanes), registers (8,)
    """

    tokens: list[int]
    error: Error
    code: int
    counters: dict[str, int]
    records: list[Record] | None
    final: dict[Store, NDArray[np.int64]]


class Engine(Protocol):
    """A machine with an image in it."""

    @property
    def name(self) -> str:
        """What users call it."""

    def run(
        self,
        features: NDArray[np.int8],
        *,
        cycle_limit: int = 0,
        record: bool | Callable[[Record], None] = False,
        entry: str = "main",
    ) -> RunResult:
        """Run from a named entry point until the machine stops.

        `features` (frames, dim) int8 arrive in order, then the end of input. `record` True keeps
        every record in the result; a callback gets each as it is made, and none is kept.
        `cycle_limit` 0 means none. Memories keep what an earlier run left. Raises ImageError for
        an entry point that the image does not have.
        """
