"""What a configuration is made of, counted in the elaborated circuit."""

import re
from collections import Counter
from functools import lru_cache

from sordino.arch import PRESETS, Config
from sordino.rtl.export.emit import to_rtlil
from sordino.rtl.machine import Machine
from sordino.rtl.vector.unit import VectorUnit

__all__ = ["SMALLEST_OPERAND", "memory_bits", "multipliers", "vector_multipliers"]

SMALLEST_OPERAND = 7
"""Multiplications by fewer bits are a few adders."""
_KINDS = (
    (r"lane\d+\.bank[01]$", "accumulator banks"),
    (r"values\d+\.stream$", "value streams"),
    (r"values\d+\.table$", "value tables"),
    (r"positions\.stream$", "position streams"),
    (r"positions\.table$", "run tables"),
    (r"x_fifo\.", "x FIFOs"),
    (r"group\d+\.", "directory"),
    (r"\.reader\.", "external directory"),
    (r"\.sequencer\.", "program"),
    (r"\.tables\.", "table memory"),
    (r"\.rom$", "curves"),
    (r"\.activation\.", "activation memory"),
    (r"\.state\.", "state memory"),
    (r"\.parameters\.", "parameter memory"),
)


Operands = tuple[int, int]
"""Widths of a multiplication, the larger one first."""


@lru_cache(maxsize=16)
def _cells(config: Config) -> tuple[dict[str, int], dict[Operands, int]]:
    """Memory bits by kind, and multipliers by operand widths."""
    return _counted(to_rtlil(Machine(config)))


@lru_cache(maxsize=4)
def vector_multipliers(gates: int) -> dict[Operands, int]:
    """Multipliers by operand widths of a vector unit that computes so many gates at once."""
    config = PRESETS["tiny"].with_settings({"vector_gates": gates})
    return _counted(to_rtlil(VectorUnit(config)))[1]


def _counted(text: str) -> tuple[dict[str, int], dict[Operands, int]]:
    memories: Counter[str] = Counter()
    products: Counter[Operands] = Counter()
    module = ""
    widths: dict[str, int] = {}
    cell = ""
    for line in text.splitlines():
        words = line.split()
        if words[:1] == ["module"]:
            module = words[1].removeprefix("\\")
        elif words[:1] == ["memory"]:
            name = f"{module}.{words[-1].removeprefix(chr(92))}"
            size = dict(zip(words[1:-1:2], map(int, words[2:-1:2]), strict=True))
            memories[_kind(name)] += size["width"] * size["size"]
        elif words[:1] == ["cell"]:
            cell, widths = words[1], {}
        elif words[:1] == ["parameter"] and cell == "$mul":
            widths[words[1]] = int(words[2])
        elif words[:1] == ["end"] and cell:
            if cell == "$mul":
                large, small = sorted((widths["\\A_WIDTH"], widths["\\B_WIDTH"]), reverse=True)
                if small >= SMALLEST_OPERAND:
                    products[large, small] += 1
            cell = ""
    return dict(memories), dict(products)


def _kind(name: str) -> str:
    return next((kind for pattern, kind in _KINDS if re.search(pattern, name)), name)


def memory_bits(config: Config) -> dict[str, int]:
    """Bits of memory by what they hold."""
    return dict(_cells(config)[0])


def multipliers(config: Config) -> dict[str, int]:
    """Multipliers by operand widths in bits."""
    return {f"{large} × {small}": n for (large, small), n in _cells(config)[1].items()}
