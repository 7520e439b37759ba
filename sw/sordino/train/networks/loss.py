"""The transducer loss: minus the log of the summed probability of all alignments.

A. Graves, "Sequence transduction with recurrent neural networks", 2012 (arXiv:1211.3711), section
2.4. Node (t, u) of the lattice has consumed t frames and emitted u labels; blank goes to
(t + 1, u), the next label to (t, u + 1); paths end with the blank of (T − 1, U). Nodes with the
same d = t + u depend on those of d − 1 alone, so the lattice is walked diagonal by diagonal, whole
batches at once (T. Bagby et al., "Efficient implementation of recurrent neural network transducer
in TensorFlow", SLT 2018). The gradient is written by hand from forward and backward sums: autograd
would keep and walk one graph node for every operation on every diagonal.
"""

from typing import Any

import torch
from torch import Tensor

__all__ = ["lattice_loss", "transducer_loss"]

_NEVER = float("-inf")


def _skew(scores: Tensor, valid: Tensor) -> Tensor:
    """(B, T, U + 1) by diagonals, (T + U, B, U + 1); −∞ where `valid` is false or outside."""
    _, frames, places = scores.shape
    u = torch.arange(places)
    t = torch.arange(frames + places - 1)[:, None] - u  # diagonals × places
    inside = ((t >= 0) & (t < frames))[:, None]
    t = t.clamp(0, frames - 1)
    return torch.where(
        inside & valid[:, t, u].transpose(0, 1), scores[:, t, u].transpose(0, 1), _NEVER
    )


def _unskew(skewed: Tensor, frames: int) -> Tensor:
    """The inverse of `_skew`: (T + U, B, U + 1) back to (B, T, U + 1)."""
    u = torch.arange(skewed.shape[2])
    d = torch.arange(frames)[:, None] + u
    return skewed.permute(1, 0, 2)[:, d, u]


def _forward_sums(blank: Tensor, label: Tensor) -> Tensor:
    """log of the summed probability of all ways to each node; (T + U + 1, B, U + 1)."""
    sums = blank.new_full((len(blank) + 1, *blank.shape[1:]), _NEVER)
    sums[0, :, 0] = 0.0
    for d in range(len(blank)):
        after = sums[d + 1]
        torch.add(sums[d], blank[d], out=after)
        after[:, 1:] = torch.logaddexp(after[:, 1:], sums[d, :, :-1] + label[d, :, :-1])
    return sums


def _backward_sums(blank: Tensor, label: Tensor, frames: Tensor, labels: Tensor) -> Tensor:
    """log of the summed probability of all ways from each node to the end; as `_forward_sums`."""
    sums = blank.new_full((len(blank) + 1, *blank.shape[1:]), _NEVER)
    sums[frames + labels, torch.arange(len(frames)), labels] = 0.0
    for d in range(len(blank) - 1, -1, -1):
        here = blank[d] + sums[d + 1]
        here[:, :-1] = torch.logaddexp(here[:, :-1], label[d, :, :-1] + sums[d + 1, :, 1:])
        torch.maximum(sums[d], here, out=sums[d])  # at an end `here` is −∞
    return sums


class _LatticeLoss(torch.autograd.Function):
    """Loss of each utterance from the log probabilities of blank and of the right next label."""

    @staticmethod
    def forward(ctx: Any, blank: Tensor, label: Tensor, frames: Tensor, labels: Tensor) -> Tensor:
        t, u = torch.arange(blank.shape[1])[:, None], torch.arange(blank.shape[2])
        heard = t < frames[:, None, None]
        skewed_blank = _skew(blank, heard & (u <= labels[:, None, None]))
        skewed_label = _skew(label, heard & (u < labels[:, None, None]))
        alpha = _forward_sums(skewed_blank, skewed_label)
        total = alpha[frames + labels, torch.arange(len(frames)), labels]
        ctx.save_for_backward(skewed_blank, skewed_label, alpha, total, frames, labels)
        return -total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        blank, label, alpha, total, frames, labels = ctx.saved_tensors
        beta = _backward_sums(blank, label, frames, labels)
        start = alpha[:-1] - total[:, None]
        used = -torch.exp(start + blank + beta[1:])  # minus the share of paths that take the arc
        taken = torch.zeros_like(used)
        taken[..., :-1] = -torch.exp(start[..., :-1] + label[..., :-1] + beta[1:, :, 1:])
        scale = gradients[0][:, None, None]
        count = len(blank) - blank.shape[2] + 1
        return _unskew(used, count) * scale, _unskew(taken, count) * scale, None, None


def lattice_loss(blank: Tensor, label: Tensor, frames: Tensor, labels: Tensor) -> Tensor:
    """Loss (B,) in nats, from the log probabilities of the two arcs out of every node.

    blank   (B, T, U + 1)
    label   (B, T, U + 1), of the label that comes after u; the last place is not read
    frames, labels   int64 (B,): how much of T (at least 1) and of U each utterance uses
    """
    return _LatticeLoss.apply(blank, label, frames, labels)


def transducer_loss(
    logits: Tensor, targets: Tensor, frames: Tensor, labels: Tensor, blank: int = 0
) -> Tensor:
    """Loss (B,) in nats of a joint's outputs before the softmax.

    logits  (B, T, U + 1, tokens)
    targets int64 (B, U), padded with any token
    frames, labels   int64 (B,): how much of T (at least 1) and of U each utterance uses
    """
    scores = logits.log_softmax(-1)
    following = torch.nn.functional.pad(targets, (0, 1))
    index = following[:, None, :, None].expand(-1, logits.shape[1], -1, 1)
    return lattice_loss(scores[..., blank], scores.gather(-1, index).squeeze(-1), frames, labels)
