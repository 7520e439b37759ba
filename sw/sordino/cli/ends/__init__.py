"""Ends of utterances on the command line."""

__all__: list[str] = []
