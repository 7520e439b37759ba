"""Lattices for the command line: what is written of one, in which form, under which name."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any, BinaryIO

from sordino.cli.shared.paths import prepare_output
from sordino.cli.shared.speech import STANDARD_INPUT, standard_input
from sordino.cli.shared.symbol_tables import read_symbols
from sordino.errors import InputError
from sordino.files import write_atomically
from sordino.lattice.coding.vocabulary import Vocabulary
from sordino.lattice.coding.wire import MOST_BYTES, SUFFIX, looks_packed, pack, unpack
from sordino.lattice.exports.drawing import svg_text
from sordino.lattice.exports.k2 import k2_text
from sordino.lattice.exports.kaldi import kaldi_text
from sordino.lattice.exports.openfst import openfst_binary, openfst_text
from sordino.lattice.exports.slf import slf_text
from sordino.lattice.exports.symbols import Symbols
from sordino.lattice.graph import Lattice
from sordino.lattice.scored import ScoredLattice
from sordino.speech.files.source import open_source

__all__ = [
    "FORMATS",
    "SYMBOLS",
    "Inputs",
    "Sent",
    "planned",
    "stem_of",
    "without_times",
    "write_files",
]

FORMATS = {
    "wire": SUFFIX,
    "rich": f".rich{SUFFIX}",
    "fst": ".fst.txt",
    "fst-binary": ".fst",
    "kaldi": ".kaldi.txt",
    "k2": ".k2.txt",
    "slf": ".slf",
    "svg": ".svg",
}
"""The end of a file's name for each format."""
_NUMBERED = {"fst", "fst-binary", "kaldi", "k2"}
_PIPED = "standard input"
SYMBOLS = "words.txt"
"""Numbers of words, beside files that have these; what is there already keeps its numbers."""


@dataclass(frozen=True)
class Sent:
    """A lattice as it was read from its bytes.

    wire, rich  the bytes of the forms that there are
    lattice     what the largest of them holds
    scored      the same with the language model's costs
    """

    wire: bytes | None
    rich: bytes | None
    lattice: Lattice
    scored: ScoredLattice


class Inputs:
    """The inputs of the command: recordings, and lattices that were written.

    A file is a lattice by its name, in capitals or not, and what comes through standard input by
    its bytes. `piped` is what came there; None where it is no input.
    """

    def __init__(self, paths: Sequence[str]) -> None:
        self.paths = paths
        self.piped: BinaryIO | None = None
        self._data = b""
        self._refused: InputError | None = None
        if STANDARD_INPUT in paths:
            self._pipe()

    def _pipe(self) -> None:
        try:
            with open_source(standard_input(), _PIPED) as source:
                self.piped = source.file
                self._data = source.file.read(MOST_BYTES + 1)
                source.file.seek(0)
        except InputError as error:  # the others go on
            self._refused = error

    def check(self, path: str) -> None:
        """InputError for standard input that could not be read."""
        if path == STANDARD_INPUT and self._refused is not None:
            raise self._refused

    def is_lattice(self, path: str) -> bool:
        """Whether an input is a lattice."""
        if path == STANDARD_INPUT:
            return looks_packed(self._data)
        return path.lower().endswith(SUFFIX)

    @property
    def written(self) -> bool:
        """Whether there are lattices alone."""
        return all(map(self.is_lattice, self.paths))

    def read(self, path: str, vocabulary: Vocabulary) -> tuple[bytes, Lattice]:
        """The bytes of an input, and the lattice in them; InputError where it is none."""
        name, data = _PIPED, self._data
        if path != STANDARD_INPUT:
            name = path
            try:
                with open(path, "rb") as file:
                    data = file.read(MOST_BYTES + 1)
            except OSError as error:
                raise InputError(f"cannot read lattice {path}: {error.strerror}") from None
        try:
            return data, unpack(data, vocabulary)
        except InputError as error:
            raise InputError(f"{name}: {error}") from None


def stem_of(path: str) -> str:
    """The name of an input's files, without their ends."""
    if path == STANDARD_INPUT:
        return "standard-input"
    name = Path(path).name
    for end in (FORMATS["rich"], FORMATS["wire"]):
        if name.lower().endswith(end) and len(name) > len(end):
            return name[: -len(end)]
    return Path(path).stem


def planned(folder: Path, inputs: Sequence[str], formats: Sequence[str]) -> None:
    """InputError where two inputs would be written to the same files, or one to itself.

    The folder, and the file of symbols in it, are an option's own, and checked before; what is in
    that file must be symbols.
    """
    if _NUMBERED & set(formats):
        read_symbols(folder / SYMBOLS)
    stems: dict[str, str] = {}
    for path in inputs:
        other = stems.setdefault(stem_of(path), path)
        if other != path or inputs.count(path) > 1:
            raise InputError(
                f"wanted inputs of different names, got {other} and {path}; give them apart, or "
                "with another -o"
            )
    for stem in stems:
        for each in formats:
            prepare_output(folder / f"{stem}{FORMATS[each]}")


def write_files(
    folder: Path, sent: dict[str, Sent], formats: Sequence[str], vocabulary: Vocabulary
) -> dict[str, list[str]]:
    """Write lattices by their stems; returns the paths of each."""
    words = {
        arc.word for each in sent.values() for _, arc in each.scored.arcs() if arc.word is not None
    }
    numbered = bool(sent) and bool(_NUMBERED & set(formats))
    symbols = Symbols(words, read_symbols(folder / SYMBOLS) if numbered else None)
    if numbered:
        write_atomically(folder / SYMBOLS, symbols.text())
    written = {}
    for stem, each in sent.items():
        files = []
        for name in formats:
            path = folder / f"{stem}{FORMATS[name]}"
            write_atomically(path, _contents(each, name, stem, symbols, vocabulary))
            files.append(str(path))
        written[stem] = files
    return written


def _contents(
    sent: Sent, name: str, stem: str, symbols: Symbols, vocabulary: Vocabulary
) -> bytes | str:
    seconds: Fraction | None = vocabulary.seconds
    key = "_".join(stem.split())
    if name == "wire":
        return sent.wire or pack(without_times(sent.lattice), vocabulary)
    if name == "rich":
        assert sent.rich is not None, "refused where it was read"
        return sent.rich
    if name == "fst-binary":
        return openfst_binary(sent.scored, symbols)
    texts: dict[str, Any] = {
        "fst": lambda: openfst_text(sent.scored, symbols),
        "kaldi": lambda: kaldi_text(sent.scored, symbols, key),
        "k2": lambda: k2_text(sent.scored, symbols),
        "slf": lambda: slf_text(sent.scored, key, seconds),
        "svg": lambda: svg_text(sent.scored, stem),
    }
    return str(texts[name]())


def without_times(lattice: Lattice) -> Lattice:
    """The same graph as it is sent, where nobody knows when its words end."""
    states = tuple(replace(state, frame=None) for state in lattice.states)
    return replace(lattice, states=states, frames=None)
