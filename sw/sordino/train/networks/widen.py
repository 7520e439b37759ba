"""A trained network made wider without a change of what it computes, as a start for a larger one.

T. Chen, I. Goodfellow and J. Shlens, "Net2Net: accelerating learning via knowledge transfer", ICLR
2016 (arXiv:1511.05641): new units copy old ones, and what is read from a unit is split among its
copies. It is split unevenly here, so that copies get different gradients and grow apart.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from sordino.train.recipes.recipe import NetworkRecipe

__all__ = ["widen"]

_EVEN = 0.35
"""A copy's share before shares are scaled to sum to one is drawn from this to one."""


class _Copies:
    """The old unit that each new unit copies, and its share of what is read from that one."""

    def __init__(self, old: int, new: int, random: torch.Generator) -> None:
        further = torch.randint(old, (new - old,), generator=random)
        self._of = torch.cat([torch.arange(old), further])
        drawn = torch.empty(new).uniform_(_EVEN, 1.0, generator=random)
        whole = torch.zeros(old).index_add_(0, self._of, drawn)
        self._share = drawn / whole[self._of]

    def written(self, weight: Tensor, gates: int = 1) -> Tensor:
        """The rows (or elements) that write the copies, in each of a layer's gates."""
        parts = weight.reshape(gates, -1, *weight.shape[1:])[:, self._of]
        return parts.reshape(-1, *weight.shape[1:])

    def read(self, weight: Tensor) -> Tensor:
        """The columns that read the copies, each with its share."""
        return weight[:, self._of] * self._share


def widen(weights: Mapping[str, Tensor], network: NetworkRecipe, seed: int) -> dict[str, Tensor]:
    """Weights of a network with the sizes of `network` that computes what `weights` do.

    Both by canonical names, float32; equal up to the rounding of sums. Only hidden sizes grow: of
    the encoder, the prediction network and the joint. Weights of a network that is nowhere
    smaller, or of another number of layers, are returned as they are.
    """
    random = torch.Generator().manual_seed(seed)
    wide = dict(weights)
    parts = (
        ("encoder", network.encoder_layers, network.encoder_hidden),
        ("prediction", network.prediction_layers, network.prediction_hidden),
    )
    names = [f"{part}.{n}.weight_hh" for part, layers, _ in parts for n in range(layers)]
    names += [f"joint.{part}.weight" for part, _, _ in parts]
    if not all(name in weights for name in [*names, "joint.output.weight"]):
        return wide
    joint_before = weights["joint.output.weight"].shape[1]
    sizes = [weights[f"{part}.0.weight_hh"].shape[1] for part, _, _ in parts]
    wanted = [units for _, _, units in parts]
    grown = [*zip([*sizes, joint_before], [*wanted, network.joint_hidden], strict=True)]
    if any(old > new for old, new in grown) or all(old == new for old, new in grown):
        return wide
    joint = _Copies(joint_before, network.joint_hidden, random)
    for (part, layers, units), old in zip(parts, sizes, strict=True):
        below = None
        for number in range(layers):
            name, copies = f"{part}.{number}", _Copies(old, units, random)
            into = wide[f"{name}.weight_ih"]
            into = into if below is None else below.read(into)
            wide[f"{name}.weight_ih"] = copies.written(into, 4)
            wide[f"{name}.weight_hh"] = copies.written(copies.read(wide[f"{name}.weight_hh"]), 4)
            wide[f"{name}.bias_ih"] = copies.written(wide[f"{name}.bias_ih"], 4)
            below = copies
        assert below is not None, f"{part} has no layers, which recipes do not allow"
        wide[f"joint.{part}.weight"] = joint.written(below.read(wide[f"joint.{part}.weight"]))
        wide[f"joint.{part}.bias"] = joint.written(wide[f"joint.{part}.bias"])
        if part == "encoder" and "ctc.weight" in wide:
            wide["ctc.weight"] = below.read(wide["ctc.weight"])
    wide["joint.output.weight"] = joint.read(wide["joint.output.weight"])
    return wide
