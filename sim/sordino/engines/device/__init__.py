"""Simulated boards: the compiled circuit behind a serial line, in this process or a terminal's."""
