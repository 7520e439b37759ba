"""What others need for the same weights: formats of sparse accelerators, bounds, Arm's Vela."""

from sordino.tools.peers.formats import (
    bitmap_bits,
    block_bound_bits,
    eie_bits,
    huffman_bits,
    mask_bits,
    order0_bits,
)
from sordino.tools.peers.huffman import code_lengths
from sordino.tools.peers.vela import Vela, VelaMatrix

__all__ = [
    "Vela",
    "VelaMatrix",
    "bitmap_bits",
    "block_bound_bits",
    "code_lengths",
    "eie_bits",
    "huffman_bits",
    "mask_bits",
    "order0_bits",
]
