"""The page of the arithmetic: formats, operations as their source, curves with their errors."""

import inspect
import math
from collections.abc import Callable
from zlib import crc32

from sordino import arith
from sordino.reference.markdown import NOTE, docstring, table

__all__ = ["arithmetic_page"]


_PUBLIC = {name: value for name, value in vars(arith).items() if name in arith.__all__}
"""In the order in which the module says them."""
_FORMATS = tuple({id(v): v for v in _PUBLIC.values() if isinstance(v, arith.Fixed)}.values())
_CURVE_PARAMETERS = ("knots", "slopes")
_OPERATIONS = tuple(value for value in _PUBLIC.values() if inspect.isfunction(value))


def arithmetic_page() -> str:
    """docs/arithmetic.md."""
    return "".join(
        (
            NOTE,
            "# Arithmetic\n\n",
            docstring(arith) + "\n\n## Formats\n\n",
            table(
                ("quantity", "bits", "format", "lowest", "highest", "one unit"),
                [(f.name, f.bits, f.notation, f.low, f.high, f"2^-{f.fraction}") for f in _FORMATS],
            ),
            "\nThe accumulator is a signed integer of `accumulator_bits` (24 to 32) bits; the\n"
            "compiler proves that it cannot overflow. Biases are int"
            f"{arith.BIAS_BITS}, multipliers unsigned {arith.MULTIPLIER_BITS} bits, "
            f"x is shifted left by 0 to {arith.MAX_X_SHIFT}.\n\n## Operations\n",
            *(_operation(function) for function in _OPERATIONS),
            f"\n## Curves\n\n{docstring(arith.Curve)}\n\n{docstring(arith.Curve.odd)}\n\n",
            _curves(),
        )
    )


def _operation(function: Callable[..., int]) -> str:
    """A function's name, parameters, docstring and body."""
    source = inspect.getsource(function)
    body = source[source.index('"""', source.index('"""') + 3) + 3 :]
    parameters = [p for p in inspect.signature(function).parameters if p not in _CURVE_PARAMETERS]
    return (
        f"\n### {function.__name__}({', '.join(parameters)})\n\n{docstring(function)}\n\n"
        f"```python\n{inspect.cleandoc(body)}\n```\n"
    )


def _curves() -> str:
    errors = (
        (arith.TANH, _worst(arith.tanh, math.tanh)),
        (arith.SIGMOID, _worst(arith.sigmoid, lambda z: 1 / (1 + math.exp(-z)))),
    )
    return table(
        ("curve", "segments", "CRC-32 of the knots as text", "worst error, units of 2^-15"),
        [
            (c.name, arith.CURVE_SEGMENTS, f"{crc32(repr(c.knots).encode()):08x}", f"{e:.2f}")
            for c, e in errors
        ],
    )


def _worst(function: Callable[[int], int], real: Callable[[float], float]) -> float:
    scale, step = 1 << arith.GATE.fraction, 1 << arith.PREACTIVATION.fraction
    return max(
        abs(function(z) - real(z / step) * scale)
        for z in range(arith.PREACTIVATION.low, arith.PREACTIVATION.high + 1)
    )
