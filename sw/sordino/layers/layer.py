"""What every kind of layer says of itself.

A kind of layer is one class in one file. Compiler passes ask the class and know no kind by name.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from sordino.arch import Config
from sordino.errors import InputError
from sordino.isa.instruction import Instruction
from sordino.layers.base.formats import Held, VectorFormat
from sordino.layers.base.integers import Numbers, QuantisedLayer
from sordino.layers.base.places import Buffer, PlacedLayer, Site, Vector, Where
from sordino.layers.layout.layout import Layout, Tile
from sordino.layers.numbers.groups import Groups

__all__ = ["Code", "Floats", "Layer", "State", "kind_of"]

Floats = NDArray[np.float64]
State = tuple[Floats, ...]
"""What a layer keeps from frame to frame; nothing for most."""


class Code(Protocol):
    """What a layer writes its instructions to."""

    def append(self, instruction: Instruction) -> None:
        """Append an instruction to the block."""

    def matvec(
        self,
        layer: PlacedLayer,
        tile: int,
        matrix: int,
        source: Vector,
        frame: int,
        *,
        part: slice = slice(None),
        **place: int,
    ) -> None:
        """Append a tile of a matrix times a frame's vector; `part` of its pieces if it is cut."""

    def bank_of(self, layer: str) -> int:
        """The bank that holds the sums of a layer whose matrix was multiplied before."""

    def register(self, name: str) -> int:
        """The number of a register that the program has given a name."""


@dataclass(frozen=True, eq=False)
class Layer(ABC):
    """A layer with its float weights.

    WEIGHTS      its matrices that the lanes multiply, by the names of their fields, and of each
                 what it multiplies: `input` or the layer's own `state`
    INPUTS       how many inputs it has; None: two or more, which `check` sees to
    HELD         where its inputs must be
    ELEMENTWISE  whether number n of its result depends on number n of each input alone
    MERGES       whether its inputs are written to the place of its result
    ROWS         whether each number of its result is a row of its matrix
    ORDERED      whether its result has the order of its dealt matrices, which others can share
    STACKS       whether results of several frames can lie side by side
    ALONE        whether it is one node of a graph
    """

    WEIGHTS: ClassVar[Mapping[str, str]] = {}
    INPUTS: ClassVar[int | None] = 1
    HELD: ClassVar[Held] = Held.ACTIVATION
    ELEMENTWISE: ClassVar[bool] = False
    MERGES: ClassVar[bool] = False
    ROWS: ClassVar[bool] = False
    ORDERED: ClassVar[bool] = False
    STACKS: ClassVar[bool] = False
    ALONE: ClassVar[bool] = True

    # Floats.

    def arrays(self) -> dict[str, Floats]:
        """All trained arrays by the names of their fields."""
        named = {one.name: getattr(self, one.name) for one in fields(self)}
        return {name: array for name, array in named.items() if isinstance(array, np.ndarray)}

    def with_arrays(self, arrays: Mapping[str, Floats]) -> Self:
        """A copy of the layer with other arrays for some fields."""
        return replace(self, **arrays)

    @abstractmethod
    def outputs(self, widths: Sequence[int]) -> int:
        """The width of its result; `widths` are those of its inputs."""

    def wants(self, number: int) -> Held:
        """Where the input of that number, from 0, must be."""
        return self.HELD

    def takes(self, number: int) -> frozenset[Held]:
        """Where that input may be, if it cannot be where the layer wants it."""
        return frozenset({self.wants(number)})

    @property
    def gives(self) -> frozenset[Held]:
        """Where it can put its result for other layers; nowhere, if none can read it."""
        return frozenset({Held.ACTIVATION})

    @abstractmethod
    def check(self, name: str, *widths: int | None) -> None:
        """Raise InputError unless the shapes fit each other and the inputs' widths (None: any)."""

    def check_fed(self, name: str, fed: int, *widths: int | None) -> None:
        """Raise InputError as `check`, if `fed` numbers come from a later layer's last result."""
        raise InputError(
            f"wanted feedback for a recurrent layer alone, got some for {name}; leave it out"
        )

    def start(self) -> State:
        """The state before the first frame."""
        return ()

    @abstractmethod
    def step(self, inputs: Sequence[Floats], state: State) -> tuple[Floats, State]:
        """The result (outputs,) and the next state, from the inputs of one frame.

        A layer with feedback has the result of the frame before as its last input.
        """

    # Integers.

    def spread(self, kind: str, weight: Floats) -> Floats:
        """A matrix of WEIGHTS with a row for each sum of the accumulators that it adds to."""
        return weight

    @abstractmethod
    def result(self, inputs: Sequence[VectorFormat], wanted: Held) -> VectorFormat:
        """The format of its result, held where the layers that read it want it."""

    @abstractmethod
    def quantise(
        self, name: str, inputs: Sequence[VectorFormat], result: VectorFormat, numbers: Numbers
    ) -> QuantisedLayer:
        """The layer in integers; `inputs` are the formats of what each of WEIGHTS multiplies.

        For a layer without matrices they are those of its inputs.
        """

    def groups(self, group: int) -> Groups:
        """What becomes zero together in its matrices when lanes in groups of `group` walk them."""
        return Groups(group)

    # The machine.

    def deal(
        self, matrices: Sequence[NDArray[np.int8]], config: Config, *, cut: bool = False
    ) -> Layout:
        """Deal its matrices, and those of layers that must have the same order."""
        raise AssertionError(f"{type(self).__name__} has no matrices to deal")

    def buffers(self, site: Site) -> Iterator[Buffer]:
        """The words that it wants; the buffer called `out` is its result."""
        yield from ()

    def view(self, sources: Sequence[Vector], widths: Sequence[int]) -> Vector | None:
        """The result as words of the inputs, for a layer without a buffer `out`."""
        return None

    def finish(self, where: Where, tile: Tile, frame: int, **place: Any) -> Instruction:
        """The instruction that makes a tile's sums a result; `place` is where they are."""
        raise AssertionError(f"{type(self).__name__} has no sums to finish")

    @abstractmethod
    def emit(self, code: Code, where: Where, frame: int, banks: Iterator[int]) -> None:
        """Write the instructions of one frame; each tile takes the next of `banks`."""


def kind_of(layer: QuantisedLayer) -> Layer:
    """The float layer that a layer in integers was."""
    assert isinstance(layer.kind, Layer)
    return layer.kind
