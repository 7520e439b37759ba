"""Write the reference pages and the figures: `python -m sordino.reference docs`."""

import sys
from pathlib import Path

from sordino.files import write_atomically
from sordino.reference import figures
from sordino.reference.pages import render

if __name__ == "__main__":
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "docs")
    (folder / figures.FOLDER).mkdir(parents=True, exist_ok=True)
    drawn = figures.render(figures.shipped_image(folder.parent / "models"))
    for name, text in (render() | {f"{figures.FOLDER}/{k}": v for k, v in drawn.items()}).items():
        write_atomically(folder / name, text)
        print(folder / name)
