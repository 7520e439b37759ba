"""What a set of utterances' lattices are worth: bytes, ways, and the errors of the best choice.

Every figure is of what has been read back from the bytes, which must have the search's best path as
its own.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
from numpy.typing import NDArray

from sordino.cli.shared.output import print_table
from sordino.cli.shared.search import SearchChoice
from sordino.decode.decoder import Decoder
from sordino.lattice.build import RICH, WIRE, listen
from sordino.lattice.coding.vocabulary import Vocabulary
from sordino.lattice.coding.wire import pack, unpack
from sordino.lattice.graph import Lattice
from sordino.lattice.oracle import oracle_errors

__all__ = ["LatticeFigures", "WantedLattices", "print_lattices"]

_FORMS = {"wire": WIRE, "rich": RICH}


@dataclass(frozen=True)
class WantedLattices:
    """The wish for lattices, and the n-gram to write them with, if not the one that ships.

    A usage error where there is no search.
    """

    words: Path | None

    @classmethod
    def wanted(
        cls, lattice: bool, words: Path | None, choice: SearchChoice
    ) -> "WantedLattices | None":
        """What the command line says; None without --lattice."""
        if lattice and not choice.wanted:
            raise click.UsageError("wanted --beam or --lm beside --lattice, got neither")
        if words is not None and not lattice:
            raise click.UsageError("wanted --lattice beside --words, got none")
        return cls(words) if lattice else None


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


def print_lattices(found: dict[str, Any]) -> None:
    """A table of both forms."""
    print_table(
        ("lattice", "bytes", "ways", "oracle WER", "oracle errors"),
        [
            (
                name,
                f"{each['lattice_bytes']:.1f}",
                f"{each['lattice_arcs']:.1f}",
                f"{each['oracle_wer']:.2%}",
                each["oracle_errors"],
            )
            for name, each in (("wire", found), ("rich", found["rich"]))
        ],
        "Means of an utterance; errors of the path nearest to the transcript",
    )
