"""How a lattice becomes bits: what both ends know of words, in which order, by which coder."""

__all__: list[str] = []
