"""The command line's way to say where utterances end."""

__all__: list[str] = []
