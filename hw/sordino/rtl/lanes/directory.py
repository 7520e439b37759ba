"""What a group knows of each matrix: where its streams begin and how long they are."""

from typing import Any

from amaranth.hdl import *
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from sordino.isa.registers import LoadTarget
from sordino.rtl.shared.attributes import UNCHECKED
from sordino.rtl.shared.ports import LoadSignature

__all__ = ["Directory"]


class Directory(wiring.Component):
    """One number for each of `depth` matrices, which the host loads.

    Words for `target` and `unit` come `words` (a power of two) for each matrix; taken is number
    `word` of them.

    Members
    -------
    load
        Words for any target.
    enable, matrix
        Look up that matrix.
    value
        Its number, from the next cycle on.
    """

    def __init__(
        self, target: LoadTarget, unit: int, *, word: int, words: int, shape: Any, depth: int
    ) -> None:
        self._target = target
        self._unit = unit
        self._word = word
        self._words = words
        self._depth = depth
        super().__init__(
            {
                "load": In(LoadSignature),
                "enable": In(1),
                "matrix": In(range(depth)),
                "value": Out(shape),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        numbers: Any = memory.Memory(
            shape=self.value.shape(), depth=self._depth, init=[], attrs=UNCHECKED
        )
        m.submodules.memory = numbers
        write, read = numbers.write_port(), numbers.read_port()
        load, word_bits = self.load.payload, self._words.bit_length() - 1
        ours = (load.target == self._target) & (load.unit == self._unit)
        m.d.comb += [
            write.en.eq(self.load.valid & ours & (load.address[:word_bits] == self._word)),
            write.addr.eq(load.address[word_bits:]),
            write.data.eq(load.data),
            read.en.eq(self.enable),
            read.addr.eq(self.matrix),
            self.value.eq(read.data),
        ]
        return m
