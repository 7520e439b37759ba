"""Errors of engines that are not the machine's own."""

__all__ = ["ToolError"]


class ToolError(RuntimeError):
    """A tool that an engine needs is missing or failed; one line: what, and what to do."""
