"""Random operands for any operation of the vector unit, from what its fields mean."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sordino.arch import Config
from sordino.isa.fields import SETTINGS, Field, Kind, Parameters, Store, Words
from sordino.isa.instruction import Instruction
from sordino.testing.images.builder import ProgramBuilder

__all__ = ["ANY", "INDEX", "RandomOperands"]

INDEX, ANY = 0, 1
"""Registers: one that is always below the rows of the embedding, one that may hold anything."""
_INT32 = np.iinfo(np.int32)
_TRIES = 200
_MOST = 60
"""Elements of an instruction that takes no accumulators."""


class RandomOperands:
    """Draws fields that the verifier accepts; parameters are appended to `builder`.

    `embedding` is the first word and the stride of one with `symbols` rows of `width` int8.
    """

    def __init__(
        self,
        rng: np.random.Generator,
        builder: ProgramBuilder,
        *,
        embedding: tuple[int, int],
        symbols: int,
        width: int,
    ) -> None:
        self.rng, self.builder, self.config = rng, builder, builder.config
        self.embedding, self.symbols, self.width = embedding, symbols, width

    def below(self, high: int) -> int:
        """A number of 0 to `high` - 1."""
        return int(self.rng.integers(high))

    def fields(
        self, operation: type[Instruction], *, bank: int = 0, rows: int | None = None
    ) -> dict[str, Any]:
        """Random fields; accumulators are the first `rows` rows of `bank`, or any."""
        for _ in range(_TRIES):
            drawn = self._draw(operation, bank, rows)
            if drawn is not None and not operation(**drawn).wrong():
                return self._with_parameters(operation, drawn)
        raise ValueError(f"no operands found for {operation.mnemonic} on this configuration")

    def _draw(
        self, operation: type[Instruction], bank: int, rows: int | None
    ) -> dict[str, Any] | None:
        values: dict[str, Any] = {
            name: self._plain(field) for name, field in operation.FIELDS.items()
        }
        values.update(self._scale(operation))
        if "bank" in values:
            values["bank"] = bank
        for name in operation.meant(Kind.COUNT):
            most = min(_MOST, operation.FIELDS[name].range[1])
            values[name] = 1 + self.below(most)
            while not self._fits(operation(**values), rows):
                if values[name] == 1:
                    return None
                # Often as much as there is room for.
                values[name] -= 1 + self.below(max(1, values[name] // 2))
                values[name] = max(1, values[name])
        for name in operation.meant(Words):
            words = operation.FIELDS[name].meaning
            assert isinstance(words, Words)
            store, _, count = operation(**values).uses(name, self.config)
            if store is Store.REGISTER:
                values[name] = self._source(operation) if words.reads else self._target(operation)
            elif store in (Store.VALUE_TABLE, Store.RUN_TABLE):
                values[name] = self.below(room(store, self.config))
            elif words.base is None:
                values[name] = self.below(room(store, self.config) - count + 1)
        return values

    def _source(self, operation: type[Instruction]) -> int:
        """A register to read: one that names a row of the embedding must be small."""
        rows = (operation.FIELDS[name].meaning for name in operation.meant(Parameters))
        moved = any(isinstance(p, Parameters) and p.row for p in rows)
        return INDEX if moved else self.below(2)

    def _target(self, operation: type[Instruction]) -> int:
        """A register to write: only index tables are drawn so that they keep INDEX small."""
        bits = [operation.FIELDS[n].meaning for n in operation.meant(Parameters)]
        indexed = any(isinstance(p, Parameters) and p.what == "entries" for p in bits)
        return self.below(2) if indexed else ANY

    def _fits(self, i: Instruction, rows: int | None) -> bool:
        for name in i.meant(Words):
            store, _, count = i.uses(name, self.config)
            most = room(store, self.config)
            if store in (Store.BANK0, Store.BANK1) and i.FIELDS[name].meaning.reads:
                most = min(most, rows if rows is not None else most)
            if count > most:
                return False
        for name in i.meant(Parameters):
            meaning = i.FIELDS[name].meaning
            assert isinstance(meaning, Parameters)
            if meaning.row and meaning.extent.count(i.fields, self.config) > self.width:
                return False
        return True

    def _plain(self, field: Field) -> int:
        if field.choices is not None:
            return int(self.rng.choice([member.value for member in field.choices]))
        if field.meaning.streaming:
            return 0
        low, high = field.range
        return low + self.below(high - low + 1)

    def _scale(self, operation: type[Instruction]) -> dict[str, Any]:
        """Multiplier and shift, most often such that results are of a useful size."""
        multiplier = int(self.rng.choice([self.below(1 << 16), 0xFFFF, 1 << 15, 1]))
        common = multiplier.bit_length() + self.below(8)
        shift = common if self.below(4) else self.below(64)
        found = dict.fromkeys(operation.meant(Kind.MULTIPLIER), multiplier)
        for kind in (Kind.RIGHT_SHIFT, Kind.ANY_SHIFT):
            found |= dict.fromkeys(operation.meant(kind), min(63, max(1, shift)))
        return found

    # Parameters.

    def biases(self, count: int) -> NDArray[np.int64]:
        """`count` int32 of any magnitude, the extremes among them."""
        magnitude = min(1 << self.below(32), _INT32.max)
        values = self.rng.integers(-magnitude - 1, magnitude + 1, count)
        if magnitude == _INT32.max:
            values[self.rng.random(count) < 0.3] = _INT32.min
        return values

    def _with_parameters(
        self, operation: type[Instruction], drawn: dict[str, Any]
    ) -> dict[str, Any]:
        for name in operation.meant(Parameters):
            meaning = operation.FIELDS[name].meaning
            assert isinstance(meaning, Parameters)
            count = meaning.extent.count(drawn, self.config)
            if meaning.row:
                word, drawn[meaning.row[1]] = self.embedding
            elif meaning.what == "entries":
                word = self._entries(count, indexed=drawn["register"] == INDEX)
            elif meaning.bits == 32:
                word = self.builder.ints(self.biases(count))
            else:
                raise ValueError(f"wanted parameters of 32 bits, got {meaning.bits} of {name}")
            drawn[name] = word
        return drawn

    def _entries(self, count: int, *, indexed: bool) -> int:
        biases = self.biases(count)
        if self.below(2):
            biases[:] = biases[0]
        indices = self.rng.integers(0, self.symbols if indexed else 1 << 16, count)
        empty = self.rng.choice([0.0, 0.3, 1.0], p=[0.4, 0.5, 0.1])
        indices[self.rng.random(count) < empty] = -1
        return self.builder.entries(biases, indices)


def room(store: Any, config: Config) -> int:
    """Words of a memory; one of what is none."""
    return int(getattr(config, SETTINGS[store])) if store in SETTINGS else 1
