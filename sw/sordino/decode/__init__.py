"""Search on the host: what was most probably said, by a transducer and a word n-gram."""

__all__: list[str] = []
