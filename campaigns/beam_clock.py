"""Beam search with lattices on the exact clock, with all that the host does over the bus."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from campaigns.common import MODELS, data_option, output_option, write_page
from sordino.cli.shared.lattice_figures import LatticeFigures
from sordino.cycles.engine import Cycles
from sordino.decode.beam import BeamOptions
from sordino.decode.decoder import Decoder
from sordino.decode.machine_transducer import MachineTransducer, Work
from sordino.engines.bus_clock import AxiLite, BusClock, Call, Spent, price
from sordino.image.image import Image
from sordino.isa.fields import Store
from sordino.lattice.coding.owner import image_vocabulary
from sordino.reference.markdown import table
from sordino.speech.corpora.datasets import load_dataset
from sordino.speech.transcript import features_of, frame_seconds, speller_of
from sordino.speech.wer import Wer, transcript_errors

__all__ = ["Measured", "main", "measure", "unremembered"]

BEAMS = (4, 8, 16)
MODEL = "an4_rnnt_causal"
REACH = 0.1
"""Share of real time at beam 8."""
BUSES = {
    "as in cocotb: one cycle from a response to the next access": AxiLite(),
    "no cycle between": AxiLite(idle=0),
    "20 cycles between": AxiLite(idle=20),
    "STATUS read over and over": AxiLite(interrupt=False),
}


@dataclass(frozen=True, kw_only=True)
class Measured:
    """All utterances with one beam.

    lattices  as `eval --lattice --json` has them
    calls     what the engine was asked; `naive` what a host asks that writes everything
    """

    beam: int
    score: Wer
    lattices: Mapping[str, Any]
    work: Work
    calls: Counter[Call]
    naive: Counter[Call]
    frames: int


def unremembered(image: Image, work: Work, calls: Counter[Call]) -> Counter[Call]:
    """The calls of a host that writes all that a run needs, whether it is there or not."""
    search = image.network.need_search()
    found = Counter({call: n for call, n in calls.items() if not call.writes})
    advances, scores = work.runs["advance"], work.runs["score"]
    for store, count, times in (
        *((Store.ACTIVATION, count, advances) for _, count in search.hidden),
        *((Store.STATE, count, advances) for _, count in search.cells),
        (Store.STATE, search.encoded[1], scores),
        (Store.STATE, search.predicted[1], scores),
    ):
        found[Call(None, 0, count, store, writes=True)] += times
    return found


def measure(image: Image, beam: int, paths: list[Path], texts: list[str]) -> Measured:
    """Search utterances on the cycle model, with lattices."""
    clock = BusClock(Cycles(image))
    machine = MachineTransducer(image, clock)
    decoder = Decoder(transducer=machine, options=BeamOptions(beam=beam))
    figures = LatticeFigures(image_vocabulary(image))
    begun, before, said, frames = clock.calls.copy(), machine.work, list[str](), 0
    for path in paths:
        x = features_of(image, path)
        frames += len(x)
        said.append(figures.hear(decoder, x))
    work, calls = machine.work.since(before), clock.calls - begun
    return Measured(
        beam=beam,
        score=transcript_errors(texts, said, speller_of(image)),
        lattices=figures.as_dict(texts),
        work=work,
        calls=calls,
        naive=unremembered(image, work, calls),
        frames=frames,
    )


class _Rows:
    """The rows of the page's tables."""

    def __init__(self, image: Image) -> None:
        self._image = image
        self._frame = frame_seconds(image) * image.config.clock_hz

    def figures(self, found: Measured) -> Iterator[str]:
        """What came of it, and what it took in all."""
        lattices, score, spent = found.lattices, found.score, self._spent(found.calls)
        yield f"{found.beam}"
        yield f"{score.errors}/{score.words} ({score.wer:.2%})"
        yield f"{lattices['lattice_bytes']:.1f}"
        yield f"{lattices['oracle_errors']} ({lattices['oracle_wer']:.2%})"
        for entry in ("encode", "advance", "score"):
            yield f"{found.work.runs[entry] / found.frames:.2f}"
        yield f"{self._share(spent.running, found):.4f}"
        yield f"**{self._share(spent.cycles, found):.4f}**"

    def cycles(self, found: Measured, calls: Counter[Call], host: str) -> Iterator[str]:
        """Words and cycles a frame, by what they are for."""
        spent = self._spent(calls)
        moved = [(c.writes, c.size * n) for c, n in calls.items() if c.what is None]
        yield f"{found.beam}"
        yield host
        for kind in (False, True):
            yield f"{sum(n for writes, n in moved if writes is kind) / found.frames:,.0f}"
        for count in (
            spent.reads + spent.writes,
            spent.running,
            spent.window,
            spent.around,
            spent.counters,
            spent.beside,
            spent.cycles,
        ):
            yield f"{count / found.frames:,.0f}"
        yield f"{self._share(spent.cycles, found):.4f}"

    def bus(self, found: Measured, how: AxiLite) -> str:
        """The share of real time with another manager."""
        return f"{self._share(self._spent(found.calls, how).cycles, found):.4f}"

    def share(self, found: Measured) -> float:
        """The share of real time, all included."""
        return self._share(self._spent(found.calls).cycles, found)

    def _spent(self, calls: Counter[Call], how: AxiLite | None = None) -> Spent:
        return price(calls, self._image, how)

    def _share(self, cycles: int, found: Measured) -> float:
        return cycles / (found.frames * self._frame)


FIGURES = [
    *("beam", "words wrong", "wire bytes", "oracle errors", "encode a frame", "advance a frame"),
    *("score a frame", "machine alone", "with the host"),
]
CYCLES = [
    *("beam", "host", "words read", "words written", "bus accesses", "machine", "window"),
    *("start and end", "counters", "hidden", "all cycles", "of real time"),
]


def _parts(image: Image, found: list[Measured]) -> list[str]:
    """The page."""
    rows, mhz = _Rows(image), image.config.clock_hz / 1e6
    both = [
        tuple(rows.cycles(each, calls, host))
        for each in found
        for calls, host in ((each.naive, "writes everything"), (each.calls, "remembers"))
    ]
    return [
        f"The shipped image `{MODEL}.sordino` on AN4's development split, {found[0].frames:,} "
        f"frames: machine `{image.config.name}`, {mhz:g} MHz, no language model. Values and cycles "
        "are those of the cycle model, which are the circuit's. Lattices are packed, and read "
        "again. Shares are of the time of speech.\n",
        table(FIGURES, [tuple(rows.figures(each)) for each in found]),
        "What the host spends is counted by its driver, access by access, over AXI4-Lite "
        "(`sordino.engines.bus_clock`). `tests/cosim/test_cocotb.py` searches on the circuit, and "
        "its cycles and accesses are counted the same, to the last one. A single access takes four "
        "cycles, and of a burst of writes each further one two. Figures are those of a frame on "
        "average, whose speech lasts "
        f"{image.config.clock_hz * frame_seconds(image):,.0f} cycles:\n",
        table(CYCLES, both),
        "*Window* is the moving of words; *start and end* is all that starts a run and sees its "
        "end: CLEAR, features, entry point, limit, START, the interrupt, tokens, status. "
        "*Counters* are read after every run to be printed, and are no part of the work. "
        "*Hidden* is what the host does while the machine runs, END_OF_INPUT and the interrupt's "
        "enable; it is in the machine's cycles. Nothing else overlaps: the window is closed while "
        "a program runs. What the host itself computes is not in it: logarithms, the beam, the "
        "lattice.\n",
        "A host that *remembers* does not write a frame, or a hypothesis's half, that is there "
        "already (`sordino.decode.held`). The search asks for the scores of a step frame by frame. "
        "States are kept on the host: every one is read after its advance.\n",
        "Other managers of the bus, the host that remembers:\n",
        table(
            ("bus", *(f"beam {each.beam}" for each in found)),
            [(name, *(rows.bus(each, how) for each in found)) for name, how in BUSES.items()],
        ),
    ]


@click.command()
@data_option
@output_option("beam-clock.md")
@click.option("--every", default=1, show_default=True, help="Hear every so manieth utterance.")
def main(data: Path, output: Path, every: int) -> None:
    """Measure beams 4, 8 and 16 with lattices."""
    image = Image.load(MODELS / f"{MODEL}.sordino")
    utterances = load_dataset(data / "an4", "dev")[::every]
    paths, texts = [u.path for u in utterances], [u.text for u in utterances]
    found = [measure(image, beam, paths, texts) for beam in BEAMS]
    write_page(output, "Beam search with lattices on the exact clock", _parts(image, found))
    if any(_Rows(image).share(each) > REACH for each in found if each.beam == 8):
        raise SystemExit(1)
