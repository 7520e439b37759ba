"""The addresses of a program's vectors, states and parameters."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sordino.compiler.layout.allocate import Allocation
from sordino.compiler.layout.contents import (
    cell_biases,
    embedding_rows,
    index_table,
    slot_biases,
    slot_count,
)
from sordino.compiler.layout.place import PlacedLayer, PlacedModel
from sordino.compiler.numbers.quantise import QuantisedModel
from sordino.model.reduction import TimeReduction

__all__ = ["Addresses", "HalfAddresses", "LstmAddresses"]

_ENCODER_BANKS, _PREDICTION_BANKS = 2, 1


@dataclass(frozen=True, eq=False)
class LstmAddresses:
    """The addresses of an LSTM's input, state and parameters.

    `out` is where CELL writes: h itself, or, with more tiles than banks, a scratch vector, since
    later tiles still need the previous h; then it is `copied` to h. The layer before a time
    reduction has a vector for each of `frames`, side by side from `h` on. So has, in a program that
    works in chunks, every layer; `in_chunk` says where.
    """

    placed: PlacedLayer
    source: int
    h: int
    out: int
    copied: bool
    c: int
    biases: int
    frames: int = 1

    def in_frame(self, frame: int) -> "LstmAddresses":
        """The layer in one frame of a group: it reads the vector before and writes its own."""
        units = len(self.placed.layout.order)
        if self.frames == 1:
            return self
        before = (frame - 1) % self.frames
        return replace(self, h=self.h + before * units, out=self.h + frame * units)

    def in_chunk(self, frame: int, chunk: int) -> "LstmAddresses":
        """The layer in a frame of a chunk: it reads the frame's vector and writes its own."""
        units = len(self.placed.layout.order)
        before = (frame - 1) % chunk
        return replace(
            self,
            source=self.source + frame * len(self.placed.columns[0]),
            h=self.h + before * units,
            out=self.h + frame * units,
        )


@dataclass(frozen=True, eq=False)
class HalfAddresses:
    """One half of the joint: its result in state memory, its biases in parameter memory."""

    placed: PlacedLayer
    state: int
    biases: int


class Addresses:
    """All memories of a program, given out in a fixed order.

    With `chunk` vectors for so many frames, side by side: x, every encoder layer's h, the encoder's
    half of the joint.

    x, embedded, joint   inputs of encoder, prediction network and output matrix
    encoder, prediction  their layers
    halves               the halves of the joint: the encoder's, the prediction network's
    index_table          ARGMAX's entries: parameter word
    embedding, stride, width   EMBED's table: first parameter word, words a row, int8 a row
    scores, outputs, score_biases   for a host that searches: state words, their number, biases
    group                input vectors that a step takes
    """

    def __init__(
        self,
        inputs: int,
        quantised: QuantisedModel,
        placed: PlacedModel,
        reduction: TimeReduction,
        chunk: int = 1,
    ) -> None:
        self.group = reduction.factor
        self.memory = memory = Allocation()
        activation, parameters = memory.activation, memory.parameters
        self.x = activation.take(inputs * chunk)
        self.width = int(quantised.embedding.shape[1])
        self.embedded = activation.take(self.width)
        parts = ((placed.encoder, _ENCODER_BANKS), (placed.prediction, _PREDICTION_BANKS))
        tiled = [
            len(layer.layout.order)
            for layers, banks in parts
            for layer in layers
            if len(layer.layout.tiles) > banks
        ]
        self._scratch = activation.take(max(tiled, default=0))
        stacked = placed.encoder[reduction.after - 1] if reduction.after else None
        frames = {stacked: reduction.factor}
        self.encoder, self.prediction = (
            self._lstms(layers, source, banks, frames, times)
            for (layers, banks), source, times in zip(
                parts, (self.x, self.embedded), (chunk, 1), strict=True
            )
        )
        self.joint = activation.take(len(placed.joint_output.columns[0]))
        self.halves = [
            HalfAddresses(
                layer,
                memory.state.take(slot_count(layer.layout) * times),
                parameters.add_int32(slot_biases(layer)),
            )
            for layer, times in ((placed.joint_encoder, chunk), (placed.joint_prediction, 1))
        ]
        self.index_table = parameters.add_int32(index_table(placed.joint_output))
        contents, self.stride = embedding_rows(quantised.embedding)
        self.embedding = parameters.add(contents)
        self.outputs = slot_count(placed.joint_output.layout)
        self.scores = memory.state.take(self.outputs)
        self.score_biases = parameters.add_int32(slot_biases(placed.joint_output))

    def _lstms(
        self,
        layers: Sequence[PlacedLayer],
        source: int,
        banks: int,
        frames: dict[PlacedLayer | None, int],
        chunk: int,
    ) -> list[LstmAddresses]:
        made = []
        for layer in layers:
            units, times = len(layer.layout.order), frames.get(layer, 1)
            h = self.memory.activation.take(units * times * chunk)
            c = self.memory.state.take(units)
            copied = len(layer.layout.tiles) > banks and times == 1
            biases = self.memory.parameters.add_int32(cell_biases(layer))
            out = self._scratch if copied else h
            made.append(LstmAddresses(layer, source, h, out, copied, c, biases, times))
            source = h
        return made
