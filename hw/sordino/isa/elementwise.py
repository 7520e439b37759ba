"""Sums and products of vectors, word by word.

Their text has the short forms that `sordino.isa.operations` explains.
"""

from typing import Any

from sordino.isa.choices import Function
from sordino.isa.fields import (
    ACTIVATION,
    ANY_SHIFT,
    COUNT,
    FLAG,
    MULTIPLIER,
    RIGHT_SHIFT,
    STATE,
    Choice,
    Extent,
    Words,
    by,
    reads,
    since,
    writes,
)
from sordino.isa.instruction import Instruction, Unit
from sordino.isa.pipelines import Pipeline

__all__ = ["FUNCTION", "Add", "Multiply"]

FUNCTION = by("function", Pipeline.VALUE, Pipeline.VALUE, Pipeline.CURVE, Pipeline.CURVE)
"""The pipeline of an operation with a `function`."""
SECOND = Extent(
    "count * (1 - alone)",
    lambda fields, config: fields["count"] * (1 - fields["alone"]),
    empty=True,
)
"""Words of ADD's second operand."""


def _overlap(i: Instruction, *operands: str) -> str:
    """Say which operand the range that is written overlaps in part; "" if there is none.

    The ranges are of `count` words. One that is the same is no matter, since each word is read
    before it is written.
    """

    def store(name: str) -> Any:
        words = i.FIELDS[name].meaning
        assert isinstance(words, Words)
        return words.store.of(i.fields) if isinstance(words.store, Choice) else words.store

    for name in operands:
        first, apart = i.fields[name], abs(i.fields[name] - i.fields["destination"])
        if store(name) is store("destination") and 0 < apart < i.fields["count"]:
            return (
                f"{i.fields['count']} words to {i.fields['destination']} overlap those of `{name}` "
                f"from {first}, wanted the same range or ranges apart"
            )
    return ""


class Add(Instruction, opcode=14, unit=Unit.VECTOR):
    """Add `count` pairs of words, or take words alone, and apply a function or another scale.

    For every k < count the sum is v = sat16(x + y). Here x is state[a + k], or with
    `from_activation` = 1 it is joint_activation(activation[a + k]), which is 16 times as much. And
    y is state[b + k], or with `alone` = 1 it is 0, and `b` is not used.

    With `wide` = 1 the result is state[destination + k] = sat16(rq(v)), and the function must be
    NONE. With `wide` = 0 it is activation[destination + k], by `function`:

    * NONE: sat8(rq(v))
    * RELU: sat8(rq(max(v, 0)))
    * TANH: hidden_int8(tanh(joint_preactivation(v)))
    * SIGMOID: hidden_int8(sigmoid(joint_preactivation(v)))

    TANH and SIGMOID do not use `multiplier` and `shift`. The destination may be exactly the range
    of an operand in the same memory. It may not overlap that range in part.
    """

    a: 16 = reads(by("from_activation", STATE, ACTIVATION), "count")
    b: 16 = reads(STATE, SECOND)
    destination: 16 = writes(by("wide", ACTIVATION, STATE), "count")
    count: 16 = COUNT
    function: Function
    multiplier: 16 = MULTIPLIER
    shift: 6 = ANY_SHIFT
    wide: 1 = since(3, FLAG)
    from_activation: 1 = since(3, FLAG)
    alone: 1 = since(3, FLAG)

    elements, pipeline = "count", FUNCTION

    def wrong(self) -> str:
        function = self.fields["function"]
        if self.wide and function:
            return f"function is {Function(function).name}, a wide ADD wants NONE"
        if not self.shift and self.through() is not Pipeline.CURVE:
            return "shift is 0, wanted 1 to 63"
        return _overlap(self, "a") if self.alone else _overlap(self, "a", "b")


class Multiply(Instruction, opcode=18, unit=Unit.VECTOR):
    """Multiply `count` words of state memory by words of activation memory, pair by pair.

    For every k < count the product is v = rq(state[`state` + k] * activation[`activation` + k]).
    With `wide` = 1 the result is state[destination + k] = sat16(v), with `wide` = 0
    activation[destination + k] = sat8(v). The destination may be exactly the range of a factor in
    the same memory. It may not overlap that range in part.
    """

    state: 16 = reads(STATE, "count")
    activation: 16 = reads(ACTIVATION, "count")
    destination: 16 = writes(by("wide", ACTIVATION, STATE), "count")
    count: 16 = COUNT
    wide: 1 = FLAG
    multiplier: 16 = MULTIPLIER
    shift: 6 = RIGHT_SHIFT

    elements, pipeline = "count", Pipeline.PRODUCT

    def wrong(self) -> str:
        return _overlap(self, "state", "activation")
