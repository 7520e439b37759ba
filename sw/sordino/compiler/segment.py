"""Other contents for a segment of an image, compiled so that nothing else changes."""

from collections.abc import Collection
from dataclasses import replace

from sordino.codec.apart import Room
from sordino.compiler.compile import CompileOptions, compile_graph
from sordino.compiler.compiled import Compiled
from sordino.compiler.limits.errors import CompileError
from sordino.compiler.program.schedule import Program
from sordino.graph.graph import Graph
from sordino.image.image import Image
from sordino.image.segments.segment import Segment, fixed_digest, room, segment_of

__all__ = ["compile_segment"]


def compile_segment(
    image: Image | Compiled,
    graph: Graph,
    program: Program,
    name: str,
    options: CompileOptions | None = None,
) -> Segment:
    """Compile contents for a segment of an image: those that a graph has there.

    `graph`, `program` and `options` are what the image was compiled from, but for the weights of
    the segment. Raises InputError where the image has no such segment; DoesNotFit where the
    contents are larger than their room, CompileError where anything outside of segments would be
    another one: weights, shapes, or what the program says of number formats.
    """
    image = image.image if isinstance(image, Compiled) else image
    room(image, name)
    options = options or CompileOptions()
    rooms = {
        one: Room(place.positions[1], place.values[1]) for one, place in image.host.segments.items()
    }
    missing = ", ".join(one for one in rooms if one not in graph.segments)
    if missing or len(graph.segments) != len(rooms):
        raise CompileError(
            f"wanted a graph with the image's segments {', '.join(rooms)}, got one with "
            f"{', '.join(graph.segments) or 'none'}; take the graph that the image is made of"
        )
    made = compile_graph(graph, program, image.config, replace(options, rooms=rooms)).image
    found = (
        ""
        if fixed_digest(made) == fixed_digest(image)
        else _difference(image, made, graph.segments[name])
    )
    if found := found or _found(image, made):
        raise CompileError(
            f"wanted contents of segment {name} with which nothing else of the image changes, got "
            f"some with which {found}; take the graph, the program and the options that the image "
            "is made of, and weights of the same shapes and formats"
        )
    return segment_of(made, name)


def _found(image: Image, made: Image) -> str:
    """What else a host or a program would find with the new contents; nothing if all is equal."""
    said = [
        {name: (its.results, its.state) for name, its in one.host.networks.items()}
        for one in (image, made)
    ]
    if said[0] != said[1]:
        return "results of networks lie elsewhere, or have another format"
    if not all(place.filled for place in image.rooms):
        return ""  # nothing is there to compare with
    for address, instruction in enumerate(image.program):
        old, new = (instruction.most(one.parameters, one.config) for one in (image, made))
        if old != new:
            where = f"instruction {address} ({instruction.mnemonic}, {instruction.layer})"
            return f"{where} may find {new:,}, not {old:,} at most"
    return ""


def _difference(image: Image, made: Image, nodes: Collection[str]) -> str:
    """What is another one in the first thing that differs, if it may be in a segment's `nodes`."""
    if len(image.program) != len(made.program):
        return f"the program has {len(made.program)} instructions, not {len(image.program)}"
    others = [
        (not any(f"{old.layer}.".startswith(f"{name}.") for name in nodes), address)
        for address, (old, new) in enumerate(zip(image.program, made.program, strict=True))
        if old.encode() != new.encode()
    ]
    if others:
        _, address = min(others)
        old, new = image.program[address], made.program[address]
        where = f"instruction {address} ({old.mnemonic}, {old.layer or 'no layer'})"
        if type(old) is not type(new):
            return f"{where} is {new.mnemonic}"
        name = next(field for field in old.fields if old.fields[field] != new.fields[field])
        return f"{where} has {name} {new.fields[name]}, not {old.fields[name]}"
    for name, place in image.host.segments.items():
        other = made.host.segments[name]
        for what in ("matrices", "positions", "values", "parameters", "tables"):
            if (found := getattr(other, what)) != (wanted := getattr(place, what)):
                return f"the {what} of segment {name} are {list(found)}, not {list(wanted)}"
    return "parameters, tables or matrices outside of segments are others"
