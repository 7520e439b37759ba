"""Parts of the circuit as functions."""
