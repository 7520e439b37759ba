"""Known FPGAs and whether a machine fits them.

Their sizes are those of the makers' data sheets and, beside them, what tools count that know the
device: Project Trellis's database by tiles, nextpnr's and Vivado's reports of what is available.
"""

from dataclasses import asdict, dataclass
from typing import Any

from sordino.arch import Config
from sordino.tools.estimate.blocks import (
    ECP5_BLOCKS,
    Shapes,
    block_rams,
    memory_blocks,
    multiplier_blocks,
)
from sordino.tools.estimate.logic import Fit, estimate_logic
from sordino.tools.estimate.memories import memories

__all__ = ["DEVICES", "Device", "DeviceUse", "use_of"]

_RAMB18 = ECP5_BLOCKS
"""AMD's 18-kilobit half blocks have the shapes of Lattice's."""
_EBR4: Shapes = ((2, 2048), (4, 1024), (8, 512), (16, 256))
_ULTRA: Shapes = ((72, 4096),)
_DEEP = 4096
"""Memories of at least so many words may go to UltraRAM."""


@dataclass(frozen=True, kw_only=True)
class Device:
    """What a device has.

    luts            look-up tables of `inputs` inputs
    blocks          block memories of `shapes` (width, depth)
    block_bits      of one of them
    ultra           blocks of 72 × 4096 bits beside them
    multipliers     of `operands` bits
    source          the data sheet, and the tool whose count agrees
    """

    name: str
    luts: int
    inputs: int
    flip_flops: int
    blocks: int
    block_bits: int
    shapes: Shapes
    multipliers: int
    operands: tuple[int, int]
    source: str
    ultra: int = 0


_ECP5 = (
    "Lattice FPGA-DS-02012, ECP5 and ECP5-5G Family; tiles of Project Trellis's database: PLC2 "
    "times 8, MIB_EBR1 times 4, MIB_DSP0 times 4"
)
_SERIES7 = (
    "AMD DS180, 7 Series FPGAs Overview (Artix-7); Vivado's report_utilization for xc7a35t and "
    "xc7a100t"
)


def _ecp5(name: str, luts: int, blocks: int, multipliers: int) -> Device:
    return Device(
        name=name, luts=luts, inputs=4, flip_flops=luts, blocks=blocks, block_bits=18 << 10,
        shapes=ECP5_BLOCKS, multipliers=multipliers, operands=(18, 18), source=_ECP5,
    )  # fmt: skip


def _amd(
    name: str, luts: int, blocks: int, multipliers: int, source: str, ultra: int = 0
) -> Device:
    """A device with memory blocks of 36 kilobits, each counted as two halves."""
    return Device(
        name=name, luts=luts, inputs=6, flip_flops=2 * luts, blocks=2 * blocks,
        block_bits=18 << 10, shapes=_RAMB18, multipliers=multipliers,
        operands=(27, 18) if ultra else (25, 18), source=source, ultra=ultra,
    )  # fmt: skip


DEVICES = (
    Device(
        name="iCE40UP5K", luts=5280, inputs=4, flip_flops=5280, blocks=30, block_bits=4 << 10,
        shapes=_EBR4, multipliers=8, operands=(16, 16),
        source="Lattice FPGA-DS-02008, iCE40 UltraPlus Family; nextpnr-ice40 --up5k: ICESTORM_LC, "
        "ICESTORM_RAM, ICESTORM_DSP; its single-port SPRAM is left out",
    ),
    _ecp5("ECP5-25", 24_288, 56, 28),
    _ecp5("ECP5-45", 43_848, 108, 72),
    _ecp5("ECP5-85", 83_640, 208, 156),
    _amd("Artix-7 35T", 20_800, 50, 90, _SERIES7),
    _amd("Artix-7 100T", 63_400, 135, 240, _SERIES7),
    _amd(
        "Zynq Z-7020", 53_200, 140, 220,
        "AMD DS190, Zynq-7000 SoC Overview; Vivado's report_utilization for xc7z020",
    ),
    _amd(
        "Kria K26", 117_120, 144, 1_248,
        "AMD DS987, Kria K26 SOM; Vivado's and Vitis HLS's reports for xck26", ultra=64,
    ),
)  # fmt: skip
"""Smallest first. ECP5's LUTs are 24, 44 and 84 thousand there, here as nextpnr counts them."""


@dataclass(frozen=True, kw_only=True)
class DeviceUse:
    """What a machine takes of a device.

    luts, flip_flops   estimated; four-input tables, of which one with six inputs holds one or more
    blocks, ultra, multipliers   stated from the configuration
    lacks              what there is too little of; LUTs and flip-flops with their worst error
    """

    device: str
    luts: float
    flip_flops: float
    blocks: int
    ultra: int
    multipliers: int
    shares: dict[str, float]
    lacks: tuple[str, ...]
    source: str

    @property
    def fits(self) -> bool:
        """Whether there is enough of everything."""
        return not self.lacks

    def as_dict(self) -> dict[str, Any]:
        """Fields and `fits` by name."""
        return {**asdict(self), "fits": self.fits}


def _memory_blocks(config: Config, device: Device) -> tuple[int, int]:
    """Blocks and UltraRAMs: the deepest memories go to the latter while there are any."""
    blocks, ultra = block_rams(config, device.shapes), 0
    deep = [memory for memory in memories(config) if memory.depth >= _DEEP]
    for memory in sorted(deep, key=lambda m: -memory_blocks(m, device.shapes)):
        takes = memory_blocks(memory, _ULTRA)
        if ultra + takes <= device.ultra:
            ultra += takes
            blocks -= memory_blocks(memory, device.shapes)
    return blocks, ultra


def use_of(config: Config, device: Device) -> DeviceUse:
    """The machine's share of a device."""
    fit, logic = Fit.load(), estimate_logic(config)
    blocks, ultra = _memory_blocks(config, device)
    multipliers = multiplier_blocks(config, *device.operands)
    shares = {
        "LUTs": logic["luts"] / device.luts,
        "flip-flops": logic["flip_flops"] / device.flip_flops,
        "block RAM": blocks / device.blocks,
        "multipliers": multipliers / device.multipliers,
    }
    errors = {"LUTs": fit.error("luts"), "flip-flops": fit.error("flip_flops")}
    return DeviceUse(
        device=device.name,
        luts=logic["luts"],
        flip_flops=logic["flip_flops"],
        blocks=blocks,
        ultra=ultra,
        multipliers=multipliers,
        shares=shares,
        lacks=tuple(n for n, share in shares.items() if share * (1 + errors.get(n, 0)) > 1),
        source=device.source,
    )
