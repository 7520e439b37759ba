"""What an image tells its host: entry points, tokens, features, and what was compiled.

The section is a JSON object. An entry that is not declared here, of another kind or missing is
refused by everyone who reads an image. Beside these entries it holds `config`, the machine's
configuration, and `labels`, the layer of each instruction, which the image reads by itself.

A program alone has the entries down to `segments`. An image of a compiled model has the others too.
`networks` says of each network what a host must know to feed it, to hear it, and to interrupt it:
its own entry is left out where the model is the only one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sordino.arith import WEIGHT
from sordino.errors import InputError
from sordino.image.rooms import SegmentRoom
from sordino.image.section.features import ImageFeatures
from sordino.image.section.networks import ImageNetwork, Range, Search
from sordino.schema.kinds import TEXT, Choice, FileName, Many, Map, Number, Or, Whole
from sordino.schema.record import Nested, Record, declare
from sordino.schema.text import parse_json

__all__ = ["CODEBOOKS", "MAIN", "MOST_STACKED", "HostSection", "ImageError", "InputFormat"]
__all__ += ["ModelFacts", "NetworkSection", "Range", "Search", "Stacking"]

CODEBOOKS = ("uniform", "lloyd-max")
"""Evenly spaced around zero, or where they are nearest to the weights (`lloyd_max`)."""
MOST_STACKED = 16
"""Frames that time reduction puts side by side at most."""
MAIN = "main"
"""The entry point of a program that names no other."""
_COUNT = Whole(0, (1 << 32) - 1)
_UNITS = Whole(1, 1 << 20)
_BITS = Whole(2, WEIGHT.bits)
_COUNTS = Many(_COUNT, "whole numbers")


class ImageError(ValueError):
    """An image that cannot be used; one line: what was wanted, what was found, what to do."""


@dataclass(frozen=True, kw_only=True)
class InputFormat(Record):
    """One input vector: `count` int8 values with `fraction` fraction bits."""

    count: int = declare(_UNITS, "values in an input vector")
    fraction: int = declare(Whole(0, 15), "fraction bits of these values")


@dataclass(frozen=True, kw_only=True)
class Stacking(Record):
    """Where the encoder stacks frames: outputs of some frames are one input of its later layers."""

    after: int = declare(_UNITS, "encoder layers before the reduction")
    factor: int = declare(Whole(2, MOST_STACKED), "frames side by side")


@dataclass(frozen=True, kw_only=True)
class ModelFacts(Record):
    """The model that was compiled."""

    name: str = declare(FileName(), "name of the model file")
    sha256: str = declare(TEXT, "SHA-256 of the model file")
    parameters: int = declare(_COUNT, "trained numbers")
    float32_bytes: int = declare(_COUNT, "bytes of these as float32")
    time_reduction: Stacking | None = declare(Nested(Stacking), "where frames are stacked", None)


@dataclass(frozen=True, kw_only=True)
class HostSection(Record):
    """What an image tells its host of any program."""

    entries: Mapping[str, int] = declare(Map(_COUNT), "addresses of the entry points", {MAIN: 0})
    addresses: Mapping[str, int] = declare(Map(_COUNT), "addresses of all labels", {})
    non_zeros: tuple[int, ...] = declare(_COUNTS, "weights of each matrix that are not 0", ())
    padding: tuple[int, ...] = declare(_COUNTS, "padding places of each matrix", ())
    chunk: int = declare(Whole(1, 1 << 16), "input vectors that are computed at once", 1)
    features: ImageFeatures | None = declare(
        Nested(ImageFeatures), "how recordings become input; without it no recordings", None
    )
    licence: str | None = declare(TEXT, "licence of the model", None)
    networks: Mapping[str, ImageNetwork] = declare(
        Map(Nested(ImageNetwork)), "the networks of a program of several, by name", {}
    )
    segments: Mapping[str, SegmentRoom] = declare(
        Map(Nested(SegmentRoom)), "rooms for segments, by the name of the segment", {}
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.entries:
            raise InputError("wanted entries with at least one entry point, got none; correct it")

    @staticmethod
    def from_json(values: object) -> "HostSection":
        """Return the section of an object in JSON, or of its text.

        It is a `NetworkSection` where the object has an entry that only such a one has. Raises
        ImageError for an entry that is unknown, missing or of another kind.
        """
        try:
            if isinstance(values, str | bytes):
                values = _parsed(values)
            own = {one.name for one in NetworkSection.table()}
            own -= {one.name for one in HostSection.table()}
            network = isinstance(values, Mapping) and not own.isdisjoint(values)
            section = NetworkSection if network else HostSection
            return section.read(
                values,
                "the image's",
                whole="the image's host section",
                remedy="compile its model again",
            )
        except InputError as error:
            raise ImageError(str(error)) from None

    def entry(self, name: str) -> int:
        """Return the address of an entry point; ImageError if there is none of that name."""
        if name not in self.entries:
            known = ", ".join(self.entries)
            raise ImageError(f"no entry point {name!r}; the image has {known}")
        return self.entries[name]

    def named(self, name: str) -> ImageNetwork:
        """Return what is said of one of several networks; ImageError if there is none of it."""
        if name not in self.networks:
            known = ", ".join(self.networks) or "none by name"
            raise ImageError(f"wanted a network of the image, got {name!r}; the image has {known}")
        return self.networks[name]

    def token_channels(self, entry: str) -> dict[str, int]:
        """Return the channels of the tokens that an entry point emits, by the networks' names."""
        return {
            name: one.tokens.channel
            for name, one in self.networks.items()
            if one.tokens is not None and entry in one.entries.values()
        }

    @property
    def network(self) -> "NetworkSection":
        """The section as that of a network; ImageError for that of a program alone."""
        raise ImageError(
            "wanted the image of a network, got that of a program without tokens; compile a model"
        )


@dataclass(frozen=True, kw_only=True)
class NetworkSection(HostSection):
    """What an image tells its host of a compiled network."""

    tokens: tuple[str, ...] = declare(Many(TEXT, "strings"), "text of each token")
    blank: int = declare(Whole(0, (1 << 20) - 1), "number of the token that writes nothing")
    max_symbols: int = declare(Whole(1, 0xFFFF), "most tokens in one frame")
    input: InputFormat = declare(Nested(InputFormat), "an input vector")
    model: ModelFacts = declare(Nested(ModelFacts), "what was compiled")
    weight_bits: int = declare(_BITS, "bits of a weight")
    codebook: str = declare(
        Choice(CODEBOOKS), "whether the values of weights are evenly spaced or Lloyd-Max"
    )
    layer_bits: Mapping[str, int] = declare(
        Map(_BITS), "bits of the matrices whose names fit a pattern", {}
    )
    sparsity: float | None = declare(
        Or(Number(0, 1)), "share of the weights that the compiler was asked to prune"
    )
    blank_penalty: float = declare(
        Number(-1e3, 1e3), "by how many nats the score of blank was lowered", 0.0
    )
    clip: str | float = declare(
        Or(Choice(("auto", "none")), Number(1, 1e300)),
        "the largest weight: as the compiler's option --clip says",
        "auto",
    )
    search: Search | None = declare(
        Nested(Search), "where a host that searches finds what it needs", None
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.blank >= len(self.tokens):
            raise InputError(
                f"wanted the image's blank as one of its {len(self.tokens)} tokens, got "
                f"{self.blank}; compile its model again"
            )

    @property
    def network(self) -> "NetworkSection":
        """The section itself."""
        return self

    def need_search(self) -> Search:
        """Return `search`; ImageError for an image without it."""
        if self.search is None:
            raise ImageError(
                "wanted an image with entry points for a search, got one without; compile the "
                "model again"
            )
        return self.search

    @property
    def time_reduction(self) -> int:
        """Input vectors to a step of the encoder's later layers; 1 without time reduction."""
        stacking = self.model.time_reduction
        return 1 if stacking is None else stacking.factor


def _parsed(text: str | bytes) -> Any:
    try:
        return parse_json(text if isinstance(text, str) else text.decode())
    except (ValueError, RecursionError) as error:
        raise InputError(
            f"wanted the image's host section as JSON, got something else ({error}); compile its "
            "model again"
        ) from None
