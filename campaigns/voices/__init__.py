"""Synthetic speech of many voices, in rooms and noise: what `make synthetic` makes."""
