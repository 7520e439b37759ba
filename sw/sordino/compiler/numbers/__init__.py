"""A float model as integers: pruned, clipped, rounded, and proved not to overflow."""
