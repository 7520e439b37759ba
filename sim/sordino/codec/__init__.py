"""Weights to streams: where (a position stream a group) and what (a value stream a lane).

`encode_matrices` turns dealt matrices into tables of symbols, stream memories and a directory.
The exact decoder is `sordino.golden.codec`; it shares nothing with this package but the contract
in `sordino.image.tans`.
"""

from sordino.codec.matrices import encode_matrices
from sordino.codec.model import EncodedMatrices, MatrixStats

__all__ = ["EncodedMatrices", "MatrixStats", "encode_matrices"]
