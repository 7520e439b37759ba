"""An image and what it is made of."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sordino.codec import EncodedMatrices
from sordino.compiler.report import MatrixSummary
from sordino.files import write_atomically
from sordino.image.image import Image
from sordino.image.listing import listing
from sordino.locks import exclusive_folder

__all__ = ["Compiled"]


@dataclass(frozen=True, eq=False)
class Compiled:
    """An image and what it is made of.

    embedding_snr_db   as `MatrixSummary.snr_db`, of the embedding, which is no matrix of the image
    """

    image: Image
    layers: list[MatrixSummary]
    encoded: EncodedMatrices
    embedding_snr_db: float | None

    def summary(self) -> dict[str, Any]:
        """The whole model in numbers: weights, zeros, bits a weight, bytes by section."""
        weights = sum(layer.weights for layer in self.layers)
        non_zeros = sum(layer.non_zeros for layer in self.layers)
        sections, host = self.image.section_bytes(), self.image.network
        stacking = host.model.time_reduction
        return {
            "config": self.image.config.name,
            "weight_bits": host.weight_bits,
            "sparsity": host.sparsity,
            "weights": weights,
            "non_zeros": non_zeros,
            "zeros": 1 - non_zeros / weights,
            "bits_per_weight": self.encoded.bits_per_weight,
            "h0": sum(layer.h0 * layer.weights for layer in self.layers) / weights,
            "places": sum(layer.places for layer in self.layers),
            "padding": sum(layer.padding for layer in self.layers),
            "embedding_snr_db": self.embedding_snr_db,
            "time_reduction": None if stacking is None else stacking.as_dict(),
            "parameters": host.model.parameters,
            "float32_bytes": host.model.float32_bytes,
            "sections": {kind.name.lower(): len(body) for kind, body in sections.items()},
            "instructions": len(self.image.program),
            "streamed": sum(matrix.streamed for matrix in self.image.matrices),
        }

    def write_report(self, folder: str | Path) -> None:
        """Write `layers.json` (summary and layers) and `listing.txt` into a folder."""
        folder = Path(folder)
        report = {"summary": self.summary(), "layers": [layer.as_dict() for layer in self.layers]}
        texts = {"layers.json": json.dumps(report, indent=2) + "\n"}
        texts["listing.txt"] = listing(self.image)
        with exclusive_folder(folder, "the folder of a report", wait=True):  # both of one image
            for name, text in texts.items():
                write_atomically(folder / name, text)
