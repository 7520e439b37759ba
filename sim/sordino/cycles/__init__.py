"""The cycle model: the circuit's exact time without simulating the circuit."""

__all__: list[str] = []
