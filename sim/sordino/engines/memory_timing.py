"""External memory as the simulations and the cycle model take it."""

from dataclasses import dataclass

from sordino.engines.errors import ToolError

__all__ = ["BEAT", "MemoryTiming", "Throttle"]

BEAT = 256
"""What one beat takes of a memory's credit, which grows by `rate` a cycle."""


@dataclass(frozen=True, kw_only=True)
class MemoryTiming:
    """When external memory answers.

    It takes an address in every cycle and answers bursts in their order. A burst asked for in cycle
    t has its first beat in cycle t + latency at the earliest.

    latency  cycles
    rate     beats in 256 cycles, 1 to 256: the share of the bus that the memory can fill
    jitter   further cycles a burst at random, 0 to so many; and as many thirds of beats late, at
             random. 0: time is exact
    seed     of the random numbers
    """

    latency: int = 32
    rate: int = BEAT
    jitter: int = 0
    seed: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.rate <= BEAT:
            raise ToolError(
                f"wanted memory rate to be 1 to {BEAT} beats in {BEAT} cycles, got {self.rate}"
            )
        # A MATVEC begins with a memory that has rested for as long as two beats take.
        least = -(-2 * BEAT // self.rate)
        if not least <= self.latency < 1 << 16:
            raise ToolError(
                f"wanted memory latency to be {least} to 65535 cycles with {self.rate} beats in "
                f"{BEAT}, got {self.latency}"
            )
        if not 0 <= self.jitter < 1 << 16:
            raise ToolError(f"wanted memory jitter to be 0 to 65535 cycles, got {self.jitter}")


class Throttle:
    """The credit of a memory: call `grows` once a cycle, then `spend` for a beat, if it may."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._most = BEAT - 1 + rate
        self._credit = self._most

    def grows(self) -> bool:
        """A cycle begins; whether a beat may come in it."""
        self._credit = min(self._credit + self._rate, self._most)
        return self._credit >= BEAT

    def spend(self) -> None:
        """A beat comes in this cycle."""
        self._credit -= BEAT
