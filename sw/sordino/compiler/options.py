"""What a user chooses of a compilation."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sordino.codec.apart import Room
from sordino.compiler.limits.errors import CompileError
from sordino.compiler.numbers.clip import CLIPS, Clip
from sordino.compiler.numbers.precision import Precision
from sordino.compiler.numbers.prune import SHARES
from sordino.compiler.passes.chunk import MOST_FRAMES
from sordino.compiler.passes.residency import WEIGHTS
from sordino.model.rnnt import MOST_BLANK_PENALTY

__all__ = ["CompileOptions"]


@dataclass(frozen=True, kw_only=True)
class CompileOptions:
    """What the user chooses; CompileError for values that mean nothing.

    weight_bits  at most 2^weight_bits values a matrix, 2 to 8; None takes what the model was
                 trained for, else 8
    codebook     where they lie: uniform or lloyd-max; None takes the model's, else uniform
    layer_bits   (pattern, bits) of the matrices whose names fit; None takes the model's where
                 weight_bits are the model's, else none
    sparsity     share of weights (of groups where lanes share a position stream) to prune in
                 the matrices (all but the embedding); None leaves the zeros that are there
    shares       how that share is spread, one of SHARES: the same of every matrix, or of each
                 what is lost least
    clip         what weights may be at most: auto, none, or a factor of the median (`Clip`)
    max_symbols  tokens a frame at most; None takes the model's
    blank_penalty   nats that the score of blank is lower by
    weights      `resident`, `streamed` from external memory, or `auto`: streamed what does not fit
    chunk        frames for which a streamed matrix of the encoder that does not wait for the frame
                 before is read once
    rooms        by segment the words that it may take of the stream memories; of those left out as
                 many as any contents of the same shapes take (`Room.dense`)
    """

    weight_bits: int | None = None
    codebook: str | None = None
    layer_bits: tuple[tuple[str, int], ...] | None = None
    sparsity: float | None = None
    shares: str = SHARES[0]
    clip: str | float = CLIPS[0]
    max_symbols: int | None = None
    blank_penalty: float = 0.0
    weights: str = "auto"
    chunk: int = 1
    rooms: Mapping[str, Room] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._over(Precision())
        Clip(self.clip)
        if self.weights not in WEIGHTS:
            raise CompileError(f"wanted weights to be {', '.join(WEIGHTS)}, got {self.weights!r}")
        if self.sparsity is not None and not 0 <= self.sparsity <= 1:
            raise CompileError(f"wanted sparsity to be a share from 0 to 1, got {self.sparsity}")
        if self.shares not in SHARES:
            raise CompileError(f"wanted shares to be {' or '.join(SHARES)}, got {self.shares!r}")
        if not 1 <= self.chunk <= MOST_FRAMES:
            raise CompileError(f"wanted chunk to be 1 to {MOST_FRAMES} frames, got {self.chunk}")
        if self.max_symbols is not None and not 1 <= self.max_symbols <= 0xFFFF:
            raise CompileError(f"wanted max_symbols to be 1 to 65535, got {self.max_symbols}")
        if not abs(self.blank_penalty) <= MOST_BLANK_PENALTY:
            raise CompileError(
                f"wanted blank_penalty to be -{MOST_BLANK_PENALTY:g} to {MOST_BLANK_PENALTY:g} "
                f"nats, got {self.blank_penalty}"
            )

    def _over(self, own: Precision) -> Precision:
        layers = self.layer_bits
        if layers is None:
            layers = own.layers if self.weight_bits is None else ()
        return Precision(
            bits=own.bits if self.weight_bits is None else self.weight_bits,
            codebook=own.codebook if self.codebook is None else self.codebook,
            layers=layers,
        )

    def precision(self, own: Precision) -> Precision:
        """The weights' precision: what is chosen, or else the model's own."""
        return self._over(own)
