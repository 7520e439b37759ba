"""Classes of what is said: dates, numbers, names; what stands in the file, and what it says."""

__all__: list[str] = []
