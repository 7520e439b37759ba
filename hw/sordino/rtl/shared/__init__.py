"""Signatures, memories and expressions that several blocks share."""
