"""Bridges: from a system's bus to the register bus."""
