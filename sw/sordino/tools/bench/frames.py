"""Whole layers: how busy the lanes are in a frame, the two engines compared, simulation speed."""

from dataclasses import dataclass, replace
from time import process_time

import numpy as np

from sordino.arch import PRESETS, Config
from sordino.compiler.compile import CompileOptions, compile_model
from sordino.cycles.engine import Cycles
from sordino.engines.amaranth.amaranth_sim import AmaranthSim
from sordino.engines.errors import Mismatch
from sordino.engines.native.rtl import Rtl
from sordino.image.image import Image
from sordino.isa.operations import CELLS, Matvec
from sordino.isa.registers import Error
from sordino.model.random_rnnt import random_model
from sordino.model.rnnt import RnntModel
from sordino.tools.bench.cycles import EngineName

__all__ = [
    "EncoderUse",
    "compile_for",
    "compile_step",
    "cycle_differences",
    "encoder_use",
    "simulation_rates",
]

_ENCODER = ("input", "encoder.")
_STEP = ("encoder.",)
_SILENCE = 1e3
_RATE_RUNS = 3


@dataclass(frozen=True, kw_only=True)
class EncoderUse:
    """Cycles of an encoder's frame: of the instructions of its layers, mean over some frames.

    A cycle in which several units work counts once, as MATVEC's if the array is at work.

    cycles              input, tables, products, element-wise work
    matvec              of these, MATVEC
    hidden              what a frame on its own takes longer: of its last cell what the next
                        frame's product hides
    utilisation         places that are not zero · group / (lanes · cycles)
    matvec_utilisation  the same over MATVEC's cycles alone
    ideal               cycles if every lane had a place that is not zero in every one
    """

    engine: EngineName
    lanes: int
    group: int
    cycles: float
    matvec: float
    hidden: float
    ideal: float

    @property
    def alone(self) -> float:
        """The cycles of a frame on its own: nothing of its last cell is hidden."""
        return self.cycles + self.hidden

    @property
    def utilisation(self) -> float:
        """The share of the lanes' cycles in a frame with a place that is not zero."""
        return self.ideal / self.cycles

    @property
    def matvec_utilisation(self) -> float:
        """The same share of the cycles in which a MATVEC runs."""
        return self.ideal / self.matvec


def compile_for(model: RnntModel, config: Config, bits: int, zeros: float | None) -> Image:
    """The model's image for a machine."""
    return compile_model(model, config, CompileOptions(weight_bits=bits, sparsity=zeros)).image


def compile_step(units: int, lanes: int, bits: int, zeros: float) -> Image:
    """An RNN-T with one large encoder layer (as many inputs as units), the rest next to nothing."""
    weights = 8 * units * units
    config = replace(
        PRESETS["large-unstructured"],
        name=f"lstm{units}",
        lanes=lanes,
        lane_words=1 << (weights * bits // 16 // lanes).bit_length(),
        group_words=1 << (weights * bits // 16 // lanes).bit_length(),
        activation_words=8192,
    )
    model = random_model(0, inputs=units, encoder=(units,))
    model.joint_output.bias[model.blank] = _SILENCE  # no token, no prediction network
    return compile_for(model, config, bits, zeros)


def _run(engine: Rtl | Cycles | AmaranthSim, frames: int) -> int:
    """Cycles of so many frames of zeros: what features hold changes tokens, not a layer's time."""
    inputs = engine.image.network.input.count
    result = engine.run(np.zeros((frames, inputs), np.int8))
    if result.error is not Error.NONE:
        raise Mismatch(f"the machine stopped with {result.error.name}")
    return result.counters["cycles"]


def encoder_use(
    image: Image, *, frames: int, engine: EngineName = "cycles", step: bool = False
) -> EncoderUse:
    """Run so many frames and add up the encoder's instructions; with `step`, without INPUT."""
    machine = Rtl(image) if engine == "rtl" else Cycles(image)
    _run(machine, frames)
    lanes, group = image.config.lanes, image.config.group
    cycles = matvec = places = 0
    last_cell = 0.0
    for instruction, (times, spent) in zip(image.program, machine.profile().tolist(), strict=True):
        if not times or not (instruction.layer or "").startswith(_STEP if step else _ENCODER):
            continue
        cycles += spent
        if isinstance(instruction, Matvec):
            padding = image.host.padding[instruction.matrix]
            matvec += spent
            places += times * (sum(image.matrices[instruction.matrix].places) - padding)
        if isinstance(instruction, CELLS):
            last_cell = max(0, (instruction.duration(image.config) or 0) - spent / times)
    return EncoderUse(
        engine=engine,
        lanes=lanes,
        group=group,
        cycles=cycles / frames,
        matvec=matvec / frames,
        hidden=last_cell,
        ideal=places * group / lanes / frames,
    )


def cycle_differences(image: Image, frames: int) -> tuple[int, int]:
    """Instructions of a run, and how many cycles apart circuit and cycle engine are, summed up."""
    profiles = []
    for machine in (Rtl(image), Cycles(image)):
        _run(machine, frames)
        profiles.append(machine.profile())
    circuit, model = profiles
    if not np.array_equal(circuit[:, 0], model[:, 0]):
        raise Mismatch("circuit and cycle engine retire different instructions")
    return int(circuit[:, 0].sum()), int(np.abs(circuit[:, 1] - model[:, 1]).sum())


def simulation_rates(preset: str) -> tuple[float, float]:
    """Cycles of this machine a second of processor time: compiled, and in Amaranth's simulator.

    Loading is left out, as the difference between a longer and a shorter run. Each counts as its
    quickest of three, since other work on the machine only makes one slower. Raises Mismatch where
    the longer one is none the less quicker.
    """
    image = compile_for(random_model(0), PRESETS[preset], 8, None)

    def rate(engine: Rtl | AmaranthSim, few: int, many: int) -> float:
        spent: dict[int, list[float]] = {few: [], many: []}
        cycles = {}
        for _ in range(_RATE_RUNS):
            for frames, times in spent.items():
                begin = process_time()
                cycles[frames] = _run(engine, frames)
                times.append(process_time() - begin)
        seconds = min(spent[many]) - min(spent[few])
        if seconds <= 0:
            raise Mismatch(
                f"wanted {many} frames to take longer than {few}, got {seconds:.2f} s less; run "
                "again on a machine that does nothing else"
            )
        return (cycles[many] - cycles[few]) / seconds

    return rate(Rtl(image), 1, 400), rate(AmaranthSim(image), 1, 9)
