"""Layers: each kind is one class in one file, from its float weights to its instructions."""
