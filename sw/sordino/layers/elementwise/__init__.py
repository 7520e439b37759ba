"""Layers whose result depends on the same number of each input alone."""
