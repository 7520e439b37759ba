"""Word graphs: what may have been said, in tens of bytes, for a larger model elsewhere."""

__all__: list[str] = []
