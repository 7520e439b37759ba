"""Whether a checkpoint is of the training that is to go on from it, and what differs if not."""

import hashlib
import json
import platform
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sordino.errors import InputError, warn
from sordino.train.corpus.data import Spoken, fingerprint
from sordino.train.corpus.tokens import TokenSet
from sordino.train.recipes.recipe import Recipe, without_ancestors

__all__ = ["Identity", "digest_of_hashes"]

_FORMAT = 2
_HINTS = {
    "tokens": " (another version of sentencepiece chooses other word pieces)",
    "data": " (another corpus, or its recordings, transcripts or speakers have changed)",
    "start": " (another model or training to start from, or it has been trained on)",
    "teacher": " (another model)",
}
_SHOWN = 3
"""Fields of a recipe that are named, of those that differ."""


class Identity:
    """All that decides what a training makes, as a checkpoint holds it.

    tokens   what is written
    parts    what is trained on, corpus by corpus, and what is measured
    start    weights to start from
    teacher  a hash of it; None without
    ancestry  what start and teacher are: for each its name, the identity of its training where
             there was one, and what that went on from in turn
    """

    def __init__(
        self,
        recipe: Recipe,
        tokens: TokenSet,
        parts: Sequence[Sequence[Spoken]],
        start: Mapping[str, Tensor],
        teacher: str | None,
        ancestry: Mapping[str, Any],
    ) -> None:
        self._recipe = without_ancestors(recipe.to_dict())
        self.ancestry = dict(ancestry)
        self._hashes = {
            "recipe": recipe.digest,
            "data": fingerprint(*parts),
            "tokens": hashlib.sha256(json.dumps(tokens.names).encode()).hexdigest(),
            "start": _digest(start),
            "teacher": teacher,
        }

    @property
    def digest(self) -> str:
        """A hash of all of it; two trainings with the same make the same model."""
        return digest_of_hashes(self._hashes)

    def state(self) -> dict[str, Any]:
        """The identity as plain values, for a checkpoint."""
        return {
            "format": _FORMAT,
            "identity": self._hashes,
            "recipe": json.dumps(self._recipe),
            "ancestry": json.dumps(self.ancestry),
            "computed with": _environment(),
        }

    def check(self, state: Mapping[str, Any], path: Path) -> None:
        """Raise InputError unless the checkpoint in `path` is of this training.

        Warns where it was computed with other settings, so that the last bits will differ.
        """
        if state.get("format") != _FORMAT:
            raise InputError(
                f"wanted a checkpoint of a training by this version of sordino, but {path} is "
                "none; choose another folder, or delete it to start again"
            )
        for what, wanted in self._hashes.items():
            if state["identity"].get(what) != wanted:
                hint = self._differences(state) if what == "recipe" else _HINTS[what]
                raise InputError(
                    f"wanted the checkpoint in {path.parent} to be of this training, but its "
                    f"{what} differs{hint}; choose another folder, or delete {path}"
                )
        there, here = state["computed with"], _environment()
        if changed := [what for what in here if there.get(what) != here[what]]:
            texts = "; ".join(f"{what} {there.get(what)}, now {here[what]}" for what in changed)
            warn(
                f"the checkpoint {path} was computed with {texts}; the model can differ in its "
                "last bits from one that is trained without interruption"
            )

    def _differences(self, state: Mapping[str, Any]) -> str:
        before = without_ancestors(json.loads(state["recipe"]))
        there, here = (dict(_leaves(r)) for r in (before, self._recipe))
        names = [name for name in {**there, **here} if there.get(name) != here.get(name)]
        texts = [f"{n} {there.get(n)!r}, now {here.get(n)!r}" for n in names[:_SHOWN]]
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        return f" ({'; '.join(texts)}{more})" if texts else ""


def digest_of_hashes(hashes: Mapping[str, Any]) -> str:
    """One hash of the hashes that an identity consists of."""
    return hashlib.sha256(json.dumps(dict(hashes), sort_keys=True).encode()).hexdigest()


def _leaves(values: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{above}{name}.")
        else:
            yield above + name, list(value) if isinstance(value, tuple) else value


def _environment() -> dict[str, Any]:
    """The versions and settings on which the last bits of sums depend."""
    return {
        "threads": torch.get_num_threads(),
        "PyTorch": str(torch.__version__),
        "processor": f"{platform.machine()} {torch.backends.cpu.get_cpu_capability()}",
    }


def _digest(weights: Mapping[str, Tensor]) -> str:
    state = hashlib.sha256()
    for name in sorted(weights):
        state.update(name.encode() + weights[name].detach().numpy().tobytes())
    return state.hexdigest()
