"""What goes wrong between a host and a board, each with what to do."""

__all__ = ["LinkError", "LinkLost", "NoAnswer", "WrongBridge"]


class LinkError(RuntimeError):
    """The way to a board does not work; the message says what to do."""


class NoAnswer(LinkError, TimeoutError):
    """A board did not answer in time, however often it was asked."""


class LinkLost(LinkError, ConnectionError):
    """The board, or the line to it, is another than before: it was reset, or unplugged."""


class WrongBridge(LinkError):
    """What answers speaks another version of the frames."""
