"""Segments: contents of an image that a host exchanges beside a running program."""
