"""Memory: what lies where, and whether it fits."""

from dataclasses import dataclass, field

from sordino.codec import EncodedMatrices
from sordino.compiler.limits.limits import Limits
from sordino.isa.parameters import PARAMETER_BYTES

__all__ = ["Allocation", "Parameters", "Words", "need_streams"]


@dataclass
class Words:
    """A memory given out from word 0 on."""

    used: int = 0

    def take(self, count: int) -> int:
        """Give out `count` words; the first word's number."""
        first = self.used
        self.used += count
        return first


@dataclass
class Parameters:
    """Parameter memory: 128-bit words in the order they are added."""

    contents: bytearray = field(default_factory=bytearray)

    @property
    def words(self) -> int:
        """The number of words so far."""
        return len(self.contents) // PARAMETER_BYTES

    def add(self, contents: bytes) -> int:
        """Append `contents`, padded to whole words; the first word's number."""
        first = self.words
        self.contents += contents + bytes(-len(contents) % PARAMETER_BYTES)
        return first


@dataclass
class Allocation:
    """The memories that a program names; `need` says how large they must be."""

    activation: Words = field(default_factory=Words)
    state: Words = field(default_factory=Words)
    parameters: Parameters = field(default_factory=Parameters)

    def need(self, limits: Limits, instructions: int) -> None:
        """Note what the program needs of all memories but those of the streams."""
        limits.need("activation_words", self.activation.used)
        limits.need("state_words", self.state.used)
        limits.need("parameter_words", self.parameters.words)
        limits.need("program_words", instructions)


def need_streams(encoded: EncodedMatrices, limits: Limits) -> None:
    """Note what tables, directory and the longest streams need."""
    limits.need("tables", len(encoded.tables))
    limits.need("matrices", len(encoded.matrices))
    ring = limits.config.ring_words
    for setting, memories in (
        ("lane_words", encoded.values),
        ("group_words", encoded.positions),
    ):
        limits.need(setting, max(len(memory) for memory in memories) // 2 + ring)
