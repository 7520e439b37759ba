"""Several programs in one image."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sordino.compiler.program.schedule import Program
from sordino.compiler.program.writer import Writer
from sordino.errors import InputError
from sordino.image.section.networks import ImageNetwork

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

    def described(self, writer: Writer) -> Mapping[str, ImageNetwork]:
        """The networks of all programs; the main one of each has the program's name, if any."""
        found = dict[str, ImageNetwork]()
        for (scope, program), key in zip(self._scopes(), self.programs, strict=True):
            writer.enter(scope, program.networks)
            for number, (own, network) in enumerate(program.described(writer).items()):
                name = own if number or not key else key
                if name in found:
                    raise InputError(
                        f"wanted networks of different names in one image, got {name} twice; name "
                        "a program otherwise"
                    )
                entries = {role: f"{scope}{entry}" for role, entry in network.entries.items()}
                found[name] = network.changed(entries=entries)
        writer.enter("", ())
        return found
