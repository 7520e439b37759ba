"""What a build came to: cells, memories, multipliers and clock, from the tools' own reports."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sordino.errors import InputError

__all__ = ["BuildReport", "Placed", "Use", "parse_placed"]

_KINDS = {
    "cells": "TRELLIS_COMB",
    "flip_flops": "TRELLIS_FF",
    "block_rams": "DP16KD",
    "multipliers": "MULT18X18D",
    "plls": "EHXPLLL",
}


@dataclass(frozen=True)
class Use:
    """How many of one kind of cell a design takes, of those that there are."""

    used: int
    available: int

    def __str__(self) -> str:
        return f"{self.used:,} of {self.available:,}"


@dataclass(frozen=True)
class Placed:
    """A placed and routed design.

    uses      by kind: cells (TRELLIS_COMB), flip_flops, block_rams, multipliers, plls
    clock_hz  the clock it was asked to keep
    reached_hz  the fastest clock that nextpnr says it keeps
    """

    uses: dict[str, Use]
    clock_hz: int
    reached_hz: int

    @property
    def in_time(self) -> bool:
        """Whether it keeps the clock."""
        return self.reached_hz >= self.clock_hz


def parse_placed(report: Mapping[str, Any], clock_hz: int) -> Placed:
    """nextpnr's report, of which the slowest clock near `clock_hz` counts.

    InputError where it says nothing of such a clock, or lacks a kind of cell.
    """
    try:
        cells = report["utilization"]
        uses = {
            name: Use(int(cells[kind]["used"]), int(cells[kind]["available"]))
            for name, kind in _KINDS.items()
        }
        clocks = [
            (float(each["constraint"]) * 1e6, float(each["achieved"]) * 1e6)
            for each in report["fmax"].values()
        ]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"wanted nextpnr's report with utilization and fmax, got one without: {error}; install "
            "the version that the extra 'boards' names"
        ) from None
    # The constraint is in MHz with few digits.
    near = [reached for wanted, reached in clocks if abs(wanted / clock_hz - 1) < 1e-3]
    if not near:
        raise InputError(
            f"wanted a clock of {clock_hz:,} Hz in nextpnr's report, got "
            f"{', '.join(f'{wanted:,.0f}' for wanted, _ in clocks) or 'none'}; the PLL's output "
            "was not taken as a clock"
        )
    return Placed(uses, clock_hz, int(min(near)))


@dataclass(frozen=True, kw_only=True)
class BuildReport:
    """A bitstream and what it takes.

    minutes   by step: elaborate, synthesise, place, pack
    bitstream, memory  files; `memory` is what stands in the flash from byte `memory_at` on
    """

    board: str
    seed: int
    placed: Placed
    minutes: dict[str, float]
    bitstream: str
    memory: str
    memory_at: int
    tools: dict[str, str]

    def as_dict(self) -> dict[str, Any]:
        """What JSON holds; shares of the device are fractions."""
        found = asdict(self)
        placed = found.pop("placed")
        uses = {
            name: {**use, "share": use["used"] / use["available"]}
            for name, use in placed.pop("uses").items()
        }
        return {**found, **placed, "uses": uses, "in_time": self.placed.in_time}

    @classmethod
    def of_dict(cls, values: Mapping[str, Any]) -> "BuildReport":
        """What `as_dict` gave; InputError where an entry is missing, unknown or of another type."""
        found = dict(values)
        try:
            found.pop("in_time")
            uses = {
                name: Use(int(use["used"]), int(use["available"]))
                for name, use in found.pop("uses").items()
            }
            clock_hz, reached_hz = int(found.pop("clock_hz")), int(found.pop("reached_hz"))
            return cls(**found, placed=Placed(uses, clock_hz, reached_hz))
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InputError(
                f"wanted a build's manifest, got one that is damaged or of another version: "
                f"{error}; build once more"
            ) from None
