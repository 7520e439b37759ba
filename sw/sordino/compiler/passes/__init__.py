"""Passes over a graph of layers: canonical numbers, pruning, rounding, proof, dealing, encoding."""
