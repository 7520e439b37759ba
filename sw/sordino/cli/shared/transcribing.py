"""What comes of an utterance: the entry that `run --json` has of it, and how it is printed."""

from collections import Counter
from collections.abc import Callable
from typing import Any, Protocol

from sordino.cli.shared.engines import simulator_of
from sordino.cli.shared.networks import other_texts
from sordino.cli.shared.output import console, print_table
from sordino.cycles.engine import Cycles
from sordino.cycles.stalls import GROUP_CAUSES, layer_stalls
from sordino.cycles.traffic import bus_bytes
from sordino.decode.decoder import Decoder
from sordino.decode.machine_transducer import MachineTransducer
from sordino.engines.engine import Engine, Record
from sordino.engines.native.rtl import Rtl
from sordino.engines.profile import layer_times
from sordino.image.image import Image
from sordino.isa.operations import Input
from sordino.recogniser.decoding import Beam, Decoding, Greedy
from sordino.recogniser.events import Final
from sordino.speech.transcript import seconds_of

__all__ = ["GreedyRuns", "Runs", "SearchRuns", "entry_of", "print_run"]

_MACHINE_STALLS = ("matvec", "vector", "table", "control", "hidden")


def entry_of(
    image: Image, path: str, frames: int | None, facts: dict[str, Any], clock: int
) -> dict[str, Any]:
    """What every input has in JSON, null where it was refused (`frames` is None)."""
    entry = {
        "input": path,
        "transcript": None,
        "tokens": None,
        "networks": {},
        "frames": frames,
        "seconds": None if frames is None else seconds_of(image, frames),
        "cycles": None,
        "clock_hz": clock,
        "real_time_factor": None,
        "engine": None,
        "simulator": None,
        "feature_seconds": None,
        "error": None,
        **facts,
    }
    if entry["cycles"] is not None and entry["seconds"]:
        entry["real_time_factor"] = entry["cycles"] / clock / entry["seconds"]
    return entry


class Runs(Protocol):
    """Utterances that one machine decodes, one after the other."""

    @property
    def decoding(self) -> Decoding:
        """What decodes them."""

    def facts(self, final: Final) -> dict[str, Any]:
        """What JSON has of the last utterance beside what every input has."""


class GreedyRuns:
    """Utterances that the program decodes; `on_input` is called at each of its INPUTs.

    An engine that has no `records` does not show its INPUTs.
    """

    def __init__(self, image: Image, engine: Engine, *, records: bool = True) -> None:
        self._image, self._engine = image, engine
        self._inputs = {at for at, i in enumerate(image.program) if isinstance(i, Input)}
        self._executed = Counter[int]()
        self.on_input: Callable[[], None] = lambda: None
        self.decoding = Greedy(image, engine, record=self._count if records else None)

    def _count(self, record: Record) -> None:
        self._executed[record.pc] += 1
        if record.pc in self._inputs:
            self.on_input()

    def facts(self, final: Final) -> dict[str, Any]:
        """Counters, and where the time went on an engine with time."""
        result, engine = self.decoding.result, self._engine
        found: dict[str, Any] = {
            "transcript": final.text,
            "tokens": list(final.tokens),
            "engine": engine.name,
            "simulator": simulator_of(engine),
            "error": final.error,
        }
        if result is None:  # nothing has run
            return found
        said = other_texts(self._image, result)
        found["networks"] = {
            name: {"tokens": its, "transcript": words} for name, (its, words) in said.items()
        }
        found["cycles"] = result.counters.get("cycles")
        found["counters"] = result.counters
        if self._image.external:
            found["bus_bytes"] = bus_bytes(self._image, self._executed.elements())
        if isinstance(engine, Rtl | Cycles):
            times = layer_times(self._image, engine.profile())
            found["layers"] = [time.as_dict() for time in times]
        if isinstance(engine, Cycles):
            found["stalls"] = [stalls.as_dict() for stalls in layer_stalls(engine.last_profile)]
        self._executed.clear()
        return found


class SearchRuns:
    """Utterances that the host searches through the machine's entry points."""

    def __init__(self, decoder: Decoder, machine: MachineTransducer) -> None:
        self._decoder, self._machine = decoder, machine
        self.decoding = Beam(machine, decoder.options, decoder.fusion)
        self._before = machine.work

    def facts(self, final: Final) -> dict[str, Any]:
        """The hypotheses, best first, and the work; cycles are those of all runs together."""
        machine, decoder = self._machine, self._decoder
        work, self._before = machine.work.since(self._before), machine.work
        phrases = decoder.phrases
        return {
            "transcript": final.text,
            "tokens": list(final.tokens),
            "phrases": None if phrases is None else phrases.facts(final.text),
            "cycles": work.cycles,
            "engine": machine.engine.name,
            "simulator": simulator_of(machine.engine),
            "runs": work.runs,
            "window_words": {"read": work.read, "written": work.written},
            "hypotheses": [
                {"transcript": decoder.spelt(h), "score": h.score, "acoustic": h.acoustic}
                for h in self.decoding.hypotheses
            ],
        }


def print_run(entry: dict[str, Any]) -> None:
    """An utterance on standard output."""
    console.print(entry["transcript"] or "(nothing)", style="bold")
    for name, its in entry["networks"].items():
        numbers = " ".join(map(str, its["tokens"])) if its["transcript"] is None else ""
        console.print(f"  {name}: {its['transcript'] or numbers or '(nothing)'}")
    seconds = entry["seconds"]
    line = f"  {entry['input']}: " + ("" if seconds is None else f"{seconds:.2f} s, ")
    line += f"{entry['frames']} frames"
    if entry["cycles"] is not None:
        line += f", {entry['cycles']:,} cycles"
    if entry["real_time_factor"] is not None:
        line += (
            f", real-time factor {entry['real_time_factor']:.3f} at {entry['clock_hz'] / 1e6:g} MHz"
        )
    if entry["feature_seconds"] is not None:
        line += f"; features {entry['feature_seconds'] * 1e3:.0f} ms on the host"
    console.print(line)
    if "bus_bytes" in entry:
        read = entry["bus_bytes"]
        line = f"  streamed {read:,} bytes: {read / max(1, entry['frames']):,.0f} a frame"
        if seconds is not None:
            line += f", {read / max(1e-9, seconds):,.0f} a second of speech"
        console.print(line)
    if "hypotheses" in entry:
        words, runs = entry["window_words"], entry["runs"]
        console.print(
            f"  {sum(runs.values()):,} runs ("
            + ", ".join(f"{count:,} {name}" for name, count in runs.items())
            + f"); window: {words['read']:,} words read, {words['written']:,} written"
        )
        print_table(
            ("hypothesis", "score", "acoustic"),
            [
                (h["transcript"] or "(nothing)", f"{h['score']:.2f}", f"{h['acoustic']:.2f}")
                for h in entry["hypotheses"]
            ],
        )
    if "layers" in entry:
        print_table(
            ("layer", "times", "cycles", "share", "cycles each", "utilisation", "useful"),
            [
                (
                    layer["name"],
                    f"{layer['times']:,}",
                    f"{layer['cycles']:,}",
                    f"{layer['cycles'] / entry['cycles']:.1%}",
                    f"{layer['cycles'] / layer['times']:,.0f}",
                    "" if layer["utilisation"] is None else f"{layer['utilisation']:.3f}",
                    "" if layer["useful"] is None else f"{layer['useful']:.3f}",
                )
                for layer in entry["layers"]
            ],
        )
    if "stalls" in entry:
        _print_stalls(entry["stalls"])
    if entry["error"]:
        console.print(f"  stopped: {entry['error']}")


def _print_stalls(layers: list[dict[str, Any]]) -> None:
    print_table(
        ("layer", "MATVEC", "vector", "table", "control", "hidden", "limiter"),
        [
            (layer["name"], *(f"{layer[name]:,}" for name in _MACHINE_STALLS), layer["limiter"])
            for layer in layers
        ],
        "Cycles by what is at work (hidden: behind something else)",
    )
    print_table(
        ("layer", "places", "padding", "broadcast", "FIFO", "stream", "imbalance", "overhead"),
        [
            (layer["name"], *(f"{layer[name] / total:.1%}" for name in GROUP_CAUSES))
            for layer in layers
            if (total := sum(layer[name] for name in GROUP_CAUSES))
        ],
        "Groups during MATVEC: at a place, or why not",
    )
