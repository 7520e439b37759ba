"""Networks as graphs of layers."""
