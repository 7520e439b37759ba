"""Weights that a training starts from: a model's, or those of another training."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sordino.errors import InputError
from sordino.model.load import load_model
from sordino.model.rnnt import RnntModel
from sordino.speech.mfcc import MfccDefinition
from sordino.train.ancestry import CHECKPOINT, MODEL
from sordino.train.checkpoint import DAMAGED, load_checkpoint
from sordino.train.corpus.tokens import BLANK
from sordino.train.identity import digest_of_hashes

__all__ = ["Start", "check_trainable", "load_start"]


@dataclass(frozen=True, eq=False, kw_only=True)
class Start:
    """Weights by their canonical names, float32, and what they were trained for.

    name      of the model or the training
    tokens    what the network writes, the blank first; None where that is not known
    stack     frames in its input; None where that is not known
    identity  hash of all that decided what the training made; None of a model
    ancestry  what the training itself went on from, as `Identity` has it
    """

    name: str
    weights: dict[str, Tensor]
    tokens: tuple[str, ...] | None
    stack: int | None
    identity: str | None = None
    ancestry: Mapping[str, Any] = field(default_factory=dict)

    def check(self, tokens: Sequence[str], stack: int) -> None:
        """Raise InputError unless the weights were trained for these tokens and frames."""
        if self.tokens is not None and self.tokens != tuple(tokens):
            raise InputError(
                f"wanted the {len(tokens)} tokens of the recipe in the model to start from, got "
                f"{len(self.tokens)} in {self.name} that are not the same; start from a model of "
                "the same tokens (and, for word pieces, the same transcripts)"
            )
        if self.stack is not None and self.stack != stack:
            raise InputError(
                f"wanted a model to start from that hears {stack} frames at once, as the recipe "
                f"does, got {self.stack} in {self.name}; change stack in one of the two"
            )


def check_trainable(model: RnntModel, what: str) -> None:
    """Raise InputError for a model that training could not have made; `what` it is wanted as."""
    if model.time_reduction.after or model.activation != "tanh":
        raise InputError(
            f"wanted {what} without time reduction and with a tanh joint, got {model.name}; train "
            "one with `sordino train`"
        )
    if model.blank != BLANK:
        raise InputError(
            f"wanted {what} whose blank is token {BLANK}, got {model.blank} in {model.name}; "
            "train one with `sordino train`"
        )


def load_start(path: Path) -> Start:
    """What to start from.

    `path` is the folder of a training (its averaged weights before they are rounded, with its
    zeros, CTC head included) or a model file (without that head). InputError for anything else.
    """
    if not path.is_dir():
        model = load_model(path, option=None)
        check_trainable(model, "a model to start from")
        described = model.meta.features is not None
        if described and model.feature_definition().front_end != MfccDefinition():
            raise InputError(
                f"wanted a model to start from that hears the usual cepstra, but {path} has "
                "another front_end in its meta; train one with `sordino train`"
            )
        return Start(name=path.name, weights=_model_weights(model), **_trained_for(model))
    if not (path / CHECKPOINT).exists():
        raise InputError(
            f"wanted the folder of a training to start from, but {path} has no {CHECKPOINT}; give "
            "the folder that `sordino train -o` wrote, or a model file"
        )
    state = load_checkpoint(path / CHECKPOINT)
    try:
        weights = _checkpoint_weights(state)
        known, ancestors = _described(state), _ancestors(state)
    except DAMAGED:
        raise InputError(
            f"wanted the folder of a training, but {path / CHECKPOINT} is no checkpoint of one; "
            "give another"
        ) from None
    if not known and (path / MODEL).exists():  # earlier versions did not say in the checkpoint
        known = _trained_for(load_model(path / MODEL, option=None))
    all_known = {"tokens": None, "stack": None, **known, **ancestors}
    return Start(name=path.name, weights=weights, **all_known)


def _checkpoint_weights(state: Mapping[str, Any]) -> dict[str, Tensor]:
    learner = state["learner"]
    masks = learner.get("compressor", {}).get("masks", {})
    weights = {
        name: weight * masks[name] if name in masks else weight
        for name, weight in learner["averaged"].items()
    }
    if not all(isinstance(w, Tensor) and w.isfinite().all() for w in weights.values()):
        raise ValueError
    return weights


def _described(state: Mapping[str, Any]) -> dict[str, Any]:
    if "meta" not in state:
        return {}
    meta = json.loads(state["meta"])
    return {"tokens": tuple(meta["tokens"]), "stack": meta["features"]["stack"]}


def _ancestors(state: Mapping[str, Any]) -> dict[str, Any]:
    """What a checkpoint is of, and what that went on from; earlier versions did not say."""
    ancestry = json.loads(state.get("ancestry", "{}"))
    if not isinstance(ancestry, dict):
        raise ValueError
    return {"identity": digest_of_hashes(state["identity"]), "ancestry": ancestry}


def _model_weights(model: RnntModel) -> dict[str, Tensor]:
    """A layer's two biases are one while training."""
    arrays = model.arrays()
    for name in [name for name in arrays if name.endswith("bias_hh")]:
        arrays[name.replace("_hh", "_ih")] = arrays[name.replace("_hh", "_ih")] + arrays.pop(name)
    return {name: torch.from_numpy(values).float() for name, values in arrays.items()}


def _trained_for(model: RnntModel) -> dict[str, Any]:
    return {
        "tokens": tuple(model.tokens),
        "stack": model.feature_definition().stack if model.meta.features else None,
    }
