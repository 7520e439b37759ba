"""Cycles of programs whose instructions follow one another without overlap."""

from sordino.isa import timing

__all__ = ["beside_units"]


def beside_units(instructions: int, units: int, inputs: int) -> int:
    """What instructions take beside their units' own cycles, where nothing overlaps.

    `units` of all are executed by units, and `inputs` of these are INPUTs.
    """
    own = timing.SEQUENCER_CYCLES * (instructions - units + inputs)
    return own + timing.UNIT_START * units + timing.UNIT_FREE * (units - inputs)
