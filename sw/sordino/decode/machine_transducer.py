"""The accelerator as a transducer: its entry points, one after the other, on the exact machine.

The host gives input vectors and embeddings to the feature FIFO, and between runs reads and writes
the memories that `sordino.image.host.Search` names: a hypothesis's h, c and half of the joint
go in before `advance` and come out after it; the halves go in before `score`.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sordino.decode.transducer import log_softmax
from sordino.errors import InputError
from sordino.golden.machine import Golden
from sordino.golden.vector import embedding_words, index_words
from sordino.image.image import Image, ImageError
from sordino.isa.registers import Error

__all__ = ["MachineTransducer", "PredictionState"]

_Ints = NDArray[np.int64]
_NOTHING = np.zeros(0, np.int8)


@dataclass(frozen=True, eq=False)
class PredictionState:
    """The state of a prediction network after some tokens, as the host keeps it.

    hidden, cells   h (int8) and c (int16) of its layers, each (units,)
    half            int16 (joint slots,)
    """

    hidden: tuple[_Ints, ...]
    cells: tuple[_Ints, ...]
    half: _Ints


class MachineTransducer:
    """An image on the exact machine; ImageError for one without the entry points.

    `image` is what it runs; `runs` counts the runs of each entry point.
    """

    def __init__(self, image: Image) -> None:
        self._search = image.network.need_search()
        self._golden, self.image = Golden(image), image
        host = image.network
        self.tokens = list(host.tokens)
        self.blank, self.max_symbols = host.blank, host.max_symbols
        self.runs = dict.fromkeys(("reset", "encode", "advance", "score"), 0)
        for entry in self.runs:
            image.entry(entry)
        search = self._search
        self._scale = np.float64(2.0**-search.fraction)
        _, self._order = index_words(image.parameters, search.index_table, search.scores[1])
        memory = self._golden.state.memory
        activation, state = memory.activation, memory.state
        self._hidden = [activation[first : first + count] for first, count in search.hidden]
        self._cells = [state[first : first + count] for first, count in search.cells]
        self._predicted, self._encoded, self._scores = (
            state[first : first + count]
            for first, count in (search.predicted, search.encoded, search.scores)
        )
        self._run("reset")

    def _run(self, entry: str, features: NDArray[np.int8] = _NOTHING) -> None:
        self.runs[entry] += 1
        golden = self._golden
        golden.start(features, entry=entry)
        for _ in self.image.program:  # entry points have no loops
            if not golden.state.running:
                break
            golden.step()
        if golden.state.running or golden.state.error is not Error.NONE:
            error = "no HALT" if golden.state.running else golden.state.error.name
            raise ImageError(f"the machine stopped with {error} in {entry}; compile again")

    def encode(self, x: NDArray[np.int8]) -> _Ints:
        """The encoder's half of the joint (T, joint slots) int16 for input (frames, dim)."""
        dim = self.image.network.input.count
        if x.ndim != 2 or x.shape[1] != dim:
            raise InputError(f"wanted input of shape (frames, {dim}), got {x.shape}")
        self._run("reset")
        found = []
        for first in range(0, len(x), self._search.frames):
            self._run("encode", x[first : first + self._search.frames])
            found.append(self._encoded.copy())
        return np.array(found, np.int64).reshape(len(found), len(self._encoded))

    def start(self) -> PredictionState:
        """The state before the first token: zeros, then the blank."""
        zero = PredictionState(
            tuple(np.zeros(len(h), np.int64) for h in self._hidden),
            tuple(np.zeros(len(c), np.int64) for c in self._cells),
            np.zeros(len(self._predicted), np.int64),
        )
        return self.advance(zero, self.blank)

    def advance(self, state: PredictionState, token: int) -> PredictionState:
        """The state after one more token."""
        for memory, kept in zip(
            (*self._hidden, *self._cells), (*state.hidden, *state.cells), strict=True
        ):
            memory[...] = kept
        first, stride, width = self._search.embedding
        row = embedding_words(self.image.parameters, first + token * stride, width)
        self._run("advance", row.astype(np.int8))
        return PredictionState(
            tuple(h.copy() for h in self._hidden),
            tuple(c.copy() for c in self._cells),
            self._predicted.copy(),
        )

    def scores(self, encoded: _Ints, state: PredictionState) -> NDArray[np.float64]:
        """Natural logarithms of the probabilities of all tokens, (tokens,)."""
        return log_softmax(np.asarray(self.logits(encoded, state) * self._scale, np.float64))

    def logits(self, encoded: _Ints, state: PredictionState) -> _Ints:
        """The joint's outputs int16 (tokens,), with `Search.fraction` fraction bits."""
        self._encoded[...], self._predicted[...] = encoded, state.half
        self._run("score")
        outputs = np.zeros(len(self.tokens), np.int64)
        taken = self._order >= 0
        outputs[self._order[taken]] = self._scores[taken]
        return outputs
