"""An end-pointer: a small network that hears whether somebody has finished speaking.

It stands beside a transducer in one image and reads what that has computed. Its file is a NumPy
archive with these tensors, and `meta`, a JSON object with the entries of `EndpointMeta`:

* `endpoint.run.weight` (runs, width): a row for each number of frames since the last token;
* `endpoint.weight_ih`, `weight_hh`, `bias_ih`, `bias_hh`: an LSTM, gates in the order i f g o;
* `endpoint.output.weight` (1, units) and `endpoint.output.bias` (1,): its score.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from sordino.arith import HIDDEN, WEIGHT
from sordino.errors import InputError, warn
from sordino.graph.graph import Graph, Network
from sordino.image.section.networks import CONTEXTS, LEVEL_FRAMES, THRESHOLD, EndLevel
from sordino.layers.base.shapes import check_shape
from sordino.layers.concatenation import Concatenation
from sordino.layers.embedding import Embedding
from sordino.layers.heads import Scores
from sordino.layers.linear import Linear
from sordino.layers.lstm import Lstm
from sordino.layers.node import Node
from sordino.meta.table import parse_meta
from sordino.model.archives import READERS
from sordino.model.rnnt import RnntModel
from sordino.model.tensors import as_floats
from sordino.schema.kinds import TEXT, Choice, Many, Number, Whole, shown
from sordino.schema.record import Nested, Record, declare

__all__ = ["NETWORK", "RUN", "EndpointMeta", "Endpointer", "LevelMeta", "load_endpointer"]

NETWORK = "endpoint"
"""The name of the network, and the beginning of its tensors' names."""
RUN = "run"
"""The register with the number of frames since the last token, and the input that stands for it."""
_UNITS = Whole(1, 1 << 20)
_STEP = 2.0**-HIDDEN.fraction
_TOP = WEIGHT.high * _STEP
_SLACK = 1e-6
_MOST_RUNS = 256
_LSTM = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
_TENSORS = ("run.weight", *_LSTM, "output.weight", "output.bias")


@dataclass(frozen=True, kw_only=True)
class LevelMeta(Record):
    """A threshold of the score, and for how many frames in a row it has to be reached."""

    threshold: float = declare(THRESHOLD, "what the score has to reach")
    frames: int = declare(LEVEL_FRAMES, "so many frames in a row")
    longest: int | None = declare(
        LEVEL_FRAMES, "after so many frames without a token any score reaches it", None
    )

    def level(self) -> EndLevel:
        """The same as an image has it."""
        return EndLevel(threshold=float(self.threshold), frames=self.frames, longest=self.longest)


@dataclass(frozen=True, kw_only=True)
class EndpointMeta(Record):
    """All of an end-pointer's meta."""

    kind: str = declare(Choice((NETWORK,)), "what the file is")
    version: int = declare(Whole(1, 1), "version of the file's format")
    inputs: tuple[str, ...] = declare(
        Many(TEXT, "strings"),
        "what the LSTM reads, in this order: `encoder` or one layer of it, such as `encoder.0`, "
        "`prediction`, and `run`",
    )
    widths: tuple[int, ...] = declare(
        Many(_UNITS, "whole numbers"), "how many numbers each of them has"
    )
    bits: int = declare(Whole(2, WEIGHT.bits), "bits of a weight")
    speculative: LevelMeta = declare(Nested(LevelMeta), "when the end is likely")
    final: LevelMeta = declare(Nested(LevelMeta), "when the utterance ends")
    transducer: str | None = declare(
        TEXT, "SHA-256 of the model file that it was trained beside", None
    )
    frame_ms: float | None = declare(
        Number(1, 10_000), "milliseconds of a frame; must be the model's", None
    )
    context: str = declare(
        Choice(CONTEXTS),
        "what the encoder keeps from one utterance to the next: nothing, or its state, which the "
        "model must be trained for",
        CONTEXTS[0],
    )
    licence: str | None = declare(TEXT, "such as an SPDX identifier; for readers", None)
    recipe: str | None = declare(TEXT, "name of the training; for readers", None)
    notes: str | None = declare(TEXT, "anything else; for readers", None)


@dataclass(frozen=True, eq=False, kw_only=True)
class Endpointer:
    """An end-pointer in floating point; InputError where its parts do not fit each other.

    run     (runs, width): row 0 before the first token of an utterance, row 1 in a frame with a
            token, row k where the last one was k - 1 frames ago, the last row also where it was
            longer ago
    lstm    from all inputs, side by side
    output  to one score
    """

    run: NDArray[np.float64]
    lstm: Lstm
    output: Linear
    meta: EndpointMeta
    name: str = NETWORK
    sha256: str = ""

    OUTPUTS: ClassVar[int] = 1

    def __post_init__(self) -> None:
        inputs, widths = self.meta.inputs, self.meta.widths
        if len(widths) != len(inputs) or len(set(inputs)) < len(inputs) or not inputs:
            raise InputError(
                "wanted meta inputs, each once, and as many widths, got "
                f"{shown(list(inputs))} and {shown(list(widths))}; correct meta"
            )
        check_shape(f"{NETWORK}.run.weight", self.run, (None, None))
        if not 3 <= len(self.run) <= _MOST_RUNS:
            raise InputError(
                f"wanted {NETWORK}.run.weight with 3 to {_MOST_RUNS} rows, got {len(self.run)}; "
                "export it again"
            )
        for level in (self.meta.speculative, self.meta.final):
            # The run's last number stands for all longer ones.
            if level.longest is not None and level.longest > len(self.run) - 2:
                raise InputError(
                    f"wanted longest of at most {len(self.run) - 2} frames in meta, since "
                    f"{NETWORK}.run.weight has {len(self.run)} rows, got {level.longest}"
                )
        if RUN in inputs:
            self._check_run(widths[inputs.index(RUN)])
        self.lstm.check(NETWORK, sum(widths))
        self.output.check(f"{NETWORK}.output", self.lstm.units, outputs=self.OUTPUTS)

    def _check_run(self, width: int) -> None:
        if self.run.shape[1] != width:
            raise InputError(
                f"wanted {NETWORK}.run.weight of width {width}, as meta widths say, got "
                f"{self.run.shape[1]}; correct meta"
            )
        largest = float(np.abs(self.run).max())
        if abs(largest - _TOP) > _SLACK:
            raise InputError(
                f"wanted a largest magnitude of {WEIGHT.high}/{round(1 / _STEP)} in "
                f"{NETWORK}.run.weight, so that its numbers are those of the hidden states, got "
                f"{largest:g}; export it again"
            )

    @property
    def parameters(self) -> int:
        """Trained numbers."""
        run = self.run.size if RUN in self.meta.inputs else 0
        arrays = (*self.lstm.arrays().values(), *self.output.arrays().values())
        return run + sum(array.size for array in arrays)

    def beside(self, model: RnntModel, graph: Graph) -> Graph:
        """The graph of a model with the end-pointer as one more network.

        Raises InputError where the model does not have what it reads, and warns where it was
        trained beside another one.
        """
        self._check_model(model)
        parts, names = list[Node](), list[str]()
        for name, width in zip(self.meta.inputs, self.meta.widths, strict=True):
            if name == RUN:
                parts.append(Node(f"{NETWORK}.{RUN}", Embedding(self.run, RUN)))
                names.append(parts[0].name)
                continue
            names.append(self._source(graph, name))
            if graph.widths[names[-1]] != width:
                raise InputError(
                    f"wanted a model with {width} numbers for the end-pointer's input {name}, got "
                    f"{graph.widths[names[-1]]}; give the model that it was trained beside"
                )
        if len(names) > 1:
            parts.append(Node(f"{NETWORK}.input", Concatenation(), tuple(names)))
            names = [parts[-1].name]
        parts += [
            Node(NETWORK, self.lstm, tuple(names)),
            Node(f"{NETWORK}.output", self.output, (NETWORK,)),
            Node(f"{NETWORK}.score", Scores(), (f"{NETWORK}.output",)),
        ]
        network = Network(NETWORK, tuple(part.name for part in parts), behind="joint")
        return Graph(graph.inputs, (*graph.nodes, *parts), (*graph.networks, network))

    @staticmethod
    def _source(graph: Graph, name: str) -> str:
        """The node of an input."""
        known = {
            "encoder": graph.by_name["joint.encoder"].inputs[0],
            "prediction": graph.by_name["joint.prediction"].inputs[0],
        }
        encoder = graph.network("encoder")
        early, _ = graph.reduction(encoder)
        layers = [one for one in encoder.nodes[early:] if graph.by_name[one].layer.STACKS]
        known |= {one: one for one in layers if one.startswith("encoder.")}
        if name not in known:
            raise InputError(
                f"wanted inputs of the end-pointer that the model has each frame, got {name!r}; "
                f"there are {', '.join(known)} and {RUN}"
            )
        return known[name]

    def _check_model(self, model: RnntModel) -> None:
        trained = self.meta.transducer
        if trained is not None and model.sha256 and trained != model.sha256:
            warn(
                f"the end-pointer {self.name} was trained beside another model "
                f"({trained[:8]}…, this one is {model.sha256[:8]}…): its decisions may be useless"
            )
        if self.meta.frame_ms is None or model.meta.features is None:
            return
        definition = model.feature_definition()
        frames = definition.stack * model.time_reduction.factor
        frame_ms = 1000 * frames / definition.front_end.frame_rate
        if abs(frame_ms - self.meta.frame_ms) > _SLACK:
            raise InputError(
                f"wanted an end-pointer for frames of {frame_ms:g} ms, as the model has them, got "
                f"one for {self.meta.frame_ms:g} ms; train it beside this model"
            )


def load_endpointer(path: str | Path) -> Endpointer:
    """The end-pointer in a `.npz` file.

    Raises InputError, in one line, for a file that cannot be read, missing or unknown tensors and
    entries of meta, shapes that do not fit, and numbers that are not finite or out of range.
    """
    path = Path(path)
    if path.suffix.lower() != ".npz":
        raise InputError(f"wanted an end-pointer as .npz, got {path}; export it so")
    try:
        tensors, inside = READERS[".npz"](path)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        if inside is None:
            raise InputError("wanted meta in an end-pointer's file, got none; export it with meta")
        meta = EndpointMeta.read(parse_meta(inside) if isinstance(inside, str | bytes) else inside)
        return replace(_made(tensors, meta), name=path.stem, sha256=digest)
    except OSError as error:
        raise InputError(f"cannot read end-pointer {path}: {error.strerror or error}") from None
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def _made(tensors: Mapping[str, Any], meta: EndpointMeta) -> Endpointer:
    known = {f"{NETWORK}.{name}" for name in _TENSORS}
    if unknown := sorted(set(tensors) - known):
        raise InputError(
            f"wanted the tensors of an end-pointer alone, got {shown(unknown[0])}; known are "
            f"{', '.join(sorted(known))}"
        )
    if missing := sorted(known - set(tensors)):
        raise InputError(f"wanted tensor {missing[0]}, got none; export the whole end-pointer")
    read = {name: as_floats(name, tensor) for name, tensor in tensors.items()}
    arrays = {name: read[f"{NETWORK}.{name}"] for name in _TENSORS}
    lstm = Lstm(**{name: arrays[name] for name in _LSTM})
    output = Linear(arrays["output.weight"], arrays["output.bias"])
    return Endpointer(run=arrays["run.weight"], lstm=lstm, output=output, meta=meta)
