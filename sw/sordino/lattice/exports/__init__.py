"""Lattices as other tools read them."""

__all__: list[str] = []
