"""ARPA files: n-gram models as text, as SRILM, KenLM and others read and write them.

`\\data\\`, the number of n-grams of each order, for each order `\\n-grams:` and one line an n-gram
(log10 of its probability, its words, log10 of its back-off weight if it has one), `\\end\\`.
"""

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from sordino.decode.ngram import BEGIN, DIGITS, END, UNKNOWN, Gram, NgramModel
from sordino.errors import InputError
from sordino.files import write_atomically

__all__ = ["format_arpa", "load_arpa", "parse_arpa", "save_arpa"]

_COUNT = re.compile(r"ngram\s+(\d+)\s*=\s*(\d+)")
_SECTION = re.compile(r"\\(\d+)-grams:")


def format_arpa(model: NgramModel) -> str:
    """The file; equal models give equal text."""
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


def save_arpa(model: NgramModel, path: Path) -> None:
    """Write the file."""
    write_atomically(path, format_arpa(model))


def load_arpa(path: Path) -> NgramModel:
    """Read a file; InputError, in one line, if it cannot be read or is not what it should be."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise InputError(f"cannot read language model {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InputError(
            f"wanted a language model as ARPA text, but {path} is not UTF-8; make one with "
            "`sordino lm`"
        ) from None
    try:
        return parse_arpa(text)
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def parse_arpa(text: str) -> NgramModel:
    """The model in an ARPA file's text; InputError says in which line what is wrong."""
    return _Parser(text).parse()


class _Parser:
    def __init__(self, text: str) -> None:
        self._lines = self._numbered(text)
        self._number = 0

    def _numbered(self, text: str) -> Iterator[str]:
        """The lines that are not blank."""
        for number, line in enumerate(text.splitlines(), start=1):
            if stripped := line.strip():
                self._number = number
                yield stripped

    def _next(self, wanted: str) -> str:
        line = next(self._lines, None)
        if line is None:
            raise InputError(f"wanted {wanted} in the ARPA file, got its end; copy the whole file")
        return line

    def _fail(self, wanted: str, line: str) -> NoReturn:
        raise InputError(
            f"wanted {wanted} in line {self._number} of the ARPA file, got {line:.60}; make one "
            "with `sordino lm`"
        )

    def parse(self) -> NgramModel:
        while self._next("\\data\\") != "\\data\\":
            pass
        counts: list[int] = []
        line = self._next("ngram counts")
        while match := _COUNT.fullmatch(line):
            if int(match[1]) != len(counts) + 1:
                self._fail(f"the count of order {len(counts) + 1}", line)
            counts.append(int(match[2]))
            line = self._next("n-grams")
        if not counts:
            self._fail("ngram 1=...", line)
        logs: dict[Gram, float] = {}
        backoffs: dict[Gram, float] = {}
        for order, count in enumerate(counts, start=1):
            match = _SECTION.fullmatch(line)
            if match is None or int(match[1]) != order:
                self._fail(f"\\{order}-grams: after {counts[order - 2] if order > 1 else 0}", line)
            for _ in range(count):
                self._gram(self._next(f"{count} n-grams of order {order}"), order, logs, backoffs)
            line = self._next("\\end\\")
        if line != "\\end\\":
            self._fail(f"\\end\\ after {counts[-1]} n-grams", line)
        for mark in (BEGIN, END):
            if (mark,) not in logs:
                raise InputError(f"wanted {mark} among the words of the ARPA file, found none")
        logs.setdefault((UNKNOWN,), -99.0)
        return NgramModel(len(counts), logs, backoffs)

    def _gram(
        self, line: str, order: int, logs: dict[Gram, float], backoffs: dict[Gram, float]
    ) -> None:
        fields = line.split()
        if len(fields) not in (order + 1, order + 2):
            self._fail(f"a logarithm and {order} words", line)
        gram = tuple(fields[1 : order + 1])
        logs[gram] = self._logarithm(fields[0], line)
        if len(fields) == order + 2:
            backoffs[gram] = self._logarithm(fields[-1], line)

    def _logarithm(self, text: str, line: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            self._fail("a logarithm", line)
        return value
