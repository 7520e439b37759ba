"""The code of a network that runs for a chunk of input vectors at once.

All vectors of a chunk are taken first. Then, layer by layer, every piece of W is multiplied by all
frames' vectors before the next piece is read, to rows of the accumulator banks that each frame has
of its own; what needs the frame before follows frame by frame. Where the input ends inside a chunk,
the network works on what is left of the chunk before, and nobody looks at it.
"""

from sordino.compiler.passes.chunk import bank_place
from sordino.compiler.program.frames import Frames
from sordino.compiler.program.writer import Writer
from sordino.isa.operations import Set
from sordino.layers.base.places import Where
from sordino.layers.layer import kind_of

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
    names = list(frames.network.nodes)
    while names:
        loop = frames.writer.graph.loop(names[0], frames.network)
        _loop(frames, [frames.writer.at.nodes[name] for name in loop])
        names = names[len(loop) :]


def _loop(frames: Frames, wheres: list[Where]) -> None:
    """Layers that wait for one another, for all frames; first what does not wait.

    `wheres` are a layer and, where it has feedback, all up to that.
    """
    writer, where = frames.writer, wheres[0]
    placed = where.site.dealt
    for piece, matrix in enumerate(placed.numbers(0, 0)):
        for frame in range(writer.chunk):
            again = int(frame > 0 and writer.streamed[matrix])
            part, place = slice(piece, piece + 1), bank_place(placed, frame)
            source = where.sources[0]
            writer.matvec(placed, 0, 0, source, frame, part=part, from_ring=again, **place)
    for frame in range(writer.chunk):
        _finish(writer, where, frame, range(1, len(placed.columns)))
        for after in wheres[1:]:
            _finish(writer, after, frame, range(len(after.site.dealt.columns)))


def _finish(writer: Writer, where: Where, frame: int, matrices: range) -> None:
    """The products of a frame that are left, and what the sums become."""
    placed = where.site.dealt
    place = bank_place(placed, frame)
    for matrix in matrices:
        source, of = (where.previous, frame - 1) if matrix else (where.sources[0], frame)
        writer.matvec(placed, 0, matrix, source, of, **place)
    writer.append(kind_of(where.site.layer).finish(where, placed.layout.tiles[0], frame, **place))
