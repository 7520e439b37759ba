"""What each bit and each zero bought: the same weights stored in four ways, one frame timed."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sordino.image.image import Image, Section
from sordino.tools.report.matrices import MatrixReport

__all__ = ["Savings", "Step", "weight_steps"]

_FLOAT_BITS = 32
_INT8_BITS = 8
_STREAMS = (Section.TABLES, Section.DIRECTORY, Section.POSITIONS, Section.VALUES)


@dataclass(frozen=True, kw_only=True)
class Step:
    """One way to store all weight matrices; embedding, biases and program are the same in all.

    bytes   of the weights and what tells where they are
    cycles  of a frame without tokens after others like it (with time reduction of a group); None
            where no such machine is described
    """

    name: str
    bytes: int
    cycles: int | None

    def as_dict(self) -> dict[str, Any]:
        """Fields by name."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class Savings:
    """The steps, and what a single bit, zero or weight gained.

    bytes_per_bit     bytes that each bit less a weight saves, from 8 bits on
    bits_per_zero     bits that each zero saves by not being stored, its place's mark paid for
    cycles_per_zero   lane cycles that each zero saves in a frame without tokens
    coding_bits       bits a non-zero weight that coding saves beside fixed widths and a bitmap
    entropy_bytes     order-0 entropy of the weights in bytes, to compare
    """

    steps: tuple[Step, ...]
    bytes_per_bit: float
    bits_per_zero: float
    cycles_per_zero: float
    coding_bits: float
    entropy_bytes: float

    def as_dict(self) -> dict[str, Any]:
        """Fields by name."""
        return asdict(self)


def weight_steps(
    image: Image, matrices: Sequence[MatrixReport], *, stored: int, skipped: int
) -> Savings:
    """The ways to store the weights, from float32 to those of the image.

    `stored` and `skipped` are the cycles of a frame without tokens, zeros stored and as it is.
    With zeros left out by a bitmap there is one bit for each place where a group could stop, and
    for each at which one does the weights of all its lanes in their width.
    """
    bits, group = image.network.weight_bits, image.config.group
    weights = sum(matrix.weights for matrix in matrices)
    zeros = weights - sum(matrix.non_zeros for matrix in matrices)
    kept = sum(matrix.places for matrix in matrices) * group
    fixed, bitmap = weights * bits / 8, (weights / group + kept * bits) / 8
    sections = image.section_bytes()
    coded = sum(len(sections[kind]) for kind in _STREAMS)
    non_zeros = max(1, weights - zeros)
    return Savings(
        steps=(
            Step(name="float32", bytes=weights * _FLOAT_BITS // 8, cycles=None),
            Step(name=f"{_INT8_BITS} bits, zeros stored", bytes=weights, cycles=stored),
            Step(name=f"{bits} bits, zeros stored", bytes=round(fixed), cycles=stored),
            Step(name=f"{bits} bits, zeros skipped", bytes=round(bitmap), cycles=skipped),
            Step(name="coded: the image", bytes=coded, cycles=skipped),
        ),
        bytes_per_bit=weights / 8,
        bits_per_zero=8 * (fixed - bitmap) / zeros if zeros else 0.0,
        cycles_per_zero=(stored - skipped) * image.config.lanes / zeros if zeros else 0.0,
        coding_bits=8 * (bitmap - coded) / non_zeros,
        entropy_bytes=sum(matrix.h0 * matrix.weights for matrix in matrices) / 8,
    )
