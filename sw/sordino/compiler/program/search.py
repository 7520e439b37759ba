"""What a host needs that searches by itself: where the parts of the loop leave what they compute.

Between runs of the entry points (`ENTRIES`) the host reads and writes memories of the machine.
Hypotheses share it, the host keeps a copy of the prediction network's state for each of them; the
encoder's state stays where it is.
"""

import math

import numpy as np

from sordino.arith import JOINT
from sordino.compiler.layout.addresses import Addresses
from sordino.compiler.layout.contents import slot_count
from sordino.compiler.numbers.quantise import QuantisedLayer, multiplier_shift
from sordino.image.host import Search

__all__ = ["ENTRIES", "locate", "score_scale"]

ENTRIES = ("main", "reset", "encode", "advance", "score")
"""Entry points: the greedy loop, and its parts.

reset    clears memories and loads the tables that keep their slots; before all others
encode   takes the input vectors of a step of the encoder, to its half of the joint
advance  takes a token's embedding, to the prediction network's next state and half of the joint
score    from both halves to the joint's outputs
"""


def score_scale(output: QuantisedLayer) -> tuple[int, int, int]:
    """Fraction bits, multiplier and shift with which no output of the joint leaves int16."""
    reach = np.abs(output.bias)
    for matrix in output.matrices:
        reach = reach + np.abs(matrix.values.astype(np.int64)).sum(axis=1) * matrix.x_max
    bound = max(1, int(reach.max())) * output.unit
    # A bit less than there is room for, since the multiplier is rounded.
    fraction = JOINT.bits - 1 - math.ceil(math.log2(bound) + 1e-3)
    return (fraction, *multiplier_shift(output.unit * 2.0**fraction, output.name))


def locate(at: Addresses, fraction: int) -> Search:
    """Where a host that searches finds everything; scores have so many fraction bits."""
    encoder, prediction = ((half.state, slot_count(half.placed.layout)) for half in at.halves)
    return Search(
        frames=at.group,
        embedding=(at.embedding, at.stride, at.width),
        hidden=tuple((layer.h, len(layer.placed.layout.order)) for layer in at.prediction),
        cells=tuple((layer.c, len(layer.placed.layout.order)) for layer in at.prediction),
        predicted=prediction,
        encoded=encoder,
        scores=(at.scores, at.outputs),
        index_table=at.index_table,
        fraction=fraction,
    )
