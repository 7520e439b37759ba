"""Errors and warnings that users of the toolkit are meant to see."""

import warnings

__all__ = ["CompileError", "InputError", "InputWarning", "warn"]


class InputError(ValueError):
    """Bad input; the message is one line: what was wanted, what was got, what to do.

    The command line prints the message alone and exits with code 2.
    """


class CompileError(ValueError):
    """A model that this machine cannot run.

    The message is one line: what is needed, what there is, and what to change.
    """


class InputWarning(UserWarning):
    """Input that is taken, though what comes of it is probably useless; the message is one line.

    The command line prints the message after `sordino: warning:` on standard error, lists it under
    `warnings` in what `--json` prints, and its exit code stays the same.
    """


def warn(message: str) -> None:
    """Issue an `InputWarning`: what was found, what follows from it, what to do."""
    warnings.warn(message, InputWarning, stacklevel=2)
