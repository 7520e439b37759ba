"""The circuit: one block a file."""
