"""Attributes of memories that synthesis needs; simulators ignore them."""

from typing import Any

__all__ = ["BLOCK", "UNCHECKED"]

UNCHECKED: Any = {"no_rw_check": 1}
"""Nothing depends on what a read gives of a word that is written in the same cycle.

Amaranth's memories then give the old word, which block RAM of several devices does not: without
this attribute Yosys adds comparators, registers and multiplexers to each (1,500 LUTs a group).
"""
BLOCK: Any = {**UNCHECKED, "ram_style": "block"}
"""Such a memory, in block RAM however small it is."""
