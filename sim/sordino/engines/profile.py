"""Where a run's cycles went, layer by layer."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sordino.image.image import Image
from sordino.isa.instruction import Instruction
from sordino.isa.operations import Matvec

__all__ = ["LayerTime", "layer_times"]


@dataclass(frozen=True, kw_only=True)
class LayerTime:
    """Cycles of one layer's instructions, TABLE and decoder start included.

    times         how often its most frequent instruction retired
    utilisation   places walked × group / (lanes × cycles); None without a MATVEC
    useful        non-zero weights / (lanes × cycles); None without a MATVEC
    """

    name: str
    times: int
    cycles: int
    utilisation: float | None
    useful: float | None

    def as_dict(self) -> dict[str, Any]:
        """Fields by name."""
        return asdict(self)


def _walked(image: Image, instruction: Instruction) -> tuple[int, int]:
    """Places (padding left out) times group, and non-zero weights of one MATVEC."""
    matrix = image.matrices[instruction.matrix]
    padding = image.host.padding[instruction.matrix] if image.host.padding else 0
    non_zeros = image.host.non_zeros[instruction.matrix] if image.host.non_zeros else 0
    return (sum(matrix.places) - padding) * image.config.group, non_zeros


def layer_times(image: Image, profile: NDArray[np.int64]) -> list[LayerTime]:
    """One entry a label of the program, in program order, then the whole.

    `profile` (addresses, 2) holds times retired and cycles, as `Rtl.profile` gives it.
    """
    sums: dict[str, list[int]] = {}
    total = [0, 0, 0, 0]
    for instruction, (times, cycles) in zip(image.program, profile.tolist(), strict=True):
        walked, non_zeros = (0, 0)
        if isinstance(instruction, Matvec):
            walked, non_zeros = _walked(image, instruction)
        entry = sums.setdefault(instruction.layer or "control", [0, 0, 0, 0])
        for one in (entry, total):
            one[0] = max(one[0], times)
            one[1] += cycles
            one[2] += walked * times
            one[3] += non_zeros * times
    lanes = image.config.lanes
    return [
        LayerTime(
            name=name,
            times=times,
            cycles=cycles,
            utilisation=walked / (lanes * cycles) if walked else None,
            useful=useful / (lanes * cycles) if useful else None,
        )
        for name, (times, cycles, walked, useful) in [*sums.items(), ("all", total)]
        if times
    ]
