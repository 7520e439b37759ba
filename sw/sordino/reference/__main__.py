"""Write the reference pages into a folder."""

import sys
from pathlib import Path

from sordino.reference.pages import render

if __name__ == "__main__":
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "docs")
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in render().items():
        (folder / name).write_text(text)
        print(folder / name)
