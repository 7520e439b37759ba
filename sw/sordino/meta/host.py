"""What an image's host section may say, as far as the image itself does not read it."""

from collections.abc import Mapping
from typing import Any

from sordino.errors import InputError, warn
from sordino.meta.entries import Entry, Kind, Map, Number, Table, Text, Texts, Whole, shown
from sordino.meta.table import CODEBOOKS

__all__ = ["HOST", "check_host"]

_COUNT = Whole(0, (1 << 32) - 1)


_PLACES = ("embedding", "hidden", "cells", "predicted", "encoded", "scores")


class _Other(Kind):
    """Anything: who reads it checks it."""

    def fits(self, value: object) -> bool:
        """Say whether the value is of this kind."""
        return True


class _Counts(Kind):
    """A list of whole numbers, none negative, or of such lists."""

    @property
    def wanted(self) -> str:
        """Say in words what fits, as it stands after `as` in a message."""
        return "a list of whole numbers"

    def fits(self, value: object) -> bool:
        """Say whether the value is of this kind."""
        return isinstance(value, list) and all(
            _COUNT.fits(v) or (isinstance(v, list) and all(map(_COUNT.fits, v))) for v in value
        )


class _FileName(Text):
    """Text, also with the bytes of a file's name that are no UTF-8."""

    def fits(self, value: object) -> bool:
        """Say whether the value is of this kind."""
        return isinstance(value, str)


class _Settled(Kind):
    """A number or one of some texts, or null where nothing was chosen."""

    @property
    def wanted(self) -> str:
        """Say in words what fits, as it stands after `as` in a message."""
        return "a number, text or null"

    def fits(self, value: object) -> bool:
        """Say whether the value is of this kind."""
        return value is None or Text().fits(value) or Number(-1e9, 1e9).fits(value)


HOST = Table(
    (
        Entry("tokens", Texts(), "text of each"),
        Entry("blank", Whole(0, (1 << 20) - 1), "number of the token that stands for none"),
        Entry("max_symbols", Whole(1, 0xFFFF), "tokens in one frame at most"),
        Entry(
            "input",
            Table((Entry("count", _COUNT, "values"), Entry("fraction", _COUNT, "bits"))),
            "an input vector",
        ),
        Entry("entries", Map(_COUNT), "addresses of the entry points"),
        Entry("addresses", Map(_COUNT), "of all labels"),
        Entry(
            "search",
            Table(
                (
                    *(Entry(n, _COUNT, "a number") for n in ("frames", "index_table", "fraction")),
                    *(Entry(n, _Counts(), "words") for n in _PLACES),
                )
            ),
            "where a host that searches finds what it needs",
        ),
        Entry(
            "model",
            Table(
                (
                    Entry("name", _FileName(), "of the model file"),
                    Entry("sha256", Text(), "of the model file"),
                    Entry("parameters", _COUNT, "trained numbers"),
                    Entry("float32_bytes", _COUNT, "of these"),
                    Entry("time_reduction", Map(_COUNT), "in the encoder"),
                )
            ),
            "what was compiled",
        ),
        Entry("weight_bits", Whole(2, 8), "of a weight"),
        Entry("codebook", Text(), f"where the values lie, such as {CODEBOOKS[0]}"),
        Entry("layer_bits", Map(Whole(2, 8)), "of layers that have others"),
        Entry("sparsity", _Settled(), "that the compiler was asked for"),
        Entry("blank_penalty", Number(-1e3, 1e3), "in nats"),
        Entry("clip", _Settled(), "of the weights"),
        Entry("chunk", Whole(1, 1 << 16), "input vectors that are computed at once"),
        Entry("features", _Other(), "how recordings become input"),
        Entry("licence", Text(), "of the model"),
        Entry("non_zeros", _Counts(), "of each matrix"),
        Entry("padding", _Counts(), "of each matrix"),
    )
)
"""All that `sordino compile` writes, beside what the image itself reads and writes."""


def check_host(host: Mapping[str, Any]) -> None:
    """Raise InputError where an entry is of another kind, and warn of those that nobody reads."""
    known = {entry.name for entry in HOST}
    unknown = [name for name in host if name not in known]
    if unknown:
        warn(
            f"the image's host section has {', '.join(shown(n) for n in unknown[:3])}, which this "
            "version does not know and does without; compile its model again"
        )
    read = HOST.read(
        {name: value for name, value in host.items() if name in known},
        "the image's",
        remedy="compile its model again",
    )
    tokens, blank = read.get("tokens"), read.get("blank")
    if tokens is not None and blank is not None and blank >= len(tokens):
        raise InputError(
            f"wanted the image's blank as one of its {len(tokens)} tokens, got {blank}; compile "
            "its model again"
        )
