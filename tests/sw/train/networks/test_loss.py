"""The transducer loss against the sum over all alignments, one by one."""

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="needs the extra `train`")

from sordino.train.networks.loss import lattice_loss, transducer_loss


def enumerated(scores: np.ndarray, labels: list[int], blank: int) -> float:
    """−log of the sum over every alignment; scores are log probabilities (T, U + 1, tokens)."""
    frames, emitted = len(scores), len(labels)
    total = 0.0
    # The last step is always blank; the labels are anywhere before it.
    for places in combinations(range(frames - 1 + emitted), emitted):
        t = u = 0
        path = 0.0
        for step in range(frames + emitted):
            if step in places:
                path += scores[t, u, labels[u]]
                u += 1
            else:
                path += scores[t, u, blank]
                t += 1
        total += math.exp(path)
    return -math.log(total)


@settings(max_examples=60, deadline=None)
@given(
    sizes=st.lists(st.tuples(st.integers(1, 4), st.integers(0, 4)), min_size=1, max_size=3),
    tokens=st.integers(2, 4),
    blank=st.integers(0, 1),
    seed=st.integers(0, 2**32 - 1),
)
def test_every_alignment_counts_once(
    sizes: list[tuple[int, int]], tokens: int, blank: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    frames, labels = max(t for t, _ in sizes), max(u for _, u in sizes)
    logits = torch.tensor(rng.normal(size=(len(sizes), frames, labels + 1, tokens)) * 2)
    others = [token for token in range(tokens) if token != blank]
    targets = torch.tensor(rng.choice(others, size=(len(sizes), labels)))
    ends = [torch.tensor([size[k] for size in sizes]) for k in (0, 1)]
    found = transducer_loss(logits, targets, *ends, blank=blank)
    scores = logits.log_softmax(-1).numpy()
    for number, (t, u) in enumerate(sizes):
        wanted = enumerated(scores[number, :t, : u + 1], targets[number, :u].tolist(), blank)
        assert found[number].item() == pytest.approx(wanted, rel=1e-12)


def test_small_test_of_warp_transducer() -> None:
    # https://github.com/HawkAaron/warp-transducer, tests/test_cpu.cpp and pytorch_binding: 4.495666
    probabilities = np.array(
        [
            [[0.1, 0.6, 0.1, 0.1, 0.1], [0.1, 0.1, 0.6, 0.1, 0.1], [0.1, 0.1, 0.2, 0.8, 0.1]],
            [[0.1, 0.6, 0.1, 0.1, 0.1], [0.1, 0.1, 0.2, 0.1, 0.1], [0.7, 0.1, 0.2, 0.1, 0.1]],
        ]
    )
    loss = transducer_loss(
        torch.tensor(probabilities[None]), *map(torch.tensor, ([[1, 2]], [2], [2]))
    )
    assert loss.item() == pytest.approx(4.495666, abs=1e-6)


def test_gradient_is_the_losss() -> None:
    rng = np.random.default_rng(1)
    frames, labels = torch.tensor([4, 1, 3]), torch.tensor([3, 2, 0])
    arcs = [torch.tensor(rng.normal(size=(3, 4, 4)), requires_grad=True) for _ in range(2)]
    assert torch.autograd.gradcheck(lambda b, n: lattice_loss(b, n, frames, labels), arcs)


def test_padding_has_no_influence() -> None:
    rng = np.random.default_rng(2)
    logits = torch.tensor(rng.normal(size=(1, 3, 3, 5)))
    targets, ends = torch.tensor([[1, 2]]), (torch.tensor([3]), torch.tensor([2]))
    alone = transducer_loss(logits, targets, *ends)
    padded = torch.full((1, 6, 5, 5), 1e3, dtype=torch.float64)
    padded[:, :3, :3] = logits
    padded.requires_grad_()
    loss = transducer_loss(padded, torch.tensor([[1, 2, 4, 4]]), *ends)
    loss.sum().backward()
    assert torch.equal(loss.detach(), alone)
    outside = padded.grad.clone()
    outside[:, :3, :3] = 0
    assert not outside.any()
