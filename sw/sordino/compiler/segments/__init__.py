"""Segments: parts of an image whose contents a host replaces while the rest runs."""
