"""Images from files, with their host sections checked."""

from pathlib import Path

from sordino.errors import InputError
from sordino.isa.image import Image, ImageError
from sordino.meta.host import check_host

__all__ = ["load_image"]


def load_image(path: str | Path) -> Image:
    """Read an image for a command; ImageError for what is none, also in its host section."""
    image = Image.load(path)
    try:
        check_host(image.host)
    except InputError as error:
        raise ImageError(f"{path}: {error}") from None
    return image
