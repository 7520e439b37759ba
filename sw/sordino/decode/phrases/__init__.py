"""Speech in, events out: a recogniser that hears as somebody speaks."""

__all__: list[str] = []
