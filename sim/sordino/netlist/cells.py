"""Where the behaviour of the ECP5's block RAM and multiplier is."""

from pathlib import Path

__all__ = ["OURS"]

OURS = (
    Path(__file__).parent / "ecp5" / "DP16KD.v",
    Path(__file__).parent / "ecp5" / "MULT18X18D.v",
)
"""One SystemVerilog file a cell that Yosys has no behaviour of, named as the cell is."""
