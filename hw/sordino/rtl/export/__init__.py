"""The circuit as RTLIL and Verilog, and what it consists of."""
