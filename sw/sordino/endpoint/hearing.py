"""What an end-pointer reads, of many utterances at once, in the machine's own integers.

Frame by frame: the encoder's hidden state, the prediction network's after the tokens so far, and
how long ago the last token was.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sordino.train.integer_decoding import IntegerDecoder

__all__ = ["RUN_ROWS", "Heard", "Hearing", "joined", "runs"]

RUN_ROWS = 32
"""Rows of the table that is looked up with the run of frames without a token."""
_Ints = NDArray[np.int64]
_Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False, kw_only=True)
class Heard:
    """An utterance, frame by frame (T frames of the transducer).

    layers      int8 (T, units) of each encoder layer, the last one first
    prediction  int8 (T, units): the prediction network's last layer after the frame's tokens
    run         int64 (T,): 0 before any token, 1 in a frame with tokens, then one more a frame, up
                to `RUN_ROWS` - 1
    tokens      what was written, and in which frames, both (n,)
    """

    layers: tuple[NDArray[np.int8], ...]
    prediction: NDArray[np.int8]
    run: _Ints
    tokens: tuple[int, ...]
    frames: tuple[int, ...]

    def read(self, inputs: Sequence[str]) -> NDArray[np.int8]:
        """What an end-pointer reads beside the run, int8 (T, width): `joined` with these layers."""
        return joined(self.layers[0], self.layers[-1], self.prediction, inputs)


def joined(
    encoder: NDArray[np.int8],
    lower: NDArray[np.int8],
    prediction: NDArray[np.int8],
    inputs: Sequence[str],
) -> NDArray[np.int8]:
    """The named inputs of an end-pointer side by side, int8 (T, width).

    encoder, lower, prediction  what `encoder`, `encoder.0` and `prediction` name, (T, units)
    """
    known = {"encoder": encoder, "encoder.0": lower, "prediction": prediction}
    empty = np.zeros((len(encoder), 0), np.int8)
    return np.concatenate([empty, *(known[name] for name in inputs)], axis=1)


def runs(frames: Sequence[int], count: int) -> _Ints:
    """The run in each of `count` frames, from the frames of the tokens."""
    found, last = np.zeros(count, np.int64), -1
    spoken = set(frames)
    for t in range(count):
        last = t if t in spoken else last
        found[t] = 0 if last < 0 else min(t - last + 1, RUN_ROWS - 1)
    return found


class Hearing(IntegerDecoder):
    """A model in the machine's integers that tells what an end-pointer reads."""

    def listen(
        self, inputs: Sequence[NDArray[np.int8]], *, all_layers: bool = False
    ) -> list[Heard]:
        """What is read of each input (T, dim), decoded greedily."""
        layers = self.encode(inputs)
        return self.decode(layers if all_layers else [own[:1] for own in layers])

    def encode(self, inputs: Sequence[NDArray[np.int8]]) -> list[tuple[NDArray[np.int8], ...]]:
        """The hidden states (T, units) of all encoder layers, the last one first, of each input."""
        count, padded = self._together(inputs)
        layers = self._layers(padded)
        return [
            tuple(x[number, :size].astype(np.int8) for x in layers)
            for number, size in enumerate(count)
        ]

    def decode(self, encoded: Sequence[tuple[NDArray[np.int8], ...]]) -> list[Heard]:
        """What is read where the encoder has these states, as `encode` gives them or a part."""
        count, padded = self._together([own[0] for own in encoded])
        half = self._encoder_half(padded)
        everyone = np.arange(len(encoded))
        states = [layer.start(len(encoded)) for layer in self._prediction]
        predicted = self._predict(np.full(len(encoded), self._model.blank), states, everyone)
        said: list[list[tuple[int, int]]] = [[] for _ in encoded]
        after = np.zeros((len(encoded), count.max(), states[-1].shape[-1]), np.int8)
        for t in range(int(count.max())):
            active = everyone[count > t]
            for _ in range(self._model.max_symbols):
                tokens = self._choose(half[active, t], predicted[active])
                keep = tokens != self._model.blank
                active, tokens = active[keep], tokens[keep]
                if not len(active):
                    break
                for number, token in zip(active.tolist(), tokens.tolist(), strict=True):
                    said[number].append((t, token))
                predicted[active] = self._predict(tokens, states, active)
            after[:, t] = states[-1][0]
        return [
            Heard(
                layers=encoded[number],
                prediction=after[number, :size],
                run=runs([t for t, _ in said[number]], int(size)),
                tokens=tuple(token for _, token in said[number]),
                frames=tuple(t for t, _ in said[number]),
            )
            for number, size in enumerate(count)
        ]

    def _together(self, inputs: Sequence[NDArray[np.int8]]) -> tuple[_Ints, _Ints]:
        """Lengths, and all inputs with zeros behind them, (B, T, dim)."""
        count = np.array([len(x) for x in inputs])
        padded = np.zeros((len(inputs), count.max(), inputs[0].shape[1]), np.int64)
        for row, x in zip(padded, inputs, strict=True):
            row[: len(x)] = x
        return count, padded

    def _layers(self, x: _Ints) -> list[_Ints]:
        """The hidden states of all encoder layers, the last one first."""
        found = []
        for layer in self._encoder:
            products, state = layer.inputs(x), layer.start(len(x))
            hidden = np.empty((*x.shape[:2], layer.units), np.int64)
            for t in range(x.shape[1]):
                state = layer.step(products[:, t], state)
                hidden[:, t] = state[0]
            found.append(hidden)
            x = hidden
        return found[::-1]

    def arcs(
        self, inputs: Sequence[NDArray[np.int8]], tokens: Sequence[Sequence[int]]
    ) -> Iterator[tuple[_Floats, _Floats]]:
        """Natural logarithms of the probability of blank and of the next token.

        Both (T, tokens + 1), one pair for each input (T, dim) and the tokens that it is to be.
        """
        count, padded = self._together(inputs)
        encoded = self._encoder_half(self._layers(padded)[0])
        only, blank = np.zeros(1, np.int64), self._model.blank
        for number, size in enumerate(count):
            states = [layer.start(1) for layer in self._prediction]
            said = [blank, *tokens[number]]
            halves = [self._predict(np.array([token]), states, only)[0] for token in said]
            here = encoded[number, :size]
            sums = np.stack([self._sums(here, half[None]) for half in halves], axis=1)
            logits: _Floats = np.asarray(sums * self._unit, np.float64)
            logits -= np.logaddexp.reduce(logits, axis=-1, keepdims=True)
            following = np.array([*tokens[number], blank])
            yield logits[..., blank], logits[:, np.arange(len(said)), following]
