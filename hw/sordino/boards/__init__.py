"""Boards: one file each says its pins, clock, bridge and machine; the rest is the same for all."""
