"""Write the reference pages into a folder."""

import sys
from pathlib import Path

from sordino.files import write_atomically
from sordino.reference.pages import render

if __name__ == "__main__":
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "docs")
    for name, text in render().items():
        write_atomically(folder / name, text)
        print(folder / name)
