"""The RNN-T as PyTorch trains it, and greedy decoding of many utterances at once.

A. Graves, "Sequence transduction with recurrent neural networks", 2012; the CTC head beside it
(A. Graves et al., "Connectionist temporal classification", ICML 2006) is used in training alone.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional

from sordino.train.corpus.data import BLANK
from sordino.train.recipes.recipe import NetworkRecipe

__all__ = ["Network", "View", "plain"]

View = Callable[[str, Tensor], Tensor]
"""What a forward pass sees of a matrix, given its canonical name: noisy, rounded, masked."""


def plain(_name: str, weight: Tensor) -> Tensor:
    """The weight itself: a view that changes nothing."""
    return weight


class Network(nn.Module):
    """Encoder, prediction network and joint; parameters have the names that models in files have.

    `matrices` are the weights that the accelerator multiplies with: all but the embedding and the
    CTC head. Activations are (B, T, …), T padded; nothing before the padding depends on it.

    precision  of the matrix products; sums, gates and the loss are float32
    dropout    share of the units that do not reach the next layer while training
    view       what the forward pass sees of the matrices
    random     all that is drawn comes from here
    """

    def __init__(self, recipe: NetworkRecipe, inputs: int, seed: int) -> None:
        super().__init__()
        self.recipe = recipe
        self.precision = torch.float32
        self.dropout = 0.0
        self.view: View = plain
        self.random = torch.Generator().manual_seed(seed)
        self.weights = nn.ParameterDict()

        def add(name: str, *shape: int, spread: float) -> None:
            # Parameter dictionaries do not allow dots in names.
            values = torch.empty(shape).uniform_(-spread, spread, generator=self.random)
            self.weights[name.replace(".", "/")] = nn.Parameter(values)

        def linear(name: str, outputs: int, width: int) -> None:
            add(f"{name}.weight", outputs, width, spread=1 / math.sqrt(width))
            add(f"{name}.bias", outputs, spread=1 / math.sqrt(width))

        tokens, joint = recipe.token_count, recipe.joint_hidden
        for part, layers, width, units in (
            ("encoder", recipe.encoder_layers, inputs, recipe.encoder_hidden),
            ("prediction", recipe.prediction_layers, recipe.embedding, recipe.prediction_hidden),
        ):
            for number in range(layers):
                spread, name = 1 / math.sqrt(units), f"{part}.{number}"
                add(f"{name}.weight_ih", 4 * units, units if number else width, spread=spread)
                add(f"{name}.weight_hh", 4 * units, units, spread=spread)
                add(f"{name}.bias_ih", 4 * units, spread=spread)
            linear(f"joint.{part}", joint, units)
        add("prediction.embedding.weight", tokens, recipe.embedding, spread=1.0)
        linear("joint.output", tokens, joint)
        linear("ctc", tokens, recipe.encoder_hidden)

    def named(self) -> dict[str, nn.Parameter]:
        """All parameters by their canonical names; those of the CTC head begin with `ctc`."""
        return {name.replace("/", "."): p for name, p in self.weights.items()}

    def matrices(self) -> dict[str, nn.Parameter]:
        """The matrices that the accelerator multiplies with, by their canonical names."""
        return {
            name: p
            for name, p in self.named().items()
            if p.ndim == 2 and not name.startswith(("ctc", "prediction.embedding"))
        }

    def _get(self, name: str) -> Tensor:
        return self.weights[name.replace(".", "/")]

    def _drop(self, x: Tensor) -> Tensor:
        """Dropout of (B, T, width): the same units at all times.

        Y. Gal and Z. Ghahramani, "A theoretically grounded application of dropout in recurrent
        neural networks", 2016 (arXiv:1512.05287).
        """
        if not self.training or not self.dropout:
            return x
        kept = torch.empty(len(x), 1, x.shape[2])
        kept.bernoulli_(1 - self.dropout, generator=self.random)
        return x * (kept / (1 - self.dropout))

    def _lstm(
        self, name: str, x: Tensor, state: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """One layer over (B, T, inputs): hidden states (B, T, H) and the last state."""
        bias = self._get(f"{name}.bias_ih")
        matrices = [self.view(f"{name}.{k}", self._get(f"{name}.{k}")) for k in _KINDS]
        flat = [w.to(self.precision) for w in (*matrices, bias, torch.zeros_like(bias))]
        if state is None:
            start = torch.zeros(1, len(x), len(bias) // 4, dtype=self.precision)
            state = (start, start)
        x = x.to(self.precision)
        out, h, c = torch.lstm(x, state, flat, True, 1, 0.0, self.training, False, True)
        return out.float(), (h, c)

    def _linear(self, name: str, x: Tensor) -> Tensor:
        weight = self.view(f"{name}.weight", self._get(f"{name}.weight"))
        bias = self._get(f"{name}.bias")
        y = functional.linear(x.to(self.precision), weight.to(self.precision))
        return y.float() + bias

    def encode(self, x: Tensor, skipped: Tensor | None = None) -> Tensor:
        """The encoder's states (B, T, H) over an input (B, T, dim).

        Only those after the first `skipped` (B,) frames of each, padded with the last: the others
        are heard, so that the state is not zero where an utterance begins.
        """
        for number in range(self.recipe.encoder_layers):
            x, _ = self._lstm(f"encoder.{number}", self._drop(x) if number else x)
        if skipped is not None and skipped.any():
            places = (torch.arange(x.shape[1]) + skipped[:, None]).clamp(max=x.shape[1] - 1)
            x = x[torch.arange(len(x))[:, None], places[:, : x.shape[1] - int(skipped.min())]]
        return self._drop(x)

    def ctc(self, encoded: Tensor) -> Tensor:
        """CTC's log probabilities (B, T, tokens)."""
        weight, bias = self._get("ctc.weight"), self._get("ctc.bias")
        return functional.linear(encoded, weight, bias).log_softmax(-1)

    def scores(
        self, encoded: Tensor, targets: Tensor, frames: Tensor, labels: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Log probabilities of blank and of the right next label for `lattice_loss`.

        Each (B, T, U + 1), from states (B, T, H), targets (B, U) and how much of either counts.
        One utterance at a time: what is not padding stays in the processor's cache.
        """
        tokens = functional.pad(targets, (1, 0), value=BLANK)
        y = functional.embedding(tokens, self._get("prediction.embedding.weight"))
        for number in range(self.recipe.prediction_layers):
            y, _ = self._lstm(f"prediction.{number}", self._drop(y))
        predicted = self._linear("joint.prediction", self._drop(y))
        heard = self._linear("joint.encoder", encoded)
        weight = self.view("joint.output.weight", self._get("joint.output.weight"))
        bias = self._get("joint.output.bias")
        blank, label = [], []
        for number, (t, u) in enumerate(zip(frames.tolist(), labels.tolist(), strict=True)):
            hidden = torch.tanh(heard[number, :t, None] + predicted[number, None, : u + 1])
            score = functional.linear(hidden, weight, bias).log_softmax(-1)
            following = targets[number, :u].expand(t, -1)[..., None]
            edge = (0, targets.shape[1] - u, 0, encoded.shape[1] - t)
            blank.append(functional.pad(score[..., BLANK], edge))
            chosen = score[:, :u].gather(-1, following)[..., 0]
            label.append(functional.pad(chosen, (0, edge[1] + 1, 0, edge[3])))
        return torch.stack(blank), torch.stack(label)

    @torch.no_grad()
    def transcribe(
        self, x: Tensor, frames: Tensor, skipped: Tensor | None = None
    ) -> list[list[int]]:
        """Greedy decoding of inputs (B, T, dim), each of `frames` (B,); tokens without blanks.

        Before those are `skipped` (B,) frames of context, which are heard and not decoded. The
        network must be in evaluation mode. The rule is `FloatRnnt.transcribe`'s.
        """
        found: list[list[int]] = self.decode(self.encode(x, skipped), frames)
        return found

    @torch.no_grad()
    def decode(self, encoded: Tensor, frames: Tensor, temperature: float = 0.0) -> list[list[int]]:
        """Tokens from the encoder's states (B, T, H): the likeliest, or drawn at a temperature."""
        heard = self._linear("joint.encoder", encoded)
        output = self.view("joint.output.weight", self._get("joint.output.weight"))
        bias = self._get("joint.output.bias")
        everyone = torch.arange(len(heard))
        states = [
            torch.zeros(2, len(heard), len(self._get(f"prediction.{n}.bias_ih")) // 4)
            for n in range(self.recipe.prediction_layers)
        ]
        predicted = torch.zeros(len(heard), self.recipe.joint_hidden)
        self._advance(everyone, torch.full((len(heard),), BLANK), states, predicted)
        found: list[list[int]] = [[] for _ in range(len(heard))]
        for t in range(int(frames.max())):
            active = everyone[frames > t]
            for _ in range(self.recipe.max_symbols):
                hidden = torch.tanh(heard[active, t] + predicted[active])
                scores = functional.linear(hidden, output, bias)
                if temperature:  # the largest of noisy scores is a draw (Gumbel's trick)
                    drawn = torch.empty_like(scores).exponential_(generator=self.random)
                    scores = scores / temperature - drawn.log()
                tokens = scores.argmax(-1)
                active, tokens = active[tokens != BLANK], tokens[tokens != BLANK]
                if not len(active):
                    break
                for number, token in zip(active.tolist(), tokens.tolist(), strict=True):
                    found[number].append(token)
                self._advance(active, tokens, states, predicted)
        return found

    @contextmanager
    def held_still(self) -> Iterator[None]:
        """The view looks at each matrix once, while weights do not change and nothing learns."""
        view, seen = self.view, dict[str, Tensor]()

        def remembered(name: str, weight: Tensor) -> Tensor:
            if name not in seen:
                seen[name] = view(name, weight).detach()
            return seen[name]

        self.view = remembered
        try:
            yield
        finally:
            self.view = view

    def _advance(
        self, active: Tensor, tokens: Tensor, states: list[Tensor], predicted: Tensor
    ) -> None:
        """Feed a token to the prediction networks of the active utterances, in place."""
        y = functional.embedding(tokens, self._get("prediction.embedding.weight"))[:, None]
        for number, state in enumerate(states):
            h, c = (part[active][None].to(self.precision) for part in state)
            y, (h, c) = self._lstm(f"prediction.{number}", y, (h, c))
            state[0, active], state[1, active] = h[0].float(), c[0].float()
        predicted[active] = self._linear("joint.prediction", y[:, 0])


_KINDS = ("weight_ih", "weight_hh")
