"""Length-limited prefix codes by package-merge (Larmore and Hirschberg, 1990)."""

from collections.abc import Sequence
from heapq import merge

__all__ = ["code_lengths"]


def code_lengths(counts: Sequence[int], longest: int = 15) -> list[int]:
    """Lengths of the prefix code that codes these counts in fewest bits, none above `longest`.

    A count of 0 gets length 0, no code; a single symbol gets 1 bit. Any canonical code has these
    lengths. Raises ValueError where so many symbols need longer codes.
    """
    used = [(count, (number,)) for number, count in enumerate(counts) if count]
    lengths = [0] * len(counts)
    if len(used) < 2:
        for _, (number,) in used:
            lengths[number] = 1
        return lengths
    if len(used) > 1 << longest:
        raise ValueError(f"{len(used)} symbols need codes of more than {longest} bits")
    leaves = sorted(used)
    packages: list[tuple[int, tuple[int, ...]]] = []
    for _ in range(longest):
        merged = list(merge(leaves, packages))
        pairs = zip(merged[::2], merged[1::2], strict=False)
        packages = [(a[0] + b[0], a[1] + b[1]) for a, b in pairs]
    # Each time a symbol is in one of the n - 1 cheapest packages, its code is a bit longer.
    for _, numbers in packages[: len(used) - 1]:
        for number in numbers:
            lengths[number] += 1
    return lengths
