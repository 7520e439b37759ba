"""A worker: a process that ranks lattices, one after the other, for the service that started it.

It reads messages from standard input: its recipe, then lattices. It writes one for each: first its
vocabulary's hash, then a status as two bytes, and alternatives as JSON or the line of a refusal.
It ends with its input, so no worker outlives a service that was killed.
"""

import os
import sys
import traceback
from contextlib import suppress

from sordino.errors import InputError
from sordino.image.image import ImageError
from sordino.lattice.coding.wire import OtherVocabulary
from sordino.serve.frames import frame, read_frame
from sordino.serve.protocol import Refused
from sordino.serve.ranking import Ranking, Recipe, encode

__all__ = ["answer", "main"]


def answer(ranking: Ranking, data: bytes) -> tuple[int, bytes]:
    """A status, and what comes with it, for the bytes of a lattice."""
    try:
        return 200, encode(ranking.of(data))
    except Refused as error:
        return error.status, str(error).encode()
    except OtherVocabulary as error:
        return 409, str(error).encode()
    except InputError as error:
        return 400, str(error).encode()
    except Exception:
        traceback.print_exc()
        return 500, b"wanted to rank the lattice, got a fault of ours; see the service's messages"


def main() -> None:
    """Rank lattices until standard input ends."""
    incoming, outgoing = sys.stdin.buffer, os.dup(1)
    os.dup2(2, 1)  # what anything prints is no message
    recipe = read_frame(incoming)
    if recipe is None:
        return
    try:
        ranking = Recipe.from_json(recipe).load()
        ranking.warm()
    except (InputError, ImageError) as error:
        print(f"sordino: worker: {error}", file=sys.stderr)
        return
    with suppress(BrokenPipeError):  # the service was killed
        _send(outgoing, ranking.vocabulary.identity)
        while (data := read_frame(incoming)) is not None:
            status, text = answer(ranking, data)
            _send(outgoing, status.to_bytes(2, "big") + text)


def _send(outgoing: int, data: bytes) -> None:
    left = memoryview(frame(data))
    while left:
        left = left[os.write(outgoing, left) :]


if __name__ == "__main__":
    main()
