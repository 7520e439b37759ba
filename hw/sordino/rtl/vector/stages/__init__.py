"""Stages that all instructions of the vector unit share: requantising, curves, the maximum."""
