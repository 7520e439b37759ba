"""Trials of a noisy line: requests that the compiled bridge must understand, and no others."""

from random import Random

from sordino.arch import PRESETS
from sordino.driver.uart import Uart
from sordino.engines.device.line import NOTED, SimulatedLine
from sordino.engines.device.noise import NoisyPort, faulty
from sordino.frames.codec import encode, pack
from sordino.frames.format import Command, Request
from sordino.stimuli.noted_registers import REFUSED_FROM

__all__ = ["SHARE", "both_ways", "one_way"]

SHARE = 1e-3
"""Bytes of a thousand that are spoilt where a driver works."""
_WHOLE = 0xF


def one_way(faults: int, *, seed: int = 1) -> tuple[int, int, int, bool]:
    """Send every request twice, first with faults; faults, requests, words, all as it should be.

    A request with faults must do nothing, or what it says where they fall beside it. The one
    behind it has none, and must be understood: else all that follow are out of turn.
    """
    random = Random(seed)
    line = SimulatedLine(PRESETS["tiny"], kind=NOTED)
    line.write(encode([pack(Request, sequence=0, command=Command.SYNC), 0]))
    made, requests, expected = 0, 0, []
    seen: list[tuple[int, int]] = []
    while made < faults:
        requests += 1
        words = [random.getrandbits(32) for _ in range(random.choice((1, 1, 2, 5)))]
        at = random.randrange(REFUSED_FROM)
        frame = encode(
            [
                pack(
                    Request,
                    sequence=requests % 256,
                    command=Command.WRITE,
                    strobe=_WHOLE,
                    address=4 * at,
                ),
                *words,
            ]
        )
        count = random.choice((1, 1, 2, 3, 8))
        made += count
        line.write(faulty(random, frame, count))
        line.write(frame)
        expected += [(at, word) for word in words]
        while line.left() > 10_000 or (made >= faults and line.left()):
            line.run(100_000)
            line.take()
    line.run(10_000)
    seen += [(int(at), int(word)) for at, word in line.accesses()]
    return made, requests, len(expected), seen == expected


def both_ways(words: int, *, seed: int = 1) -> tuple[int, int, int, bool]:
    """Write words with the driver over a line with faults; faults, words, repeats, all right."""
    random = Random(seed)
    line = SimulatedLine(PRESETS["tiny"], kind=NOTED, clock_hz=4_000_000)
    port = NoisyPort(line, SHARE, seed=seed)
    bus = Uart(port, baud=line.baud, timeout=0.002)
    expected: list[tuple[int, int]] = []
    while len(expected) < words:
        at = random.randrange(REFUSED_FROM)
        values = [random.getrandbits(32) for _ in range(random.choice((1, 3, 126, 500)))]
        bus.write_many(4 * at, values)
        expected += [(at, value) for value in values]
    seen = [(int(at), int(word)) for at, word in line.accesses()]
    return port.faults, len(expected), bus.traffic.repeated, seen == expected
