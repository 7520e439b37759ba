"""Objects of JSON as frozen classes: what each entry may be, and all else refused."""

__all__: list[str] = []
