"""What the compiler refuses."""

__all__ = ["CompileError"]


class CompileError(ValueError):
    """A model that this machine cannot run.

    The message is one line: what is needed, what there is, and what to change.
    """
