"""What a stored result was made of: the code that computed it and the recordings it heard."""

import ast
import hashlib
import json
import sys
from collections.abc import Sequence
from functools import cache
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from sordino.errors import InputError
from sordino.speech.corpora.datasets import Utterance

__all__ = ["code_identity", "recordings_identity", "sources"]

_PACKAGE = "sordino"


@cache
def code_identity(module: str) -> str:
    """A hash of all source that a module is made of, and of the versions of its libraries.

    Source is the module's own, that of all modules of this package that it and they import, and the
    data files beside them. Who edits any of them computes anew.
    """
    digest = hashlib.sha256()
    modules, libraries = sources(module)
    for name, path in sorted(modules.items()):
        data = (p for p in path.parent.iterdir() if p.is_file() and p.suffix == ".json")
        for file in (path, *sorted(data)):
            digest.update(f"{name}\0{file.name}\0".encode() + hashlib.sha256(_bytes(file)).digest())
    for library in sorted(libraries):
        digest.update(f"{library} {_version(library)}\0".encode())
    return digest.hexdigest()


def sources(module: str) -> tuple[dict[str, Path], set[str]]:
    """The modules of this package that a module needs, with their files, and other libraries."""
    found: dict[str, Path] = {}
    libraries: set[str] = set()
    waiting = [module]
    while waiting:
        name = waiting.pop()
        top = name.partition(".")[0]
        if top != _PACKAGE:
            if top not in sys.stdlib_module_names:
                libraries.add(top)
        elif name not in found and (path := _file(name)) is not None:
            found[name] = path
            waiting += _imported(path)
    return found, libraries


def _file(name: str) -> Path | None:
    """A module's source; None for a package without one, and for what is no module."""
    try:
        spec = find_spec(name)
    except ModuleNotFoundError:  # a name in a module
        return None
    return None if spec is None or not spec.has_location else Path(str(spec.origin))


@cache
def _imported(path: Path) -> tuple[str, ...]:
    """All names that a file imports; those in functions, too."""
    names: list[str] = []
    for node in ast.walk(ast.parse(_bytes(path))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return tuple(names)


def _version(library: str) -> str | None:
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        return None


def recordings_identity(utterances: Sequence[Utterance]) -> str:
    """A hash of what is in the recordings and of what is said in them, in whatever order.

    Names and places do not count: what decides is the content, and how it is read, by the suffix.
    """
    each = sorted(
        (u.text, u.path.suffix.lower(), hashlib.sha256(_bytes(u.path)).hexdigest())
        for u in utterances
    )
    return hashlib.sha256(json.dumps(each).encode()).hexdigest()


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}") from None
