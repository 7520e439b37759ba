"""Greedy decoding beside a search: when a token is written, and what an end-pointer says."""

from typing import Any

from numpy.typing import NDArray

from sordino.decode.machine_transducer import MachineTransducer

__all__ = ["Scout"]


class Scout:
    """A greedy decoder of single frames, as the program is; with `asks` it asks the end-pointer.

    So ends are found beside a search where the program finds them, which the end-pointer was
    trained for. The machine has begun an utterance, and others may use it between two frames.

    wrote    whether the last frames had a token
    decided  the end-pointer's tokens behind them
    """

    def __init__(self, machine: MachineTransducer, *, asks: bool) -> None:
        self._machine, self._asks, self._run = machine, asks, 0
        self._state = machine.start()
        self.wrote, self.decided = False, tuple[int, ...]()

    def hear(self, encoded: NDArray[Any]) -> None:
        """Hear frames of the encoder (n, joint), the last of all."""
        self.wrote, self.decided = False, ()
        for frame in encoded:
            wrote = self._write(frame)
            self.wrote |= wrote
            self._run = 1 if wrote else self._run + 1 if self._run else 0
            if self._asks:
                self.decided += self._machine.decide(self._state, self._run)

    def _write(self, frame: NDArray[Any]) -> bool:
        """Whether a frame has a token."""
        machine, wrote = self._machine, False
        for _ in range(machine.max_symbols):
            token = int(machine.logits(frame, self._state).argmax())
            if token == machine.blank:
                break
            self._state, wrote = machine.advance(self._state, token), True
        return wrote
