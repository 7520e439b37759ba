"""Random and hand-made images."""
