"""Fewer word errors instead of more likely transcripts: minimum word error rate training.

J. Guo et al., "Efficient minimum word error rate training of RNN-Transducer for end-to-end speech
recognition", Interspeech 2020 (arXiv:2007.13802). The probability of a hypothesis is the full sum
over its alignments, and hypotheses compete with each other alone. Here they are drawn from the
network instead of found by a beam: a batch at once, and as varied as the network is unsure.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from sordino.speech.wer import word_error_rate
from sordino.train.networks.loss import lattice_loss
from sordino.train.networks.network import Network
from sordino.train.recipes.methods import DiscriminativeRecipe

__all__ = ["draw_hypotheses", "expected_errors", "minimum_word_errors"]

_LENGTH = 3
"""Hypotheses that are this many times longer than the transcript are left out: a network that has
just been pruned may babble, and its lattices would take most of the time."""


def draw_hypotheses(
    network: Network, encoded: Tensor, frames: Tensor, recipe: DiscriminativeRecipe
) -> list[list[tuple[int, ...]]]:
    """Different token sequences for each utterance, from one to `recipe.hypotheses`.

    The first is the greedy one, the others are drawn. `encoded` (B, T, H), `frames` (B,).
    """
    count, precision = len(frames), network.precision
    with network.held_still():
        network.precision = torch.float32
        greedy = network.decode(encoded, frames)
        again = recipe.hypotheses - 1
        drawn = network.decode(
            encoded.repeat(again, 1, 1), frames.repeat(again), recipe.temperature
        )
    network.precision = precision
    found = []
    for number in range(count):
        said = (greedy[number], *drawn[number::count])
        found.append(list(dict.fromkeys(map(tuple, said))))
    return found


def expected_errors(log_p: Tensor, errors: Tensor, owner: Tensor, count: int) -> Tensor:
    """Σ p̂ (W − W̄) of each utterance, (count,).

    log_p   (N,): of each hypothesis
    errors  (N,): its word errors W; W̄ is their mean over an utterance's hypotheses
    owner   int64 (N,): the utterance it belongs to; p̂ sums to one over each
    """
    highest = log_p.new_zeros(count)
    for number in owner.unique().tolist():
        highest[number] = log_p.detach()[owner == number].max()
    p = (log_p - highest[owner]).exp()
    ones = torch.ones_like(p)

    def total(values: Tensor) -> Tensor:
        return values.new_zeros(count).index_add(0, owner, values)

    mean = total(errors) / total(ones).clamp(min=1)
    p = p / total(p)[owner]
    return total(p * (errors - mean[owner]))


def minimum_word_errors(
    network: Network,
    encoded: Tensor,
    frames: Tensor,
    references: Sequence[Sequence[int]],
    recipe: DiscriminativeRecipe,
    spell: Callable[[Sequence[int]], str],
) -> Tensor:
    """Expected word errors above the mean, mean over the batch; zero where nothing is unsure.

    encoded (B, T, H), frames (B,), references: the tokens of each transcript; `spell` gives words.
    """
    hypotheses = draw_hypotheses(network, encoded.detach(), frames, recipe)
    said: list[tuple[int, ...]] = []
    owners: list[int] = []
    errors: list[int] = []
    for number, (found, reference) in enumerate(zip(hypotheses, references, strict=True)):
        text = spell(reference)
        found = [tokens for tokens in found if len(tokens) <= _LENGTH * len(reference) + _LENGTH]
        if len(found) < 2 or not text:
            continue
        score = word_error_rate([text] * len(found), [spell(tokens) for tokens in found])
        said += found
        owners += [number] * len(found)
        errors += score.utterance_errors
    if not said:
        return encoded.sum() * 0
    owner, labels = torch.tensor(owners), torch.tensor([len(tokens) for tokens in said])
    targets = torch.zeros(len(said), max(1, int(labels.max())), dtype=torch.int64)
    for row, tokens in zip(targets, said, strict=True):
        row[: len(tokens)] = torch.tensor(tokens, dtype=torch.int64)
    arcs = network.scores(encoded[owner], targets, frames[owner], labels)
    log_p = -lattice_loss(*arcs, frames[owner], labels)
    wrong = torch.tensor(errors, dtype=log_p.dtype)
    return expected_errors(log_p, wrong, owner, len(references)).mean()
