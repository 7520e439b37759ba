"""What a program reads over the bus to external memory."""

from collections.abc import Iterable
from dataclasses import dataclass

from sordino.cycles.path import decisions_of, follow
from sordino.image.external import bits_of
from sordino.image.image import Image
from sordino.isa.operations import Matvec

__all__ = ["SpeechTraffic", "bus_bytes", "speech_traffic"]

_FRAMES = 24
"""Whole groups of frames for any usual time reduction."""


@dataclass(frozen=True)
class SpeechTraffic:
    """Bytes of a greedy RNN-T: a frame without a token on average, and what each token adds."""

    frame: float
    token: int


def bus_bytes(image: Image, addresses: Iterable[int]) -> int:
    """Bytes that the MATVECs at these addresses read, an address as often as it is executed."""
    config = image.config
    if not config.stream_bus:
        return 0
    beat = config.stream_bus // 8
    sizes = [
        beat * sum(-(-bits // config.stream_bus) for bits in bits_of(matrix, config))
        if matrix.streamed
        else 0
        for matrix in image.matrices
    ]
    cost = [
        sizes[i.matrix] if isinstance(i, Matvec) and not i.from_ring else 0 for i in image.program
    ]
    return sum(cost[address] for address in addresses)


def speech_traffic(image: Image) -> SpeechTraffic:
    """The bytes that an image with an RNN-T reads; ImageError for others."""

    def read(tokens: list[list[int]]) -> int:
        trace = follow(image, len(tokens), decisions_of(image, tokens))
        return bus_bytes(image, trace.addresses.tolist())

    token = next(n for n in range(2) if n != image.network.blank)
    few: list[list[int]] = [[] for _ in range(_FRAMES)]
    many = few + few
    once, spoken = read(few), read([[token], *few[1:]])
    return SpeechTraffic((read(many) - once) / _FRAMES, spoken - once)
