"""When the host refuses a write: for the state that the machine is in, or for what it says."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from amaranth.hdl import *

from sordino.arch import Config
from sordino.isa.commands import ANSWERS, OPENED, Answer, State
from sordino.isa.registers import REGISTERS, Control, LoadTarget
from sordino.rtl.host.channels import Channels
from sordino.rtl.host.fifos import Queue
from sordino.rtl.host.loader import Loader
from sordino.rtl.host.segments import Segments
from sordino.rtl.host.window import Window

__all__ = ["Inside", "Refusals"]


@dataclass(frozen=True)
class Inside:
    """What is behind the registers.

    window   words of the machine's memories
    kept     by name, registers that only keep what was written
    states   by State, whether the machine is in it
    error    the machine's error, else the loader's
    seen     INTERRUPT_STATUS
    recent   there was a write a cycle ago, and not all that it does is done
    """

    loader: Loader
    segments: Segments
    channels: Channels
    tokens: Queue
    window: Window
    kept: dict[str, Signal]
    states: dict[State, Signal]
    error: Any
    seen: Signal
    recent: Signal

    def answered(self, command: str, answer: Answer) -> Value:
        """Whether `command` is answered so in the state the machine is in."""
        usual = self._among(ANSWERS[command], answer)
        if command not in OPENED:
            return usual
        return Mux(self.segments.open, self._among(OPENED[command], answer), usual)

    def _among(self, answers: Mapping[State, Answer], answer: Answer) -> Value:
        states = [self.states[state] for state in State if answers[state] is answer]
        return Cat(states).any() if states else Const(0)


class Refusals:
    """What is refused of the write that stands on the register bus.

    Everything is worked out once, so that what several registers ask for is the same signal.
    """

    def __init__(self, config: Config, bus: Any, inside: Inside) -> None:
        self._bus, self._inside = bus, inside
        window, loader, segments = inside.window, inside.loader, inside.segments
        whole = bus.write_strobe.all()
        partial = bus.write_strobe.any() & ~whole
        unknown = bus.write_data & ~REGISTERS["SEGMENT_FIRST"].mask & 0xFFFF_FFFF
        self._said: dict[str, Value] = {
            "CONTROL": self._control(),
            "LOAD_TARGET": segments.open & partial,
            "LOAD_ADDRESS": segments.open & partial,
            "LOAD_DATA": partial | loader.outside | (segments.open & segments.fixed),
            "LOAD_CHECK": partial | (segments.open & (~loader.begun | (whole & ~loader.matches))),
            "FEATURE": inside.channels.refused[0],
            "REQUEST": partial | (whole & bus.write_data[:16].any() & inside.kept["REQUEST"].any()),
            "CHANNEL_END": bus.write_data[config.channels : 16].any() & whole | partial,
            "WINDOW_MEMORY": partial | (whole & window.no_lane),
            "WINDOW_ADDRESS": partial,
            "WINDOW_DATA": partial | window.outside | (whole & window.misfit),
            "SEGMENT": partial | (whole & segments.refused),
            "SEGMENT_FIRST": partial
            | (whole & unknown.any())
            | (segments.bound_target == LoadTarget.PROGRAM),
        }

    def of(self, register: str) -> Value:
        """Whether a write to the register is refused."""
        said = self._said.get(register, Const(0))
        if register not in ANSWERS:
            return said
        refusing = self._inside.answered(register, Answer.REFUSED)
        if register == "WINDOW_DATA":
            refusing &= ~self._inside.window.open
        return said | refusing

    def _control(self) -> Value:
        """What CONTROL's bits are refused for."""
        bus = self._bus
        control = Mux(bus.write_strobe[0], bus.write_data[:4], 0)
        asked = {flag: (control & flag.value).any() for flag in Control}
        return Cat(
            *(asked[f] & self._inside.answered(str(f.name), Answer.REFUSED) for f in Control),
            asked[Control.CLEAR] & (control != Control.CLEAR.value),
            asked[Control.START] & asked[Control.ABORT],
        ).any()
