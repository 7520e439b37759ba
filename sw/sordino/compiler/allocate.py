"""Memory: what lies where, and whether it fits."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sordino.arch import Config
from sordino.compiler.codec import EncodedMatrices
from sordino.compiler.errors import CompileError

__all__ = ["Allocation", "Parameters", "Words", "check_streams", "require"]

PARAMETER_BYTES = 16


def require(config: Config, what: str, needed: int, parameter: str) -> None:
    """CompileError unless the configuration's `parameter` is at least `needed`."""
    available = getattr(config, parameter)
    if needed > available:
        raise CompileError(
            f"does not fit {config.name}: {what} needs {needed:,} words, the machine has "
            f"{available:,}; raise {parameter} to {needed}"
            if parameter.endswith("words")
            else f"does not fit {config.name}: the model needs {needed:,} {what}, the machine has "
            f"{available:,}; raise {parameter} to {needed}"
        )


@dataclass
class Words:
    """A memory given out from word 0 on."""

    used: int = 0

    def take(self, count: int) -> int:
        """First of `count` words."""
        first = self.used
        self.used += count
        return first


@dataclass
class Parameters:
    """Parameter memory: 128-bit words in the order they are added."""

    contents: bytearray = field(default_factory=bytearray)

    def add(self, contents: bytes) -> int:
        """First word of `contents`, which is padded to whole words."""
        first = len(self.contents) // PARAMETER_BYTES
        self.contents += contents + bytes(-len(contents) % PARAMETER_BYTES)
        return first

    def add_int32(self, values: NDArray[np.int64]) -> int:
        """First word of these int32, lowest first."""
        return self.add(values.astype("<i4").tobytes())


@dataclass
class Allocation:
    """The memories that a program names; `check` says whether they fit."""

    activation: Words = field(default_factory=Words)
    state: Words = field(default_factory=Words)
    parameters: Parameters = field(default_factory=Parameters)

    def check(self, config: Config, instructions: int) -> None:
        """CompileError, naming the parameter to raise, for the first memory that is too small."""
        parameters = len(self.parameters.contents) // PARAMETER_BYTES
        require(config, "activation memory", self.activation.used, "activation_words")
        require(config, "state memory", self.state.used, "state_words")
        require(config, "parameter memory", parameters, "parameter_words")
        require(config, "program memory", instructions, "program_words")


def check_streams(encoded: EncodedMatrices, config: Config) -> None:
    """CompileError unless tables, directory and every stream memory fit."""
    require(config, "decoder tables", len(encoded.tables), "tables")
    require(config, "matrices", len(encoded.matrices), "matrices")
    ring = config.ring_words
    longest = max(len(memory) for memory in encoded.values) // 2
    require(config, "value stream memory of a lane", longest + ring, "lane_words")
    longest = max(len(memory) for memory in encoded.positions) // 2
    require(config, "position stream memory of a group", longest + ring, "group_words")
