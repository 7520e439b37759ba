"""Corpora, their splits and transcripts."""
