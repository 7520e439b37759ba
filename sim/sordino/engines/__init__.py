"""Engines: machines behind one interface, and their comparison."""

__all__: list[str] = []
