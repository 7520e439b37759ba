"""The way from a trained model to an image: quantise, deal, encode, allocate, schedule, emit."""

__all__: list[str] = []
