"""Weights from external memory: bursts and their checks."""
