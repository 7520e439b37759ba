"""The program of an image as text, with names for its addresses."""

from sordino.image.host import NetworkSection
from sordino.image.image import Image
from sordino.isa.parameters import PARAMETER_BYTES
from sordino.isa.text.disassemble import disassemble

__all__ = ["listing"]


def listing(image: Image) -> str:
    """The image's program as text, under comment lines that say for what machine it is."""
    config = image.config
    labels = {**image.host.addresses, **image.entries}
    host = image.host
    model = host.model.name if isinstance(host, NetworkSection) else "program"
    return (
        f"# {model} for {config.name}: {config.lanes} lanes in groups of {config.group}, "
        f"configuration {config.id:08x}\n"
        f"# {len(image.program)} instructions, {len(image.matrices)} matrices, "
        f"{len(image.tables)} tables, {len(image.parameters) // PARAMETER_BYTES} parameter words\n"
        + disassemble(image.program, labels)
    )
