"""How many values a matrix's weights may have, and where these lie."""

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from sordino.arith import WEIGHT
from sordino.compiler.limits.errors import CompileError
from sordino.image.host import CODEBOOKS
from sordino.meta.table import QuantiseMeta

__all__ = ["CODEBOOKS", "Precision"]


@dataclass(frozen=True)
class Precision:
    """The number of values that each matrix may have; CompileError for what means nothing.

    bits      of a weight, 2 to 8: a matrix has at most 2^bits values
    codebook  where the values lie, one of CODEBOOKS
    layers    (pattern, bits) for the matrices whose canonical names fit the pattern, as in the
              shell; the first that fits holds
    """

    bits: int = WEIGHT.bits
    codebook: str = CODEBOOKS[0]
    layers: tuple[tuple[str, int], ...] = ()

    def __post_init__(self) -> None:
        for what, bits in (("weight bits", self.bits), *self.layers):
            whole = isinstance(bits, int) and not isinstance(bits, bool)
            if not whole or not 2 <= bits <= WEIGHT.bits:
                raise CompileError(f"wanted {what} to be 2 to {WEIGHT.bits}, got {bits!r}")
        if self.codebook not in CODEBOOKS:
            raise CompileError(
                f"wanted codebook to be {' or '.join(CODEBOOKS)}, got {self.codebook!r}"
            )

    def bits_of(self, name: str) -> int:
        """The bits of a weight of the matrix with this canonical name."""
        for pattern, bits in self.layers:
            if fnmatchcase(name, pattern):
                return bits
        return self.bits

    def check(self, names: Iterable[str]) -> None:
        """Raise CompileError for a pattern that none of the matrices' names fits."""
        known = list(names)
        for pattern, _ in self.layers:
            if not any(fnmatchcase(name, pattern) for name in known):
                raise CompileError(
                    f"layer {pattern!r} must fit a matrix: one of {', '.join(known)}; correct it"
                )

    def to_meta(self) -> QuantiseMeta:
        """The precision as a model's meta states it; `of` gives it back."""
        return QuantiseMeta(bits=self.bits, codebook=self.codebook, layers=dict(self.layers))

    @classmethod
    def of(cls, meta: QuantiseMeta) -> "Precision":
        """The precision that a model's meta states."""
        return cls(bits=meta.bits, codebook=meta.codebook, layers=tuple(meta.layers.items()))
