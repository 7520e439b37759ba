"""A recurrent neural network transducer: float arrays, sizes and meta, nothing quantised."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sordino.arith import FEATURE
from sordino.errors import InputError
from sordino.speech.features import FeatureDefinition
from sordino.speech.reduction import TimeReduction

__all__ = ["ACTIVATIONS", "MOST_BLANK_PENALTY", "Linear", "Lstm", "RnntModel"]

ACTIVATIONS = ("tanh", "relu")
"""What a joint may apply to the sum of its halves."""
MOST_BLANK_PENALTY = 10.0
"""Nats: more than networks are ever sure of."""
_MAX_SYMBOLS = 5
_RELU_FRACTION = 4
_Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Linear:
    """y = weight · x + bias: weight (outputs, inputs), bias (outputs,)."""

    weight: _Array
    bias: _Array

    def check(self, name: str, outputs: int | None, inputs: int | None) -> None:
        """Raise InputError unless the shapes fit each other and the sizes wanted (None: any)."""
        _check_shape(f"{name}.weight", self.weight, (outputs, inputs))
        _check_shape(f"{name}.bias", self.bias, self.weight.shape[:1])


@dataclass(frozen=True, eq=False)
class Lstm:
    """One layer, gates in the order i f g o: weights (4 · hidden, …), biases (4 · hidden,)."""

    weight_ih: _Array
    weight_hh: _Array
    bias_ih: _Array
    bias_hh: _Array

    @property
    def hidden(self) -> int:
        """Units."""
        return len(self.weight_hh) // 4

    @property
    def inputs(self) -> int:
        """Width of the input."""
        return int(self.weight_ih.shape[1])

    @property
    def bias(self) -> _Array:
        """Sum of the two biases."""
        return np.asarray(self.bias_ih + self.bias_hh)

    def check(self, name: str, inputs: int | None) -> None:
        """Raise InputError unless the shapes fit each other and the input (None: any)."""
        _check_shape(f"{name}.weight_hh", self.weight_hh, (None, None))
        gates = 4 * self.weight_hh.shape[1]
        _check_shape(f"{name}.weight_hh", self.weight_hh, (gates, None))
        _check_shape(f"{name}.weight_ih", self.weight_ih, (gates, inputs))
        _check_shape(f"{name}.bias_ih", self.bias_ih, (gates,))
        _check_shape(f"{name}.bias_hh", self.bias_hh, (gates,))


def _check_shape(name: str, array: _Array, wanted: tuple[int | None, ...]) -> None:
    fits = array.ndim == len(wanted) and all(
        got > 0 and size in (None, got) for got, size in zip(array.shape, wanted, strict=True)
    )
    if not fits:
        sizes = " × ".join("any" if size is None else str(size) for size in wanted)
        got = " × ".join(map(str, array.shape)) or "one number"
        raise InputError(f"wanted {name} of size {sizes}, got {got}; export the model again")
    if not np.isfinite(array).all():
        raise InputError(f"wanted finite numbers in {name}, got NaN or infinity; repair the model")


def _whole(value: object, name: str, low: int, high: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise InputError(
            f"wanted a whole number from {low} to {high} for meta {name}, got {value!r}"
        )
    return value


@dataclass(frozen=True, eq=False, kw_only=True)
class RnntModel:
    """An RNN-T with LSTM encoder and prediction network of any depth and width.

    Raises InputError where shapes do not fit each other, a number is not finite, or meta names
    something that is not supported. After construction `meta` has `blank`,
    `max_symbols_per_frame`, `encoder.layers`, `prediction.layers` and `joint.activation`;
    `encoder.time_reduction` ({"after": layers, "factor": frames}) is there where meta gives it.

    name, sha256    of the file it came from
    embedding       (tokens, width); the row of the blank is also the start symbol
    feature_mean, feature_std   one value a cepstrum, where the model has them
    """

    encoder: tuple[Lstm, ...]
    embedding: _Array
    prediction: tuple[Lstm, ...]
    joint_encoder: Linear
    joint_prediction: Linear
    joint_output: Linear
    meta: dict[str, Any]
    name: str = "model"
    sha256: str = ""
    feature_mean: _Array | None = None
    feature_std: _Array | None = None

    def __post_init__(self) -> None:
        self._check_arrays()
        object.__setattr__(self, "meta", self._normal_meta())

    def _check_arrays(self) -> None:
        if not self.encoder or not self.prediction:
            raise InputError(
                "wanted an encoder and a prediction network of at least one LSTM, "
                f"got {len(self.encoder)} and {len(self.prediction)}; export the whole model"
            )
        _check_shape("prediction.embedding.weight", self.embedding, (None, None))
        reduction = self.time_reduction
        for part, layers, width in (
            ("encoder", self.encoder, None),
            ("prediction", self.prediction, self.embedding.shape[1]),
        ):
            for number, layer in enumerate(layers):
                if part == "encoder" and width is not None:
                    width = reduction.width(number, width)
                layer.check(f"{part}.{number}", width)
                width = layer.hidden
        self.joint_encoder.check("joint.encoder", None, self.encoder[-1].hidden)
        joint = len(self.joint_encoder.weight)
        self.joint_prediction.check("joint.prediction", joint, self.prediction[-1].hidden)
        self.joint_output.check("joint.output", len(self.embedding), joint)

    def _normal_meta(self) -> dict[str, Any]:
        meta = dict(self.meta)
        tokens = meta.get("tokens")
        if not isinstance(tokens, list) or not all(isinstance(t, str) for t in tokens):
            raise InputError(
                f"wanted meta tokens as a list of strings, got {tokens!r:.40}; "
                "give them with --meta"
            )
        if len(tokens) != len(self.embedding):
            raise InputError(
                f"wanted {len(self.embedding)} tokens, as the embedding has rows, "
                f"got {len(tokens)}; correct meta"
            )
        meta["blank"] = _whole(meta.get("blank", 0), "blank", 0, len(tokens) - 1)
        meta["max_symbols_per_frame"] = _whole(
            meta.get("max_symbols_per_frame", _MAX_SYMBOLS), "max_symbols_per_frame", 1, 0xFFFF
        )
        order = str(meta.get("gate_order", "i f g o"))
        if order.split()[:4] != ["i", "f", "g", "o"]:
            raise InputError(f"wanted gates in the order i f g o, got {order!r}; permute the rows")
        for part, layers in (("encoder", self.encoder), ("prediction", self.prediction)):
            section = _section(meta, part)
            if section.setdefault("layers", len(layers)) != len(layers):
                raise InputError(
                    f"wanted {section['layers']!r} {part} layers, as meta says, got {len(layers)}"
                )
            meta[part] = section
        joint = _section(meta, "joint")
        if joint.get("activation") not in ACTIVATIONS:
            raise InputError(
                f"wanted meta joint.activation tanh or relu, got {joint.get('activation')!r}"
            )
        _whole(joint.get("relu_fraction", _RELU_FRACTION), "joint.relu_fraction", 0, 11)
        meta["joint"] = joint
        return meta

    def with_max_symbols(self, max_symbols: int) -> "RnntModel":
        """The model with another limit of tokens a frame."""
        return replace(self, meta={**self.meta, "max_symbols_per_frame": max_symbols})

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
        return list(self.meta["tokens"])

    @property
    def blank(self) -> int:
        """The token that stands for no token."""
        return int(self.meta["blank"])

    @property
    def max_symbols(self) -> int:
        """Tokens emitted in one frame at most."""
        return int(self.meta["max_symbols_per_frame"])

    @property
    def activation(self) -> str:
        """The joint's function, one of ACTIVATIONS."""
        return str(self.meta["joint"]["activation"])

    @property
    def relu_fraction(self) -> int:
        """Fraction bits of a ReLU joint's int8 activations."""
        return int(self.meta["joint"].get("relu_fraction", _RELU_FRACTION))

    @property
    def licence(self) -> str | None:
        """What meta says, in either spelling."""
        text = self.meta.get("licence", self.meta.get("license"))
        return None if text is None else str(text)

    @cached_property
    def time_reduction(self) -> TimeReduction:
        """Where the encoder stacks frames."""
        return TimeReduction.from_meta(_section(self.meta, "encoder"), len(self.encoder))

    @property
    def inputs(self) -> int:
        """Width of the encoder's input."""
        return self.encoder[0].inputs

    @cached_property
    def input_fraction(self) -> int:
        """Fraction bits of the int8 input."""
        if "features" in self.meta:
            return self.feature_definition().fraction_bits
        return FEATURE.fraction

    def feature_definition(self) -> FeatureDefinition:
        """How recordings become input; InputError where meta does not say or does not fit."""
        if self.feature_mean is None or self.feature_std is None:
            raise InputError("wanted features.mean and features.std in the model, got none")
        definition = FeatureDefinition.from_model_meta(
            self.meta, self.feature_mean, self.feature_std
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
                for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
                    named[f"{part}.{number}.{kind}"] = getattr(layer, kind)
        named["prediction.embedding.weight"] = self.embedding
        for part in ("encoder", "prediction", "output"):
            linear: Linear = getattr(self, f"joint_{part}")
            named[f"joint.{part}.weight"] = linear.weight
            named[f"joint.{part}.bias"] = linear.bias
        return named

    def parameters(self) -> int:
        """Trained numbers, feature statistics not among them."""
        return sum(array.size for array in self.arrays().values())


def _section(meta: Mapping[str, Any], name: str) -> dict[str, Any]:
    section = meta.get(name, {})
    if not isinstance(section, Mapping):
        raise InputError(f"wanted meta {name} as an object with names, got {section!r}")
    return dict(section)
