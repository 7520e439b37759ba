"""Batches of utterances from a corpus."""
