"""A recurrent neural network transducer: float arrays, sizes and meta, nothing quantised."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sordino.arith import FEATURE
from sordino.errors import InputError
from sordino.graph.graph import Graph, Input, Network
from sordino.layers.base.shapes import check_shape
from sordino.layers.elementwise.total import Total
from sordino.layers.embedding import Embedding
from sordino.layers.heads import Argmax, Scores
from sordino.layers.layer import Layer
from sordino.layers.linear import Linear
from sordino.layers.lstm import Lstm
from sordino.layers.node import Node
from sordino.layers.recurrent import Recurrent
from sordino.layers.stack import Stack
from sordino.meta.sizes import check_sizes
from sordino.meta.table import ACTIVATIONS, Meta
from sordino.model.reduction import TimeReduction
from sordino.speech.features import FeatureDefinition

__all__ = ["ACTIVATIONS", "EMBEDDING", "INPUT", "MOST_BLANK_PENALTY", "RnntModel"]

MOST_BLANK_PENALTY = 10.0
"""Nats: more than networks are ever sure of."""
EMBEDDING = "prediction.embedding"
"""The name of the layer with a row for each token."""
INPUT = "x"
"""The name of the encoder's input."""
_Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False, kw_only=True)
class RnntModel:
    """An RNN-T with recurrent encoder and prediction network of any depth and width.

    Raises InputError where shapes do not fit each other, a number is not finite, or meta states
    sizes that the arrays do not have. After construction `meta` is a copy that states `blank`,
    `max_symbols_per_frame`, `encoder.layers` and `prediction.layers`.

    name, sha256    of the file it came from
    embedding       (tokens, width); the row of the blank is also the start symbol
    feature_mean, feature_std   one value a cepstrum, where the model has them
    """

    encoder: tuple[Recurrent, ...]
    embedding: _Array
    prediction: tuple[Recurrent, ...]
    joint_encoder: Linear
    joint_prediction: Linear
    joint_output: Linear
    meta: Meta
    name: str = "model"
    sha256: str = ""
    feature_mean: _Array | None = None
    feature_std: _Array | None = None

    def __post_init__(self) -> None:
        if not self.encoder or not self.prediction:
            raise InputError(
                "wanted an encoder and a prediction network of at least one LSTM, "
                f"got {len(self.encoder)} and {len(self.prediction)}; export the whole model"
            )
        self._check_layers()
        lstm = all(isinstance(layer, Lstm) for layer in (*self.encoder, *self.prediction))
        if self.meta.gate_order is not None and not lstm:
            raise InputError(
                f"wanted meta gate_order with LSTM layers alone, got {self.meta.gate_order!r} with "
                "others; leave it out"
            )
        meta = self.meta.changed(
            blank=self.meta.blank,
            max_symbols_per_frame=self.meta.max_symbols_per_frame,
            encoder=self.meta.encoder.changed(layers=len(self.encoder)),
            prediction=self.meta.prediction.changed(layers=len(self.prediction)),
        )
        object.__setattr__(self, "meta", meta)
        self._check_arrays()
        check_sizes(meta, {name: array.shape for name, array in self.arrays().items()})
        if meta.features is not None:
            self.feature_definition()

    def _check_layers(self) -> None:
        """What sizes of the arrays depend on."""
        for part, stated, layers in (
            ("encoder", self.meta.encoder.layers, self.encoder),
            ("prediction", self.meta.prediction.layers, self.prediction),
        ):
            if stated not in (None, len(layers)):
                raise InputError(
                    f"wanted {stated} {part} layers, as meta says, "
                    f"got {len(layers)}; correct meta, or export the whole model"
                )

    def _check_arrays(self) -> None:
        check_shape("prediction.embedding.weight", self.embedding, (None, None))
        self._check_tokens()
        reduction = self.time_reduction
        for part, layers, width in (
            ("encoder", self.encoder, None),
            ("prediction", self.prediction, self.embedding.shape[1]),
        ):
            for number, layer in enumerate(layers):
                if part == "encoder" and width is not None:
                    width = reduction.width(number, width)
                layer.check(f"{part}.{number}", width)
                width = layer.width
        self.joint_encoder.check("joint.encoder", self.encoder[-1].width)
        joint = len(self.joint_encoder.weight)
        self.joint_prediction.check("joint.prediction", self.prediction[-1].width, outputs=joint)
        self.joint_output.check("joint.output", joint, outputs=len(self.embedding))

    def _check_tokens(self) -> None:
        """Check that each row has a token, the blank among them: decoding begins with it."""
        tokens, rows = len(self.meta.tokens), len(self.embedding)
        outputs = len(self.joint_output.weight) if self.joint_output.weight.ndim else 0
        if tokens != rows and outputs == tokens:
            advice = "leave rows out" if rows > tokens else "export the whole table"
            if self.embedding.shape[1] == tokens:
                advice = "transpose it"
            elif rows == tokens - 1:
                advice = "add the row that decoding begins with"
            raise InputError(
                f"wanted prediction.embedding.weight with {tokens} rows, one a token, the blank's "
                f"too, as meta and joint.output have them, got {rows}; {advice}"
            )
        if tokens != rows:
            raise InputError(
                f"wanted {rows} tokens, as the embedding has rows, got {tokens}; correct meta"
            )

    def with_max_symbols(self, max_symbols: int) -> "RnntModel":
        """The model with another limit of tokens a frame."""
        return replace(self, meta=self.meta.changed(max_symbols_per_frame=max_symbols))

    def with_blank_penalty(self, nats: float) -> "RnntModel":
        """The model with the score of blank lower by `nats`: one that leaves out fewer words.

        At most MOST_BLANK_PENALTY either way, which compiler and recipes see to.

        Greedy decoding writes a token only where it is likelier than blank in one frame, though
        its probability may lie spread over several.
        """
        bias = self.joint_output.bias.copy()
        bias[self.blank] -= nats
        return replace(self, joint_output=replace(self.joint_output, bias=bias))

    @property
    def tokens(self) -> list[str]:
        """Text of every token."""
        return list(self.meta.tokens)

    @property
    def blank(self) -> int:
        """The token that stands for no token."""
        return self.meta.blank

    @property
    def max_symbols(self) -> int:
        """Tokens emitted in one frame at most."""
        return self.meta.max_symbols_per_frame

    @property
    def activation(self) -> str:
        """The joint's function, one of ACTIVATIONS."""
        return self.meta.joint.activation

    @property
    def relu_fraction(self) -> int:
        """Fraction bits of a ReLU joint's int8 activations."""
        return self.meta.joint.relu_fraction

    @property
    def licence(self) -> str | None:
        """The licence that meta names, in either spelling; None where it names none."""
        return self.meta.license if self.meta.licence is None else self.meta.licence

    @cached_property
    def time_reduction(self) -> TimeReduction:
        """The layer before which the encoder stacks frames, and how many; `after` is 0 for none."""
        return TimeReduction.from_meta(self.meta.encoder, len(self.encoder))

    @property
    def inputs(self) -> int:
        """Width of the encoder's input."""
        return self.encoder[0].inputs

    @cached_property
    def input_fraction(self) -> int:
        """Fraction bits of the int8 input."""
        if self.meta.features is not None:
            return self.feature_definition().fraction_bits
        return FEATURE.fraction

    def feature_definition(self) -> FeatureDefinition:
        """How recordings become input; InputError where meta does not say or does not fit."""
        if self.meta.features is None:
            raise InputError(
                f"wanted features in the meta of {self.name}, got none: it takes no recordings; "
                "add them, see docs/meta.md"
            )
        if self.feature_mean is None or self.feature_std is None:
            missing = "features.mean" if self.feature_mean is None else "features.std"
            raise InputError(
                f"wanted tensor {missing}, since meta has features, found none; add the mean and "
                "deviation of each cepstrum in the training data, or leave features out of meta"
            )
        definition = FeatureDefinition.from_meta(
            self.meta.features, self.feature_mean, self.feature_std
        )
        if definition.dim != self.inputs:
            raise InputError(
                f"wanted features of width {self.inputs}, as the encoder's input, "
                f"got {definition.dim}; correct meta"
            )
        return definition

    def arrays(self) -> dict[str, _Array]:
        """All arrays by their canonical names."""
        named: dict[str, _Array] = {}
        for part, layers in (("encoder", self.encoder), ("prediction", self.prediction)):
            for number, layer in enumerate(layers):
                for kind, array in layer.arrays().items():
                    named[f"{part}.{number}.{kind}"] = array
        named["prediction.embedding.weight"] = self.embedding
        for part in ("encoder", "prediction", "output"):
            linear: Linear = getattr(self, f"joint_{part}")
            named[f"joint.{part}.weight"] = linear.weight
            named[f"joint.{part}.bias"] = linear.bias
        return named

    @property
    def layers(self) -> Mapping[str, Layer]:
        """All layers with weights by their names, in the order in which they are stored."""
        named = {node.name: node.layer for node in self._stack("encoder")}
        named["joint.encoder"] = self.joint_encoder
        named[EMBEDDING] = Embedding(self.embedding)
        named |= {node.name: node.layer for node in self._stack("prediction")}
        named["joint.prediction"] = self.joint_prediction
        named["joint.output"] = self.joint_output
        return named

    def with_layers(self, layers: Mapping[str, Layer]) -> "RnntModel":
        """The model with other layers for some names."""
        new: dict[str, Any] = {**self.layers, **layers}

        def stack(part: str) -> tuple[Recurrent, ...]:
            made = []
            for number, layer in enumerate(getattr(self, part)):
                names = [node.name for node in layer.nodes(f"{part}.{number}", "")]
                made.append(layer.joined({name: new[name] for name in names}))
            return tuple(made)

        return replace(
            self,
            encoder=stack("encoder"),
            embedding=new[EMBEDDING].weight,
            prediction=stack("prediction"),
            joint_encoder=new["joint.encoder"],
            joint_prediction=new["joint.prediction"],
            joint_output=new["joint.output"],
        )

    def graph(self) -> Graph:
        """The model as a graph, with a network for each of its parts.

        encoder     one input vector (a group of them with time reduction) to its half of the joint
        prediction  a token to the prediction network's half of the joint
        joint       both halves to the best token
        advance     as `prediction`, from an embedding that the host gives
        score       as `joint`, to the scores of all tokens
        """
        heard, said = self._stack("encoder"), self._stack("prediction")
        first = (*heard, Node("joint.encoder", self.joint_encoder, (heard[-1].name,)))
        second = (
            Node(EMBEDDING, Embedding(self.embedding)),
            *said,
            Node("joint.prediction", self.joint_prediction, (said[-1].name,)),
        )
        joint = (
            Node("joint", self._sum(), ("joint.encoder", "joint.prediction")),
            Node("joint.output", self.joint_output, ("joint",)),
        )
        heads = (
            Node("token", Argmax(), ("joint.output",)),
            Node("scores", Scores(), ("joint.output",)),
        )
        parts = {"encoder": first, "prediction": second, "joint": (*joint, heads[0])}
        parts |= {"advance": second[1:], "score": (*joint, heads[1])}
        networks = [
            Network(name, tuple(node.name for node in nodes), both_banks=name == "encoder")
            for name, nodes in parts.items()
        ]
        inputs = (Input(INPUT, self.inputs, self.input_fraction),)
        return Graph(inputs, (*first, *second, *joint, *heads), tuple(networks))

    def _stack(self, part: str) -> list[Node]:
        """The recurrent layers of a part, and the time reduction between them, as nodes."""
        before = INPUT if part == "encoder" else EMBEDDING
        after, factor = self.time_reduction.after, self.time_reduction.factor
        nodes: list[Node] = []
        layers: tuple[Recurrent, ...] = getattr(self, part)
        for number, layer in enumerate(layers):
            if part == "encoder" and number and number == after:
                nodes.append(Node("encoder.stack", Stack(factor), (before,)))
                before = nodes[-1].name
            nodes += layer.nodes(f"{part}.{number}", before)
            before = nodes[-1].name
        return nodes

    def _sum(self) -> Total:
        return Total(self.activation, self.relu_fraction)

    def parameters(self) -> int:
        """Trained numbers, feature statistics not among them."""
        return sum(array.size for array in self.arrays().values())
