"""What an image says of itself: the JSON of `sordino info`, and the head of a report's."""

from typing import Any

from sordino.cycles.bounds import Bounds
from sordino.image.image import FORMAT, Image
from sordino.tools.report.entries import Entries, entries_json

__all__ = ["image_summary"]


def image_summary(
    image: Image, name: str, size: int, bounds: Bounds | None, entries: Entries
) -> dict[str, Any]:
    """What an image says of itself, what a frame takes, and what each entry point takes."""
    return {
        "image": name,
        "format": f"{FORMAT[0]}.{FORMAT[1]}",
        "bytes": size,
        "sections": {kind.name.lower(): len(body) for kind, body in image.section_bytes().items()},
        "matrices": len(image.matrices),
        "instructions": len(image.program),
        "id": f"{image.config.id:08x}",
        "config": image.config.as_dict(),
        "cycles": None if bounds is None else bounds.as_dict(),
        "entry_cycles": entries_json(entries),
        "host": image.host.as_dict(),
    }
