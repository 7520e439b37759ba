"""The circuit in Amaranth's own simulator."""
