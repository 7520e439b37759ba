"""Frames: how register accesses travel over a serial line, once for circuit, driver and page."""
