"""The cycle model against the circuit: every instruction, every counter, and the speed of both."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import click
import numpy as np
from numpy.typing import NDArray

from sordino.arch import PRESETS
from sordino.campaigns.common import find_model, make_image, write_page
from sordino.cli.speech import features_of
from sordino.cycles.bounds import Bounds, frame_bounds
from sordino.cycles.durations import Durations
from sordino.cycles.engine import Cycles
from sordino.cycles.path import decisions_of, follow
from sordino.cycles.trace import time_trace
from sordino.engines.rtl import Rtl
from sordino.isa.image import Image
from sordino.isa.instructions import Opcode
from sordino.reference.markdown import table
from sordino.testing.coupling import coupled_image
from sordino.testing.trials import KINDS, MACHINES, make_trial

MODEL = ("an4_rnnt_g4_80.npz", 5)
UTTERANCES = Path("models/utterances")
_REPEATS = 20
_MATRICES = 16


@dataclass
class Score:
    """What was compared, and how much of it differed."""

    runs: int = 0
    instructions: int = 0
    matvecs: int = 0
    cycles: int = 0
    instruction_differences: int = 0
    counter_differences: int = 0

    def add(self, rtl: Rtl, model: Cycles, features: NDArray[np.int8]) -> None:
        """Run both."""
        a, b = rtl.run(features), model.run(features)
        found, expected = model.profile(), rtl.profile()
        is_matvec = np.array([i.opcode is Opcode.MATVEC for i in model.image.program])
        self.runs += 1
        self.instructions += int(expected[:, 0].sum())
        self.matvecs += int(expected[is_matvec, 0].sum())
        self.cycles += a.counters["cycles"]
        self.instruction_differences += int((found != expected).any(axis=1).sum())
        self.counter_differences += sum(a.counters[name] != b.counters[name] for name in a.counters)
        if a.error is not b.error or a.tokens != b.tokens:
            self.counter_differences += 1

    @property
    def equal(self) -> bool:
        """Whether nothing differed."""
        return not self.instruction_differences and not self.counter_differences

    def row(self) -> tuple[str, ...]:
        """For the table."""
        return tuple(
            f"{n:,}"
            for n in (
                *(self.runs, self.instructions, self.matvecs, self.cycles),
                *(self.instruction_differences, self.counter_differences),
            )
        )


def _matrices(seeds: int) -> Score:
    score = Score()
    for number, machine in enumerate(MACHINES.values()):
        for seed in range(seeds):
            image = coupled_image(np.random.default_rng([seed, number, 1]), machine, _MATRICES)
            score.add(Rtl(image), Cycles(image), np.zeros((0, 1), np.int8))
    return score


def _programs(seeds: int) -> Score:
    score = Score()
    for machine in MACHINES:
        for kind in KINDS:
            for seed in range(seeds):
                trial = make_trial(kind, machine, seed)
                score.add(Rtl(trial.image), Cycles(trial.image), trial.features)
    return score


@dataclass(frozen=True)
class Real:
    """The trained model: what was compared, seconds of both for the same runs, and bounds."""

    score: Score
    seconds_rtl: float
    seconds_trace: float
    bounds: Bounds | None


def _tokens_by_frame(image: Image, model: Cycles, features: NDArray[np.int8]) -> list[list[int]]:
    frames: list[list[int]] = []
    result = model.run(features)
    tokens = iter(result.tokens)
    ended = set(model.trace.ended.tolist())
    for number, address in enumerate(model.trace.addresses.tolist()):
        opcode = image.program[address].opcode
        if opcode is Opcode.INPUT and number not in ended:
            frames.append([])
        elif opcode is Opcode.EMIT:
            frames[-1].append(next(tokens))
    return frames


def _seconds(work: Callable[[], object], repeats: int) -> float:
    """Of one repetition."""
    start = perf_counter()
    for _ in range(repeats):
        work()
    return (perf_counter() - start) / repeats


def _real(preset: str, data: Path) -> Real:
    image = make_image(find_model(MODEL[0], data), preset, MODEL[1])
    rtl, model, durations, score = Rtl(image), Cycles(image), Durations(image), Score()
    seconds_rtl = seconds_trace = 0.0
    for path in sorted(UTTERANCES.glob("*.wav")):
        features = features_of(image, path)[0]
        score.add(rtl, model, features)
        frames = _tokens_by_frame(image, model, features)

        def by_tokens(frames: list[list[int]] = frames) -> int:
            trace = follow(image, len(frames), decisions_of(image, frames))
            return time_trace(image, trace, durations=durations).counters()["cycles"]

        def by_circuit(features: NDArray[np.int8] = features) -> int:
            return rtl.run(features).counters["cycles"]

        score.counter_differences += by_tokens() != by_circuit()
        seconds_rtl += _seconds(by_circuit, 1)
        seconds_trace += _seconds(by_tokens, _REPEATS)
    return Real(score, seconds_rtl, seconds_trace, frame_bounds(image, durations=durations))


def _bounds_row(preset: str, bounds: Bounds | None) -> list[tuple[str, ...]]:
    if bounds is None:
        return []
    clock = PRESETS[preset].clock_hz
    return [
        (preset, str(count), f"{span.worst:,}", f"{(span.worst or 0) / clock * 1e3:.2f}")
        for count, span in bounds.tokens.items()
    ]


@click.command()
@click.option("--data", type=click.Path(path_type=Path), required=True)
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True)
@click.option("--seeds", default=50, show_default=True, help="Images of each kind.")
def main(data: Path, output: Path, seeds: int) -> None:
    """Compare; exit 1 on any difference."""
    rows, speeds, bounds, scores = list[tuple[str, ...]](), list[tuple[str, ...]](), [], []
    for preset in ("tiny", "small"):
        real = _real(preset, data)
        scores.append(real.score)
        rows.append((f"{MODEL[0]} on `{preset}`, shipped utterances", *real.score.row()))
        speeds.append(
            (
                preset,
                f"{real.score.cycles / real.seconds_rtl:,.0f}",
                f"{real.score.cycles / real.seconds_trace:,.0f}",
                f"{real.seconds_rtl / real.seconds_trace:,.0f}",
            )
        )
        bounds += _bounds_row(preset, real.bounds)
    for name, score in (
        (f"{_MATRICES} random matrices each, G = 1, 2, 4", _matrices(seeds)),
        ("random programs, matrices, layers, models", _programs(max(1, seeds // 4))),
    ):
        scores.append(score)
        rows.append((name, *score.row()))
    header = (
        *("what", "runs", "instructions", "MATVECs", "cycles"),
        *("instructions that differ", "counters that differ"),
    )
    write_page(
        output,
        "Cycle model against RTL",
        "make cycles",
        (
            "Compared: for every program address times retired and cycles, all counters, error "
            "and tokens.\n",
            table(header, rows),
            "\n## Speed\n\nCycles of the machine a second: the circuit under CXXRTL, and timing "
            "alone from the tokens of every frame.\n",
            table(("machine", "RTL", "timing alone", "ratio"), speeds),
            "\n## One frame, from the program alone\n\nMilliseconds at the preset's clock.\n",
            table(("machine", "tokens", "cycles", "ms"), bounds),
        ),
    )
    raise SystemExit(not all(score.equal for score in scores))


if __name__ == "__main__":
    main()
