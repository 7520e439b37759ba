"""Speech around the accelerator: audio, features, datasets, word error rate, a float reference."""

__all__: list[str] = []
