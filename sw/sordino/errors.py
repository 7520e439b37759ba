"""Errors that users of the toolkit are meant to see."""

__all__ = ["InputError"]


class InputError(ValueError):
    """Bad input; the message is one line: what was wanted, what was got, what to do.

    The command line prints the message alone and exits with code 2.
    """
