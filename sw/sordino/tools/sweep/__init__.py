"""A model on many machines: cycles, bytes, logic and word errors of every point of a grid."""

from sordino.tools.sweep.points import Point, grid
from sordino.tools.sweep.run import Sweep, sweep

__all__ = ["Point", "Sweep", "grid", "sweep"]
