"""Whether an image fits a machine, before a word of it is written."""

from collections.abc import Mapping

from sordino.arch import STREAM_WORD_BITS
from sordino.image.image import Image, ImageError
from sordino.image.sizes import needed
from sordino.isa.operations import ISA
from sordino.isa.registers import CAPACITIES, ISA_VERSION, MAP_VERSION, capacities

__all__ = ["check_fit", "check_identity"]

_SAME = ("lanes", "group", "state_bits")
"""What the machine's ID says, too."""


def _ring_words(machine: Mapping[str, int]) -> int:
    """Words of each stream memory that are the machine's ring."""
    bits = machine["stream_ring"] * machine["stream_burst"] * machine["stream_bus"]
    return bits // STREAM_WORD_BITS


def check_identity(image: Image, config_id: int, map_version: int) -> None:
    """Compare an image with the ID of a machine, and the machine's register map with ours.

    `map_version` stands in bits 31 to 16 of register VERSION; a host knows registers of one version
    alone. Raises ImageError, one line with what differs.
    """
    other = []
    if config_id != image.config.id:
        other.append(f"configuration id {image.config.id:08x} (it has {config_id:08x})")
    if map_version != MAP_VERSION:
        other.append(f"register map version {MAP_VERSION} (it has {map_version})")
    if other:
        raise ImageError(
            f"the image needs a machine with {', '.join(other)}; compile the model for the "
            "machine, with the version of Sordino that made it"
        )


def check_fit(image: Image, machine: Mapping[str, int], version: int = ISA_VERSION) -> None:
    """Compare an image with the capacity registers of a machine, by name.

    `version` is the machine's version of the instruction set, which is in bits 15 to 0 of its
    register VERSION; by default it is that of the machines which this package makes. The machine's
    operations are those of ISA. Raises ImageError, one line with everything that differs or is too
    small.
    """
    if image.version > version:
        raise ImageError(
            f"the image needs version {image.version} of the instruction set, the machine has "
            f"version {version}; compile the model for the machine, or take a later one"
        )
    for address, instruction in enumerate(image.program):
        if type(instruction) not in ISA:
            raise ImageError(
                f"instruction {address} ({instruction.mnemonic}): wanted an operation of the "
                "machine, got one of another instruction set; run the image with Golden or Cycles "
                "and its semantics"
            )
    if missing := [name for name in CAPACITIES if name not in machine]:
        raise ImageError(
            f"wanted all capacities of the machine, got none of {', '.join(missing)}; "
            "read every register of CAPACITIES"
        )
    own = capacities(image.config)
    burst, machine_burst = (c["stream_bus"] * c["stream_burst"] // 8 for c in (own, machine))
    short = [
        f"{name} = {own[name]:,} (it has {machine[name]:,})"
        for name in _SAME
        if own[name] != machine[name]
    ]
    if burst != machine_burst:
        short.append(f"bursts of {burst:,} bytes (it has {machine_burst:,})")
    ring = _ring_words(machine)
    for name, words in needed(image).items():
        words += ring if name in ("lane_words", "group_words") else 0
        if words > machine[name]:
            short.append(f"{name} {words:,} (it has {machine[name]:,})")
    if short:
        raise ImageError(
            f"the image needs a machine with {', '.join(short)}; compile the model for the "
            "machine, or take a larger one"
        )
