"""Errors of engines that are not the machine's own."""

__all__ = ["Mismatch", "ToolError"]


class Mismatch(RuntimeError):
    """Two descriptions of the machine disagree; one line: where and how."""


class ToolError(RuntimeError):
    """A tool that an engine needs is missing or failed; one line: what, and what to do."""
