"""The accelerator as a transducer: its entry points, one after the other, on any open engine.

The host gives input vectors and embeddings to the feature FIFO, and between runs reads and writes
the memories that `sordino.image.host.Search` names: a hypothesis's h, c and half of the joint
go in before `advance` and come out after it; the halves go in before `score`. What is there already
does not go in again.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sordino.decode.held import Held
from sordino.decode.transducer import log_softmax
from sordino.engines.bound import cycle_bound
from sordino.engines.engine import OpenEngine, RunResult
from sordino.errors import InputError
from sordino.golden.machine import Golden
from sordino.golden.vector import embedding_words, index_words
from sordino.image.image import Image, ImageError
from sordino.isa.fields import Store
from sordino.isa.registers import Error

__all__ = ["MachineTransducer", "PredictionState", "Work"]

_Ints = NDArray[np.int64]
_NOTHING = np.zeros(0, np.int8)
_END, _FOLLOW = "endpoint", "follow"
"""What an end-pointer's entry points do for it."""
_LOW = -32768
"""What a word of state memory holds for a register of 0."""


@dataclass(frozen=True, eq=False)
class PredictionState:
    """The state of a prediction network after some tokens, as the host keeps it.

    hidden, cells   h (int8) and c (int16) of its layers, each (units,)
    half            int16 (joint slots,)
    """

    hidden: tuple[_Ints, ...]
    cells: tuple[_Ints, ...]
    half: _Ints


@dataclass(frozen=True)
class Work:
    """What a search has asked of a machine.

    runs     how often each entry point was run, by name
    cycles   cycles of all of these runs; None on an engine without time
    read     words that the host has read of the machine's memories
    written  words that it has written there
    """

    runs: Mapping[str, int]
    cycles: int | None
    read: int
    written: int

    def since(self, before: "Work") -> "Work":
        """What was asked since `before`."""
        cycles = None
        if self.cycles is not None and before.cycles is not None:
            cycles = self.cycles - before.cycles
        runs = {entry: count - before.runs[entry] for entry, count in self.runs.items()}
        return Work(runs, cycles, self.read - before.read, self.written - before.written)


class MachineTransducer:
    """An image on an engine; ImageError for one without the entry points.

    `engine` is the exact machine if none is given. Nobody else uses it from `begin` on until an
    utterance is over; several transducers may take turns to advance and score. `image` is what it
    runs; `runs` counts the runs of each entry point, a reset at the beginning among them. With
    `remember` false everything is written before every run, whether it is in the machine's memories
    or not.
    """

    def __init__(
        self, image: Image, engine: OpenEngine | None = None, *, remember: bool = True
    ) -> None:
        self._search = image.network.need_search()
        self.engine: OpenEngine = Golden(image) if engine is None else engine
        self.image = image
        host = image.network
        self.tokens = list(host.tokens)
        self.blank, self.max_symbols = host.blank, host.max_symbols
        self.runs = dict.fromkeys(("reset", "encode", "advance", "score"), 0)
        self._ends = next((one for one in host.networks.values() if one.ends is not None), None)
        if self._ends is not None:
            for role in {_END, _FOLLOW} & set(self._ends.entries):
                self.runs[self._ends.entries[role]] = 0
        # Entry points have no loops. Golden counts instructions in place of cycles.
        self._limit = cycle_bound(image, self._search.frames)
        if isinstance(self.engine, Golden):
            self._limit = len(image.program)
        self._cycles: int | None = 0
        self._held = Held(image, self.engine, self.runs, remember=remember)
        search = self._search
        self._scale = np.float64(2.0**-search.fraction)
        _, self._order = index_words(image.parameters, search.index_table, search.scores[1])
        self._run("reset")

    @property
    def work(self) -> Work:
        """What was asked of the machine so far."""
        held = self._held
        return Work(dict(self.runs), self._cycles, held.read_words, held.written_words)

    def _run(self, entry: str, features: NDArray[np.int8] = _NOTHING) -> RunResult:
        self.runs[entry] += 1
        self._held.before(entry)
        result = self.engine.run(features, entry=entry, cycle_limit=self._limit)
        if result.error is not Error.NONE:
            error = "no HALT" if result.error is Error.LIMIT else result.error.name
            raise ImageError(f"the machine stopped with {error} in {entry}; compile again")
        cycles = result.counters.get("cycles")
        self._cycles = None if self._cycles is None or cycles is None else self._cycles + cycles
        return result

    @property
    def frames_at_once(self) -> int:
        """Input vectors that the encoder takes in one run."""
        return self._search.frames

    def encode(self, x: NDArray[np.int8]) -> _Ints:
        """The encoder's half of the joint (T, joint slots) int16 for input (frames, dim)."""
        dim = self.image.network.input.count
        if x.ndim != 2 or x.shape[1] != dim:
            raise InputError(f"wanted input of shape (frames, {dim}), got {x.shape}")
        self.begin()
        return self.encode_more(x)

    def begin(self) -> None:
        """Begin an utterance: the encoder has heard nothing."""
        self._held.forget()
        self._run("reset")

    def follow(self) -> None:
        """Begin an utterance behind another one: the encoder has heard that.

        InputError for an image whose end-pointer does not say so.
        """
        entry = None if self._ends is None else self._ends.entries.get(_FOLLOW)
        if entry is None:
            raise InputError(
                "wanted an image whose end-pointer has the encoder as its context, got one "
                "without; begin instead"
            )
        self._held.forget()
        self._run(entry)

    def encode_more(self, x: NDArray[np.int8]) -> _Ints:
        """`encode` of the utterance's next input vectors (n, dim).

        n is a multiple of `frames_at_once`, but for the last ones. Between, the machine may advance
        and score. InputError where another transducer has used the engine since `begin`.
        """
        if not self._held.alone:
            raise InputError(
                "wanted an engine that nobody else uses while an utterance is heard, got one that "
                "another transducer has used since; begin again, or give each an engine"
            )
        frames, encoded = self._search.frames, self._search.encoded
        found = []
        for first in range(0, len(x), frames):
            self._run("encode", x[first : first + frames])
            found.append(self._held.read(Store.STATE, encoded))
        return np.array(found, np.int64).reshape(len(found), encoded[1])

    def start(self) -> PredictionState:
        """The state before the first token: zeros, then the blank."""
        search = self._search
        self._held.forget()
        zero = PredictionState(
            tuple(np.zeros(count, np.int64) for _, count in search.hidden),
            tuple(np.zeros(count, np.int64) for _, count in search.cells),
            np.zeros(search.predicted[1], np.int64),
        )
        return self.advance(zero, self.blank)

    def advance(self, state: PredictionState, token: int) -> PredictionState:
        """The state after one more token."""
        search = self._search
        for store, ranges, values in (
            (Store.ACTIVATION, search.hidden, state.hidden),
            (Store.STATE, search.cells, state.cells),
        ):
            for words, kept in zip(ranges, values, strict=True):
                self._held.write(store, words, kept)
        first, stride, width = search.embedding
        row = embedding_words(self.image.parameters, first + token * stride, width)
        self._run("advance", row.astype(np.int8))
        return PredictionState(
            tuple(self._held.read(Store.ACTIVATION, words) for words in search.hidden),
            tuple(self._held.read(Store.STATE, words) for words in search.cells),
            self._held.read(Store.STATE, search.predicted),
        )

    def scores(self, encoded: _Ints, state: PredictionState) -> NDArray[np.float64]:
        """Natural logarithms of the probabilities of all tokens, (tokens,)."""
        return log_softmax(np.asarray(self.logits(encoded, state) * self._scale, np.float64))

    def logits(self, encoded: _Ints, state: PredictionState) -> _Ints:
        """The joint's outputs int16 (tokens,), with `Search.fraction` fraction bits."""
        search = self._search
        self._held.write(Store.STATE, search.encoded, encoded)
        self._held.write(Store.STATE, search.predicted, state.half)
        self._run("score")
        outputs = np.zeros(len(self.tokens), np.int64)
        taken = self._order >= 0
        outputs[self._order[taken]] = self._held.read(Store.STATE, search.scores)[taken]
        return outputs

    @property
    def ends(self) -> bool:
        """Whether the image has an end-pointer."""
        return self._ends is not None

    def decide(self, state: PredictionState, run: int) -> tuple[int, ...]:
        """The tokens of the image's end-pointer behind the frame that was encoded last.

        `state` is that after all tokens so far. `run` is 0 where there are none, 1 where the frame
        had one, and one more for each frame since. It is asked once a frame: what it decides
        depends on the frames before. InputError for an image without one.
        """
        if self._ends is None or self._ends.ends is None:
            raise InputError("wanted an image with an end-pointer, got one without; compile one in")
        ends, hidden = self._ends.ends, self._search.hidden[-1]
        self._held.write(Store.ACTIVATION, hidden, state.hidden[-1])
        word = np.array([min(run, ends.runs - 1) + _LOW])
        self._held.write(Store.STATE, (ends.run, 1), word)
        return tuple(self._run(self._ends.entries[_END]).tokens)
