"""The rtl engine without a C++ compiler: the same circuit in Amaranth's own simulator, slowly."""

from collections.abc import Callable
from pathlib import Path

from sordino.arch import Config
from sordino.engines.amaranth.machine import run_machine
from sordino.engines.engine import Features, Record, Requests, RunResult
from sordino.engines.memory_timing import MemoryTiming
from sordino.image.image import Image
from sordino.image.loading import load_sections
from sordino.isa import timing
from sordino.isa.instruction import Instruction, Unit
from sordino.isa.operations import Matvec
from sordino.isa.registers import LoadTarget

__all__ = ["AmaranthSim", "estimate_cycles", "estimate_seconds"]

_NO_LIMIT = 10**12
_STREAMS = (LoadTarget.POSITIONS, LoadTarget.VALUES)
_SECONDS_A_CYCLE = (300e-6, 52e-6)
"""A machine's and a lane's share, measured: 1,950 cycles/s with 4 lanes, 880 with 16."""


class AmaranthSim:
    """The machine in RTL in Amaranth's simulator, an `Engine`; needs nothing but Python.

    Every run begins at power-up with memories that are zero and loads the image anew, where `Rtl`
    keeps what an earlier run left. `vcd` names a waveform file; each run writes it anew. `memory`
    times external memory.
    """

    name = "rtl"
    simulator = "amaranth"

    def __init__(
        self,
        image: Image,
        *,
        vcd: str | Path | None = None,
        memory: MemoryTiming | None = None,
    ) -> None:
        self.image = image
        self._vcd = vcd
        self._memory = memory

    def run(
        self,
        features: Features,
        *,
        cycle_limit: int = 0,
        record: bool | Callable[[Record], None] = False,
        entry: str = "main",
        requests: Requests = (),
    ) -> RunResult:
        """Run features until the machine stops."""
        return run_machine(
            self.image,
            features,
            cycle_limit=cycle_limit,
            record=record,
            entry=entry,
            requests=requests,
            timeout=_NO_LIMIT,
            vcd=self._vcd,
            memory=self._memory,
        )


def _cycles(image: Image, instruction: Instruction) -> int:
    """The cycles of an instruction while nothing else is at work."""
    if instruction.unit is Unit.NONE:
        return timing.SEQUENCER_CYCLES
    known = instruction.duration(image.config) or 0
    if isinstance(instruction, Matvec):
        busiest = max(image.matrices[instruction.matrix].places, default=0)
        known = max(busiest, int(instruction.columns)) + timing.MATVEC_OVERHEAD
    return known + timing.UNIT_START + timing.UNIT_FREE


def estimate_cycles(image: Image, frames: int) -> int:
    """The rough cycles of a run of `frames` input vectors: every instruction once a vector.

    A speech model whose tokens are rarer than its vectors takes less. Other entry points than
    main's do not count.
    """
    first = image.entry("main")
    end = min((at for at in image.entries.values() if at > first), default=len(image.program))
    return frames * sum(_cycles(image, i) for i in image.program[first:end])


def _load_cycles(image: Image) -> int:
    """Words that the simulator writes through the load port, one a cycle."""
    return sum(
        len(section.words) // (2 if section.target in _STREAMS else 4)
        for section in load_sections(image)
    )


def _rate(config: Config) -> float:
    machine, lane = _SECONDS_A_CYCLE
    return 1 / (machine + lane * config.lanes)


def estimate_seconds(image: Image, frames: int, runs: int = 1) -> float:
    """The rough seconds in Amaranth's simulator for `runs` runs of `frames` vectors in all."""
    cycles = estimate_cycles(image, frames) + runs * _load_cycles(image)
    return cycles / _rate(image.config)
