"""Speech around the accelerator: audio, features, corpora, word error rate."""

__all__: list[str] = []
