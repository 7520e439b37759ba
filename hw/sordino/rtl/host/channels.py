"""The input by channel: what the host writes to each, and what each gives to the machine."""

from typing import Any

from amaranth.hdl import *
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from sordino.arch import Config
from sordino.rtl.host.fifos import FeatureFifo
from sordino.rtl.shared.ports import FeatureSignature

__all__ = ["Channels"]


class Channels(wiring.Component):
    """A `FeatureFifo` for every channel, and which of them the host has ended.

    Members
    -------
    write, data, strobe
        Take the bytes of `data` whose `strobe` is set for the channel whose bit is set. Only while
        `idle`, and not if it is `refused`.
    refused
        By channel: so many strobes do not fit, or its input has ended.
    end
        By channel: no features follow.
    clear
        Forget features and ends. Only while `idle`.
    idle, empty
        All features of the write before are in their queue; no queue has a feature.
    room
        By channel: how many features more can be taken.
    channelN
        What the machine gets of channel N, from 0 on.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        count = config.channels
        sources = {f"channel{number}": Out(FeatureSignature()) for number in range(count)}
        super().__init__(
            {
                "write": In(count),
                "data": In(32),
                "strobe": In(4),
                "refused": Out(count),
                "end": In(count),
                "clear": In(1),
                "idle": Out(1),
                "empty": Out(1),
                "room": Out(data.ArrayLayout(range(config.feature_fifo + 1), count)),
                **sources,
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        ended = Signal(self.config.channels)
        m.d.sync += ended.eq((ended | self.end) & ~self.clear.replicate(len(ended)))
        fifos = []
        for number in range(self.config.channels):
            m.submodules[f"fifo{number}"] = fifo = FeatureFifo(depth=self.config.feature_fifo)
            source = getattr(self, f"channel{number}")
            wiring.connect(m, fifo.features, wiring.flipped(source.features))
            m.d.comb += [
                fifo.write.eq(self.write[number]),
                fifo.data.eq(self.data),
                fifo.strobe.eq(self.strobe),
                fifo.clear.eq(self.clear),
                self.refused[number].eq(ended[number] | (fifo.room < sum(self.strobe))),
                self.room[number].eq(fifo.room),
                source.end_of_input.eq(ended[number] & fifo.empty),
            ]
            fifos.append(fifo)
        m.d.comb += [
            self.idle.eq(Cat(fifo.idle for fifo in fifos).all()),
            self.empty.eq(Cat(fifo.empty for fifo in fifos).all()),
        ]
        return m
