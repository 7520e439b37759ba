"""Several programs in one image."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sordino.compiler.program.schedule import Program
from sordino.compiler.program.writer import Writer
from sordino.image.host import Search

__all__ = ["Together"]


@dataclass(frozen=True)
class Together:
    """Programs by name, over one graph.

    The name begins a program's labels, entry points and registers, with a dot behind it; the first
    program has no name in front, so that `main` is its own. Each clears its own state. A network
    that may use both banks belongs to the first program: whatever else runs between two of its
    frames keeps to the other bank.
    """

    programs: Mapping[str, Program]

    def _scopes(self) -> list[tuple[str, Program]]:
        return [
            (f"{name}." if number else "", program)
            for number, (name, program) in enumerate(self.programs.items())
        ]

    @property
    def registers(self) -> Mapping[str, int]:
        """The registers of all programs."""
        names = [f"{scope}{name}" for scope, one in self._scopes() for name in one.registers]
        return {name: number for number, name in enumerate(names)}

    @property
    def networks(self) -> Sequence[str]:
        """The networks of all programs, those of the first one first."""
        return tuple(dict.fromkeys(n for one in self.programs.values() for n in one.networks))

    @property
    def entries(self) -> Sequence[str]:
        """The entry points of all programs."""
        return [f"{scope}{name}" for scope, program in self._scopes() for name in program.entries]

    def write(self, writer: Writer) -> None:
        """Write all programs."""
        for scope, program in self._scopes():
            writer.enter(scope, program.networks)
            program.write(writer)
        writer.enter("", ())

    def search(self, writer: Writer) -> Search | None:
        """Where a search finds what it needs in the first program that has one."""
        found = (program.search(writer) for program in self.programs.values())
        return next((search for search in found if search is not None), None)
