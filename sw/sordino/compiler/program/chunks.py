"""The code of a network that runs for a chunk of input vectors at once.

All vectors of a chunk are taken first. Then, layer by layer, every piece of W is multiplied by all
frames' vectors before the next piece is read, to rows of the accumulator banks that each frame has
of its own; what needs the frame before follows frame by frame. Where the input ends inside a chunk,
the network works on what is left of the chunk before, and nobody looks at it.
"""

from sordino.compiler.passes.chunk import bank_place
from sordino.compiler.program.frames import Frames
from sordino.isa.operations import Set
from sordino.layers.layer import kind_of
from sordino.layers.places import Where

__all__ = ["write_chunk"]


def write_chunk(frames: Frames, register: str) -> None:
    """Write a chunk but the block's end; a register holds the frames that the input had.

    Labels: `chunk` before the input, `encoder` behind it, and `end.N` for input that ends before
    frame N, which the program writes (`chunk_ends`).
    """
    writer = frames.writer
    writer.builder.label("chunk")
    for frame in range(writer.chunk):
        frames.take(frame, f"end.{frame}" if frame else "stop")
    number = writer.register(register)
    writer.builder.emit(Set, "input", register=number, value=writer.chunk)
    writer.builder.label("encoder")
    for where in frames.copies:
        _layer(frames, where)


def _layer(frames: Frames, where: Where) -> None:
    """A layer for all frames: first what does not wait for the frame before."""
    writer, placed = frames.writer, where.site.dealt
    kind = kind_of(where.site.layer)
    for piece, matrix in enumerate(placed.numbers(0, 0)):
        for frame in range(writer.chunk):
            again = int(frame > 0 and writer.streamed[matrix])
            part, place = slice(piece, piece + 1), bank_place(placed, frame)
            source = where.sources[0].at(frame)
            writer.matvec(placed, 0, 0, source, part=part, from_ring=again, **place)
    for frame in range(writer.chunk):
        place = bank_place(placed, frame)
        for matrix in range(1, len(placed.columns)):
            writer.matvec(placed, 0, matrix, where.out.at(frame - 1), **place)
        writer.append(kind.finish(where, placed.layout.tiles[0], frame, **place))
