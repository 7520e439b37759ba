"""ARPA files: n-gram models as text, as SRILM, KenLM and others read and write them.

`\\data\\`, the number of n-grams of each order, for each order `\\n-grams:` and one line an n-gram
(log10 of its probability, its words, log10 of its back-off weight if it has one), `\\end\\`. Tabs
and spaces alone separate; any other character is part of a word. `<UNK>` is the unknown word, too:
of a file with both names, the same one counts as in KenLM. `-inf` is -99, what is never said, and
rounding may take a logarithm a little above 0.
"""

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from sordino.decode.ngram import BEGIN, DIGITS, END, NEVER, UNKNOWN, UNKNOWNS, Gram, NgramModel
from sordino.errors import InputError, warn
from sordino.files import decode_text, text_lines, write_atomically

__all__ = ["format_arpa", "load_arpa", "parse_arpa", "save_arpa"]

_COUNT = re.compile(r"ngram[ \t]+([0-9]{1,18})[ \t]*=[ \t]*([0-9]{1,18})")
_SECTION = re.compile(r"\\([0-9]{1,18})-grams:")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_SPACES = " \t"
_SEPARATOR = re.compile(f"[{_SPACES}]+")
_MAKE = "make one with `sordino lm`"
_LARGEST = 3.4e38
"""Other tools hold logarithms as float32."""
_ROUNDING = 1e-4
"""So far above 0 do sums of float32 take the logarithm of a probability of 1."""
_INFINITE = re.compile(r"-inf(inity)?", re.IGNORECASE)
_MISSING = -100.0
"""The unknown word's logarithm where the file has none, as in KenLM."""
_OTHERS = (
    (b"\x1f\x8b", "a gzip archive", "unpack it with gunzip"),
    (b"BZh", "a bzip2 archive", "unpack it with bunzip2"),
    (b"\xfd7zXZ", "an xz archive", "unpack it with unxz"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive", "unpack it with unzstd"),
    (b"mmap lm http://kheafield.com/code", "KenLM's binary", "give the ARPA file it is made of"),
    (b"blmt", "IRSTLM's binary", "write it as text with `compile-lm --text=yes`"),
    (b"Qblmt", "IRSTLM's binary", "write it as text with `compile-lm --text=yes`"),
    (b"SRILM_BINARY_NGRAM", "SRILM's binary", "write it as text with `ngram -write-lm`"),
)


def format_arpa(model: NgramModel) -> str:
    """The text of an ARPA file; equal models give equal text."""
    by_length: list[list[Gram]] = [[] for _ in range(model.order)]
    for gram in sorted(model.logs):
        by_length[len(gram) - 1].append(gram)
    lines = ["\\data\\", *(f"ngram {n}={len(g)}" for n, g in enumerate(by_length, start=1)), ""]
    for length, grams in enumerate(by_length, start=1):
        lines.append(f"\\{length}-grams:")
        for gram in grams:
            line = f"{model.logs[gram]:.{DIGITS}f}\t{' '.join(gram)}"
            if gram in model.backoffs:
                line += f"\t{model.backoffs[gram]:.{DIGITS}f}"
            lines.append(line)
        lines.append("")
    return "\n".join([*lines, "\\end\\", ""])


def save_arpa(model: NgramModel, path: str | Path) -> None:
    """Write an ARPA file; InputError where it cannot be written."""
    write_atomically(path, format_arpa(model))


def load_arpa(path: str | Path) -> NgramModel:
    """Read an ARPA file; InputError, in one line, if it cannot be read or has another format."""
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"cannot read language model {path}: {error.strerror}") from None
    for magic, kind, remedy in _OTHERS:
        if data.startswith(magic):
            raise InputError(f"wanted a language model as ARPA text, got {kind} {path}; {remedy}")
    text = decode_text(data, f"language model {path}")
    try:
        return parse_arpa(text)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def parse_arpa(text: str) -> NgramModel:
    """The model in an ARPA file's text; InputError says in which line what is wrong.

    Text before the data is not read. A model without an unknown word gets one that is hardly ever
    said, as in KenLM, and an InputWarning says so; another says where it has two.
    """
    return _Parser(text).parse()


class _Parser:
    def __init__(self, text: str) -> None:
        self._lines = self._numbered(text)
        self._number = 0
        self._logs: dict[Gram, float] = {}
        self._backoffs: dict[Gram, float] = {}
        self._unknown: set[Gram] = set()
        """N-grams with the unknown word in them, as they are written."""

    def _numbered(self, text: str) -> Iterator[str]:
        """The lines that are not blank."""
        for number, line in enumerate(text_lines(text.removeprefix("\ufeff")), start=1):
            if stripped := line.strip(_SPACES):
                self._number = number
                if "\r" in stripped:
                    self._fail(
                        "line feeds, not carriage returns,", stripped, "save it with LF or CRLF"
                    )
                yield stripped

    def _next(self, wanted: str, remedy: str = "copy the whole file") -> str:
        line = next(self._lines, None)
        if line is None:
            raise InputError(f"wanted {wanted} in the ARPA file, got its end; {remedy}")
        return line

    def _fail(self, wanted: str, line: str, remedy: str = "make one with `sordino lm`") -> NoReturn:
        raise InputError(
            f"wanted {wanted} in line {self._number} of the ARPA file, got {line[:60]!r}; {remedy}"
        )

    def parse(self) -> NgramModel:
        while (line := self._next("\\data\\", _MAKE)) != "\\data\\":
            if line == "iARPA":
                self._fail("ARPA, which IRSTLM writes with `compile-lm --text=yes`", line)
        counts, line = self._counts()
        for order, count in enumerate(counts, start=1):
            match = _SECTION.fullmatch(line)
            if match is None or int(match[1]) != order:
                self._fail(f"\\{order}-grams: after {counts[order - 2] if order > 1 else 0}", line)
            for _ in range(count):
                line = self._next(f"{count} n-grams of order {order}")
                self._gram(line, order, highest=order == len(counts))
            line = self._next("\\end\\")
        if line != "\\end\\":
            self._fail(f"\\end\\ after {counts[-1]} n-grams", line)
        for rest in self._lines:
            self._fail("nothing after \\end\\", rest)
        for mark in (BEGIN, END):
            if (mark,) not in self._logs:
                raise InputError(f"wanted {mark} among the words of the ARPA file, got none")
        if {(name,) for name in UNKNOWNS} <= self._unknown:
            warn(
                f"the language model has both {' and '.join(UNKNOWNS)}, which are one word: the "
                "later one counts, and of longer n-grams the first, as in KenLM; estimate one with "
                "a single unknown word"
            )
        if (UNKNOWN,) not in self._logs:
            self._logs[UNKNOWN,] = _MISSING
            warn(
                f"the language model has no {UNKNOWN}: words that it lacks are as good as never "
                f"found (log10 {_MISSING:g}); estimate one with an unknown word"
            )
        return NgramModel(len(counts), self._logs, self._backoffs)

    def _counts(self) -> tuple[list[int], str]:
        """The number of n-grams of each order, and the line after them."""
        counts: list[int] = []
        line = self._next("ngram counts")
        while match := _COUNT.fullmatch(line):
            if int(match[1]) != len(counts) + 1:
                self._fail(f"the count of order {len(counts) + 1}", line)
            counts.append(int(match[2]))
            line = self._next("n-grams")
        if not counts:
            self._fail("ngram 1=...", line)
        return counts, line

    def _gram(self, line: str, order: int, *, highest: bool) -> None:
        fields = _SEPARATOR.split(line)
        if len(fields) not in (order + 1, order + 2):
            self._fail(f"a logarithm and {order} words", line)
        written = tuple(fields[1 : order + 1])
        gram = tuple(UNKNOWN if word in UNKNOWNS else word for word in written)
        again = gram in self._logs
        if again and (UNKNOWN not in gram or written in self._unknown):
            self._fail("every n-gram once", line)
        if UNKNOWN in gram:
            self._unknown.add(written)
        for word in gram if order > 1 else ():
            if (word,) not in self._logs:
                self._fail(f"words that are 1-grams, too (not {word!r})", line)
        log = self._logarithm(fields[0], line)
        if log > _ROUNDING:
            self._fail("a logarithm of a probability, at most 0", line)
        weight = self._logarithm(fields[-1], line) if len(fields) == order + 2 else None
        if highest and weight:
            self._fail("no back-off weight of the longest n-grams", line)
        if again and order > 1:
            return
        self._logs[gram] = min(log, 0.0)
        self._backoffs.pop(gram, None)
        if weight is not None and not highest:
            self._backoffs[gram] = weight

    def _logarithm(self, text: str, line: str) -> float:
        if _INFINITE.fullmatch(text):
            return NEVER
        value = float(text) if _NUMBER.fullmatch(text) else math.inf
        if not abs(value) <= _LARGEST:
            self._fail("a logarithm", line)
        return value
