"""Trained networks as the files that `sordino compile` reads."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sordino.model.save import save_arrays
from sordino.speech.features import FeatureDefinition
from sordino.train.corpus.tokens import BLANK, CHARACTERS, TokenSet
from sordino.train.recipes.recipe import Recipe

__all__ = ["describe", "export_model"]


def describe(
    recipe: Recipe, definition: FeatureDefinition, tokens: TokenSet = CHARACTERS
) -> dict[str, Any]:
    """The model's meta: all that is needed to run it on recordings."""
    network, precision = recipe.network, recipe.quantise.precision
    return {
        "tokens": list(tokens.names),
        "blank": BLANK,
        "max_symbols_per_frame": network.max_symbols,
        "features": {
            "kind": definition.kind,
            "cepstra": definition.cepstra,
            "stack": definition.stack,
            "dim": definition.dim,
            "utterance_mean_weight": definition.utterance_mean_weight,
            "global_mean_weight": definition.global_mean_weight,
            "mean_over": definition.mean_over,
            "prior_frames": definition.prior_frames,
            "fraction_bits": definition.fraction_bits,
        },
        "encoder": {"layers": network.encoder_layers, "hidden": network.encoder_hidden},
        "prediction": {
            "layers": network.prediction_layers,
            "embedding": network.embedding,
            "hidden": network.prediction_hidden,
            "start": "blank embedding, zero state",
        },
        "joint": {"dim": network.joint_hidden, "activation": "tanh"},
        "gate_order": "i f g o (PyTorch)",
        "recipe": recipe.name,
        **({"licence": recipe.licence} if recipe.licence else {}),
        **({} if precision is None else {"quantise": precision.to_meta().as_dict()}),
    }


def export_model(
    path: Path,
    recipe: Recipe,
    definition: FeatureDefinition,
    weights: Mapping[str, NDArray[np.float32]],
    tokens: TokenSet = CHARACTERS,
) -> None:
    """Write weights by their canonical names as .npz; the CTC head, for training only, is left out.

    Equal weights give equal bytes.
    """
    arrays: dict[str, NDArray[np.float32]] = {}
    for name, values in weights.items():
        if name.startswith("ctc"):
            continue
        arrays[name] = values
        if name.endswith("bias_ih"):  # trained as one, since only their sum is ever used
            arrays[name.replace("_ih", "_hh")] = np.zeros_like(values)
    arrays["features.mean"] = np.array(definition.mean, np.float32)
    arrays["features.std"] = np.array(definition.std, np.float32)
    save_arrays(path, describe(recipe, definition, tokens), arrays)
