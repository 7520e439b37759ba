"""Learning from a larger network: what it writes, and how sure it is of it at every node.

S. Panchapagesan et al., "Efficient knowledge distillation for RNN-transducer models", ICASSP 2021
(arXiv:2011.06110): of all tokens only blank, the right next label and the rest are told apart, so
that a node of the lattice takes three numbers instead of one for every token.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from sordino.errors import InputError
from sordino.model.load import load_model
from sordino.model.rnnt import RnntModel
from sordino.speech.features import FeatureDefinition
from sordino.train.ancestry import MODEL, RESULT, read_result
from sordino.train.corpus.data import Spoken, in_order
from sordino.train.corpus.tokens import TOKENS, TokenSet
from sordino.train.networks.network import Network
from sordino.train.recipes.recipe import NetworkRecipe
from sordino.train.start import check_trainable

__all__ = ["Teacher", "lattice_divergence"]

_DECODED = 64
"""Utterances decoded at once."""
_LEAST = 1e-6
"""Below this the probability of the rest is not told from zero in float32."""


def _three(blank: Tensor, label: Tensor, more: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """log of blank, label and the rest; where there is no `more` label, label is in the rest."""
    p_label = torch.where(more, label.exp(), 0.0)
    rest = (1 - blank.exp() - p_label).clamp(min=_LEAST)
    return blank, label, rest.log()


def lattice_divergence(
    teacher: tuple[Tensor, Tensor], network: tuple[Tensor, Tensor], frames: Tensor, labels: Tensor
) -> Tensor:
    """Kullback–Leibler divergence (B,) of a network from its teacher, mean over nodes, in nats.

    Of blank, the right next label and the rest; both arguments as `lattice_loss` takes them,
    (B, T, U + 1), and as much of them counts. Gradients reach the network alone.
    """
    t = torch.arange(teacher[0].shape[1])[:, None]
    u = torch.arange(teacher[0].shape[2])
    heard = t < frames[:, None, None]
    node, more = heard & (u <= labels[:, None, None]), heard & (u < labels[:, None, None])
    wanted = [part.detach() for part in _three(*teacher, more)]
    got = _three(*network, more)
    total = torch.zeros_like(got[0])
    for at, p, q in zip((node, more, node), wanted, got, strict=True):
        total = total + torch.where(at, p.exp() * (p - q), 0.0)
    return total.sum((1, 2)) / (frames * (labels + 1))


def _sizes(model: RnntModel) -> NetworkRecipe:
    """The recipe of a model that training could have made; InputError for others."""
    check_trainable(model, "a teacher")
    widths = [{layer.hidden for layer in part} for part in (model.encoder, model.prediction)]
    if max(map(len, widths)) > 1:
        raise InputError(
            f"wanted a teacher with layers of one width, got {model.name}; train one with "
            "`sordino train`"
        )
    kind = "characters" if tuple(model.tokens) == TOKENS else "pieces"
    return NetworkRecipe(
        encoder_layers=len(model.encoder),
        encoder_hidden=model.encoder[0].hidden,
        embedding=model.embedding.shape[1],
        prediction_layers=len(model.prediction),
        prediction_hidden=model.prediction[0].hidden,
        joint_hidden=len(model.joint_encoder.weight),
        max_symbols=model.max_symbols,
        tokens=kind,
        pieces=len(model.tokens) - 1 if kind == "pieces" else NetworkRecipe.pieces,
    )


def _made(path: Path) -> dict[str, Any]:
    """The result of the training that left this very model in its folder; empty without."""
    if not (path.parent / RESULT).is_file():
        return {}
    result = read_result(path.parent)
    same = result.get("sha256") == hashlib.sha256(path.read_bytes()).hexdigest()
    return result if same else {}


class Teacher:
    """A trained network that never changes.

    name        of its recipe, else of its file
    tokens      text of each that it writes
    definition  of the features that it hears
    digest      a hash of all that matters of it
    network     in evaluation mode
    identity    hash of all that decided what its training made; None where nobody says
    ancestry    what its training went on from, as `Identity` has it
    """

    def __init__(self, path: Path) -> None:
        if path.is_dir():
            raise InputError(
                f"wanted a teacher's model, but {path} is a folder; give {path / MODEL}"
            )
        model = load_model(path, option=None)
        self.definition, self.tokens = model.feature_definition(), tuple(model.tokens)
        self.name = model.meta.recipe or model.name
        self.network = Network(_sizes(model), model.inputs, seed=0).eval()
        heard = repr(self.definition.section().as_dict())
        arrays, state = model.arrays(), hashlib.sha256(heard.encode())
        for name, weight in self.network.named().items():
            weight.requires_grad_(False)
            if name.startswith("ctc"):
                continue
            values = arrays[name]
            if name.endswith("bias_ih"):
                values = values + arrays[name.replace("_ih", "_hh")]
            weight.copy_(torch.from_numpy(values))
            state.update(name.encode() + weight.numpy().tobytes())
        self.digest = state.hexdigest()
        made = _made(path)
        self.identity: str | None = made.get("identity")
        self.ancestry: dict[str, Any] = made.get("ancestry", {})

    def check(self, definition: FeatureDefinition, tokens: TokenSet) -> None:
        """Raise InputError unless the teacher has frames like these features', and these tokens."""
        if self.tokens != tokens.names:
            raise InputError(
                f"wanted a teacher that writes the tokens of the recipe, {len(tokens.names)} of "
                f"them, got {self.name} with {len(self.tokens)} others; train one with the same"
            )
        if self.definition.stack != definition.stack:
            raise InputError(
                f"wanted a teacher that hears {definition.stack} frames at once, as the recipe "
                f"does, got {self.definition.stack}; change stack in one of the two"
            )
        if self.definition.front_end != definition.front_end:
            raise InputError(
                f"wanted a teacher that hears the same cepstra as the recipe, but {self.name} has "
                "another front end; train one with `sordino train`"
            )

    def write(self, spoken: Sequence[Spoken], tokens: TokenSet) -> list[Spoken]:
        """The utterances with what the teacher hears, greedily, instead of their transcripts."""
        written = list(spoken)
        for numbers, batch in in_order(spoken, self.definition, _DECODED):
            x, frames = torch.from_numpy(batch.x), torch.from_numpy(batch.frames)
            for number, said in zip(numbers, self.network.transcribe(x, frames), strict=True):
                text = tokens.spell(said)
                written[number] = replace(
                    spoken[number], text=text, tokens=tokens.encode(text, spoken[number].name)
                )
        return written

    @torch.no_grad()
    def scores(
        self,
        x: Tensor,
        skipped: Tensor,
        targets: Tensor,
        frames: Tensor,
        labels: Tensor,
        *,
        precision: torch.dtype,
    ) -> tuple[Tensor, Tensor]:
        """What `Network.scores` gives, for input (B, T, dim) in the teacher's features."""
        self.network.precision = precision
        encoded = self.network.encode(x, skipped)
        arcs: tuple[Tensor, Tensor] = self.network.scores(encoded, targets, frames, labels)
        self.network.precision = torch.float32
        return arcs
