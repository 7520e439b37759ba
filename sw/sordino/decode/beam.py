"""Beam search for transducers, alignment-length synchronous.

G. Saon, Z. Tüske and K. Audhkhasi, "Alignment-length synchronous decoding for RNN transducer",
ICASSP 2020: in step i all hypotheses have taken i blanks and tokens together, so those with the
same tokens are also in the same frame and are one lattice node, whose paths' probabilities add up.
The transducer is that of A. Graves, "Sequence transduction with recurrent neural networks", 2012.

A transducer has learnt which tokens follow each other, as has a language model beside it. What it
expects when it hears nothing can be taken off again (Z. Meng et al., "Internal language model
estimation for domain-adaptive end-to-end speech recognition", SLT 2021, arXiv:2011.01991).
"""

from collections.abc import Iterator, MutableMapping
from copy import copy
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from sordino.decode.trace import Trace
from sordino.decode.transducer import Transducer, log_softmax
from sordino.errors import InputError

__all__ = [
    "INTERNAL_WEIGHT",
    "BeamOptions",
    "BeamSearch",
    "Fusion",
    "Hypothesis",
    "beam_search",
]

INTERNAL_WEIGHT = 0.0
"""For `BeamOptions.internal` beside a language model; chosen by `make fusion`."""

State = TypeVar("State")
Tokens = tuple[int, ...]


class Fusion(Protocol):
    """A second opinion on tokens alone, such as a language model's; its states never change."""

    def start(self) -> Any:
        """The state before the first token."""

    def advance(self, state: Any, token: int) -> Any:
        """The state after one more token."""

    def score(self, state: Any) -> float:
        """The nats that are added to the transducer's logarithm while the search goes on."""

    def final(self, state: Any) -> float:
        """The nats that are added instead where the utterance ends here."""


@dataclass(frozen=True, kw_only=True)
class BeamOptions:
    """How wide the search is; InputError for values that mean nothing.

    beam       hypotheses that are kept in every step
    threshold  hypotheses are dropped that are so many nats behind the best
    merge      add up the probabilities of paths to the same tokens; without, each is a hypothesis
               of its own
    internal   weight of the transducer's own language model, which is taken off
    """

    beam: int = 8
    threshold: float = 8.0
    merge: bool = True
    internal: float = 0.0

    def __post_init__(self) -> None:
        beam, threshold, merge, internal = self._given()
        if not isinstance(beam, Integral) or isinstance(beam, bool) or int(beam) < 1:
            raise InputError(f"wanted a whole beam of at least 1, got {beam!r}")
        if not isinstance(threshold, Real) or not float(threshold) > 0:
            raise InputError(f"wanted a threshold above 0 nats, got {threshold!r}")
        if not isinstance(merge, bool):
            raise InputError(f"wanted merge to be True or False, got {merge!r}")
        if not isinstance(internal, Real) or not 0 <= float(internal) < np.inf:
            raise InputError(f"wanted a weight of at least 0 to take off, got {internal!r}")

    def _given(self) -> tuple[Any, ...]:
        """What somebody has given, of whatever type."""
        return self.beam, self.threshold, self.merge, self.internal


@dataclass(frozen=True)
class Hypothesis:
    """A sequence of tokens that may have been said.

    score     what hypotheses are compared by: the transducer's logarithm, what fusion adds, and
              what is taken off
    acoustic  the transducer's natural logarithm alone, over all paths that were merged
    frames    the frame of each token, on the most probable of these paths
    """

    tokens: Tokens
    score: float
    acoustic: float
    frames: tuple[int, ...] = ()


@dataclass(slots=True)
class _Path:
    """A hypothesis in progress: `burst` tokens were taken in its frame."""

    tokens: Tokens
    frames: tuple[int, ...]
    frame: int
    burst: int
    acoustic: float
    total: float


def beam_search(
    transducer: Transducer[State],
    x: NDArray[np.int8],
    options: BeamOptions | None = None,
    fusion: Fusion | None = None,
    trace: Trace | None = None,
) -> list[Hypothesis]:
    """The best hypotheses for an int8 input (frames, dim), best first, `options.beam` at most.

    In a frame with `max_symbols` tokens only the blank may follow; where paths meet, the more
    probable one's tokens count. With beam 1 it decodes greedily. Without input nothing was said.
    To `trace`, if given, all is added that the search looks at, step by step.
    """
    search = BeamSearch(transducer, options or BeamOptions(), fusion, trace)
    if len(x):
        search.push(transducer.encode(x))
    return search.finish()


class BeamSearch(Generic[State]):
    """A search of `beam_search` in progress, which takes the encoder's frames as they come.

    It is one frame late: what a language model says at the end counts in the last frame alone. It
    holds the frames and the states of tokens that a path in progress may come back to, no others.
    """

    def __init__(
        self,
        transducer: Transducer[State],
        options: BeamOptions,
        fusion: Fusion | None = None,
        trace: Trace | None = None,
    ) -> None:
        self._transducer, self._options, self._fusion = transducer, options, fusion
        self._trace = trace
        self._frames: dict[int, NDArray[Any]] = {}
        self._heard, self._shortest = 0, 0
        self._active, self._finished = [_Path((), (), 0, 0, 0.0, 0.0)], list[_Path]()
        self._states: dict[Tokens, State] = {(): transducer.start()}
        self._opinions: dict[Tokens, Any] = {(): fusion.start() if fusion else None}
        self._expected: dict[Tokens, NDArray[np.float64]] = {}
        self._internal: dict[Tokens, float] = {(): 0.0}

    def push(self, encoded: NDArray[Any]) -> None:
        """Go on with the next frames of the encoder (n, joint), as `Transducer.encode` gives them.

        n may be 0.
        """
        self._frames.update(enumerate(encoded, self._heard))
        self._heard += len(encoded)
        while max(path.frame for path in self._active) + 1 < self._heard:
            self._advance()

    @property
    def best(self) -> Tokens:
        """The tokens of the best path so far; a later frame may prefer another."""
        return max(self._active or self._finished, key=lambda path: path.total).tokens

    def fork(self, trace: Trace | None = None) -> "BeamSearch[State]":
        """A search of its own that has heard the same, so that it can be finished here.

        What it looks at from now on goes to `trace`.
        """
        other = copy(self)
        other._trace = trace
        other._frames, other._states = dict(self._frames), dict(self._states)
        other._opinions, other._expected = dict(self._opinions), dict(self._expected)
        other._internal = dict(self._internal)
        other._active = [copy(path) for path in self._active]
        other._finished = [copy(path) for path in self._finished]
        return other

    def finish(self) -> list[Hypothesis]:
        """The hypotheses where no frame follows, best first; the search is over."""
        if not self._heard:
            self._active, self._finished = [], self._active
        while self._active:
            self._advance()
        self._finished.sort(key=lambda path: -path.total)
        best = self._finished[: self._options.beam]
        return [Hypothesis(p.tokens, p.total, p.acoustic, p.frames) for p in best]

    def _advance(self) -> None:
        kept = self._prune(self._step(self._active), self._finished)
        self._finished += [path for path in kept if path.frame == self._heard]
        self._active = [path for path in kept if path.frame < self._heard]
        self._forget()

    def _forget(self) -> None:
        """Let go of frames and of token sequences that no path can come back to."""
        first = min((path.frame for path in self._active), default=self._heard)
        for frame in range(min(self._frames, default=first), first):
            del self._frames[frame]
        shortest = min((len(path.tokens) for path in self._active), default=0)
        if shortest <= self._shortest:
            return
        self._shortest = shortest
        caches: tuple[MutableMapping[Tokens, Any], ...] = (
            self._states, self._opinions, self._expected, self._internal
        )  # fmt: skip
        for cache in caches:
            for tokens in [each for each in cache if len(each) < shortest - 1]:
                del cache[tokens]

    def _step(self, active: list[_Path]) -> list[_Path]:
        """All paths that are one blank or token longer, those with the same tokens merged."""
        following: dict[Any, _Path] = {}
        for path, scores in zip(active, self._scores(active), strict=True):
            for after in self._followers(path, scores):
                key = after.tokens if self._options.merge else (after.tokens, id(after))
                known = following.get(key)
                if known is not None:
                    if known.acoustic > after.acoustic:
                        after.burst, after.frames = known.burst, known.frames
                    after.acoustic = float(np.logaddexp(known.acoustic, after.acoustic))
                following[key] = after
        for path in following.values():
            path.total = self._total(path)
        return list(following.values())

    def _scores(self, active: list[_Path]) -> list[NDArray[np.float64]]:
        """What the transducer says at each path; asked frame by frame, as a machine holds one."""
        found: dict[int, NDArray[np.float64]] = {}
        for number in sorted(range(len(active)), key=lambda number: active[number].frame):
            path = active[number]
            state = self._state(path.tokens)
            found[number] = self._transducer.scores(self._frames[path.frame], state)
        return [found[number] for number in range(len(active))]

    def _followers(self, path: _Path, scores: NDArray[np.float64]) -> Iterator[_Path]:
        blank, tokens = self._transducer.blank, path.tokens
        if path.burst == self._transducer.max_symbols:
            chosen = [blank]
        else:
            chosen = np.flatnonzero(scores >= scores.max() - self._options.threshold).tolist()
            if blank not in chosen:
                chosen.append(blank)
        for token in chosen:
            acoustic = path.acoustic + float(scores[token])
            if token == blank:
                yield _Path(tokens, path.frames, path.frame + 1, 0, acoustic, 0.0)
            else:
                frames = (*path.frames, path.frame)
                yield _Path((*tokens, token), frames, path.frame, path.burst + 1, acoustic, 0.0)

    def _prune(self, paths: list[_Path], finished: list[_Path]) -> list[_Path]:
        """The best `beam`, without those that are too far behind; of equals the earlier ones."""
        paths.sort(key=lambda path: -path.total)
        best = max(path.total for path in (paths[0], *finished))
        least = best - self._options.threshold
        kept = [path for path in paths[: self._options.beam] if path.total >= least]
        if self._trace is not None:
            self._trace.add(paths, len(kept))
        return kept

    def _state(self, tokens: Tokens) -> State:
        if tokens not in self._states:
            before = self._states[tokens[:-1]]
            self._states[tokens] = self._transducer.advance(before, tokens[-1])
        return self._states[tokens]

    def _total(self, path: _Path) -> float:
        total = path.acoustic
        if self._options.internal:
            total -= self._options.internal * self._expectation(path.tokens)
        if self._fusion is None:
            return total
        opinion = self._opinion(path.tokens)
        final = path.frame == self._heard
        return total + (self._fusion.final(opinion) if final else self._fusion.score(opinion))

    def _expectation(self, tokens: Tokens) -> float:
        """The logarithm of the tokens' probability in the transducer's own language model.

        It is what the joint says of the tokens, among themselves, where it hears zeros.
        """
        if tokens not in self._internal:
            before = tokens[:-1]
            if before not in self._expected:
                silence = np.zeros_like(next(iter(self._frames.values())))
                scores = self._transducer.scores(silence, self._state(before)).copy()
                scores[self._transducer.blank] = -np.inf
                self._expected[before] = log_softmax(scores)
            self._internal[tokens] = self._expectation(before) + self._expected[before][tokens[-1]]
        return self._internal[tokens]

    def _opinion(self, tokens: Tokens) -> Any:
        assert self._fusion is not None
        if tokens not in self._opinions:
            before = self._opinion(tokens[:-1])
            self._opinions[tokens] = self._fusion.advance(before, tokens[-1])
        return self._opinions[tokens]
