"""A sweep's results as files: points.json and points.csv."""

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sordino.files import write_atomically

__all__ = ["write_tables"]


def write_tables(folder: Path, results: Sequence[dict[str, Any]]) -> None:
    """Write points.json and points.csv, a line a point in the order given."""
    write_atomically(folder / "points.json", json.dumps(list(results), indent=1) + "\n")
    text = io.StringIO()
    if results:
        writer = csv.DictWriter(text, list(results[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows({**r, "fits": "; ".join(r["fits"] or ())} for r in results)
    write_atomically(folder / "points.csv", text.getvalue())
