"""A machine as the cells of an FPGA: its netlist, and what those cells do."""

__all__: list[str] = []
