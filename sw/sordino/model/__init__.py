"""Trained models as the toolkit holds them, and reading them from files."""

__all__: list[str] = []
