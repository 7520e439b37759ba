"""The machine in numpy, exact to the last bit: it executes the image itself."""

__all__: list[str] = []
