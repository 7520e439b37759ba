"""What a set of utterances' lattices are worth: bytes, ways, and the errors of the best choice.

Every figure is of what has been read back from the bytes, which must have the search's best path as
its own.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from sordino.decode.decoder import Decoder
from sordino.lattice.build import RICH, WIRE, listen
from sordino.lattice.coding.vocabulary import Vocabulary
from sordino.lattice.coding.wire import pack, unpack
from sordino.lattice.graph import Lattice
from sordino.lattice.oracle import oracle_errors

__all__ = ["LatticeFigures"]

_FORMS = {"wire": WIRE, "rich": RICH}


@dataclass
class LatticeFigures:
    """The lattices of some utterances, in their order, in both forms."""

    vocabulary: Vocabulary
    _sizes: dict[str, list[int]] = field(default_factory=lambda: {name: [] for name in _FORMS})
    _lattices: dict[str, list[Lattice]] = field(
        default_factory=lambda: {name: [] for name in _FORMS}
    )
    _hash: Any = field(default_factory=hashlib.sha256)

    def hear(self, decoder: Decoder, x: NDArray[Any]) -> str:
        """The words of an utterance's best path, with its lattices kept."""
        found, graph = listen(decoder, x)
        said = decoder.spelt(found[0])
        for name, form in _FORMS.items():
            data = pack(graph.lattice(form), self.vocabulary)
            lattice = unpack(data, self.vocabulary)
            assert " ".join(lattice.best) == said, "the best path is the search's own"
            self._hash.update(data)
            self._sizes[name].append(len(data))
            self._lattices[name].append(lattice)
        return said

    def as_dict(self, references: Sequence[str]) -> dict[str, Any]:
        """What JSON has of them: means an utterance, and errors of the paths nearest to texts."""
        wire, rich = (self._figures(name, references) for name in _FORMS)
        return {**wire, "rich": rich, "lattice_sha256": self._hash.hexdigest()}

    def _figures(self, name: str, references: Sequence[str]) -> dict[str, Any]:
        sizes, lattices = self._sizes[name], self._lattices[name]
        errors = [
            oracle_errors(lattice, text.split())
            for lattice, text in zip(lattices, references, strict=True)
        ]
        return {
            "lattice_bytes": sum(sizes) / len(sizes),
            "lattice_arcs": sum(lattice.arcs for lattice in lattices) / len(lattices),
            "oracle_errors": sum(errors),
            "oracle_wer": sum(errors) / sum(len(text.split()) for text in references),
        }
