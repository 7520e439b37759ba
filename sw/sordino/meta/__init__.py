"""What a model's meta may say, declared once; reading it, and refusing all else."""

__all__: list[str] = []
