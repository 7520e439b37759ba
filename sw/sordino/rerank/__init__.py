"""What may have been said, ranked again by a larger language model than a device has."""

from sordino.rerank.options import RerankOptions
from sordino.rerank.reranker import Alternative, Reranker, shipped_reranker

__all__ = ["Alternative", "RerankOptions", "Reranker", "shipped_reranker"]
